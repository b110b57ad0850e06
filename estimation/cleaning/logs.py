"""Logarithms with a stated rule for zeros."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from estimation.core.frame import EstimationError

ZeroRule = Literal["floor", "missing", "log1p"]


@dataclass(frozen=True)
class LogValues:
    """Logs and how many values had none.

    Attributes:
        log: array of logs. n_zero, n_negative: counts of values without a log. floor: what they were set to before the log (NaN
            unless the rule is ``floor``). rule: the rule used.
    """

    log: np.ndarray
    n_zero: int
    n_negative: int
    floor: float
    rule: str


def log_with_rule(values: Any, rule: ZeroRule = "floor") -> LogValues:
    """Natural logs; zeros and negative values by a rule.

    Args:
        values: array; missing stays missing.
        rule: ``floor`` takes the log of the smallest value above zero; ``missing`` gives NaN; ``log1p`` takes ln(1 + x) of
            **all** values (which must exceed -1).

    Raises:
        EstimationError: an unknown rule, infinite values, nothing above zero for ``floor``, values <= -1 for ``log1p``.
    """
    if rule not in get_args(ZeroRule):
        raise EstimationError(f"rule={rule!r} is not one of {', '.join(get_args(ZeroRule))}")
    x = np.asarray(values, dtype=float)
    if np.isinf(x).any():
        raise EstimationError(f"{int(np.isinf(x).sum())} value(s) are infinite")
    zero, negative = x == 0, x < 0
    counts = int(zero.sum()), int(negative.sum())
    if rule == "log1p":
        if (x <= -1).any():
            raise EstimationError(f"ln(1 + x) needs values above -1; {int((x <= -1).sum())} are not")
        return LogValues(np.log1p(x), *counts, np.nan, rule)
    lowest = np.nan
    if rule == "floor":
        if not (x > 0).any():
            raise EstimationError("no value is above zero: there is nothing to floor at")
        lowest = float(x[x > 0].min())
    return LogValues(np.log(np.where(zero | negative, lowest, x)), *counts, lowest, rule)
