"""Plant industrial_upgrading: co-agglomeration (Table 3 (1)), then the complexity of industry (Table 2, Table 3 (2)); moments of land use.

All variables are winsorised at 1 % and 99 % before they enter the regressions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from demo.economy import BASE_YEAR
from demo.firms import firm_panel
from demo.industries import YEARS, complexity
from demo.planting.desk import Desk, View
from demo.planting.measures import SWITCHES, capital, cleaned, distances, policy, winsorised
from demo.planting.projection import Projection, stack
from demo.planting.published import regression
from demo.planting.settle import Checked, Measured, Settled, settle
from demo.samples import study
from demo.series import exchange_rates
from estimation.cities.allocation import city_allocation
from estimation.cities.productivity import land_efficiency
from estimation.core.frame import EstimationError

PAPER = "industrial_upgrading"
SERVICES = ("emp_transport_post", "emp_ict", "emp_finance", "emp_leasing_business", "emp_sci")
LARGE = 1000.0  # mean of the year-end population, 10 000 persons
# How far the pace of growth counts for land and for non-farm staff of the districts, and the cities that lead.
LAND_CARRIERS = {"construction_land": 0.8, "emp_nonagri": 1.2}
LEADING = ("municipality", "sub_provincial")
# Printed mean and standard deviation of land-use efficiency; pace and lead that give them with the default seed, and what a change of them
# does to the logs of both moments, roughly; their limits.
LAND_USE = (0.9258, 1.6087)
LAND_START, LAND_SLOPES = (0.075, 0.075), np.array([[-10.0, 6.0], [-22.0, 25.0]])
LAND_WITHIN = ((0.03, 0.0), (0.12, 0.12))
LAND_ROUNDS, LAND_CLOSE, LARGEST_STEP = 5, 0.03, 0.02
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


def land_use(view: View, stock: np.ndarray) -> np.ndarray:
    """Land-use efficiency of the districts, cumulated from the first year on; `stock` is the capital."""
    found = land_efficiency(
        view.frame({
            "capital": stock,
            "construction_land_km2_districts": view("construction_land", "districts"),
            "emp_nonagri_10k_districts": view("emp_nonagri", "districts"),
            "va_nonagri_100m_yuan_districts": view("va_nonagri", "districts"),
            "wage_avg_yuan_districts": view("wage_avg", "districts"),
            "green_coverage_pct_districts": view("green_coverage", "districts"),
            "so2_district": view("so2_industrial") * view("gdp", "districts") / view("gdp"),
        }),
        SWITCHES,
    )  # fmt: skip
    return view.matrix(found["eland"])


def allocation(view: View) -> np.ndarray:
    """Allocation efficiency of human capital over the listed firms; NaN where neither a city nor its province has any."""
    units = view.desk.world.roster.units.iloc[view.rows]
    found = city_allocation(
        firm_panel(view.desk.world), view.frame({}), units[["city_code", "province_code"]], SWITCHES
    )
    return view.matrix(found["ecol"])


def coordination(people: np.ndarray, land: np.ndarray) -> np.ndarray:
    """Coordination degree, standard form: fourth root of the product of both, each scaled to [0.001, 1]."""
    both = np.where(np.isnan(people * land), np.nan, np.stack([people, land]))
    low, high = np.nanmin(both, axis=(1, 2), keepdims=True), np.nanmax(both, axis=(1, 2), keepdims=True)
    return np.asarray((0.001 + 0.999 * (both - low) / (high - low)).prod(axis=0) ** 0.25)


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


def plant_land_use(desk: Desk) -> dict[str, Settled]:
    """Land-use efficiency has the printed mean and standard deviation; nothing else reads construction land and staff of the districts.

    Two numbers are found: the pace at which land and staff grow everywhere (more of both lowers the index), and the lead of the largest
    cities, whose land and staff grow less. A city on the frontier that leads it is far beyond last year's frontier and far inside this
    year's, so that few such cities make the long tail that the printed standard deviation needs. The round that comes closest stays.
    """
    view = View(desk, study(PAPER))
    stock = capital(view)
    before = {name: desk.cells[name, "districts"] for name in LAND_CARRIERS}
    years, large = desk.world.years, desk.world.roster.units["admin_level"].isin(LEADING).to_numpy()[:, None]

    def move(name: str, pace: float, lead: float) -> np.ndarray:
        return LAND_CARRIERS[name] * pace * (years - BASE_YEAR) - lead * large * (years - view.study.years[0])

    def gap(pace: float, lead: float) -> np.ndarray:
        for name, cells in before.items():
            desk.replace((name, "districts"), cells * np.exp(move(name, pace, lead)))
        values = cleaned(view, land_use(view, stock))
        return np.log([values.mean(), values.std(ddof=1)]) - np.log(LAND_USE)

    (pace, lead), rounds, worst = nearest_root(gap, LAND_START, LAND_SLOPES, LAND_WITHIN, LAND_ROUNDS, LAND_CLOSE)
    for name, cells in before.items():
        desk.replace((name, "districts"), cells * np.exp(move(name, pace, lead)))
    moves = np.abs(np.concatenate([move(name, pace, lead)[view.rows][:, view.columns] for name in before]))
    return {"Table 1 eland": Settled(rounds, worst / LAND_CLOSE, float(moves.max()), float(np.median(moves)))}


def nearest_root(
    gap: Callable[[float, float], np.ndarray],
    start: Sequence[float],
    slopes: np.ndarray,
    within: tuple[Sequence[float], Sequence[float]],
    rounds: int,
    close: float,
) -> tuple[tuple[float, float], int, float]:
    """(arguments, rounds, largest gap) of the round whose two gaps are nearest to zero, by Newton's steps with fixed, rough slopes.

    No argument leaves its limits (`within`: lowest, highest). Stops once both gaps are at most `close`, after `rounds`, or where the gaps cannot be computed.
    """
    at = best = np.array(start)
    worst, done = np.inf, 0
    while done < rounds and worst > close:
        try:
            now = gap(*at.tolist())
        except EstimationError:
            break
        done += 1
        if np.abs(now).max() < worst:
            best, worst = at, float(np.abs(now).max())
        at = np.clip(at - np.clip(np.linalg.solve(slopes, now), -LARGEST_STEP, LARGEST_STEP), *within)
    return (float(best[0]), float(best[1])), done, worst
