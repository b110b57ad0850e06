"""Plant digital_industry: Table 3 column (4) in the entropy index, Table 4 in its six dependents.

Columns (1) to (3) of Table 3 stand on other effects of the same index; they follow from the cities' levels and are not planted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from demo.planting.desk import Desk, View
from demo.planting.measures import cleaned, entropy, quotient, robot_density
from demo.planting.projection import Effects, Projection, Wanted, stack
from demo.planting.published import regression
from demo.planting.settle import CLOSE_ENOUGH, Checked, Measured, Settled, flip, settle
from demo.samples import study
from estimation.indices import EntropyIndex

PAPER = "digital_industry"
FURTHEST = 0.6  # log; two years moved apart stay below what the quarantine takes for a slip
CARRIERS = (
    "listed_strategic_emp", "ai_firms_share", "carbon_trade", "telecom_volume", "env_invest", "patents_green_invention",
    "patents_green_utility",
)  # fmt: skip
INDICATORS = (
    *CARRIERS, "emp_sci", "wage_avg", "cons_urban", "waste_harmless_rate", "broadband_users", "internet_penetration",
    "exp_science", "exp_education",
)  # fmt: skip


def regressors(view: View) -> dict[str, np.ndarray]:
    """Agglomeration and the controls of Table 3, outliers replaced."""
    raw = {
        "agglomeration": quotient(view),
        "develop": view("gdp_pc") / 1e4,
        "unemployed": view("unemployed_registered") / (view("pop_resident") * 1e4),
        "finance": view("loans") / view("gdp"),
        "human": view("students_higher") / 1e4,
        "traffic": view("expressway_length") / 1e4,
        "support": (view("exp_science") + view("exp_education")) / view("fiscal_exp"),
    }
    return {name: cleaned(view, values) for name, values in raw.items()}


def outcome(view: View, raw: np.ndarray, content: np.ndarray) -> Measured:
    """The outcome without its outliers; what carries an outlier does not move."""
    y = cleaned(view, raw.reshape(len(view.rows), -1)).ravel()
    return Measured(y, np.where(y == raw.ravel(), content.ravel(), 0.0))


def regressions(view: View, table: str, *columns: str) -> list[Projection]:
    """Columns of a table; of Table 3 only (4) is planted, the others stand on other effects and are implied."""
    x = regressors(view)
    effects: dict[str, Effects] = {"(1)": "none", "(2)": "none", "(3)": "entity", "(4)": "twoways"}
    out = []
    for column in columns:
        if table == "Table 3":
            own = {"agglomeration": x["agglomeration"]} if column == "(1)" else x
            planted = None if column == "(4)" else ()
            out.append(regression(PAPER, table, column, own, effects[column], planted=planted))
        else:
            out.append(regression(PAPER, table, column, x))
    return out


def goal(view: View, table: str, column: str) -> Callable[[np.ndarray], Wanted]:
    """What is wanted of an outcome: the column over the rows in which neither it nor a regressor is missing.

    The study leaves outliers missing where the line has no two ends (first or last year, long spells).
    """
    projection = regressions(view, table, column)[0]
    return lambda y: stack([projection.where_known(y)])


def structure(view: View) -> np.ndarray:
    """Tertiary over the other sectors' value added."""
    return np.asarray(view("va_tertiary") / (view("va_primary") + view("va_secondary")))


def plant_structure(desk: Desk) -> dict[str, Settled]:
    """Table 4 (5), tertiary over the other sectors' value added: shifts value added between secondary and tertiary."""
    view = View(desk, study(PAPER))

    def measure() -> Measured:
        secondary, tertiary = view("va_secondary"), view("va_tertiary")
        y = structure(view)
        # d y / d log(tertiary / secondary), at a constant sum of the two
        slope = y * (1 + y) * secondary / (secondary + tertiary)
        return outcome(view, y, slope)

    def scale(factor: np.ndarray) -> None:
        shift_sectors(view, factor.reshape(len(view.rows), -1))

    return {"Table 4 (5)": settle(measure, scale, goal(view, "Table 4", "(5)"))}


def shift_sectors(view: View, factor: np.ndarray) -> None:
    """Multiply tertiary over secondary value added by `factor` at a constant sum, levels and shares, whole city."""
    secondary, tertiary = view.cells("va_secondary"), view.cells("va_tertiary")
    both = secondary + tertiary
    moved = both * factor * tertiary / (secondary + factor * tertiary)
    gdp = view.cells("gdp")
    for sector, value in (("tertiary", moved), ("secondary", both - moved)):
        view.write(f"va_{sector}", value)
        view.write(f"va_{sector}_share", 100 * value / gdp)


def productivity_index(columns: list[np.ndarray], robots: np.ndarray) -> EntropyIndex:
    """Entropy index of the indicators, all of them better when larger."""
    return entropy([*columns, robots], ["+"] * (len(columns) + 1))


def plant_index(desk: Desk) -> dict[str, Settled]:
    """Table 3 (4): the entropy index of 16 indicators, carried by listed firms' staff, AI firms and carbon trade."""
    view = View(desk, study(PAPER))
    robots = robot_density(view)

    def measure() -> Measured:
        columns = [view(name) for name in INDICATORS]
        index = productivity_index(columns, robots)
        content = np.zeros(index.score.size)
        edge = np.zeros(index.score.size, dtype=bool)
        for column, weight in zip(columns[: len(CARRIERS)], index.weights, strict=False):
            flat = column.ravel()
            content += weight * flat / (flat.max() - flat.min())
            edge |= (flat == flat.max()) | (flat == flat.min())
        return outcome(view, np.asarray(index.score), np.where(edge, 0.0, content))

    def scale(factor: np.ndarray) -> None:
        for name in CARRIERS:
            view.write(name, view.cells(name) * factor.reshape(len(view.rows), -1))

    return {"Table 3 (4)": settle(measure, scale, goal(view, "Table 3", "(4)"), furthest=FURTHEST)}


