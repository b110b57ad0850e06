"""Truth tables: every configuration of the conditions, the cases in it, and whether it is sufficient for the outcome."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.qca.sets import CaseData, QcaWarning, Sufficiency, Term, case_data, sufficiency

MAX_CONDITIONS = 12
TOLERANCE = 1.5e-8


@dataclass(frozen=True)
class TruthTable:
    """All 2^k configurations in binary order (first condition slowest), rows numbered from 1.

    Attributes:
        table: columns: the conditions (0/1), ``OUT`` ("1" sufficient, "0" not, "C" between two consistency cut-offs, "?"
            remainder), ``n`` (cases with membership above 0.5), ``incl``, ``PRI`` (NaN without cases), ``cases``.
        data: the memberships it was made from.
        incl, freq, pri: cut-offs; ``incl`` is (upper, lower).
        contradictory: rows whose cases fall on both sides of 0.5 in the outcome.
        deviant: sufficient row -> its cases outside the outcome (membership below 0.5).
        unassigned: cases with a membership of exactly 0.5 in some condition: they belong to no row, but count in incl and PRI.
        constant: conditions in which every case is on the same side of 0.5.
        notes: the warnings issued, as text.
    """

    table: pd.DataFrame
    data: CaseData
    incl: tuple[float, float]
    freq: int
    pri: float
    contradictory: tuple[int, ...] = ()
    deviant: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    unassigned: tuple[str, ...] = ()
    constant: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of the conditions."""
        return self.data.conditions

    @property
    def outcome(self) -> str:
        """Name of the outcome, with ``~`` when negated."""
        return self.data.outcome

    def rows(self, *codes: str) -> list[int]:
        """Configurations (bits, i.e. row number - 1) with one of the output codes."""
        return [int(row) - 1 for row in self.table.index[self.table["OUT"].isin(codes)]]

    def cases_of(self, configuration: int) -> str:
        """Case labels of a configuration, comma-separated."""
        return str(self.table.at[configuration + 1, "cases"])


def truth_table(
    df: pd.DataFrame,
    outcome: str,
    conditions: Sequence[str],
    *,
    incl: float | Sequence[float] = 0.8,
    freq: int = 1,
    pri: float = 0.0,
    entity: str = "city_code",
    time: str = "year",
) -> TruthTable:
    """Truth table of calibrated data.

    Args:
        outcome: column of memberships; ``"~Y"`` explains the absence of Y.
        conditions: columns of memberships.
        incl: consistency cut-off; a pair (upper, lower) codes rows between the two "C", which are not explained.
        freq: fewest cases of a row that is not a remainder.
        pri: PRI cut-off.
        entity, time: columns that label the cases where they exist.

    Raises:
        EstimationError: see ``case_data``; cut-offs outside their range; more than 12 conditions.

    Warns:
        QcaWarning: cases at exactly 0.5, conditions without variation. Both are fields of the result.
    """
    cuts = list(incl) if isinstance(incl, Sequence) else [incl, 1.0]
    if len(cuts) != 2:
        raise EstimationError(f"incl={incl!r}: one consistency cut-off or a pair (upper, lower)")
    upper, lower = float(cuts[0]), float(cuts[1])
    data = case_data(df, outcome, conditions, entity=entity, time=time)
    k = len(data.conditions)
    if not (0 <= upper <= 1 and 0 <= lower <= 1 and 0 <= pri <= 1) or freq < 1 or int(freq) != freq:
        raise EstimationError(f"incl={incl}, pri={pri} lie in [0, 1] and freq={freq} is a whole number from 1")
    if k > MAX_CONDITIONS:
        raise EstimationError(f"{k} conditions: at most {MAX_CONDITIONS} ({2**k} configurations would be mostly empty)")
    codes = _configurations(data.X)
    counts = np.bincount(codes[codes >= 0], minlength=2**k)
    fits = [sufficiency(data.membership(Term(2**k - 1, row)), data.y) if counts[row] else None for row in range(2**k)]
    bits = (np.arange(2**k)[:, None] >> np.arange(k - 1, -1, -1)) & 1
    labels = np.array(data.cases, dtype=object)
    table = pd.DataFrame(bits, columns=list(data.conditions), index=pd.RangeIndex(1, 2**k + 1, name="row"))
    table["OUT"] = [_code(fit, int(n), (upper, lower), freq, pri) for fit, n in zip(fits, counts, strict=True)]
    table["n"] = counts
    table["incl"] = [np.nan if fit is None else fit.inclS for fit in fits]
    table["PRI"] = [np.nan if fit is None else fit.PRI for fit in fits]
    table["cases"] = [",".join(labels[codes == row]) if counts[row] else "" for row in range(2**k)]
    result = _flagged(TruthTable(table, data, (upper, lower), int(freq), pri), codes)
    for note in result.notes:
        warnings.warn(note, QcaWarning, stacklevel=2)
    return result


def _configurations(X: np.ndarray) -> np.ndarray:
    """(n,) configuration of each case: bits of membership above 0.5, or -1 when a membership is exactly 0.5."""
    k = X.shape[1]
    codes = (X > 0.5) @ (1 << np.arange(k - 1, -1, -1))
    return np.where((np.abs(X - 0.5) < 1e-12).any(axis=1), -1, codes)


def _code(fit: Sufficiency | None, n: int, incl: tuple[float, float], freq: int, pri: float) -> str:
    """Output of a configuration; comparisons allow for rounding as the R package QCA does."""
    if n < freq or fit is None:
        return "?"
    if fit.inclS >= incl[0] - TOLERANCE:
        weak = pri > 0 and not fit.PRI >= pri - TOLERANCE  # noqa: SIM300
        return "0" if weak else "1"
    return "C" if fit.inclS >= incl[1] - TOLERANCE else "0"


def _flagged(plain: TruthTable, codes: np.ndarray) -> TruthTable:
    """The truth table with everything that needs saying about its cases and conditions."""
    data = plain.data
    labels = np.array(data.cases, dtype=object)
    above, below = data.y > 0.5, data.y < 0.5
    mixed = np.intersect1d(codes[above], codes[below])
    deviant = {row + 1: tuple(labels[(codes == row) & below]) for row in plain.rows("1")}
    unassigned = tuple(labels[codes < 0])
    constant = tuple(
        name for name, column in zip(data.conditions, data.X.T, strict=True) if len(set((column > 0.5).tolist())) == 1
    )
    notes = []
    if unassigned:
        notes.append(
            f"{len(unassigned)} case(s) with a membership of exactly 0.5 belong to no configuration:"
            f" {', '.join(unassigned[:5])}{' ...' if len(unassigned) > 5 else ''}"
        )
    if constant:
        notes.append(f"condition(s) without variation (all cases on one side of 0.5): {', '.join(constant)}")
    return replace(
        plain,
        contradictory=tuple(int(row) + 1 for row in mixed if row >= 0),
        deviant={row: cases for row, cases in deviant.items() if cases},
        unassigned=unassigned,
        constant=constant,
        notes=tuple(notes),
    )


def simultaneous_rows(present: TruthTable, absent: TruthTable) -> tuple[int, ...]:
    """Rows coded sufficient for the outcome and for its negation: a logical contradiction that a PRI cut-off removes.

    Raises:
        EstimationError: the two tables have different conditions.
    """
    if present.conditions != absent.conditions:
        raise EstimationError(
            f"different conditions: {', '.join(present.conditions)} and {', '.join(absent.conditions)}"
        )
    return tuple(row + 1 for row in sorted(set(present.rows("1")) & set(absent.rows("1"))))
