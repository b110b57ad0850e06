"""What a person sees while a run works: one line a step on a terminal, nothing in CI or in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class Progress:
    """Steps with their durations; shows them only where somebody watches."""

    def __init__(self, *, quiet: bool | None = None) -> None:
        self._console = Console(stderr=True)
        self._quiet = not self._console.is_terminal if quiet is None else quiet
        self.seconds: dict[str, float] = {}
        self._created = time.perf_counter()

    def started(self) -> None:
        """Note what passed since this object was made: imports and the orchestrator's start."""
        self.seconds["start-up"] = round(time.perf_counter() - self._created, 3)

    def stopped(self) -> None:
        """Give the terminal back as it was found: a run that is stopped leaves no step unfinished on the screen."""
        if not self._quiet:
            self._console.show_cursor(True)
            self._console.print()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step and show it while it runs."""
        started = time.perf_counter()
        try:
            if self._quiet:
                yield
            else:
                with self._console.status(f"{name} …"):
                    yield
                self._console.print(f"[green]✓[/green] {name} [dim]{time.perf_counter() - started:.1f} s[/dim]")
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - started, 3)


@contextmanager
def shown(first: str) -> Iterator[Callable[[str], None]]:
    """Shows on a terminal what is being worked on, nothing in CI or in a pipe."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda text: None
        return
    with console.status(first) as status:
        yield lambda text: status.update(escape(text))