def plant_mechanisms(desk: Desk) -> dict[str, Settled]:
    """Table 4 (1), (2), (3), (4), (6): research staff, patents a head, exchanges, pilot projects, labour productivity."""
    view = View(desk, study(PAPER))
    out = {
        "Table 4 (1)": _plant_ratio(view, "(1)", "rd_personnel", np.full(view("gdp").shape, 1e4)),
        "Table 4 (2)": _plant_ratio(view, "(2)", "patents_applied", view("pop_yearend")),
        "Table 4 (3)": _plant_count(view, "(3)", "data_exchange_count"),
        "Table 4 (4)": _plant_count(view, "(4)", "bigdata_pilot_projects"),
        "Table 4 (6)": _plant_productivity(view),
    }
    return out


def _plant_ratio(view: View, column: str, carrier: str, below: np.ndarray) -> Settled:
    """A count over something given: the carrier is scaled, then changed by single units."""
    wanted = goal(view, "Table 4", column)

    def measure() -> Measured:
        y = view(carrier) / below
        return outcome(view, y, y)

    def scale(factor: np.ndarray) -> None:
        view.write(carrier, view.cells(carrier) * factor.reshape(below.shape))

    settled = settle(measure, scale, wanted)
    if settled.worst <= CLOSE_ENOUGH:
        return settled
    count, state = view(carrier), measure()
    effect = np.where(state.content > 0, 1 / below.ravel(), 0.0)
    changes, worst = flip(state.y, effect, lambda changes: -np.floor(0.1 * count.ravel()), wanted(state.y))
    view.write(carrier, count + changes.reshape(count.shape))
    return replace(settled, worst=worst)


def _plant_count(view: View, column: str, carrier: str) -> Settled:
    """Whole numbers: cells change by one until the coefficient fits."""
    start = view(carrier).ravel()
    changes, worst = flip(start, np.ones(len(start)), lambda changes: -start, goal(view, "Table 4", column)(start))
    view.write(carrier, (start + changes).reshape(len(view.rows), -1))
    return Settled(int(np.abs(changes).sum()), worst, float(np.abs(changes).max()), float(np.median(np.abs(changes))))


def _plant_productivity(view: View) -> Settled:
    """Sum over sectors of value added a person times the sector's share: persons move between farming and the rest."""

    def measure() -> Measured:
        farming, rest = labour_productivity(view)
        staff = view("emp_primary") / (view("emp_total") - view("emp_primary"))
        # scaling secondary and tertiary staff by 1/f moves the measure by (f - 1) rest; room is what farming can give
        return outcome(view, farming + rest, rest * np.minimum(1.0, 4 * staff))

    def scale(factor: np.ndarray) -> None:
        staff = view("emp_primary") / (view("emp_total") - view("emp_primary"))
        room = np.minimum(1.0, 4 * staff)
        change = np.exp(-np.log(factor.reshape(room.shape)) * room)
        total = view.cells("emp_total")
        moved = {s: view.cells(f"emp_{s}") * change for s in ("secondary", "tertiary")}
        left = total - moved["secondary"] - moved["tertiary"]
        squeeze = np.where(left < 0.2 * view.cells("emp_primary"), view.cells("emp_primary") * 0.2, left)
        shrink = (total - squeeze) / (moved["secondary"] + moved["tertiary"])
        for sector, value in moved.items():
            view.write(f"emp_{sector}", value * shrink)
        view.write("emp_primary", squeeze)

    return settle(measure, scale, goal(view, "Table 4", "(6)"))


def labour_productivity(view: View) -> tuple[np.ndarray, np.ndarray]:
    """Value added a person times the sector's share of product (10 000 yuan), of farming and of the rest."""
    shares = {s: view(f"va_{s}") / view("gdp") for s in ("primary", "secondary", "tertiary")}
    own = {s: view(f"va_{s}") / view(f"emp_{s}") * share for s, share in shares.items()}
    return own["primary"], own["secondary"] + own["tertiary"]


def check(desk: Desk) -> list[Checked]:
    """All planted outcomes as printed."""
    view = View(desk, study(PAPER))
    index = productivity_index([view(name) for name in INDICATORS], robot_density(view))
    continuous = {
        "(1)": view("rd_personnel") / 1e4,
        "(2)": view("patents_applied") / view("pop_yearend"),
        "(5)": structure(view),
        "(6)": np.add(*labour_productivity(view)),
    }
    counts = {"(3)": view("data_exchange_count"), "(4)": view("bigdata_pilot_projects")}
    outcomes = {column: cleaned(view, y) for column, y in continuous.items()} | counts
    mechanisms = [Checked(y.ravel(), regressions(view, "Table 4", column)) for column, y in sorted(outcomes.items())]
    score = cleaned(view, np.asarray(index.score).reshape(len(view.rows), -1))
    return [Checked(score.ravel(), regressions(view, "Table 3", "(1)", "(2)", "(3)", "(4)")), *mechanisms]
