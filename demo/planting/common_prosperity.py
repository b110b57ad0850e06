"""Plant common_prosperity: virtual agglomeration (Table 4, VG model), then the principal-component index (Tables 3 to 5)."""

from __future__ import annotations

import numpy as np

from demo.economy import TIERS
from demo.lists import digital_finance_index
from demo.planting.desk import Desk, View
from demo.planting.measures import SWITCHES, distances, distortions, market, policy, quotient, virtual
from demo.planting.projection import Projection, smallest_move, stack
from demo.planting.published import column_of, regression
from demo.planting.settle import Checked, Measured, Settled, settle
from demo.samples import study
from demo.series import exchange_rates, national_values, province_values
from estimation.indices import pca_index

PAPER = "common_prosperity"
PEOPLE = "pop_resident"
ENOUGH = 0.3  # location quotient from which on all may move by the same amount
CARRIERS = ("savings_household", "hospital_beds", "cons_rural", "students_regular")
DIRECTIONS = ["+"] * 16 + ["-", "-", "-", "+"]


def controls(view: View) -> dict[str, np.ndarray]:
    """Controls of Table 3 as the paper defines them."""
    gdp = view("gdp")
    return {
        "ln_gdp_pc": np.log(view("gdp_pc")),
        "finance": (view("deposits") + view("loans")) / gdp,
        "fdi": view("fdi_actual") * exchange_rates(view.desk.world)[view.columns] / gdp,
        "gov": view("fiscal_exp") / gdp,
        "edu": view("exp_education") / view("fiscal_exp"),
        "ind": view("va_industry") / gdp,
    }


def indicators(view: View) -> list[np.ndarray]:
    """The twenty indicators of Table 1, (cities, years) each."""
    country = national_values(view.desk.world)
    province = province_values(view.desk.world)
    home = view.desk.world.roster.units["province_code"].iloc[view.rows].tolist()

    def nation(name: str) -> np.ndarray:
        return np.asarray(country[name][view.columns])

    def around(name: str) -> np.ndarray:
        return np.stack([province[name][code][view.columns] for code in home])

    urban, rural, people = view("inc_urban"), view("inc_rural"), view(PEOPLE)
    beds, green = view("hospital_beds") / people, view("green_area") / people
    spending = view("edu_exp_per_student")
    return [
        urban / 1e4, rural / 1e4, view("inc_all") / view("gdp_pc"), view("savings_household") / people, rural / urban,
        view("cons_rural") / view("cons_urban"), urban / around("inc_urban"), rural / around("inc_rural"),
        urban / nation("inc_urban"), rural / nation("inc_rural"), spending / around("edu_exp_per_student"),
        spending / nation("edu_exp_per_student"), beds / around("hospital_beds"), beds / nation("hospital_beds"),
        green / around("green_area"), green / nation("green_area"), view("unemployment_rate"), view("pop_65plus") / people,
        view("energy_consumption") / view("gdp"), view("waste_harmless_rate"),
    ]  # fmt: skip


# What Table 3 (2) and Table 4 (1) leave no room for: b_short = b_long + Gamma b_excluded decides these.
IMPLIED = {("Table 4", "(1)"): {"DID"}, ("Table 4", "(2)"): {"DID", "VG"}}


def regressions(view: View) -> list[Projection]:
    """Table 3 (2), Table 4 (1) and (2), Table 5 with city and year effects; Table 3 (1), pooled, is implied."""
    did = policy(view, "broadband_china")
    around, agglomeration = controls(view), virtual(view)
    capital, labour = distortions(view)
    finance = digital_finance_index(view.desk.world)[view.rows].mean(axis=1, keepdims=True)
    integration = market(view)
    high = {
        "admin_level": view.desk.world.roster.units["admin_level"].iloc[view.rows].isin(TIERS).to_numpy()[:, None],
        "digital_finance_high": finance > np.median(finance),
        "market_integration_high": integration > np.median(integration),
    }
    x: dict[tuple[str, str], dict[str, np.ndarray]] = {
        ("Table 3", "(2)"): {"DID": did},
        ("Table 4", "(1)"): _mediated(did, agglomeration, "distK", capital),
        ("Table 4", "(2)"): _mediated(did, agglomeration, "distL", labour),
    }
    for column, (name, group) in zip(("(1)", "(2)", "(3)"), high.items(), strict=True):
        dummy = np.broadcast_to(group, did.shape).astype(float)
        moving = {name: dummy} if dummy.std(axis=1).any() else {}  # what never changes is absorbed by the city effects
        x["Table 5", column] = {f"DID#{name}": did * dummy, "DID": did, **moving}
    pooled = regression(PAPER, "Table 3", "(1)", {"DID": did, **around}, "none", planted=())
    return [pooled, *(_column(table, column, {**own, **around}) for (table, column), own in x.items())]


