"""Every reason of `demo/planting/not_plantable.csv` is true: a proof a row, from the published tables or from the demo's own cells.

A row without a proof fails, and so does a proof without a row. Printed numbers are intervals of what rounds to them
(`tests/demo/proofs.py`). Bounds on coefficients are Cauchy-Schwarz: b = cov(x~, y~) / var(x~) <= sd(y~) / sd(x~), ~ after everything
else is taken out.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from demo.planting import common_prosperity, digital_industry, green_development, industrial_upgrading
from demo.planting.desk import Desk, View
from demo.planting.measures import market, policy, virtual
from demo.planting.projection import Projection, _without
from demo.planting.published import column_of, published
from demo.prices import own_prices
from demo.roster import SEEDS
from demo.samples import study
from demo.tables import records
from demo.truth import NOT_PLANTABLE
from demo.write import build_world
from estimation.gmm.fit import GmmWarning, fit_gmm, fit_gmm_by_group
from estimation.gmm.instruments import Gmm, Iv
from tests.demo.proofs import Interval, coefficient, log, moment, rounded, standard_error

Key = tuple[str, str, str, str]
EDITIONS = range(2006, 2024)
UPGRADING, GREEN = "industrial_upgrading", "green_development"


@functools.cache
def desk() -> Desk:
    """The default demo before planting: regressors of the right order of magnitude, and the real cities, lists and borders."""
    return Desk(build_world(seed=20260101, editions=EDITIONS, cities=300), EDITIONS)


def view(paper: str) -> View:
    return View(desk(), study(paper))


def left(
    values: np.ndarray, others: Collection[np.ndarray], keep: np.ndarray | None = None, effects: str = "twoways"
) -> np.ndarray:
    """(n,) kept values without effects and without what the others explain."""
    keep = np.ones(values.shape, dtype=bool) if keep is None else np.broadcast_to(keep, values.shape)
    y = _without(values, keep, effects)  # type: ignore[arg-type]
    if not others:
        return y
    X = np.column_stack([_without(np.broadcast_to(x, values.shape) * 1.0, keep, effects) for x in others])  # type: ignore[arg-type]
    return np.asarray(y - X @ np.linalg.lstsq(X, y, rcond=None)[0])


def constant_by_means(paper: str, outcome: str, column: str) -> Interval:
    """Mean of the outcome less coefficients times means of the regressors, all as printed, of a column of Table 3."""
    out = moment(paper, outcome, "mean")
    for term in column_of(paper, "Table 3", column):
        out = out - coefficient(paper, "Table 3", column, term) * moment(paper, term, "mean")
    return out


def slopes_do_not_see(projections: Collection[Projection]) -> None:
    """Adding a number to the outcome leaves every slope as it is: the constant is the mean's business."""
    for item in projections:
        operator = item.operator([*item.targets, *item.implied])
        assert np.abs(operator.sum(axis=1)).max() < 1e-8 * np.abs(operator).sum(axis=1).max()


def constants_of_common_prosperity() -> None:
    for column in ("(1)", "(2)"):
        printed = coefficient("common_prosperity", "Table 3", column, "_cons")
        assert printed.meets(constant_by_means("common_prosperity", "CP", column))
    slopes_do_not_see(common_prosperity.regressions(view("common_prosperity")))


def constants_of_digital_industry() -> None:
    """The first three are the means' to rounding; the last, with year effects, is not: the convention decides."""
    for column in ("(1)", "(2)", "(3)", "(4)"):
        printed = coefficient("digital_industry", "Table 3", column, "_cons")
        assert printed.meets(constant_by_means("digital_industry", "New-productivity", column)) == (column != "(4)")
    found = digital_industry.regressions(view("digital_industry"), "Table 3", "(2)", "(3)", "(4)")
    whole = [
        {term: np.where(np.isnan(values), np.nanmean(values), values) for term, values in item.x.items()}
        for item in found
    ]  # before levels and planting the study's rule for outliers leaves gaps
    slopes_do_not_see([replace(item, x=x) for item, x in zip(found, whole, strict=True)])


def mediated(column: str, mediator: str, reachable: Interval) -> None:
    """did falls from Table 3 (1) to its own number here by (interaction) x (mean log mediator of pilot city-years).

    The mediator may also carry an effect of did by itself; for `reachable` means it would have to be more than half a log point.
    """
    total = coefficient(UPGRADING, "Table 3", "(1)", "did")
    gap = total - coefficient(UPGRADING, "Table 3", column, "did")
    slope = coefficient(UPGRADING, "Table 3", column, f"did#ln{mediator}")
    needed = gap / slope
    assert not needed.meets(reachable)
    own = coefficient(UPGRADING, "Table 3", column, f"ln{mediator}")
    nearest = reachable.high if needed.low > reachable.high else reachable.low
    own_effect = (gap - slope * nearest) / own
    assert min(abs(own_effect.low), abs(own_effect.high)) > 0.5
    assert own_effect.low * own_effect.high > 0


