"""Plant new_quality_va_types: scaled coefficients of the five types in groups of cities that do not depend on the outcome.

The paper runs system GMM inside tertiles of its own outcome. The middle band of the index is too narrow for coefficients up to .313,
and selection on the outcome biases the lag, so nothing of Tables 3 and 4 can be planted as printed. Instead a regression of the index
on its lag and V1..V5 with city effects, by least squares, gives SCALE times the printed coefficients of the column without controls
in each of the three regions: east takes the high group's column, centre the middle one's, west the low one's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from demo.industries import robot_counts
from demo.planting.desk import Desk, View
from demo.planting.measures import SWITCHES, entropy, virtual
from demo.planting.projection import Projection, stack
from demo.planting.published import column_of
from demo.planting.settle import Checked, Measured, Settled, settle
from demo.samples import study
from demo.series import national_employment, network_values
from estimation.agglomeration.va_types import va_types
from estimation.indices import entropy_weights, topsis

PAPER = "new_quality_va_types"
GROUPS = {"east": ("Table 3", "I"), "central": ("Table 3", "VII"), "west": ("Table 4", "I")}
SCALE, DIGITS = 0.1, 4
POSITIVE = ["+"] * 3
CARRIERS = {
    "new_firms": 7,
    "road_length": 14,
    "telecom_revenue": 18,
    "mobile_users": 19,
    "rd_expenditure": 25,
    "digital_economy_index": 26,
}
DIRECTIONS = ["+"] * 27
for _at in (11, 12, 21, 23):
    DIRECTIONS[_at] = "-"


def targets(region: str) -> dict[str, float]:
    """Planted coefficients of a region's column."""
    printed = column_of(PAPER, *GROUPS[region])
    return {f"V{k}": round(SCALE * printed[f"V{k}"].estimate, DIGITS) for k in range(1, 6)}


def types(view: View) -> dict[str, np.ndarray]:
    """V1..V5, (cities, years)."""
    table = va_types(view.frame({"va": virtual(view)})).table
    return {f"V{k}": view.matrix(table[f"V{k}"]) for k in range(1, 6)}


def indicators(view: View) -> list[np.ndarray]:
    """The 27 indicators of Table 1."""
    world = view.desk.world
    people, gdp, spending = view("pop_yearend"), view("gdp"), view("fiscal_exp")
    robots = robot_counts(world)[1].sum(axis=0)[view.columns] / national_employment(world)[view.columns]
    home = world.roster.units["province_code"].iloc[view.rows].tolist()
    networks = network_values(world)
    density = {
        name: np.stack([networks[name][code][view.columns] for code in home]) / _province_sum(view, below)
        for name, below in (("fibre", "land_area"), ("ports", "pop_yearend"))
    }
    emissions = view.desk.printed(("co2_emissions", "city"))[view.rows]
    fall = np.nan_to_num(emissions[:, view.columns - 1] - emissions[:, view.columns])
    bad = [view("wastewater_industrial"), view("so2_industrial"), view("dust_industrial")]
    pollution = np.asarray(entropy(bad, POSITIVE).score).reshape(people.shape)
    return [
        gdp / people, view("wage_avg"), view("emp_tertiary") / view("emp_total"), view("students_higher") / people,
        view("exp_education") / spending, view("students_regular") / people, view("emp_sci"), view("new_firms"),
        view("emp_industry") * robots, view("green_area"), view("exp_env") / spending, bad[0] / gdp, bad[1] / gdp,
        view("patents_green") / view("patents_applied"), view("road_length"), density["fibre"], density["ports"],
        view("emp_ict") / view("emp_total"), view("telecom_revenue") / people, view("mobile_users") / people,
        view("broadband_users") / people, view("energy_consumption") / gdp, fall, pollution,
        view("patents_granted") / people, view("rd_expenditure") / gdp, view("digital_economy_index"),
    ]  # fmt: skip


def _province_sum(view: View, indicator: str) -> np.ndarray:
    """(cities, years) sum over all cities of the city's province, as printed."""
    codes = view.desk.world.roster.units["province_code"].to_numpy()
    printed = np.nan_to_num(view.desk.printed((indicator, "city")))
    sums = {code: printed[codes == code].sum(axis=0) for code in sorted(set(codes))}
    return np.stack([sums[code][view.columns] for code in codes[view.rows]])


