"""Every estimator of panels and staggered designs on awkward input: a finite result or an error that names the trouble.

Warnings are errors here: nothing is swallowed and nothing leaks from numpy.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from estimation.core.frame import EstimationError
from estimation.did import (
    att_gt,
    bacon,
    did_multiplegt,
    event_study,
    imputation,
    sun_abraham,
    two_stage,
    twoway_weights,
)
from estimation.panel import fit_panel
from estimation.panel.random_effects import fit_random_effects
from estimation.panel.tests import hausman, mundlak
from estimation.placebo import permute_pilots, romano_wolf
from tests.estimation.staggered_world import staggered_panel


def draws(df: pd.DataFrame) -> np.random.Generator:
    return np.random.default_rng(1)


ESTIMATORS: dict[str, Callable[[pd.DataFrame], float]] = {
    "fit_panel": lambda d: fit_panel(d, "y", ["treat", "x0"]).coef["treat"],
    "random_effects": lambda d: fit_random_effects(d, "y", ["treat", "x0"]).coef["treat"],
    "hausman": lambda d: hausman(d, "y", ["treat", "x0"], variance="sigmamore").statistic,
    "mundlak": lambda d: mundlak(d, "y", ["treat", "x0"])[0].statistic,
    "event_study": lambda d: event_study(d, "y", "cohort", "x0", window=(-3, 3)).coef.iloc[0],
    "bacon": lambda d: bacon(d, "y", "treat").twfe_coef,
    "twoway_weights": lambda d: twoway_weights(d, "y", "treat", "x0").twfe_coef,
    "att_gt": lambda d: att_gt(d, "y", "cohort", "x0", control="notyet").simple.overall_att,
    "sun_abraham": lambda d: sun_abraham(d, "y", "cohort", "x0").att.loc["att", "estimate"],
    "imputation": lambda d: imputation(d, "y", "cohort", "x0").att.loc["att", "estimate"],
    "two_stage": lambda d: two_stage(d, "y", "cohort", "x0").att.loc["att", "estimate"],
    "did_multiplegt": lambda d: did_multiplegt(d, "y", "treat", effects=2, placebos=1).dynamic.loc[0, "estimate"],
    "permute_pilots": lambda d: permute_pilots(d, "y", "cohort", "x0", draws=9, rng=draws(d)).estimate,
    "romano_wolf": lambda d: (
        romano_wolf(d.assign(z=d["x0"] ** 2), ["y", "z"], "treat", draws=19, rng=draws(d)).table["estimate"].iloc[0]
    ),
}


def recode(df: pd.DataFrame, waves: dict[float, float]) -> pd.DataFrame:
    cohort = df["cohort"].replace(waves)
    return df.assign(cohort=cohort, treat=(df["year"] >= cohort).astype(float))


CONTROLLED = (
    "fit_panel", "hausman", "event_study", "twoway_weights", "sun_abraham", "imputation", "two_stage", "permute_pilots",
)  # fmt: skip
COHORTS = ("event_study", "att_gt", "sun_abraham", "imputation", "two_stage", "permute_pilots")

SITUATIONS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "unsorted": lambda d: d.sample(frac=1, random_state=1),
    "gaps": lambda d: d.drop(d.sample(frac=0.1, random_state=2).index),
    "singleton city": lambda d: d[(d["city_code"] != d["city_code"].iloc[0]) | (d["year"] == 2012)],
    "missing values": lambda d: d.assign(y=d["y"].mask(d["city_code"] == d["city_code"].iloc[-1])),
    "missing control": lambda d: d.assign(x0=d["x0"].mask(d["year"] == 2011)),
    "one cohort": lambda d: recode(d, {2014: np.nan}),
    "always treated": lambda d: recode(d, {2014: 2010}),
    "all treated": lambda d: d[d["cohort"].notna()],
    "nobody treated": lambda d: recode(d, {2014: np.nan, 2016: np.nan}),
    "one cohort, all treated": lambda d: d[d["cohort"] == 2014],
    "everybody always treated": lambda d: d.assign(cohort=2000.0, treat=1.0),
    "treated after the last period": lambda d: recode(d, {2014: 2030, 2016: 2031}),
    "constant outcome": lambda d: d.assign(y=5.0),
    "constant control": lambda d: d.assign(x0=1.0),
    "control absorbed by cities": lambda d: d.assign(x0=d["city_code"] * 0.37),
    "infinite outcome": lambda d: d.assign(y=d["y"].mask(d.index == d.index[3], np.inf)),
    "duplicated keys": lambda d: pd.concat([d, d.iloc[[5]]]),
    "missing key": lambda d: d.assign(year=d["year"].mask(d.index == d.index[3])),
    "text outcome": lambda d: d.assign(y=d["y"].astype(str) + "?"),
    "all missing": lambda d: d.assign(y=np.nan),
    "two cities": lambda d: d[d["city_code"].isin(d["city_code"].unique()[:2])],
    "one year": lambda d: d[d["year"] == 2015],
    "empty": lambda d: d.iloc[:0],
}

# What must be refused by whom, with the words that name the trouble; everything else must give a number.
REFUSED: dict[str, dict[str, str]] = {
    "infinite outcome": dict.fromkeys(ESTIMATORS, "y is infinite"),
    "duplicated keys": dict.fromkeys(ESTIMATORS, "duplicated key"),
    "missing key": dict.fromkeys(ESTIMATORS, "key .* is missing"),
    "text outcome": dict.fromkeys(ESTIMATORS, "y is not numeric"),
    "constant outcome": dict.fromkeys(ESTIMATORS, "y does not vary"),
    "constant control": dict.fromkeys(
        [*CONTROLLED, "random_effects", "att_gt"], "x0 (does not vary|is a combination of const)"
    ),
    "control absorbed by cities": dict.fromkeys(CONTROLLED, "x0 does not vary"),
    "nobody treated": dict.fromkeys(ESTIMATORS, "treat does not vary|no treated entity|no comparison|nobody switches"),
    "treated after the last period": dict.fromkeys(
        COHORTS, "no treated observation: every cohort lies after the last year"
    ),
    "everybody always treated": dict.fromkeys(ESTIMATORS, "treat|not identified|no comparison"),
    "all missing": dict.fromkeys(ESTIMATORS, "no complete row"),
    "empty": dict.fromkeys(ESTIMATORS, "no complete row"),
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_number_or_clear_error(name, situation) -> None:
    df = staggered_panel(np.random.default_rng(41), n=24, controls=1)
    data = SITUATIONS[situation](df)
    copy = data.copy(deep=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            value = float(ESTIMATORS[name](data))
        except EstimationError as error:
            text = str(error)
            assert len(text) > 20 and "\n" not in text
            outcome = text
        else:
            assert np.isfinite(value)
            outcome = ""
    pd.testing.assert_frame_equal(data, copy)
    wanted = REFUSED.get(situation, {}).get(name)
    if wanted:
        assert re.search(wanted, outcome), outcome or f"{name} accepted {situation}"
    if situation in ("unsorted", "missing values", "gaps") and name != "bacon":
        assert outcome == "", outcome


def test_unsorted_input_gives_the_same_numbers() -> None:
    df = staggered_panel(np.random.default_rng(42), n=24, controls=1)
    for name, estimator in ESTIMATORS.items():
        assert estimator(df) == pytest.approx(estimator(df.sample(frac=1, random_state=3)), rel=1e-9), name