def mediated_by_staff() -> None:
    """No logarithm of a number up to 1 is positive."""
    mediated("(3)", "ecol", log(Interval(moment(UPGRADING, "ecol", "min").low, 1.0)))


def mediated_by_land() -> None:
    """The smallest value printed has a logarithm of -3.2, not -5.06."""
    mediated(
        "(4)", "eland", log(Interval(moment(UPGRADING, "eland", "min").low, moment(UPGRADING, "eland", "max").high))
    )


def mediated_by_both() -> None:
    """-0.16 is the logarithm of the maximum: every pilot city-year would have it.

    A share p of the sample with mean m adds (m - mean)^2 p / (1 - p) to the variance, which bounds m by the printed sd; the mean of
    logarithms is not above the logarithm of the mean.
    """
    share = moment(UPGRADING, "did", "mean").low
    highest = moment(UPGRADING, "rel", "mean").high + moment(UPGRADING, "rel", "sd").high * math.sqrt(
        (1 - share) / share
    )
    assert highest < moment(UPGRADING, "rel", "max").low
    mediated("(5)", "rel", log(Interval(moment(UPGRADING, "rel", "min").low, highest)))


def two_coagglomerations() -> None:
    """b_short = b_long + sum of Gamma_j b_j, with |Gamma_j| <= sd(x_j) / sd(lncac~); a range bounds sd(x_j) by its half.

    sd(lncac~) is the residual of Table 3 (1): its standard error of did is sd(lncac~) / (sd(did~) sqrt(N)). Even if clustering had
    made that error three times the conventional one, the two coefficients are further apart than lnrel can bring them.
    """
    apart = coefficient(UPGRADING, "Table 3", "(2)", "lncac") - coefficient(UPGRADING, "Table 3", "(6)", "lncac")
    own = view(UPGRADING)
    did = policy(own, "broadband_china")
    around = list(industrial_upgrading.controls(own).values())
    error = standard_error(UPGRADING, "Table 3", "(1)", "did").low
    spread = error * left(did, around).std() * math.sqrt(did.size) / 3
    logs = log(Interval(moment(UPGRADING, "rel", "min").low, moment(UPGRADING, "rel", "max").high))
    largest = {"lnrel": (logs.high - logs.low) / 2, "did#lnrel": -logs.low / 2}
    reach = sum(coefficient(UPGRADING, "Table 3", "(6)", term).furthest * sd / spread for term, sd in largest.items())
    assert apart.high < -reach


def narrow_tertile() -> None:
    """The middle third of a distribution is at most sqrt(6) standard deviations wide.

    One printed standard deviation of V1 would move the index by more than twice the band.
    """
    printed = coefficient("new_quality_va_types", "Table 3", "XI", "V1")
    width = moment("new_quality_va_types", "NQ", "sd").high * math.sqrt(6)
    assert printed.low * moment("new_quality_va_types", "V1", "sd").low > 2 * width
    selection_biases_the_lag()


@functools.cache
def selection_biases_the_lag() -> None:
    """System GMM finds a known lag (.6) and effect (.020) in the whole panel, and neither inside any tertile of the outcome."""
    rng = np.random.default_rng(3)
    cities, burn, years, draws = 280, 20, 17, 10
    found = []
    options = {"gmm": [Gmm("L.n", (1, 3), collapse=True)], "iv": [Iv(["v"])]}
    for _ in range(draws):
        city = rng.normal(0, 0.005, cities)
        v = np.abs(1 + 0.5 * rng.normal(size=(cities, 1)) + 0.25 * rng.normal(size=(cities, burn + years)))
        n = np.full((cities, burn + years), 0.08)
        for year in range(1, burn + years):
            n[:, year] = 0.6 * n[:, year - 1] + 0.02 * v[:, year] + 0.012 + city + rng.normal(0, 0.01, cities)
        columns = {"n": n[:, burn:].ravel(), "v": v[:, burn:].ravel()}
        keys = {"city_code": np.repeat(np.arange(cities), years).astype(str), "year": np.tile(range(years), cities)}
        df = pd.DataFrame(keys | columns).assign(group=lambda d: pd.qcut(d["n"], 3, labels=False))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GmmWarning)
            fits = [fit_gmm(df, "n", ["L.n", "v"], **options)]  # type: ignore[arg-type]
            fits += fit_gmm_by_group(df, "n", ["L.n", "v"], group="group", **options).values()
        found.append([[fit.coef[term] for term in ("L.n", "v")] for fit in fits])
    whole, *inside = np.mean(found, axis=0)
    errors = np.std(found, axis=0, ddof=1) / math.sqrt(draws)
    assert whole == pytest.approx([0.6, 0.02], abs=0.02)
    for group, error in zip(inside, errors[1:], strict=True):
        assert (group + 3 * error < [0.6, 0.02]).all()
    assert all(effect < 0.8 * 0.02 for _, effect in inside)


