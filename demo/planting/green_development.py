"""Plant green_development: patents (Table 7 (2)), green productivity (Tables 2 to 8) and the green index (Table 3 (2)).

Virtual agglomeration is a given regressor here. Green productivity is carried by electricity, sulphur dioxide and waste water of
city-years that are not on the frontier, from the second year on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from demo.lists import relief_of
from demo.planting.desk import Desk, View
from demo.planting.measures import SWITCHES, capital, entropy, market, policy, virtual
from demo.planting.projection import Projection, stack
from demo.planting.published import regression
from demo.planting.settle import Checked, Measured, Settled, flip, settle
from demo.roster import SEEDS
from demo.samples import study
from demo.series import internet_users
from demo.tables import records
from estimation.dea import dea
from estimation.indices import EntropyIndex

PAPER = "green_development"
CARRIERS = ("electricity", "so2_industrial", "wastewater_industrial")
GREEN_CARRIERS = (
    ("gas_residential_pc", "districts"),
    ("water_residential_pc", "districts"),
    ("park_area_pc", "districts"),
)
GREEN_DIRECTIONS = ["-", "-", "+", "+", "+", "+", "+", "-", "+"]
NUDGE = 0.01
PASSES, ROUNDS = 3, 6  # elasticities off the frontier are measured anew in each pass
STEADY = 30.0  # how much a move of the growth index costs beside one of the carriers' logarithms (squares of both)


def controls(view: View) -> dict[str, np.ndarray]:
    """Controls of all tables."""
    return {
        "Fina": view("loans") / view("gdp"),
        "Gov": view("fiscal_rev") / view("fiscal_exp"),
        "Edu": view("exp_education") / view("gdp"),
        "Er": np.log(view("dust_industrial")),
        "lntech": np.log(view("exp_science") * 1e4),
        "lnpop": np.log(view("pop_yearend")),
    }


def curve(view: View) -> dict[str, np.ndarray]:
    """Virtual agglomeration and its square."""
    va = virtual(view)
    return {"Va": va, "Va_sq": va**2}


def structure(view: View) -> np.ndarray:
    """Industrial structure as printed: sum of sector shares times 1, 2, 3."""
    parts = [view(f"va_{sector}") for sector in ("primary", "secondary", "tertiary")]
    return np.asarray((parts[0] + 2 * parts[1] + 3 * parts[2]) / sum(parts))


def groups(view: View) -> dict[str, np.ndarray]:
    """(cities,) masks of the planted subsamples, by table and column."""
    units = view.desk.world.roster.units.iloc[view.rows]
    region = units["region3"].to_numpy()
    approved = {row["city_code"] for row in records(SEEDS / "city_clusters.csv") if row["approval_year"]}
    member = np.isin(view.codes, sorted(approved))
    return {
        "Table 3 (1)": units["admin_level"].to_numpy() != "municipality",
        "Table 6 (1)": region == "east",
        "Table 6 (2)": region == "central",
        "Table 6 (3)": region == "west",
        "Table 6 (4)": member,
        "Table 6 (5)": ~member,
        "Table 8 (1)": border_cities(view),
        "Table 8 (2)": border_cities(view),
    }


def border_cities(view: View) -> np.ndarray:
    """(cities,) cities with a neighbour in another province."""
    province = {row["city_code"]: row["province_code"] for row in records(SEEDS / "cities.csv")}
    pairs = [(row["city_code_i"], row["city_code_j"]) for row in records(SEEDS / "city_adjacency_2021.csv")]
    across = {code for pair in pairs if province[pair[0]] != province[pair[1]] for code in pair}
    return np.isin(view.codes, sorted(across))


def regressions(view: View) -> list[Projection]:
    """Every column of green productivity; where a term is added to the baseline, the slopes of agglomeration are implied."""
    va, around = curve(view), controls(view)
    out = [regression(PAPER, "Table 2", "(1)", va), regression(PAPER, "Table 2", "(2)", {**va, **around})]
    for name, keep in groups(view).items():
        x = va if name == "Table 8 (1)" else {**va, **around}
        out.append(regression(PAPER, name[:7], name[8:], x, keep=keep[:, None]))
    added = {
        ("Table 3", "(3)", "Smart_city"): policy(view, "smart_city"),
        ("Table 3", "(4)", "Low_carbon"): policy(view, "low_carbon_city"),
        ("Table 7", "(1)", "Ina"): np.log1p(view("patents_granted")),
        ("Table 7", "(3)", "Ind"): structure(view),
        ("Table 7", "(5)", "Mar"): market(view) / 100,
    }
    for (table, column, term), values in added.items():
        out.append(regression(PAPER, table, column, {**va, term: values, **around}, planted=(term,)))
    return [*out, instrumented(view)]


def instrumented(view: View) -> Projection:
    """Table 5 (3): terrain and last year's internet users instrument agglomeration and its square."""
    world = view.desk.world
    relief = relief_of(world)[0][view.rows][:, None]
    iv = np.log(internet_users(world)[view.columns - 1]) / relief
    x = {**curve(view), **controls(view)}
    return regression(PAPER, "Table 5", "(3)", x, instruments={"Iv": iv, "Iv_sq": iv**2})


