"""Directional expectations: which way each condition should work, in the spellings people use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from estimation.core.frame import EstimationError
from estimation.qca.sets import NEGATION

Expectations = str | Sequence[object] | Mapping[str, object]


def directional_expectations(given: Expectations, conditions: Sequence[str]) -> tuple[int | None, ...]:
    """One entry a condition: 1, 0 or None.

    Raises:
        EstimationError: an unknown condition, a condition expected both ways, another number of entries, other values.
    """
    if isinstance(given, Mapping):
        directed = {name: _direction(value) for name, value in given.items()}
        return _by_name(
            [name if way else NEGATION + name for name, way in directed.items() if way is not None], conditions
        )
    items: list[object] = [*given.split(",")] if isinstance(given, str) else list(given)
    texts = [str(item).strip() for item in items]
    if any(text.removeprefix(NEGATION).strip() in conditions for text in texts):
        return _by_name(texts, conditions)
    if len(items) != len(conditions):
        raise EstimationError(
            f"dir_exp has {len(items)} entries for {len(conditions)} conditions ({', '.join(conditions)})"
        )
    return tuple(_direction(item) for item in items)


def _direction(item: object) -> int | None:
    text = "-" if item is None else str(item).strip()
    if text in ("-", ""):
        return None
    if text in ("1", "1.0", "True", "0", "0.0", "False"):
        return int(text in ("1", "1.0", "True"))
    raise EstimationError(f"directional expectation {item!r} is not 1, 0, '-' or None")


def _by_name(items: Sequence[str], conditions: Sequence[str]) -> tuple[int | None, ...]:
    expected: dict[str, int] = {}
    for item in items:
        name, direction = item.removeprefix(NEGATION).strip(), int(not item.startswith(NEGATION))
        if name not in conditions or expected.get(name, direction) != direction:
            raise EstimationError(
                f"dir_exp entry {item!r}: unknown condition or expected both ways ({', '.join(conditions)})"
            )
        expected[name] = direction
    return tuple(expected.get(name) for name in conditions)
