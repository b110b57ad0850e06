"""Coverage at index level: fresh structural errors around the planted coefficients, clustered standard errors.

400 draws; the share of 95 % intervals that cover must lie in 91.0-98.3 % for every coefficient (the band of issue and
planning note). Errors follow a first-order autoregression within cities (0.5) with a standard deviation that differs by city
(0.6 to 1.4 times its mean), so that only clustering by city is right. The scale of the errors does not matter for coverage.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from demo.planting import common_prosperity, digital_industry, green_development, industrial_upgrading
from demo.planting.desk import Desk, View
from demo.planting.projection import Projection
from demo.samples import study
from demo.write import build_world
from estimation.panel import fit_panel

DRAWS, LOW, HIGH = 400, 0.910, 0.983
PERSISTENCE = 0.5


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(build_world(seed=20260101, editions=range(2006, 2024), cities=300), range(2006, 2024))


def columns(desk: Desk, paper: str) -> tuple[View, Projection]:
    """The longest planted column of a paper's main table."""
    view = View(desk, study(paper))
    chosen = {
        "common_prosperity": lambda: common_prosperity.regressions(view)[2],
        "industrial_upgrading": lambda: industrial_upgrading.regressions(view)[5],
        "green_development": lambda: green_development.on_curve(view, "Table 2", "(2)"),
        "digital_industry": lambda: digital_industry.regressions(view, "Table 3", "(4)")[0],
    }
    return view, chosen[paper]()


@pytest.mark.slow
@pytest.mark.parametrize(
    "paper", ["common_prosperity", "industrial_upgrading", "green_development", "digital_industry"]
)
def test_intervals_cover_the_planted_coefficients(desk: Desk, paper: str) -> None:
    view, column = columns(desk, paper)
    rng = np.random.default_rng([20260101, len(paper)])
    shape = (len(view.rows), len(view.columns))
    truth = {**column.targets, **column.implied}
    names = {term: f"x{at}" for at, term in enumerate(column.x)}
    frame = view.frame({names[term]: values for term, values in column.x.items()})
    signal = sum(truth.get(term, 0.0) * values for term, values in column.x.items())
    effects = rng.normal(size=(shape[0], 1)) + rng.normal(size=(1, shape[1]))
    spread = rng.uniform(0.6, 1.4, (shape[0], 1)) * 0.01
    covered = pd.Series(0, index=list(truth))
    for _ in range(DRAWS):
        shocks = rng.normal(size=shape)
        errors = shocks.copy()
        for year in range(1, shape[1]):
            errors[:, year] = PERSISTENCE * errors[:, year - 1] + np.sqrt(1 - PERSISTENCE**2) * shocks[:, year]
        frame["y"] = (signal + effects + spread * errors).ravel()
        fit = fit_panel(frame, "y", list(names.values()), effects="twoways", vcov="cluster", cluster="city_code")
        interval = fit.conf_int()
        for term, value in truth.items():
            low, high = interval.loc[names[term]]
            covered[term] += int(low <= value <= high)
    shares = covered / DRAWS
    assert shares.between(LOW, HIGH).all(), shares.to_dict()