def on_curve(view: View, table: str, column: str) -> Projection:
    """A column on agglomeration, its square and the controls."""
    return regression(PAPER, table, column, {**curve(view), **controls(view)})


def plant_patents(desk: Desk) -> dict[str, Settled]:
    """Table 7 (2): the log of patents granted on agglomeration and its square."""
    view = View(desk, study(PAPER))
    goal = stack([on_curve(view, "Table 7", "(2)")])

    def measure() -> Measured:
        patents = view("patents_granted")
        # few patents cannot be moved finely
        return Measured(np.log1p(patents).ravel(), np.where(patents >= 20, patents / (1 + patents), 0.0).ravel())

    def scale(factor: np.ndarray) -> None:
        for name in ("patents_granted", "patents_granted_invention"):
            view.write(name, view.cells(name) * factor.reshape(len(view.rows), -1))

    settled = settle(measure, scale, goal)
    patents = view("patents_granted").ravel()
    y = np.log1p(patents)
    changes, worst = flip(y, 1 / (1 + patents), lambda changes: np.where(patents > 20, -2, 0), goal)
    view.write("patents_granted", (patents + changes).reshape(len(view.rows), -1))
    return {"Table 7 (2)": replace(settled, worst=worst)}


def plant_productivity(desk: Desk) -> dict[str, Settled]:
    """Green productivity: ratio of efficiencies on the global frontier, first year one."""
    view = View(desk, study(PAPER))
    shape = (len(view.rows), len(view.columns))
    stock = capital(view)
    goal = stack(regressions(view))
    elasticity = np.zeros(stock.size)
    moved = np.zeros(stock.size)

    def measure() -> Measured:
        score = efficiency(view, stock)
        y = growth(score.reshape(shape))
        free = np.where(score < 1 - 1e-9, elasticity, 0.0).reshape(shape)
        free[:, 0] = 0.0

        def response(operator: np.ndarray) -> np.ndarray:
            """An operator on y as one on log efficiency: d y_t = y_t (d u_t - d u_t-1)."""
            own = operator.reshape(-1, *shape) * y
            own[:, :, 0] = 0.0
            after = np.concatenate([own[:, :, 1:], np.zeros_like(own[:, :, :1])], axis=2)
            return np.asarray((own - after).reshape(len(operator), -1))

        return Measured(y.ravel(), free.ravel(), response, STEADY * squares_of_growth(y))

    def scale(factor: np.ndarray) -> None:
        nonlocal moved
        moved = moved + np.log(factor)
        for name in CARRIERS:
            view.write(name, view.cells(name) * factor.reshape(shape))

    rounds = 0
    for _ in range(PASSES):
        elasticity = _elasticity(view, stock)
        settled = settle(measure, scale, goal, rounds=ROUNDS, furthest=0.6, first_part=1.0, enough=0.6)
        rounds += settled.rounds
        if settled.worst <= 1.0:
            break
    size = np.abs(moved)
    return {"Gtfp": Settled(rounds, settled.worst, float(size.max()), float(np.median(size)))}


