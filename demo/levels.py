"""Levels and spreads of single indicators as the papers' descriptive tables print them.

`levels.csv` names an indicator, what is printed of it (`form` level or log of factor * (indicator + other) / over), and the sample, mean
and standard deviation. With all real cities an indicator is moved to r' = exp(shift) * c * (r / c)^stretch, r its ratio to what its law
multiplies and c the sample's geometric mean, so that both numbers are met by any seed; smaller and larger demos keep the laws' own levels.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demo.roster import Roster
from demo.samples import complete, in_sample, study
from demo.tables import records

LEVELS = Path(__file__).with_name("levels.csv")
HALVINGS = 40
# Interquartile ranges; the latter lie below the width at which digital_industry replaces values.
FENCE, FENCE_OF_OUTLIERS = 2.8, 2.1
STRETCH, SHIFT = (0.3, 3.0), (-5.0, 5.0)


@dataclass(frozen=True)
class Level:
    """A row of `levels.csv`."""

    indicator: str
    form: str
    factor: float
    other: str
    over: str
    study: str
    mean: float
    sd: float

    def of(self, values: np.ndarray, around: Mapping[str, np.ndarray]) -> np.ndarray:
        """What the paper describes, from values of the indicator and of those it is set against."""
        top = values + around[self.other] if self.other else values
        ratio = self.factor * (top / around[self.over] if self.over else top)
        return np.log(ratio) if self.form == "log" else ratio


@functools.cache
def levels() -> dict[str, Level]:
    """Rows of `levels.csv` by indicator."""
    return {
        row["indicator"]: Level(
            row["indicator"], row["form"], float(row["factor"]), row["other"], row["over"], row["study"],
            float(row["mean"]), float(row["sd"]),
        )
        for row in records(LEVELS)
    }  # fmt: skip


def levelled(
    indicator: str,
    values: np.ndarray,
    base: np.ndarray,
    drawn: Mapping[str, np.ndarray],
    roster: Roster,
    years: np.ndarray,
) -> np.ndarray:
    """Values (units, years) moved to the printed mean and spread; as they are where none is printed or the sample is not whole.

    Args:
        base: what the indicator's law multiplies, (units, years) or (1, 1). drawn: indicators drawn before.
    """
    level = levels().get(indicator)
    if level is None or not complete(roster, study(level.study)):
        return values
    rows = np.flatnonzero(in_sample(roster, study(level.study)))
    sample = np.ix_(rows, np.array(study(level.study).years) - years[0])
    around = {name: drawn[name][sample] for name in (level.other, level.over) if name}
    ratio = values / base
    centre = float(np.exp(np.log(ratio[sample]).mean()))
    strict = level.study == "digital_industry"
    fence = FENCE_OF_OUTLIERS if strict else FENCE
    own = (ratio[sample], np.broadcast_to(base, values.shape)[sample])

    def described(stretch: float, shift: float) -> np.ndarray:
        moved = _moved(*own, centre, stretch, shift)
        return level.of(_within_fences(moved, moved, fence) if strict else moved, around)

    def shift_at(stretch: float) -> float:
        return rising(lambda shift: float(described(stretch, shift).mean()), level.mean, SHIFT)

    stretch = rising(lambda at: float(described(at, shift_at(at)).std(ddof=1)), level.sd, STRETCH)
    moved = _moved(ratio, base, centre, stretch, shift_at(stretch))
    return _within_fences(moved, moved[sample], fence)


def _within_fences(values: np.ndarray, sample: np.ndarray, fence: float) -> np.ndarray:
    """Values no further out than `fence` interquartile ranges of the sample in logs: a study that replaces outliers finds none."""
    low, high = np.quantile(np.log(sample), [0.25, 0.75])
    room = fence * (high - low)
    return np.asarray(np.clip(values, np.exp(low - room), np.exp(high + room)))


def _moved(ratio: np.ndarray, base: np.ndarray, centre: float, stretch: float, shift: float) -> np.ndarray:
    return np.asarray(np.exp(shift) * centre * (ratio / centre) ** stretch * base)


def rising(function: Callable[[float], float], wanted: float, within: tuple[float, float]) -> float:
    """Where a rising function takes a value, by halving `within`; an end of it where the value lies outside."""
    low, high = within
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < wanted else (low, middle)
    return (low + high) / 2
