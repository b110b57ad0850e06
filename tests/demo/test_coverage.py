"""Coverage at index level: fresh structural errors around the planted and implied coefficients, clustered standard errors.

Three statements about the least-squares columns of four papers, with all their printed terms. Intervals are those for few or
unequal clusters (`estimation.panel.fit_bias_reduced`); the usual ones, which cover too rarely (see `docs/demo.md`), are followed beside
them in the third.

1. 400 draws, columns with two-way effects: the share of 95 % intervals that cover lies in 91.0-98.3 % for every coefficient (the band of
   issue and planting note; all but 1 in 1,000 shares of 400 draws lie in it where coverage is 95 %).
2. All columns: the design's coverage, computed without drawing (`tests/demo/coverage.py`), lies in the same band for every coefficient.
   This does not depend on a stream of random numbers; it does depend on the demo's seed, because the regressors do.
3. All columns, 4,000 draws: every share is where 4,000 draws around the design's coverage may fall, by the same rule (1 in 1,000).

And two about the other planted coefficients, whose regressors depend on the draw:

4. The five types in three regions, beside a lag of the index (`tests/demo/coverage_lag.py`): 400 draws, every share lies in the band with
   the lag's bias corrected. Without, the bias is of the size of a standard error.
5. The pair planted by instruments (`tests/demo/coverage_iv.py`): 400 and 4,000 draws, the share of Anderson-Rubin regions that hold it lies in
   the band. With the usual errors regions cover too rarely; intervals around 2SLS estimates do not, but say nothing.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, f

from demo.planting.desk import Desk, View
from demo.planting.new_quality_va_types import GROUPS
from demo.samples import study
from demo.write import make
from tests.demo.coverage import (
    PAPERS,
    Design,
    bias_reduced,
    columns,
    confirm,
    design_of,
    drawn_coverage,
    exact_coverage,
    probability_below_zero,
    usual,
)
from tests.demo.coverage_iv import confirm_iv, coverage, instrumented_column, of_record, region, widths
from tests.demo.coverage_lag import LAG, confirm_lag, drawn, dynamic_columns

LOW, HIGH, OUTSIDE = 0.910, 0.983, 0.001
UNBIASED, BIASED = 0.25, 0.5  # of a standard deviation of the estimate; the mean of 400 draws is known to a twentieth
WEAK = 1.0  # F of the first stage; ten and more are called strong
FEW, MANY, SPREADS = 400, 4000, 24
STREAM = 0
EDITIONS = range(2006, 2024)
AT_LEAST = {"common_prosperity": 8, "industrial_upgrading": 8, "green_development": 17, "digital_industry": 10}

Key = tuple[str, str, str]


@pytest.fixture(scope="module")
def desk() -> Desk:
    """The printed cells of the default demo: regressors are those that the joint check uses."""
    return make(seed=20260101, editions=EDITIONS, cities=300).desk


def designs(desk: Desk, paper: str) -> list[tuple[View, Design, list[int]]]:
    """Each column with the numbers that seed its stream."""
    view = View(desk, study(paper))
    out = [
        (view, design_of(column), [STREAM, PAPERS.index(paper), at]) for at, column in enumerate(columns(view, paper))
    ]
    assert len(out) >= AT_LEAST[paper]
    return out


def labelled(design: Design, values: np.ndarray) -> dict[Key, float]:
    column = design.column
    return {(column.table, column.column, term): float(value) for term, value in zip(design.terms, values, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("paper", PAPERS)
def test_intervals_of_400_draws_cover_planted_and_implied_coefficients(desk: Desk, paper: str) -> None:
    shares: dict[Key, float] = {}
    for view, design, seed in designs(desk, paper):
        if design.column.effects != "twoways":
            continue
        rule = bias_reduced(design)
        confirm(view, design, rule, np.random.default_rng([*seed, 1]), bias_reduced=True)
        shares |= labelled(design, drawn_coverage(design, rule, np.random.default_rng(seed), FEW))
    assert {key: share for key, share in shares.items() if not LOW <= share <= HIGH} == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bias-reduced", "usual"])
@pytest.mark.parametrize("paper", PAPERS)
def test_4000_draws_agree_with_the_coverage_of_the_design(desk: Desk, paper: str, kind: str) -> None:
    """And the coverage of bias-reduced intervals lies in the band."""
    outside: dict[Key, float] = {}
    apart: dict[Key, tuple[float, float]] = {}
    for view, design, seed in designs(desk, paper):
        better = kind == "bias-reduced"
        rule = bias_reduced(design) if better else usual(view, design, np.random.default_rng([*seed, 4]))
        confirm(view, design, rule, np.random.default_rng([*seed, 1]), bias_reduced=better)
        each = exact_coverage(design, rule, np.random.default_rng([*seed, 2]), SPREADS)
        exact, error = each.mean(axis=1), each.std(axis=1, ddof=1) / np.sqrt(SPREADS)
        share = drawn_coverage(design, rule, np.random.default_rng([*seed, 3]), MANY)
        low = binom.ppf(OUTSIDE / 2, MANY, exact) / MANY - 2 * error
        high = binom.ppf(1 - OUTSIDE / 2, MANY, exact) / MANY + 2 * error
        wrong = (share < low) | (share > high)
        apart |= {
            key: pair for key, pair in _pairs(design, share, exact).items() if wrong[list(design.terms).index(key[2])]
        }
        if better:
            outside |= {key: value for key, value in labelled(design, exact).items() if not LOW <= value <= HIGH}
    assert apart == {}
    assert outside == {}


def _pairs(design: Design, share: np.ndarray, exact: np.ndarray) -> dict[Key, tuple[float, float]]:
    drawn, computed = labelled(design, share), labelled(design, exact)
    return {key: (value, computed[key]) for key, value in drawn.items()}


@pytest.mark.slow
def test_intervals_of_400_draws_cover_the_types_beside_a_lag_whose_bias_is_corrected(desk: Desk) -> None:
    view = View(desk, study("new_quality_va_types"))
    designs = dynamic_columns(view)
    assert [design.region for design in designs] == list(GROUPS)
    outside: dict[Key, float] = {}
    plain: dict[Key, float] = {}
    for at, design in enumerate(designs):
        seed = [STREAM, len(PAPERS), at]
        confirm_lag(view, design, np.random.default_rng([*seed, 1]))
        found = drawn(design, np.random.default_rng(seed), FEW)
        keys = [("exogenous groups", design.region, term) for term in design.terms]
        shares = dict(zip(keys, found.covered.tolist(), strict=True))
        outside |= {key: share for key, share in shares.items() if not LOW <= share <= HIGH}
        plain |= dict(zip(keys, found.plain_bias.tolist(), strict=True))
        assert (np.abs(found.bias) < UNBIASED).all(), design.region
    assert outside == {}
    assert len(plain) == 15 + len(designs)
    assert all(bias < -1 for key, bias in plain.items() if key[2] == LAG)
    assert sum(abs(bias) > BIASED for key, bias in plain.items() if key[2] != LAG) >= 3


@pytest.mark.slow
def test_anderson_rubin_regions_cover_the_pair_planted_by_instruments(desk: Desk) -> None:
    paper = "green_development"
    view = View(desk, study(paper))
    design = instrumented_column(view)
    seed = [STREAM, PAPERS.index(paper), len(columns(view, paper))]
    rule, plain = region(design, bias_reduced=True), region(design, bias_reduced=False)
    wide = widths(view, design, np.random.default_rng([*seed, 4]))
    confirm_iv(view, design, rule, wide, np.random.default_rng([*seed, 1]))
    few, _, _ = coverage(design, rule, plain, wide, np.random.default_rng(seed), FEW)
    many, too_rare, intervals = coverage(design, rule, plain, wide, np.random.default_rng([*seed, 3]), MANY)
    assert LOW <= few <= HIGH
    assert LOW <= many <= HIGH
    assert too_rare < LOW
    assert intervals.min() > LOW
    own = np.stack([design.column.x[term] for term in design.terms])
    fit, _ = of_record(view, design, own, np.random.default_rng(seed).normal(size=design.shape))
    assert fit.kleibergen_paap_f < WEAK


def test_the_band_is_where_all_but_one_in_1000_shares_of_400_draws_lie() -> None:
    assert binom.ppf(OUTSIDE / 2, FEW, 0.95) / FEW == pytest.approx(LOW, abs=1e-3)
    assert binom.ppf(1 - OUTSIDE / 2, FEW, 0.95) / FEW == pytest.approx(HIGH, abs=1e-3)


@pytest.mark.parametrize(("clusters", "critical"), [(5, 2.0), (14, 2.2), (280, 1.97)])
def test_imhofs_integral_gives_the_f_distribution(clusters: int, critical: float) -> None:
    """u^2 / mean(w^2) of independent standard normals is F(1, clusters)."""
    signs = np.array([1.0, *[-(critical**2) / clusters] * clusters])
    found = probability_below_zero(np.eye(clusters + 1), signs)
    assert found == pytest.approx(float(f.cdf(critical**2, 1, clusters)), abs=1e-7)


def test_imhofs_integral_of_dependent_variables_agrees_with_draws() -> None:
    rng = np.random.default_rng(5)
    mixing = rng.normal(size=(7, 7))
    signs = np.array([1.0, *[-0.9] * 6])
    v = rng.normal(size=(200_000, 7)) @ mixing.T
    share = float(((v**2) @ signs <= 0).mean())
    assert probability_below_zero(mixing @ mixing.T, signs) == pytest.approx(share, abs=4 * 0.5 / np.sqrt(200_000))
