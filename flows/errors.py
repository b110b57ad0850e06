"""Errors the command line turns into exit codes: 1 the run failed and nothing was published, 2 wrong usage."""

from __future__ import annotations

from collections.abc import Sequence


class RunFailed(Exception):
    """A gate, the quarantine or a step stopped the run; nothing was published. Each message is one located line."""

    def __init__(self, summary: str, messages: Sequence[str] = ()) -> None:
        super().__init__(summary)
        self.summary = summary
        self.messages = list(messages)


class UsageError(Exception):
    """Wrong arguments or configuration; one line that says what to change."""