def first_stage(column: str, instrument: str, endogenous: str, printed_f: str) -> None:
    """One instrument is printed; with one, F is its squared t value, but the F printed is another: a coefficient is missing.

    Agglomeration is given (Table 4 of common_prosperity plants it, and no carrier of this paper enters it); its coefficient in the
    demo is neither alone nor beside the other instrument within a factor of four of the printed one.
    """
    assert list(column_of(GREEN, "Table 5", column)) == [instrument]
    printed = coefficient(GREEN, "Table 5", column, instrument)
    t = printed / standard_error(GREEN, "Table 5", column, instrument)
    assert not (t * t).meets(rounded(printed_f))
    carriers = {*green_development.CARRIERS, *(name for name, _ in green_development.GREEN_CARRIERS)}
    assert carriers.isdisjoint({"emp_ict", "emp_total"})
    for z, y in first_stages(instrument, endogenous):
        assert 4 * abs(z @ y) / (z @ z) < printed.low


def second_first_stage() -> None:
    """Given agglomeration and instrument, the square's coefficient cannot be a half of the printed one, whatever their correlation."""
    first_stage("(2)", "Iv_sq", "Va_sq", "58.40")
    printed = coefficient(GREEN, "Table 5", "(2)", "Iv_sq")
    assert all(2 * y.std() / z.std() < printed.low for z, y in first_stages("Iv_sq", "Va_sq"))


