"""Values of switches (seeds/switches.csv) that a run takes instead of the declared ones."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from flows.errors import UsageError
from flows.home import ROOT

SWITCHES = ROOT / "seeds" / "switches.csv"


def chosen(texts: Sequence[str], declared: Path = SWITCHES) -> dict[str, str]:
    """Values by switch from texts such as ``va_own_term=exclude``, in order of their names; those that are declared anyway are left out.

    Raises:
        UsageError: a text without ``=``, an unknown switch, a value that is not allowed, or two values for one switch.
    """
    known = {row["switch"]: row for row in listing(declared)}
    found: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator:
            raise UsageError(f"--switch {text}: write NAME=VALUE, e.g. --switch va_own_term=exclude")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            raise UsageError(f"no switch {name}{_or(near)}; `nianjian switches` lists them")
        allowed = known[name]["allowed"].split("|")
        if value not in allowed:
            raise UsageError(f"--switch {text}: {name} is one of {', '.join(allowed)}")
        if found.setdefault(name, value) != value:
            raise UsageError(f"--switch {name} has two values: {found[name]} and {value}")
    return {name: value for name, value in sorted(found.items()) if value != known[name]["value"]}


def listing(declared: Path = SWITCHES) -> Sequence[Mapping[str, str]]:
    """The declared switches, in their order."""
    with declared.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _or(near: Sequence[str]) -> str:
    return f" (did you mean {' or '.join(near)}?)" if near else ""
