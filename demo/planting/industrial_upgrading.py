"""Plant industrial_upgrading: co-agglomeration (Table 3 (1)), then the complexity of industry (Table 2, Table 3 (2)).

All variables are winsorised at 1 % and 99 % before they enter the regressions.
"""

from __future__ import annotations

import numpy as np

from demo.industries import YEARS, complexity
from demo.planting.desk import Desk, View
from demo.planting.measures import SWITCHES, distances, policy, winsorised
from demo.planting.projection import Projection, stack
from demo.planting.published import regression
from demo.planting.settle import Checked, Measured, Settled, settle
from demo.samples import study
from demo.series import exchange_rates

PAPER = "industrial_upgrading"
SERVICES = ("emp_transport_post", "emp_ict", "emp_finance", "emp_leasing_business", "emp_sci")
LARGE = 1000.0  # mean of the year-end population, 10 000 persons
CARRIERS = ("emp_manufacturing", "emp_leasing_business", "emp_transport_post", "emp_finance")


def controls(view: View) -> dict[str, np.ndarray]:
    """Controls of all tables, winsorised."""
    gdp = view("gdp")
    raw = {
        "eco": view("gdp_pc") / 1e4,
        "fix": view("fai") / gdp,
        "mar": view("emp_private_self") / view("emp_total"),
        "tech": view("exp_science") / view("fiscal_exp"),
        "open": view("fdi_actual") * exchange_rates(view.desk.world)[view.columns] / gdp,
        "gov": view("fiscal_exp") / gdp,
        "base": view("emp_mining") / view("pop_yearend"),
    }
    return {name: winsorised(values) for name, values in raw.items()}


def sophistication(view: View) -> np.ndarray:
    """Log of the complexity of a city's output: mean over industries of the complexity of their products, by output."""
    output = view.desk.output[view.rows]
    return np.asarray(np.log((output * complexity(view.desk.world.seed)).sum(axis=2) / output.sum(axis=2)))


def kernels(view: View) -> np.ndarray:
    """(cities, cities) exp(-distance) in the declared unit."""
    return np.exp(-distances(view) / float(SWITCHES["kappa_distance_unit_km"]))


def coagglomeration(view: View) -> tuple[np.ndarray, np.ndarray]:
    """(log of co-agglomeration, log of manufacturing over services agglomeration), (cities, years)."""
    weights = kernels(view)
    manufacturing, services = view("emp_manufacturing"), sum(view(name) for name in SERVICES)
    ratio = np.log(weights @ manufacturing) - np.log(weights @ services)
    ratio = ratio - np.log(manufacturing.sum(axis=0)) + np.log(np.sum(services, axis=0))
    return np.log(1 - np.abs(np.tanh(ratio / 2))), ratio


def coagglomeration_column(view: View) -> Projection:
    """Table 3 (1)."""
    return regression(PAPER, "Table 3", "(1)", {"did": policy(view, "broadband_china"), **controls(view)})


def plant_coagglomeration(desk: Desk) -> dict[str, Settled]:
    """Table 3 (1): co-agglomeration rises in pilot cities, carried by manufacturing and producer services staff."""
    view = View(desk, study(PAPER))
    weights = kernels(view)
    goal = stack([coagglomeration_column(view)])
    shape = (len(view.rows), len(view.columns))

    def measure() -> Measured:
        raw, ratio = coagglomeration(view)
        y = winsorised(raw)
        slope = np.where(y == raw, -np.sign(ratio) * (1 + np.abs(np.tanh(ratio / 2))) / 2, 0.0)
        services = sum(view(name) for name in SERVICES)
        moved = services - view("emp_ict") - view("emp_sci")
        shares = {"manufacturing": view("emp_manufacturing"), "services": moved}
        totals = {"manufacturing": weights @ view("emp_manufacturing"), "services": weights @ services}

        def response(operator: np.ndarray) -> np.ndarray:
            """On the log of manufacturing (up) and of movable services (down) together."""
            own = operator.reshape(-1, *shape) * slope
            up = np.einsum("knt,nh->kht", own / totals["manufacturing"], weights) * shares["manufacturing"]
            down = np.einsum("knt,nh->kht", own / totals["services"], weights) * shares["services"]
            return np.asarray((up + down).reshape(len(operator), -1))

        return Measured(y.ravel(), np.ones(y.size), response)

    def scale(factor: np.ndarray) -> None:
        move = factor.reshape(shape)
        for name in CARRIERS:
            view.write(name, view.cells(name) * (move if name == "emp_manufacturing" else 1 / move))

    return {"Table 3 (1)": settle(measure, scale, goal, cap=1.0)}


def regressions(view: View) -> list[Projection]:
    """Table 2 (1) to (5), co-agglomeration of Table 3 (2), whose did follows from Table 3 (1), and the cities above 10 million."""
    did = policy(view, "broadband_china")
    around = controls(view)
    lncac = winsorised(coagglomeration(view)[0])
    region = view.desk.world.roster.units["region3"].iloc[view.rows].to_numpy()[:, None]
    keep = {"(3)": region == "east", "(4)": region == "central", "(5)": region == "west"}
    x = {"did": did, **around}
    split = [regression(PAPER, "Table 2", column, x, keep=keep.get(column)) for column in ("(2)", "(3)", "(4)", "(5)")]
    mediated = regression(PAPER, "Table 3", "(2)", {"did": did, "lncac": lncac, **around}, planted=("lncac",))
    large = regression(PAPER, "text", "pop>10m", x, keep=(view("pop_yearend").mean(axis=1) > LARGE)[:, None])
    return [regression(PAPER, "Table 2", "(1)", {"did": did}), *split, mediated, large]


def check(desk: Desk) -> list[Checked]:
    """All planted outcomes as printed."""
    view = View(desk, study(PAPER))
    return [
        Checked(winsorised(coagglomeration(view)[0]).ravel(), [coagglomeration_column(view)]),
        Checked(winsorised(sophistication(view)).ravel(), regressions(view)),
    ]


def plant_structure(desk: Desk) -> dict[str, Settled]:
    """The complexity of a city's output, tilted towards industries with complex products."""
    view = View(desk, study(PAPER))
    value = complexity(desk.world.seed)
    tilt = np.log(value) - np.log(value).mean()
    shape = (len(view.rows), len(view.columns))
    at = np.array([list(YEARS).index(year) for year in view.study.years])

    def measure() -> Measured:
        raw = sophistication(view)
        y = winsorised(raw)
        shares = desk.shares[np.ix_(view.rows, at)]
        mean = (shares * value).sum(axis=2)
        slope = (shares * value * tilt).sum(axis=2) / mean - (shares * tilt).sum(axis=2)
        return Measured(y.ravel(), np.where(y == raw, slope, 0.0).ravel())

    def scale(factor: np.ndarray) -> None:
        shares = desk.shares[np.ix_(view.rows, at)] * factor.reshape(*shape, 1) ** tilt
        desk.shares[np.ix_(view.rows, at)] = shares / shares.sum(axis=2, keepdims=True)

    return {"Table 2": settle(measure, scale, stack(regressions(view)))}