def first_stages(instrument: str, endogenous: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """(instrument, endogenous regressor) free of effects and controls, without and with the other instrument."""
    own = view(GREEN)
    instruments = green_development.instrumented(own).instruments
    assert instruments is not None
    values = green_development.curve(own)[endogenous]
    controls = list(green_development.controls(own).values())
    other = [value for name, value in instruments.items() if name != instrument]
    return [(left(instruments[instrument], others), left(values, others)) for others in (controls, [*controls, *other])]


def indirect(mediator: str, outcome: str, column: str, term: str, scale: float = 1.0) -> tuple[Interval, Interval]:
    """(total less direct effect, effect on the mediator times its coefficient) of a term of Table 7."""
    total = coefficient(GREEN, "Table 2", "(2)", term) - coefficient(GREEN, "Table 7", outcome, term)
    product = coefficient(GREEN, "Table 7", column, term) * coefficient(GREEN, "Table 7", outcome, mediator)
    return total, product * scale


def mediation_by_structure() -> None:
    """total = direct + a b holds exactly for least squares on one sample; here it fails for both terms."""
    for term in ("Va", "Va_sq"):
        total, product = indirect("Ind", "(3)", "(4)", term)
        assert not total.meets(product)


def mediation_by_market() -> None:
    """In one unit (5) and (6) contradict each other (in hundredths they do not); no cell of a city's staff enters the index."""
    for term in ("Va", "Va_sq"):
        total, product = indirect("Mar", "(5)", "(6)", term)
        assert not total.meets(product)
        assert total.meets(indirect("Mar", "(5)", "(6)", term, 0.01)[1])
    own = view(GREEN)
    moved = View(Desk(own.desk.world, EDITIONS), own.study)
    before = market(own)
    assert (market(moved) == before).all()
    moved.write("emp_ict", 1.5 * moved.cells("emp_ict") ** 0.9)
    assert not np.allclose(virtual(moved), virtual(own))
    assert (market(moved) == before).all()
    assert own_prices(own.desk.world.roster.units)[own.rows].mean() < 0.15


def moderated_by_networks() -> None:
    """Without the moderator the column implies slopes that Table 6 (3) excludes on the same sample: b_short = b_long + G b_excluded.

    G, the slopes of the excluded terms on agglomeration and its square, is linear in the scale of the moderator: what holds without it and
    at the scale whose largest value is 4.83 (theta2 + theta4 Infra = 0) holds between. A spread of the printed terms beyond that of any
    632 of 2,232 values, which rules users per 100 persons out, users per person do not have.
    """
    own = view(GREEN)
    west = (own.desk.world.roster.units["region3"].iloc[own.rows].to_numpy() == "west")[:, None]
    users = own("broadband_users") / own("pop_yearend")
    turn = coefficient(GREEN, "Table 8", "(3)", "Va_sq") / (coefficient(GREEN, "Table 8", "(3)", "Va_sq#Infra") * -1.0)
    assert users[west[:, 0]].max() < 1 and 4.83 in turn
    for scale in (0.0, 1.0, turn.high / float(users[west[:, 0]].max())):
        for term, slope in without_moderator(own, scale * users, west).items():
            assert not slope.meets(coefficient(GREEN, "Table 6", "(3)", term))
            assert term != "Va" or -0.85 < slope.low < slope.high < -0.59
    largest = moment(GREEN, "Gtfp", "sd").high / math.sqrt(632 / 2232)
    assert spread_of_terms(own, users, west) < largest < 2 * largest < spread_of_terms(own, 100 * users, west)


def without_moderator(own: View, infra: np.ndarray, keep: np.ndarray) -> dict[str, Interval]:
    """Slopes of agglomeration and its square that Table 8 (3) implies for the regression without the moderator."""
    va, around = virtual(own), list(green_development.controls(own).values())
    kept = np.column_stack([left(x, around, keep) for x in (va, va**2)])
    excluded = {"Va#Infra": va * infra, "Va_sq#Infra": va**2 * infra, "Infra": infra}
    slopes = np.linalg.lstsq(kept, np.column_stack([left(x, around, keep) for x in excluded.values()]), rcond=None)[0]
    found = {}
    for term, row in zip(("Va", "Va_sq"), slopes, strict=True):
        found[term] = coefficient(GREEN, "Table 8", "(3)", term)
        for name, slope in zip(excluded, row, strict=True):
            found[term] = found[term] + coefficient(GREEN, "Table 8", "(3)", name) * float(slope)
    return found


def spread_of_terms(own: View, infra: np.ndarray, keep: np.ndarray) -> float:
    """Standard deviation of what the printed terms of Table 8 (3) add up to, free of effects and controls.

    A part of a share p of the sample has at most the whole's sd / sqrt(p); fitted values do not spread further than the outcome.
    """
    b = {item.term: item.estimate for item in published(GREEN) if (item.table, item.column) == ("Table 8", "(3)")}
    va = virtual(own)
    fitted = (
        (b["Va"] + b["Va#Infra"] * infra) * va + (b["Va_sq"] + b["Va_sq#Infra"] * infra) * va**2 + b["Infra"] * infra
    )
    return float(left(fitted, list(green_development.controls(own).values()), keep).std())


def spatial_lag() -> None:
    """I - rho W is invertible for rho between 1 / smallest eigenvalue and 1; contiguity has one below -.474.

    Taken over the study's cities and over their largest connected part, so that it does not hang on a pair of islands.
    """
    codes = view("digital_industry").codes
    at = {code: number for number, code in enumerate(codes)}
    W = np.zeros((len(codes), len(codes)))
    for row in records(SEEDS / "city_adjacency_2021.csv"):
        pair = [at.get(row["city_code_i"]), at.get(row["city_code_j"])]
        if None not in pair:
            W[pair[0], pair[1]] = W[pair[1], pair[0]] = 1.0
    reached = np.linalg.matrix_power(W + np.eye(len(codes)), 60) > 0
    largest = reached[reached.sum(axis=1).argmax()]
    assert largest.sum() > 200
    printed = coefficient("digital_industry", "Table 5", "(1)", "rho")
    for part in (W.sum(axis=1) > 0, largest):
        own = W[np.ix_(part, part)]
        smallest = np.linalg.eigvals(own / own.sum(axis=1, keepdims=True)).real.min()
        assert smallest < -0.474
        assert printed.high < 1 / smallest


PROOFS: dict[Key, Callable[[], None]] = {
    ("common_prosperity", "*", "*", "_cons"): constants_of_common_prosperity,
    ("digital_industry", "*", "*", "_cons"): constants_of_digital_industry,
    (UPGRADING, "Table 3", "(3)", "*"): mediated_by_staff,
    (UPGRADING, "Table 3", "(4)", "*"): mediated_by_land,
    (UPGRADING, "Table 3", "(5)", "*"): mediated_by_both,
    (UPGRADING, "Table 3", "(6)", "*"): two_coagglomerations,
    ("new_quality_va_types", "Table 3", "*", "*"): narrow_tertile,
    ("new_quality_va_types", "Table 4", "*", "*"): selection_biases_the_lag,
    (GREEN, "Table 5", "(1)", "*"): lambda: first_stage("(1)", "Iv", "Va", "12.47"),
    (GREEN, "Table 5", "(2)", "*"): second_first_stage,
    (GREEN, "Table 7", "(4)", "*"): mediation_by_structure,
    (GREEN, "Table 7", "(6)", "*"): mediation_by_market,
    (GREEN, "Table 8", "(3)", "*"): moderated_by_networks,
    ("digital_industry", "Table 5", "(1)", "*"): spatial_lag,
}
ROWS: list[Key] = [(row["paper"], row["table"], row["column"], row["term"]) for row in records(NOT_PLANTABLE)]


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_what_is_not_plantable_is_proved(row: Key) -> None:
    PROOFS[row]()


def test_every_proof_has_its_row() -> None:
    assert set(PROOFS) <= set(ROWS)
