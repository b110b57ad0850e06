"""Instruments, matching, mechanisms, splits and sensitivity on input that is broken or awkward.

Every estimator either gives a finite result or raises an EstimationError that names the variable and the rows; none
changes the frame it is given, and none depends on the order of its rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from estimation.core.frame import EstimationError
from estimation.heterogeneity import fit_groups, fit_interaction
from estimation.heterogeneity.group_difference import group_difference
from estimation.iv import fit_iv
from estimation.iv.plausibly_exogenous import local_to_zero, union_of_intervals
from estimation.matching import match
from estimation.matching.entropy_balancing import entropy_balance
from estimation.matching.synthetic_did import synthetic_did
from estimation.mediation import mediate, moderate, moderated_mediation
from estimation.nonlinear import fit_moderated_u, fit_quadratic
from estimation.sensitivity import (
    fit_fgls,
    fit_ppml,
    fit_tobit,
    lagged_controls,
    leave_one_out,
    oster_delta,
    other_policies,
    specification_curve,
    wild_bootstrap,
)


def draws() -> np.random.Generator:
    return np.random.default_rng(1)


# Each entry: the call, with a list x of controls, and one number of its result.
CALLS: dict[str, Callable[[pd.DataFrame, list[str]], float]] = {
    "iv": lambda df, x: fit_iv(df, "y", x, "d", "z").coef["d"],
    "uci": lambda df, x: union_of_intervals(df, "y", x, "d", "z", support={"z": (0, 0.1)}, grid=2).bounds.iloc[0, 1],
    "ltz": lambda df, x: local_to_zero(df, "y", x, "d", "z", sd={"z": 0.1}).bounds.iloc[0, 1],
    "mediate": lambda df, x: mediate(df, "y", "d", "m", x, draws=30, rng=draws()).ci[0],
    "moderate": lambda df, x: moderate(df, "y", "d", "w", x).coef["d#w"],
    "moderated_mediation": lambda df, x: moderated_mediation(df, "y", "d", "m", "w", x).index,
    "quadratic": lambda df, x: fit_quadratic(df, "y", "d", x).turning_point,
    "moderated_u": lambda df, x: fit_moderated_u(df, "y", "d", "w", x).shift.numerator,
    "groups": lambda df, x: fit_groups(df, "y", ["d", *x], "half").fits[0].coef["d"],
    "interaction": lambda df, x: fit_interaction(df, "y", "d", "half", x).coef["d#half"],
    "chow": lambda df, x: group_difference(df, "y", "d", "half", x, method="chow").difference,
    "sur": lambda df, x: group_difference(df, "y", "d", "half", x, method="sur").p_value,
    "permutation": lambda df, x: (
        group_difference(df, "y", "d", "half", x, method="permutation", draws=20, rng=draws()).p_value
    ),
    "leave_one_out": lambda df, x: leave_one_out(df, "y", "d", x).low,
    "wild_bootstrap": lambda df, x: wild_bootstrap(df, "y", "d", x, draws=49, rng=draws()).p_value,
    "oster": lambda df, x: oster_delta(df, "y", "d", ["w", *x]).delta,
    "curve": lambda df, x: specification_curve(df, "d", outcomes=["y"], controls={"x": x}).summary["median"],
    "policies": lambda df, x: other_policies(df, "y", ["d", *x], ["w"]).fits["base"].coef["d"],
    "lags": lambda df, x: lagged_controls(df, "y", "d", ["w", *x]).fits["base"].coef["d"],
    "tobit": lambda df, x: fit_tobit(df, "y", ["d", *x], lower=None).coef["d"],
    "ppml": lambda df, x: fit_ppml(df, "n", ["d", *x]).coef["d"],
    "fgls": lambda df, x: fit_fgls(df, "y", ["d", *x], panels="iid", corr="ar1").coef["d"],
    "match": lambda df, x: match(df, "half", ["d", *x], replace=True).balance.loc["d", "smd_after"],
    "entropy": lambda df, x: entropy_balance(df, "half", ["d", *x]).weights.max(),
}
OUTCOME_FREE = ("match", "entropy")


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n_city, n_year = 24, 6
    n = n_city * n_year
    city, year = np.repeat(np.arange(n_city), n_year), np.tile(np.arange(2010, 2010 + n_year), n_city)
    z, w, x, common = rng.normal(size=(4, n))
    d = z + common + rng.normal(size=n)
    m = 0.5 * d + rng.normal(size=n)
    y = 0.3 * d + 0.1 * d**2 + 0.4 * m + common + rng.normal(size=n_city)[city]
    frame = pd.DataFrame({"city_code": city, "year": year, "y": y, "d": d, "z": z, "w": w, "x": x, "m": m})
    # An unbalanced panel: a gap, a city seen once, a year seen rarely.
    frame = frame.assign(half=city % 2, n=rng.poisson(np.exp(0.3 * d)))
    holes = (frame["city_code"] == 3) & (frame["year"] == 2012) | (frame["city_code"] == 5) & (frame["year"] > 2010)
    return frame[~holes].reset_index(drop=True)


@pytest.fixture(params=CALLS)
def call(request) -> Callable[[pd.DataFrame, list[str]], float]:
    return CALLS[request.param]


def test_unbalanced_panels_with_gaps_and_singletons(df, call):
    before = df.copy()
    value = call(df, ["x"])
    assert np.isfinite(value)
    pd.testing.assert_frame_equal(df, before)


def test_row_order_does_not_matter(df, call):
    shuffled = df.sample(frac=1, random_state=4)
    assert call(shuffled, ["x"]) == pytest.approx(call(df, ["x"]), rel=1e-8)


def test_missing_values_are_deleted_listwise(df, call):
    holed = df.assign(x=df["x"].where(~df.index.isin([2, 40, 77])))
    assert call(holed, ["x"]) == pytest.approx(call(df.drop(index=[2, 40, 77]), ["x"]), rel=1e-8)


def test_infinite_values_are_named(df, call):
    with pytest.raises(EstimationError, match=r"x is infinite in row\(s\) 7"):
        call(df.assign(x=df["x"].where(df.index != 7, np.inf)), ["x"])


def test_text_is_named(df, call):
    with pytest.raises(EstimationError, match="x is not numeric"):
        call(df.assign(x=df["x"].astype(object).where(df.index != 7, "n/a")), ["x"])


def test_duplicated_keys_are_named(df, call):
    with pytest.raises(EstimationError, match="duplicated key"):
        call(pd.concat([df, df.iloc[[10]]], ignore_index=True), ["x"])


def test_absent_columns_are_named(df, call):
    with pytest.raises(EstimationError, match="not in the data: absent"):
        call(df, ["x", "absent"])


def test_nothing_left(df, call):
    with pytest.raises(EstimationError, match="no complete row"):
        call(df.assign(x=np.nan), ["x"])


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("policies", "lags", *OUTCOME_FREE)])
def test_collinear_controls_are_named(df, name):
    with pytest.raises(EstimationError, match="copy is a combination of x"):
        CALLS[name](df.assign(copy=df["x"] * 3), ["x", "copy"])


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("tobit", "ppml", *OUTCOME_FREE)])
def test_constant_outcomes_are_named(df, name):
    with pytest.raises(EstimationError, match="y does not vary"):
        CALLS[name](df.assign(y=4.0), ["x"])


@pytest.mark.parametrize("name", [name for name in CALLS if name not in OUTCOME_FREE])
def test_treatment_absorbed_by_the_effects_is_named(df, name):
    with pytest.raises(EstimationError, match=r"d(_sq)? (does not vary|is a combination)|not identified|no finite"):
        CALLS[name](df.assign(d=df["city_code"] * 2.0, d_sq=4.0 * df["city_code"] ** 2), ["x"])


@pytest.mark.parametrize("treated", [0.0, 1.0])
def test_nobody_or_everybody_treated(df, treated):
    data = df.assign(half=treated)
    with pytest.raises(EstimationError, match="nothing to match"):
        match(data, "half", "x")
    with pytest.raises(EstimationError, match="nothing to balance"):
        entropy_balance(data, "half", "x")
    with pytest.raises(EstimationError, match="two groups"):
        fit_interaction(data, "y", "d", "half")
    balanced = data[~data["city_code"].isin([3, 5])]
    with pytest.raises(EstimationError, match="never"):
        synthetic_did(balanced, "y", "half", rng=draws())
