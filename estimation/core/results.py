"""Result types shared by every estimator: frozen, labelled, ready to become rows of `results.*`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats


@dataclass(frozen=True)
class HypothesisTest:
    """One test: its statistic, degrees of freedom (a number, a pair for F, or None), p-value and a note.

    A test that could not be computed has NaN statistic and p-value and says why in ``note``.
    """

    statistic: float
    df: float | tuple[float, float] | None
    p_value: float
    note: str = ""

    def __float__(self) -> float:
        """The statistic, so that a test can stand where a number is expected."""
        return float(self.statistic)


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """Point estimates with their covariance: what every regression-like estimator returns.

    Attributes:
        dependent: name of the left-hand variable.
        estimator: short name of the estimator, e.g. ``"panel_ols"``.
        vcov: name of the covariance estimator, e.g. ``"cluster(city_code)"``.
        convention: one sentence naming every small-sample choice (printed under every table).
        coef: (k,) estimates indexed by term.
        cov: (k, k) covariance matrix, same labels on both axes.
        nobs: observations used.
        n_entities: entities in the observations used.
        df_resid: residual degrees of freedom.
        df_t: degrees of freedom of the t reference distribution; ``inf`` means normal (z).
        tests: diagnostics by name.
        n_dropped: rows removed because a used column was missing (listwise deletion).
    """

    dependent: str
    estimator: str
    vcov: str
    convention: str
    coef: pd.Series
    cov: pd.DataFrame
    nobs: int
    n_entities: int
    df_resid: float
    df_t: float = np.inf
    tests: Mapping[str, HypothesisTest] = field(default_factory=dict)
    n_dropped: int = 0

    @property
    def se(self) -> pd.Series:
        """(k,) standard errors: square roots of the diagonal of ``cov`` (NaN where it is negative)."""
        variance = np.diag(self.cov.to_numpy(dtype=float))
        with np.errstate(invalid="ignore"):
            return pd.Series(np.sqrt(variance), index=self.coef.index, name="std_error")

    @property
    def reference_df(self) -> float | np.ndarray:
        """Degrees of freedom behind p-values and intervals: ``df_t``, or (k,) where they differ by term."""
        return self.df_t

    @property
    def statistics(self) -> pd.Series:
        """(k,) t (or z) statistics against zero."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return (self.coef / self.se).rename("statistic")

    @property
    def p_values(self) -> pd.Series:
        """(k,) two-sided p-values from t with ``reference_df`` degrees of freedom (normal when infinite)."""
        p_values = two_sided_p(self.statistics.to_numpy(), self.reference_df)
        return pd.Series(p_values, index=self.coef.index, name="p_value")

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """(k, 2) confidence limits, columns ``conf_low`` and ``conf_high``."""
        half = _reference(self.reference_df).ppf(0.5 + level / 2) * self.se
        return pd.DataFrame({"conf_low": self.coef - half, "conf_high": self.coef + half})

    def to_rows(self) -> list[dict[str, Any]]:
        """One dict a term, with the columns of ``results.estimates`` that the estimator knows."""
        rows = pd.DataFrame(
            {
                "estimate": self.coef,
                "std_error": self.se,
                "statistic": self.statistics,
                "p_value": self.p_values,
                **self.conf_int(),
            },
            dtype=float,
        )
        shared = {
            "n_obs": int(self.nobs),
            "n_entities": int(self.n_entities),
            "estimator": self.estimator,
            "vcov": self.vcov,
        }
        return [
            {"dependent": self.dependent, "term": str(term), **{str(k): v for k, v in numbers.items()}, **shared}
            for term, numbers in zip(rows.index, rows.to_dict("records"), strict=True)
        ]


def two_sided_p(statistic: np.ndarray, df: float | np.ndarray) -> np.ndarray:
    """Two-sided p-values of (k,) t statistics with ``df`` degrees of freedom, one number or (k,); normal where infinite."""
    return np.asarray(2 * _reference(df).sf(np.abs(np.asarray(statistic, dtype=float))))


def critical_value(level: float, df: float) -> float:
    """Two-sided critical value at confidence ``level`` (t with ``df``, normal when infinite)."""
    return float(_reference(df).ppf(0.5 + level / 2))


def _reference(df: float | np.ndarray) -> Any:
    return stats.norm if np.ndim(df) == 0 and np.isinf(df) else stats.t(df)
