"""Ending a run at once when somebody stops it: Ctrl-C, a time limit, a machine that shuts down."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_by_signals(at_end: Callable[[str], int]) -> Iterator[None]:
    """Inside, SIGINT, SIGTERM and SIGHUP end the process, whatever it is doing, with the exit code `at_end` returns.

    A thread of its own waits for them: the main thread may be deep inside a query, and the orchestrator answers an exception by asking
    its server, which the same signal has often ended already. Where the process was started to ignore SIGHUP (`nohup`), it does.

    Args:
        at_end: tidies up and tells; gets the signal's name. Runs beside the other threads, which still work.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    before = {number: signal.signal(number, _noted) for number in SIGNALS[: -1 if nohup else None]}
    wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_wait, args=(reader, at_end), name="signals", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        writer.close()  # ends the thread


def _noted(*_: object) -> None:
    """In place of the default action; the interpreter has written the signal's number into the socket."""


def _wait(reader: socket.socket, at_end: Callable[[str], int]) -> None:
    """Wait for a signal's number, or for the end of the writing side."""
    with reader:
        number = reader.recv(1)
    if number:
        code = 1
        try:
            code = at_end(signal.Signals(number[0]).name)
        finally:
            _end_server()
            sys.stderr.flush()
            os._exit(code)


def _end_server() -> None:
    """End the orchestration server, a child that would otherwise live on."""
    module = sys.modules.get("prefect.server.api.server")
    process = None if module is None else module.SubprocessASGIServer().server_process
    if process is not None:
        process.kill()
