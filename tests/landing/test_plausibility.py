"""Slips, breaks, impossible values and namesakes, each in a panel made for it; the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.landing.sheets import SEEDS, Landed, land_folder

CITIES = pd.read_csv(SEEDS / "cities.csv", dtype=str)
CITIES = CITIES[CITIES["valid_to"].isna() & CITIES["valid_from"].isna() & CITIES["name_zh"].str.endswith("市")]
CITIES = CITIES[CITIES["province_zh"].isin(["河北省", "辽宁省", "江苏省", "浙江省"])].reset_index(drop=True)
YEARS = range(2010, 2021)


def panel(seed: int = 1) -> pd.DataFrame:
    """A tidy panel of 48 cities: smooth levels, growth rates, shares that add up."""
    rng = np.random.default_rng(seed)
    rows = []
    for _, city in CITIES.iterrows():
        size = rng.uniform(500, 5000)
        for step, year in enumerate(YEARS):
            gdp = size * 1.08**step * np.exp(rng.normal(0, 0.02))
            rows.append(
                {
                    "年份": year,
                    "城市": city["name_zh"],
                    "城市代码": city["city_code"],
                    "地区生产总值(亿元)": round(gdp, 2),
                    "地区生产总值增长率(%)": round(rng.normal(8, 1), 2),
                    "第一产业占地区生产总值的比重(%)": 10.0,
                    "第二产业占地区生产总值的比重(%)": 45.0,
                    "第三产业占地区生产总值的比重(%)": 45.0,
                    "年末金融机构存款余额(亿元)": round(1.5 * gdp, 2),
                    "年末金融机构贷款余额(亿元)": round(gdp, 2),
                }
            )
    return pd.DataFrame(rows)


def landed(tmp_path: Path, frame: pd.DataFrame) -> Landed:
    folder = tmp_path / "extracts" / "panel"
    folder.mkdir(parents=True)
    frame.to_csv(folder / "made_panel.csv", index=False)
    return land_folder(tmp_path / "extracts")


def found(result: Landed) -> set[tuple[str, int, str, str]]:
    joined = result.quarantine.merge(result.resolved, on=["file_id", "sheet", "cell"])
    columns = joined[["city_code", "year", "variable", "reason"]].itertuples(index=False)
    return {(code, int(year), variable, reason) for code, year, variable, reason in columns}


GDP, GROWTH, LOANS = "地区生产总值(亿元)", "地区生产总值增长率(%)", "年末金融机构贷款余额(亿元)"
FIRST, SECOND = CITIES["city_code"][0], CITIES["city_code"][1]
Change = Callable[[pd.DataFrame], None]


def times(code: str, years: list[int], column: str, factor: float) -> Change:
    def change(frame: pd.DataFrame) -> None:
        frame.loc[frame["城市代码"].eq(code) & frame["年份"].isin(years), column] *= factor

    return change


def put(code: str, year: int, column: str, value: float) -> Change:
    def change(frame: pd.DataFrame) -> None:
        frame.loc[frame["城市代码"].eq(code) & frame["年份"].eq(year), column] = value

    return change


SLIPS: dict[str, tuple[Change, set[tuple[str, int, str, str]]]] = {
    "tenfold for a year": (times(FIRST, [2014], GDP, 10), {(FIRST, 2014, "gdp_100m_yuan", "magnitude_jump")}),
    "a tenth for a year": (times(FIRST, [2014], GDP, 0.1), {(FIRST, 2014, "gdp_100m_yuan", "magnitude_jump")}),
    "tenfold for two years": (
        times(FIRST, [2014, 2015], LOANS, 10),
        {(FIRST, year, "loans_100m_yuan", "magnitude_jump") for year in (2014, 2015)},
    ),
    "tenfold at the end": (times(FIRST, [2020], LOANS, 10), {(FIRST, 2020, "loans_100m_yuan", "magnitude_jump")}),
    "zero for a missing value": (put(FIRST, 2015, GDP, 0.0), {(FIRST, 2015, "gdp_100m_yuan", "magnitude_jump")}),
    "another unit in one year of all cities": (
        lambda frame: frame.__setitem__(GDP, frame[GDP].where(frame["年份"].ne(2015), frame[GDP] * 10)),
        {(code, 2015, "gdp_100m_yuan", "magnitude_jump") for code in CITIES["city_code"]},
    ),
    "index under a growth rate": (put(FIRST, 2014, GROWTH, 108.8), {(FIRST, 2014, "gdp_growth_pct", "magnitude_jump")}),
    "growth without its point": (
        put(FIRST, 2014, GROWTH, -530.0),
        {(FIRST, 2014, "gdp_growth_pct", "impossible_value")},
    ),
    "share without its point": (
        put(FIRST, 2014, "第一产业占地区生产总值的比重(%)", 1000.0),
        {(FIRST, 2014, "va_primary_share_pct", "impossible_value")},
    ),
    "negative level": (put(FIRST, 2014, LOANS, -5.0), {(FIRST, 2014, "loans_100m_yuan", "impossible_value")}),
}


def together(*changes: Change) -> Change:
    def change(frame: pd.DataFrame) -> None:
        for each in changes:
            each(frame)

    return change


LIAONING = CITIES.loc[CITIES["province_zh"].eq("辽宁省"), "city_code"]
HARMLESS: dict[str, Change] = {
    "nothing changed": together(),
    "census revision of a third": together(
        *[times(code, list(range(2016, 2021)), GDP, 0.67) for code in CITIES["city_code"][::2]]
    ),
    "a level that stays": times(FIRST, list(range(2015, 2021)), GDP, 6.0),
    "a province that collapses at the end": together(*[times(code, [2020], GDP, 0.2) for code in LIAONING]),
    "growth rates that jump tenfold": together(
        put(FIRST, 2014, GROWTH, 0.6), put(FIRST, 2015, GROWTH, 14.7), put(SECOND, 2014, GROWTH, -9.0)
    ),
}


@pytest.mark.parametrize("name", SLIPS)
def test_slips_are_found_and_nothing_else(tmp_path: Path, name: str) -> None:
    change, expected = SLIPS[name]
    frame = panel()
    change(frame)
    assert found(landed(tmp_path, frame)) == expected


@pytest.mark.parametrize("name", HARMLESS)
def test_breaks_are_left_alone(tmp_path: Path, name: str) -> None:
    frame = panel()
    HARMLESS[name](frame)
    assert found(landed(tmp_path, frame)) == set()


def test_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    frame = panel()
    times(FIRST, [2014], GDP, 10)(frame)
    shuffled = frame.sample(frac=1, random_state=3)
    assert found(landed(tmp_path / "a", frame)) == found(landed(tmp_path / "b", shuffled)) != set()


def test_namesake_before_the_upgrade(tmp_path: Path) -> None:
    """毕节 became a prefecture-level city in 2011: a tenth before, in a file that says 毕节市 for all years."""
    frame = panel()
    rows = frame[frame["城市代码"].eq(FIRST)].assign(城市="毕节市", 城市代码="520500")
    early = rows["年份"].lt(2011)
    frame = pd.concat([frame, rows.assign(**{GDP: rows[GDP].where(~early, rows[GDP] / 8)})])
    result = found(landed(tmp_path, frame))
    assert {row for row in result if row[2] == "gdp_100m_yuan"} == {
        ("520500", 2010, "gdp_100m_yuan", "entity_not_valid")
    }
    assert {row[3] for row in result} == {"entity_not_valid"}
    assert {row[1] for row in result} == {2010}


def test_wages_against_staff_and_bill(tmp_path: Path) -> None:
    """With two years only, the identity tells which of the two is the slip."""
    rng = np.random.default_rng(5)
    rows = []
    for _, city in CITIES.iterrows():
        staff, wage = float(rng.integers(10, 90)), float(rng.integers(60_000, 120_000))
        rows += [
            {
                "年份": year,
                "城市": city["name_zh"],
                "在岗职工平均人数(万人)": staff,
                "在岗职工平均工资(元)": wage,
                "在岗职工工资总额(万元)": staff * wage,
            }
            for year in (2020, 2021)
        ]
    frame = pd.DataFrame(rows)
    frame.loc[0, "在岗职工工资总额(万元)"] *= 10
    assert found(landed(tmp_path, frame)) == {(FIRST, 2020, "wage_bill_100m_yuan", "magnitude_jump")}