def index(columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(index, its change when an indicator grows by one per cent, times 100), (n,) and (n, indicators), limits held fixed."""
    table = np.column_stack([column.ravel() for column in columns])
    weights = entropy_weights(table, DIRECTIONS)
    found = topsis(table, weights, norm=SWITCHES["topsis_norm"])
    low, high = table.min(axis=0), table.max(axis=0)
    sign = np.array([1.0 if d == "+" else -1.0 for d in DIRECTIONS])
    scaled = np.where(sign > 0, table - low, high - table) / (high - low) * weights.weights
    best, worst = scaled.max(axis=0), scaled.min(axis=0)
    up, down = found.distance_best[:, None], found.distance_worst[:, None]
    slope = ((scaled - worst) / down * up + down * (best - scaled) / up) / (up + down) ** 2
    edge = (table == low) | (table == high)
    return np.asarray(found.score), np.where(edge, 0.0, slope * sign * weights.weights * table / (high - low))


def regressions(view: View, y: np.ndarray) -> list[Projection]:
    """The three regions' columns; the lag is the present index, so they change from round to round."""
    region = view.desk.world.roster.units["region3"].iloc[view.rows].to_numpy()
    level = y.reshape(len(view.rows), -1)
    lag = np.concatenate([level[:, :1], level[:, :-1]], axis=1)
    parts = types(view)
    later = np.arange(level.shape[1]) > 0
    out = []
    for name in GROUPS:
        x = {"L.NQ": lag, **{term: values for term, values in parts.items() if values[region == name].any()}}
        goal = {term: value for term, value in targets(name).items() if term in x}
        keep = (region == name)[:, None] & later
        digits = dict.fromkeys(goal, DIGITS)
        out.append(Projection("exogenous groups", name, "NQ", x, "entity", goal, keep=keep, digits=digits))
    return out


def persistence(view: View, y: np.ndarray) -> np.ndarray:
    """(cities, 1) present coefficient of the lag in each city's region."""
    region = view.desk.world.roster.units["region3"].iloc[view.rows].to_numpy()
    lags = [replace(item, targets={"L.NQ": 0.0}, digits={"L.NQ": DIGITS}) for item in regressions(view, y)]
    found = {item.column: (item.operator() @ y).item() for item in lags}
    return np.array([[found[name]] for name in region])


def plant_index(desk: Desk) -> dict[str, Settled]:
    """The TOPSIS index, carried by new firms, roads, telecom revenue, mobile users, research spending, the digital index."""
    view = View(desk, study(PAPER))
    shape = (len(view.rows), len(view.columns))
    gradient: dict[str, np.ndarray] = {}

    def measure() -> Measured:
        y, slope = index(indicators(view))
        lag = persistence(view, y)

        def less_lag(operator: np.ndarray) -> np.ndarray:
            """A move of y also moves next year's lag: d(coefficient) = L (d y_t - rho d y_t-1)."""
            own = operator.reshape(-1, *shape)
            after = np.concatenate([own[:, :, 1:], np.zeros_like(own[:, :, :1])], axis=2)
            return np.asarray((own - lag * after).reshape(len(operator), -1))

        gradient.update({name: slope[:, at] for name, at in CARRIERS.items()})
        largest = np.max(list(gradient.values()), axis=0)
        squares = np.sum([own**2 for own in gradient.values()], axis=0)
        return Measured(y, np.divide(squares, largest, out=np.zeros(len(y)), where=largest > 0), less_lag)

    def scale(factor: np.ndarray) -> None:
        largest = np.max(list(gradient.values()), axis=0)
        for name, own in gradient.items():
            power = np.divide(own, largest, out=np.zeros(len(own)), where=largest > 0).reshape(shape)
            view.write(name, view.cells(name) * factor.reshape(shape) ** power)

    return {"exogenous groups": settle(measure, scale, lambda y: stack(regressions(view, y)))}


def check(desk: Desk) -> list[Checked]:
    """The planted outcome as printed."""
    view = View(desk, study(PAPER))
    y, _ = index(indicators(view))
    return [Checked(y, regressions(view, y))]
