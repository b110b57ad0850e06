"""The published coefficients, from `seeds/published_coefficients.csv`."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from demo.planting.projection import Effects, Projection
from demo.roster import SEEDS
from demo.tables import records


@dataclass(frozen=True)
class Published:
    """One printed coefficient and the number of decimals it is printed with."""

    paper: str
    table: str
    column: str
    dependent: str
    term: str
    estimate: float
    digits: int


@functools.cache
def published(paper: str) -> tuple[Published, ...]:
    """Every coefficient the paper prints, in its order."""
    return tuple(
        Published(
            paper,
            row["table"],
            row["column"],
            row["dependent"],
            row["term"],
            float(row["estimate"]),
            decimals(row["estimate"]),
        )
        for row in records(SEEDS / "published_coefficients.csv")
        if row["paper"] == paper and row["estimate"]
    )


def column_of(paper: str, table: str, column: str) -> dict[str, Published]:
    """The coefficients of one column by term, without the constant."""
    found = {
        item.term: item
        for item in published(paper)
        if (item.table, item.column) == (table, column) and item.term != "_cons"
    }
    if not found:
        raise KeyError(f"{paper} prints no coefficient in {table} {column}")
    return found


def regression(
    paper: str,
    table: str,
    column: str,
    x: Mapping[str, np.ndarray],
    effects: Effects = "twoways",
    *,
    planted: Collection[str] | None = None,
    keep: np.ndarray | None = None,
    instruments: Mapping[str, np.ndarray] | None = None,
) -> Projection:
    """The printed column as a projection on `x`; terms that are printed but not `planted` (None: all are) are implied.

    Rows in which a regressor is missing are left out, as an estimator leaves them out.
    """
    known = np.all([~np.isnan(values) for values in x.values()], axis=0)
    printed = {term: item for term, item in column_of(paper, table, column).items() if term in x}
    chosen = set(printed if planted is None else planted)
    shape = next(iter(x.values())).shape
    return Projection(
        table=table,
        column=column,
        dependent=next(iter(printed.values())).dependent,
        x=x,
        effects=effects,
        targets={term: item.estimate for term, item in printed.items() if term in chosen},
        keep=None if keep is None and known.all() else known & np.broadcast_to(True if keep is None else keep, shape),
        instruments=instruments,
        digits={term: item.digits for term, item in printed.items()},
        implied={term: item.estimate for term, item in printed.items() if term not in chosen},
    )


def decimals(text: str) -> int:
    """Decimals of a number as printed: 2 of 0.05, 9 of 3.520e-7 counted to its last digit."""
    match = re.fullmatch(r"[-+]?\d*(?:\.(\d*))?(?:e([-+]?\d+))?", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"{text!r} is not a number")
    return len(match.group(1) or "") - int(match.group(2) or 0)