def growth(score: np.ndarray) -> np.ndarray:
    """Ratio of a year's efficiency to the year before, one in the first year."""
    return np.concatenate([np.ones_like(score[:, :1]), score[:, 1:] / score[:, :-1]], axis=1)


def squares_of_growth(y: np.ndarray) -> np.ndarray:
    """(cities, years, years) S with u' S u the squared moves of growth y when the log of efficiency moves by u, first year given."""
    later = np.arange(1, y.shape[1])
    moves = np.zeros((*y.shape, y.shape[1]))
    moves[:, later, later], moves[:, later, later - 1] = y[:, 1:], -y[:, 1:]
    return np.asarray(moves.transpose(0, 2, 1) @ moves)


def efficiency(view: View, stock: np.ndarray, nudge: np.ndarray | None = None) -> np.ndarray:
    """(cities * years,) EBM efficiency against the frontier of all years; `nudge` multiplies the carriers."""
    more = np.ones(stock.size) if nudge is None else nudge
    inputs = np.column_stack([stock.ravel(), view("emp_total").ravel(), view("electricity").ravel() * more])
    bad = np.column_stack([
        view("so2_industrial").ravel() * more, view("dust_industrial").ravel(), view("wastewater_industrial").ravel() * more,
    ])  # fmt: skip
    found = dea(
        inputs, view("gdp").reshape(-1, 1), bad, model="ebm", orientation=SWITCHES["ebm_orientation"],
        rts=SWITCHES["ebm_rts"],
    )  # fmt: skip
    return np.asarray(found.score)


def _elasticity(view: View, stock: np.ndarray) -> np.ndarray:
    """Per cent change of efficiency for one per cent more of the carriers, off the frontier."""
    before = efficiency(view, stock)
    inside = before < 1 - 1e-9
    after = efficiency(view, stock, np.where(inside, 1 + NUDGE, 1.0))
    return np.where(inside, np.log(after / before) / np.log1p(NUDGE), 0.0)


def green_index(view: View) -> EntropyIndex:
    """Entropy index of nine indicators."""
    gdp = view("gdp")
    columns = [
        view("energy_per_gdp"), view("wastewater_industrial") / gdp, view("va_tertiary") / gdp,
        *(view(*key) for key in GREEN_CARRIERS), view("green_coverage", "districts"), view("so2_industrial"),
        view("sewage_treatment_rate"),
    ]  # fmt: skip
    return entropy(columns, GREEN_DIRECTIONS)


def check(desk: Desk) -> list[Checked]:
    """All planted outcomes as printed."""
    view = View(desk, study(PAPER))
    score = efficiency(view, capital(view)).reshape(len(view.rows), -1)
    return [
        Checked(np.log1p(view("patents_granted")).ravel(), [on_curve(view, "Table 7", "(2)")]),
        Checked(growth(score).ravel(), regressions(view)),
        Checked(np.asarray(green_index(view).score), [on_curve(view, "Table 3", "(2)")]),
    ]


def plant_green_index(desk: Desk) -> dict[str, Settled]:
    """Table 3 (2): the entropy index of nine indicators, carried by household gas, water and parks."""
    view = View(desk, study(PAPER))
    goal = stack([on_curve(view, "Table 3", "(2)")])

    def measure() -> Measured:
        carried = [view(*key) for key in GREEN_CARRIERS]
        index = green_index(view)
        content, edge = np.zeros(index.score.size), np.zeros(index.score.size, dtype=bool)
        for column, weight in zip(carried, index.weights[3:6], strict=True):
            flat = column.ravel()
            content += weight * flat / (flat.max() - flat.min())
            edge |= (flat == flat.max()) | (flat == flat.min())
        return Measured(np.asarray(index.score), np.where(edge, 0.0, content))

    def scale(factor: np.ndarray) -> None:
        for name, scope in GREEN_CARRIERS:
            view.write(name, view.cells(name, scope) * factor.reshape(len(view.rows), -1), scope)

    return {"Table 3 (2)": settle(measure, scale, goal)}
