"""Weighted sums of squares of independent standard normals: their sign, and t statistics whose variance is one of them.

Source: Imhof (1961, Biometrika 48, 419-426, eq. 3.2).
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import chi2, t

NEGLIGIBLE = 1e-12  # weights below this part of the largest do not move the integral
REACH = 25.0  # of the integral on the log scale
MOST_DF = 1e6


def probability_not_positive(weights: np.ndarray) -> float:
    """P(sum_i weights_i z_i^2 <= 0) for independent standard normal z (n,).

    Raises:
        ArithmeticError: the integral is not known to 1e-5.
    """
    scaled = weights / np.abs(weights).max()
    scaled = scaled[np.abs(scaled) > NEGLIGIBLE]

    def integrand(log_u: float) -> float:
        at = scaled * np.exp(log_u)  # on the log scale, where du / u = d log u
        return float(np.sin(0.5 * np.arctan(at).sum()) * np.exp(-0.25 * np.log1p(at**2).sum()))

    area, error = quad(integrand, -REACH, REACH, limit=500, epsabs=1e-8)
    if error > 1e-5:
        raise ArithmeticError(f"Imhof's integral of {len(scaled)} weights is known to {error:.1e} only")
    return float(0.5 - area / np.pi)


def squared_t_probability(statistic: float, spectrum: np.ndarray) -> float:
    """P(z^2 / sum_i spectrum_i z_i^2 <= statistic), z and z_i independent; a squared t with n degrees of freedom has n times 1/n."""
    return probability_not_positive(np.concatenate([[1.0], -statistic * spectrum]))


def matched_df(spectrum: np.ndarray, level: float = 0.95) -> float:
    """Degrees of freedom with which t gives z / sqrt(sum_i spectrum_i z_i^2) an exact two-sided interval at ``level``.

    Args:
        spectrum: (n,) weights, not negative, with sum one.
    """
    lowest, highest = float(chi2.ppf(level, 1)), float(t.ppf(0.5 + level / 2, 1)) ** 2
    if squared_t_probability(lowest, spectrum) >= level:
        return MOST_DF
    if squared_t_probability(highest, spectrum) <= level:  # one weight is all
        return 1.0
    critical = brentq(lambda q: squared_t_probability(q, spectrum) - level, lowest, highest, rtol=1e-6)
    return float(
        np.exp(brentq(lambda log_df: t.ppf(0.5 + level / 2, np.exp(log_df)) ** 2 - critical, 0.0, np.log(MOST_DF)))
    )