def _mediated(did: np.ndarray, agglomeration: np.ndarray, name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    return {"DID": did, "VG": agglomeration, name: values, f"VG#{name}": agglomeration * values}


def _column(table: str, column: str, x: dict[str, np.ndarray]) -> Projection:
    planted = set(column_of(PAPER, table, column)) - IMPLIED.get((table, column), set())
    return regression(PAPER, table, column, x, planted=planted)


def agglomeration_column(view: View) -> Projection:
    """Table 4, VG model."""
    return regression(PAPER, "Table 4", "VG model", {"DID": policy(view, "broadband_china"), **controls(view)})


def plant_agglomeration(desk: Desk) -> dict[str, Settled]:
    """Table 4, VG model: virtual agglomeration rises in pilot cities, carried by information-service staff."""
    view = View(desk, study(PAPER))
    goal = stack([agglomeration_column(view)])
    far = distances(view)
    weights = np.divide(1.0, far, out=np.eye(len(far)), where=far > 0)
    rounds, total = 0, np.zeros((len(far), len(view.columns)))
    while rounds < 12 and goal.worst(virtual(view).ravel()) > 0.2:
        lq, y = quotient(view), virtual(view).ravel()
        size = lq.ravel()
        wide = np.full(len(y), np.inf)
        freedom = np.minimum(size, ENOUGH) ** 2  # equal amounts: else the square of large values would move most
        step = smallest_move(goal.operator / goal.precision[:, None], goal.gap(y), freedom, -wide, wide)
        step = step.reshape(lq.shape)
        factor = np.maximum(1 + np.linalg.solve(weights, step) / lq, 0.3)
        before = view.cells("emp_ict")
        view.write("emp_ict", before * factor)
        view.write(
            "emp_trade", np.maximum(view.cells("emp_trade") - before * (factor - 1), 0.2 * view.cells("emp_trade"))
        )
        total, rounds = total + np.log(factor), rounds + 1
    moves = np.abs(total)
    return {
        "Table 4 VG model": Settled(
            rounds, goal.worst(virtual(view).ravel()), float(moves.max()), float(np.median(moves))
        )
    }


def index(view: View) -> tuple[np.ndarray, np.ndarray]:
    """((n, 20) indicators, (n,) index by principal components on the declared scale)."""
    columns = np.column_stack([column.ravel() for column in indicators(view)])
    found = pca_index(columns, DIRECTIONS, rescale=SWITCHES["pca_rescale"], k_rule=SWITCHES["pca_k_rule"])
    return columns, np.asarray(found.score)


def check(desk: Desk) -> list[Checked]:
    """All planted outcomes as printed."""
    view = View(desk, study(PAPER))
    return [
        Checked(virtual(view).ravel(), [agglomeration_column(view)]),
        Checked(index(view)[1], regressions(view)),
    ]


def plant_index(desk: Desk) -> dict[str, Settled]:
    """Table 3: the index is carried by savings, beds, rural consumption and students (spending a student)."""
    view = View(desk, study(PAPER))
    gradient: dict[str, np.ndarray] = {}

    def measure() -> Measured:
        columns, y = index(view)
        gradient.update(_elasticities(columns, y))
        largest = np.max(np.abs(list(gradient.values())), axis=0)
        return Measured(y, sum(g**2 for g in gradient.values()) / largest)

    def scale(factor: np.ndarray) -> None:
        largest = np.max(np.abs(list(gradient.values())), axis=0)
        for name, own in gradient.items():
            power = (own / largest).reshape(len(view.rows), -1)
            view.write(name, view.cells(name) * factor.reshape(power.shape) ** power)
        students = view("students_regular")
        view.write("edu_exp_per_student", view("exp_education") * 1e8 / students)

    return {"Tables 3 to 5": settle(measure, scale, stack(regressions(view)))}


def _elasticities(columns: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """Change of the index when a carrier grows by one per cent (times 100), by carrier; the index is linear in the indicators."""
    design = np.column_stack([columns - columns.mean(axis=0), np.ones(len(y))])
    slopes = np.linalg.lstsq(design / np.abs(design).max(axis=0), y, rcond=None)[0] / np.abs(design).max(axis=0)
    own = {"savings_household": (3,), "hospital_beds": (12, 13), "cons_rural": (5,), "students_regular": (10, 11)}
    out = {name: sum(slopes[at] * columns[:, at] for at in positions) for name, positions in own.items()}
    out["students_regular"] = -out["students_regular"]
    return {name: np.asarray(values) for name, values in out.items()}
