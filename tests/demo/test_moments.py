"""Printed means and standard deviations that no world can have: each reason that rests on the printed tables alone is computed from them here."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from demo.planting.moments import PRINTED
from demo.tables import records
from tests.demo.proofs import Interval, moment

Key = tuple[str, str]
UPGRADING, TYPES = "industrial_upgrading", "new_quality_va_types"
PRINTED_AS = {"lnstru": "stru"}  # the paper logs the variable in its tables only
# These reasons also lean on the demo's geography, wages or another paper's city-years; docs/demo.md says so.
NOT_FROM_PRINT_ALONE = {("common_prosperity", "VG"), ("common_prosperity", "distL"), ("green_development", "Va")}


def _moments(paper: str, variable: str) -> tuple[Interval, Interval, Interval, Interval]:
    """Mean, sd, min, max as printed."""
    name = PRINTED_AS.get(variable, variable)
    mean, sd, low, high = (moment(paper, name, what) for what in ("mean", "sd", "min", "max"))
    return mean, sd, low, high


def beyond_the_range(variable: str) -> None:
    """No variable between min and max has this sd: sd^2 <= (max - mean)(mean - min) (Bhatia and Davis 2000)."""
    mean, sd, low, high = _moments(UPGRADING, variable)
    assert sd.low**2 > ((high - mean) * (mean - low)).high


def below_the_minimum() -> None:
    mean, _, low, _ = _moments(UPGRADING, "mar")
    assert mean.high < low.low


def above_the_maximum() -> None:
    mean, _, _, high = _moments(UPGRADING, "tech")
    assert mean.low > high.high


def coordination_at_the_minima() -> None:
    """Both forms rise in both inputs, so that no city-year lies below their value at the printed minima."""
    ecol, eland, rel = (moment(UPGRADING, name, "min").low for name in ("ecol", "eland", "rel"))
    as_printed = (2 * ecol * eland / (ecol + eland)) ** 0.25
    standard = (ecol * eland) ** 0.25
    assert min(as_printed, standard) > 2 * moment(UPGRADING, "rel", "min").high > 2 * rel


def product_in_two_papers() -> None:
    """Squares of 2006-2020 add up to n (mean^2 + sd^2); those of 2013-2020 are at most all that the other paper has for 2013-2022."""
    mean, sd, *_ = _moments(UPGRADING, "eco")
    other_mean, other_sd = (moment("digital_industry", "develop", what).high for what in ("mean", "sd"))
    city_years, early, other_city_years = 264 * 15, 264 * 7, 280 * 10
    squares = city_years * (mean.low**2 + sd.low**2)
    later = other_city_years * (other_mean**2 + other_sd**2)
    root = math.sqrt((squares - later) / early)
    assert root > 2.4 * math.sqrt(other_mean**2 + other_sd**2)


def slow_growth_beyond_a_third() -> None:
    """A type that holds a share p of the city-years has (E V)^2 <= p E V^2 (Cauchy-Schwarz); types 4 and 5 are those of growth below the
    lower tercile, so that they hold a third, and their printed moments need more."""

    def least(kind: int) -> float:
        mean, sd, *_ = _moments(TYPES, f"V{kind}")
        return mean.low**2 / (mean.low**2 + sd.high**2)

    assert least(4) + least(5) > 1.15 / 3


def one_city_year() -> None:
    """The printed maximum alone makes most of the printed variance."""
    mean, sd, _, high = _moments(TYPES, "DI")
    assert (high.low - mean.high) ** 2 / 4760 > 0.7 * sd.high**2


PROOFS: dict[Key, Callable[[], None]] = {
    **{
        (UPGRADING, name): lambda name=name: beyond_the_range(name)  # type: ignore[misc]
        for name in ("lnstru", "ecol", "fix", "open", "gov", "base")
    },
    (UPGRADING, "mar"): below_the_minimum,
    (UPGRADING, "tech"): above_the_maximum,
    (UPGRADING, "rel"): coordination_at_the_minima,
    (UPGRADING, "eco"): product_in_two_papers,
    **{(TYPES, f"V{kind}"): slow_growth_beyond_a_third for kind in range(1, 6)},
    (TYPES, "DI"): one_city_year,
}


@pytest.mark.parametrize("row", PROOFS, ids=" ".join)
def test_reasons_from_print_are_proved(row: Key) -> None:
    PROOFS[row]()


def test_every_reason_is_proved_or_says_that_it_was_not_reached() -> None:
    reasons = {
        (row["paper"], row["variable"])
        for row in records(PRINTED)
        if row["reason"] and not row["reason"].startswith("not reached")
    }
    assert reasons == set(PROOFS) | NOT_FROM_PRINT_ALONE
