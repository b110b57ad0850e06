"""Resolved values that cannot be what they say: impossible values, magnitude slips, values of a namesake county-level city.

Rules look at series, never at a list of known errors. Levels and ratios are compared in logarithms, growth rates in
points. A slip leaves the level of its neighbours and returns to it, or contradicts an identity; a value that stays at
its new level, or moves with the rest of its province, is a break in the series and is left alone.

The cells stay in raw.resolved; audit.quarantine names them, and the panel drops or corrects them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from landing.dictionary import Dictionary, read_seed
from landing.series import Matrix, column_quantiles, long_median, middle_of_neighbours, neighbours

# A fourfold deviation is never a year's change of a stable series; volatile ones are measured by their own spread:
# three times the 95th percentile of the deviations of a usual year's cities.
MIN_DEVIATION = 0.6
SPREAD_FACTOR = 3.0
# Both sides of a slip stand nearer to each other than this share of the deviation.
RETURN_SHARE = 0.6
# A province that moves by this share of the deviation or more has been revised or has really changed, unless a factor
# of thirty stands between: no economy moves by that in a year.
COMMON_SHARE = 0.4
ALWAYS_A_SLIP = 1.5
LEAST_OF_PROVINCE = 4
RELATION_DEVIATION = 0.5
# Extensive series may start small (a first campus, a new office): only a hundredfold start is suspicious.
SMALL_START = 2.0
# Where the years on one side are missing a slip and a break look alike until the next year: ask for more.
EDGE_DEVIATION = 0.7
# A column of another quantity: half of the cities leave the years around by a factor of two, and that is eight times
# what half of them do in a usual year.
COLUMN_DEVIATION = 0.3
COLUMN_FACTOR = 8.0
GROWTH_POINTS = 40.0
# Zeros are values where they are common; where fewer than this share of cells is zero, a zero is a missing value.
RARE_ZERO_SHARE = 0.005
LOG_OF_ZERO = -9.0
# Rise at an upgrade beyond the usual growth of other cities that no growth explains, and its multiple of the spread;
# where fewer cities than this have both years, 15 % a year is taken as usual. Growth rates are compared with the
# median city where at least as many print one.
UPGRADE_RISE = 0.25
UPGRADE_SPREAD = 1.5
UPGRADE_YEARS = 4
MIN_CITIES = 20
USUAL_GROWTH = 0.0607

HINTS = {
    "impossible_value": "correct it in seeds/corrections.csv, or accept its loss in seeds/accepted_quarantine.csv",
    "magnitude_jump": "correct it in seeds/corrections.csv, or accept its loss in seeds/accepted_quarantine.csv",
    "entity_not_valid": "accept its loss in seeds/accepted_quarantine.csv; no value of the prefecture is invented",
}

CITIES = "select distinct city_code from landing_place_years where city_code <> '' order by 1"
POINTS = """
select l.rowid as row, f.id as file, c.id as city, v.id as variable, l.year, l.value * u.factor / v.factor as x
from landed l
join landing_columns h on h.head = l.head
join plausibility_files f on f.name = h.file_id
join plausibility_cities c on c.name = l.city_code
join plausibility_variables v on v.name = h.variable
join plausibility_units u on u.name = h.unit
where l.usable and l.culprit is null
"""


@dataclass
class Panel:
    """Values as columns of codes: `points` (row, file, city, variable, year, x) in order of variables, names behind
    the codes, and the attributes of variables (kind, extensive, unit)."""

    points: pd.DataFrame
    cities: list[str]
    variables: pd.DataFrame
    first_year: int
    n_years: int

    def of(self, variable: int) -> pd.DataFrame:
        """The points of one variable."""
        first, stop = np.searchsorted(self.points["variable"].to_numpy(), [variable, variable + 1])
        return self.points.iloc[first:stop]

    def matrix(self, points: pd.DataFrame) -> Matrix:
        """City x year medians of log10 of the positive values of one variable."""
        x = points["x"].to_numpy()
        at = points["city"].to_numpy() * self.n_years + points["year"].to_numpy() - self.first_year
        at, logs = at[x > 0], np.log10(x[x > 0])
        matrix = np.full((len(self.cities), self.n_years), np.nan)
        if at.size and np.bincount(at).max() > 1:
            several = pd.Series(logs).groupby(at).median()
            at, logs = several.index.to_numpy(), several.to_numpy()
        matrix.flat[at] = logs
        return matrix


@dataclass(frozen=True)
class Measured:
    """One variable: city x year logarithms, the median of each position's neighbours, and the usual spread around
    it."""

    matrix: Matrix
    middle: Matrix
    spread: float


def check_plausibility(con: duckdb.DuckDBPyConnection, dictionary: Dictionary, seeds: Path) -> None:
    """Add quarantine rows for resolved cells that fail a rule; each cell once, the gravest rule first."""
    panel = _panel(con, dictionary)
    if panel.points.empty:
        return
    found = []
    for rule in (_impossible, _growth):
        found.append(rule(panel))
        _take_out(panel, found[-1])
    measured = _measure(panel)
    namesakes = _namesakes(panel, measured, read_seed(seeds, "city_events"))
    if len(namesakes):
        _take_out(panel, namesakes)
        measured = _measure(panel)
    columns = _columns(panel, measured)
    if len(columns):
        _take_out(panel, columns)
        measured = _measure(panel)
    residuals = _residuals(read_seed(seeds, "plausibility_relations"), measured, panel)
    _write(con, pd.concat([*found, namesakes, columns, _jumps(panel, measured, residuals)]))


def _panel(con: duckdb.DuckDBPyConnection, dictionary: Dictionary) -> Panel:
    variables = dictionary.indicators[["variable", "kind", "extensive", "unit"]].rename(columns={"variable": "name"})
    variables = variables[variables["kind"].isin(["level", "ratio", "growth"])].reset_index(drop=True)
    cities = [str(code) for (code,) in con.execute(CITIES).fetchall()]
    files = [str(name) for (name,) in con.execute("select file_id from raw.files order by 1").fetchall()]
    factor = dictionary.factor
    for name, frame in (
        ("files", pd.DataFrame({"name": pd.Series(files, dtype="str"), "id": range(len(files))})),
        ("cities", pd.DataFrame({"name": pd.Series(cities, dtype="str"), "id": range(len(cities))})),
        ("units", pd.DataFrame({"name": list(factor), "factor": list(factor.values())})),
        ("variables", variables[["name"]].assign(id=range(len(variables)), factor=variables["unit"].map(factor))),
    ):
        con.register("plausibility_incoming", frame)
        con.execute(f"create or replace temp table plausibility_{name} as select * from plausibility_incoming")
        con.unregister("plausibility_incoming")
    columns = con.execute(POINTS).fetchnumpy()
    order = np.argsort(np.asarray(columns["variable"], dtype=np.int32), kind="stable")
    points = pd.DataFrame({name: values[order] for name, values in columns.items()})
    years = points["year"] if len(points) else pd.Series([2000])
    return Panel(points, cities, variables, int(years.min()), int(years.max() - years.min() + 1))


def _take_out(panel: Panel, found: pd.DataFrame) -> None:
    if len(found):
        panel.points = panel.points[~panel.points["row"].isin(found["row"])]


def _found(points: pd.DataFrame, reason: str, detail: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"row": points["row"].to_numpy(), "reason": reason, "detail": np.array(detail, dtype=object)})


def _impossible(panel: Panel) -> pd.DataFrame:
    """Negative levels and ratios, shares and rates in per cent above 100, growth below -100 %."""
    kind, per_cent = panel.variables["kind"], panel.variables["unit"].eq("pct")
    bounded = per_cent & kind.eq("ratio") & panel.variables["name"].str.contains("_share_|_rate_")
    lowest = np.select([kind.isin(["level", "ratio"]), kind.eq("growth") & per_cent], [0.0, -100.0], -np.inf)
    highest = np.where(bounded, 100.0, np.inf)
    variable, x = panel.points["variable"].to_numpy(), panel.points["x"].to_numpy()
    hit = (x < lowest[variable]) | (x > highest[variable])
    details = {0.0: "a negative level or ratio", -100.0: "growth below -100 %"}
    detail = [
        "a share above 100 %" if value > 0 else details[low]
        for value, low in zip(x[hit], lowest[variable][hit], strict=True)
    ]
    return _found(panel.points[hit], "impossible_value", detail)


def _growth(panel: Panel) -> pd.DataFrame:
    """Growth rates far from those of the other cities in the same year: an index (108.8), a lost decimal point (420)."""
    wanted = (panel.variables["kind"].eq("growth") & panel.variables["unit"].eq("pct")).to_numpy()
    points = panel.points[wanted[panel.points["variable"]]]
    cities = points.groupby(["variable", "year"])["x"]
    middle = cities.transform("median")
    far = ((points["x"] - middle).abs() > GROWTH_POINTS) & (cities.transform("size") >= MIN_CITIES)
    detail = [
        f"growth of {x:g} against {m:.4g} in the median city of that year"
        for x, m in zip(points["x"][far], middle[far], strict=True)
    ]
    return _found(points[far], "magnitude_jump", detail)


def _measure(panel: Panel) -> dict[int, Measured]:
    """Matrices of all levels and ratios."""
    measured = {}
    compared = panel.variables["kind"].isin(["level", "ratio"]).to_numpy()
    for variable in np.unique(panel.points["variable"]).tolist():
        if compared[variable]:
            matrix = panel.matrix(panel.of(variable))
            middle = middle_of_neighbours(matrix)
            measured[variable] = Measured(matrix, middle, _spread(np.abs(matrix - middle)))
    return measured


def _spread(sizes: Matrix) -> float:
    """95th percentile of the deviations of a year's cities, in the median year: a year in a wrong unit does not count.

    With few cities a slip would be its own percentile: there 2.9 times the median stands for it, as under normality.
    """
    quantiles, count = column_quantiles(sizes, 0.95)
    several = quantiles[count >= MIN_CITIES]
    if several.size:
        return float(np.median(several))
    known = sizes[~np.isnan(sizes)]
    return 2.9 * float(np.median(known)) if known.size else np.inf


def _columns(panel: Panel, measured: dict[int, Measured]) -> pd.DataFrame:
    """All values of a year in a file whose cities do not follow the years around them: another quantity or unit."""
    found = [_found(panel.points.iloc[:0], "magnitude_jump", [])]
    for variable, series in measured.items():
        for year, usual in _odd_years(series):
            points = panel.of(variable)
            points = points[points["year"].eq(panel.first_year + year) & (points["x"] > 0)]
            sizes = np.abs(np.log10(points["x"].to_numpy()) - series.middle[points["city"].to_numpy(), year])
            for _, rows in points.assign(size=sizes).groupby("file"):
                median = rows["size"].median()
                if rows["size"].notna().sum() >= MIN_CITIES and median > COLUMN_DEVIATION:
                    detail = (
                        f"half of the {len(rows)} cities of this column leave the years around by a factor of "
                        f"{10**median:.2g} (usually {10**usual:.2g}): another quantity or unit"
                    )
                    found.append(_found(rows, "magnitude_jump", [detail] * len(rows)))
    return pd.concat(found)


def _odd_years(series: Measured) -> list[tuple[int, float]]:
    """Years between others in which half of the cities deviate, with the deviation of half of them in other years."""
    medians, count = column_quantiles(np.abs(series.matrix - series.middle), 0.5)
    years = np.flatnonzero(count >= MIN_CITIES)
    odd = []
    for year in years[1:-1].tolist():
        if medians[year] > COLUMN_DEVIATION:
            usual = float(np.median(medians[years[years != year]]))
            if medians[year] > COLUMN_FACTOR * usual:
                odd.append((year, usual))
    return odd


def _jumps(panel: Panel, measured: dict[int, Measured], residuals: dict[int, Matrix]) -> pd.DataFrame:
    province = np.array([int(code[:2]) for code in panel.cities])
    found = [_found(panel.points.iloc[:0], "magnitude_jump", [])]
    for variable in measured:
        points = panel.of(variable)
        if len(points):
            extensive = panel.variables["extensive"].iloc[variable] == "true"
            level = panel.variables["kind"].iloc[variable] == "level"
            zero = points["x"].to_numpy() == 0
            points = points[~zero | (level and zero.mean() < RARE_ZERO_SHARE)]
            found.append(_jumps_of(points, panel, measured[variable], residuals.get(variable), province, extensive))
    return pd.concat(found)


def _jumps_of(
    points: pd.DataFrame,
    panel: Panel,
    series: Measured,
    residual: Matrix | None,
    province: NDArray[np.int64],
    extensive: bool,
) -> pd.DataFrame:
    """Slips among the points of one variable; only points far from their neighbours are looked at closely."""
    x = points["x"].to_numpy()
    log = np.where(x > 0, np.log10(np.where(x > 0, x, 1.0)), LOG_OF_ZERO)
    city, year = points["city"].to_numpy(), points["year"].to_numpy() - panel.first_year
    with np.errstate(invalid="ignore"):
        far = np.abs(log - series.middle[city, year]) > MIN_DEVIATION
    points, log, city, year = points[far], log[far], city[far], year[far]
    if points.empty:
        return _found(points, "magnitude_jump", [])
    moves = np.array([_province_move(series, province, c, y) for c, y in zip(city, year, strict=True)])
    left = residual[city, year] if residual is not None else np.zeros(len(points))
    returns, slips, contradicts = _judge(series, log, city, year, moves, left, extensive)
    hit = slips | contradicts
    middle = series.middle[city, year]
    detail = [
        _describe(value, level, c, r)
        for value, level, c, r in zip(points["x"][hit], middle[hit], contradicts[hit], returns[hit], strict=True)
    ]
    return _found(points[hit], "magnitude_jump", detail)


def _province_move(series: Measured, province: NDArray[np.int64], city: int, year: int) -> float:
    """Median deviation of the province's cities in that year; 0 where too few have one, and where the whole country
    moves so far: that is a unit, not a province."""
    deviations = series.matrix[:, year] - series.middle[:, year]
    everywhere = deviations[~np.isnan(deviations)]
    others = deviations[province == province[city]]
    others = others[~np.isnan(others)]
    if others.size < LEAST_OF_PROVINCE or abs(np.median(everywhere)) > MIN_DEVIATION:
        return 0.0
    return float(np.median(others))


def _judge(
    series: Measured,
    log: Matrix,
    city: NDArray[np.int64],
    year: NDArray[np.int64],
    moves: Matrix,
    left: Matrix,
    extensive: bool,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """(returns to its level, slips, contradicts its companions) of points far from their neighbours."""
    rows = series.matrix[city]
    at = (np.arange(len(city)), year)
    near = neighbours(rows)
    before, after, count = near.before[at], near.after[at], near.count[at]
    deviation = log - near.middle[at]
    size, opens = np.abs(deviation), np.isnan(before)
    spread = SPREAD_FACTOR * series.spread
    with np.errstate(invalid="ignore"):
        returns = (np.abs(before - after) < RETURN_SHARE * size) & (np.sign(log - before) == np.sign(log - after))
        beside = np.abs(log - np.where(opens, near.following[at], near.previous[at]))
        enough = (count >= 3) | ((count == 2) & (size > ALWAYS_A_SLIP))
        at_edge = (opens | np.isnan(after)) & (size > EDGE_DEVIATION) & (beside > max(EDGE_DEVIATION, spread)) & enough
        beyond = np.where(opens, long_median(rows, True)[at], long_median(rows, False)[at])
        stays = np.abs(log - beyond) < size / 2
    small_start = opens & extensive & (deviation < 0) & (deviation > -SMALL_START)
    same_way = np.sign(moves) == np.sign(deviation)
    common = (size < ALWAYS_A_SLIP) & same_way & (np.abs(moves) > COMMON_SHARE * size)
    slips = (size > max(MIN_DEVIATION, spread)) & ~small_start & ~common & (returns | (at_edge & ~stays))
    contradicts = (np.abs(left) > RELATION_DEVIATION) & (np.sign(left) == np.sign(deviation))
    return returns, slips, contradicts


def _describe(x: float, middle: float, contradicts: bool, returns: bool) -> str:
    if x == 0:
        return f"zero where neighbouring years hold {10**middle:.4g}"
    ratio = x / 10**middle
    text = f"{ratio:.3g} times" if ratio > 1 else f"1/{1 / ratio:.3g} of"
    end = ", against its companions as well" if contradicts else ", back afterwards" if returns else ""
    return f"{text} the level of neighbouring years{end}"


def _residuals(relations: pd.DataFrame, measured: dict[int, Measured], panel: Panel) -> dict[int, Matrix]:
    """Deviation of each related variable from what its companions imply, the median city being right."""
    number = {name: i for i, name in enumerate(panel.variables["name"])}
    residuals: dict[int, Matrix] = {}
    columns = ("variable", "numerators", "denominators", "complements")
    for name, *sides in zip(*(relations[column].tolist() for column in columns), strict=True):
        parts = dict(
            zip(columns[1:], ([number.get(n, -1) for n in side.split("|") if n] for side in sides), strict=True)
        )
        target = number.get(name, -1)
        if target not in measured or any(n not in measured for part in parts.values() for n in part):
            continue
        if parts["complements"]:
            rest = 100 - sum(10 ** measured[n].matrix for n in parts["complements"])
            expected = np.log10(np.where(rest > 0, rest, np.nan))
        else:
            expected = np.sum([measured[n].matrix for n in parts["numerators"]], axis=0)
            for n in parts["denominators"]:
                expected = expected - measured[n].matrix
        raw = measured[target].matrix - expected
        known = raw[~np.isnan(raw)]
        if known.size:
            left = np.nan_to_num(raw - np.median(known))
            before = residuals.get(target, np.zeros_like(left))
            residuals[target] = np.where(np.abs(left) > np.abs(before), left, before)
    return residuals


def _namesakes(panel: Panel, measured: dict[int, Measured], events: pd.DataFrame) -> pd.DataFrame:
    """Values from before a prefecture became a city, in files where they jump when it does: the county-level city."""
    raised = events[
        events["kind"].eq("upgrade") & events["old_type_zh"].isin(["地区", "盟"]) & events["city_code"].ne("")
    ]
    city = {code: i for i, code in enumerate(panel.cities)}
    upgrades = {
        city[code]: int(year) for code, year in zip(raised["city_code"], raised["year"], strict=True) if code in city
    }
    points = panel.points[panel.points["city"].isin(upgrades.keys())]
    early = points[points["year"] < points["city"].map(upgrades)]
    extensive = panel.variables["extensive"].eq("true").to_numpy()
    witnesses: dict[tuple[int, int], str] = {}
    compared = early[extensive[early["variable"]] & (early["x"] > 0)].sort_values("year")
    last = compared.drop_duplicates(["file", "city", "variable"], keep="last").sort_values(["file", "city", "variable"])
    columns = (last[name].tolist() for name in ("file", "city", "variable", "year", "x"))
    for file, code, variable, year, x in zip(*columns, strict=True):
        if (file, code) not in witnesses and variable in measured:
            ends = (year - panel.first_year, upgrades[code] - panel.first_year)
            if _jumps_at(measured[variable], code, *ends, float(np.log10(x))):
                witnesses[file, code] = str(panel.variables["name"].iloc[variable])
    if not witnesses:
        return _found(early.iloc[:0], "entity_not_valid", [])
    own = early[[pair in witnesses for pair in zip(early["file"], early["city"], strict=True)]]
    copies = early.merge(own[["city", "variable", "year", "x"]].drop_duplicates(), on=["city", "variable", "year", "x"])
    hit = pd.concat([own, copies]).drop_duplicates("row")
    by_city = {code: name for (_, code), name in sorted(witnesses.items(), reverse=True)}
    detail = [
        f"before {upgrades[code]} the county-level city of the same name: {by_city[code]} jumps at the upgrade"
        for code in hit["city"]
    ]
    return _found(hit, "entity_not_valid", detail)


def _jumps_at(series: Measured, city: int, last: int, upgrade: int, log: float) -> bool:
    """Whether the first value after the upgrade lies far above the last one before it, compared with other cities."""
    later = series.matrix[city, max(upgrade, 0) : upgrade + UPGRADE_YEARS + 1]
    known = np.flatnonzero(~np.isnan(later))
    if not known.size:
        return False
    first = max(upgrade, 0) + known[0]
    growth = series.matrix[:, first] - series.matrix[:, last]
    growth = growth[~np.isnan(growth)]
    usual = np.median(growth) if growth.size >= MIN_CITIES else USUAL_GROWTH * (first - last)
    return bool(series.matrix[city, first] - log - usual > max(UPGRADE_RISE, UPGRADE_SPREAD * series.spread))


def _write(con: duckdb.DuckDBPyConnection, found: pd.DataFrame) -> None:
    if found.empty:
        return
    con.register("plausibility_found", found.assign(hint=found["reason"].map(HINTS)))
    con.execute("""
        insert into audit.quarantine
        select h.file_id, h.sheet, l.cell, l.value_text, f.reason, f.detail, f.hint, null
        from plausibility_found f
        join landed l on l.rowid = f.row
        join landing_columns h on h.head = l.head
    """)
    con.unregister("plausibility_found")
