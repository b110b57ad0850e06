"""The panel: gaps on a straight line up to a declared length, and straight lines that others drew."""

from __future__ import annotations

import pandas as pd

from tests.models.recomputed.expectation import Expectation, Read

KEYS = ("city_code", "year", "variable")


def gaps(read: Read, value: str) -> pd.DataFrame:
    """Observed values, and a line over interior gaps of at most so many years, where the dictionary allows it and nothing was set aside."""
    long = read("panel.long")
    grown = long.loc[
        long["status"] == "extended_by_growth", [*KEYS, "value"]
    ]  # at the end of series: no line displaces one
    filled = long["status"].isin(["interpolated", "extended_by_growth"])
    known = long[~filled].sort_values(["city_code", "variable", "year"])
    dictionary = read("seeds.indicators")
    own = known[known["variable"].isin(dictionary.loc[dictionary["interpolate"].astype(bool), "variable"])]
    after = own.groupby(["city_code", "variable"])[["year", "value"]].shift(-1)
    missing = after["year"] - own["year"] - 1
    wide = own.assign(year_after=after["year"], value_after=after["value"])[missing.between(1, int(value))]
    steps = [
        (
            row.city_code,
            year,
            row.variable,
            row.value + (row.value_after - row.value) * (year - row.year) / (row.year_after - row.year),
        )
        for row in wide.itertuples()
        for year in range(int(row.year) + 1, int(row.year_after))
    ]
    line = pd.DataFrame(steps, columns=[*KEYS, "value"]).astype({"value": "float64"})
    aside = read("panel.candidates")
    aside = aside.loc[aside["value"].isna(), list(KEYS)].drop_duplicates()
    line = (
        line.merge(aside, on=list(KEYS), how="left", indicator=True)
        .query("_merge == 'left_only'")
        .drop(columns="_merge")
    )
    return pd.concat([known[[*KEYS, "value"]], line, grown], ignore_index=True)


def as_printed(read: Read, value: str) -> pd.DataFrame:
    """Investment ends with the last year in which it has a cell; the cells themselves, and lines between them, stay."""
    long = read("panel.long")
    last = long[long["cell"].notna()].groupby(["city_code", "variable"])["year"].max().rename("last").reset_index()
    both = long.merge(last, on=["city_code", "variable"])
    assert set(both.loc[both["year"] > both["last"], "variable"]) == {"fai_100m_yuan"}
    return both.loc[both["year"] <= both["last"], [*KEYS, "value"]]


def straight_lines(read: Read, value: str) -> pd.DataFrame:
    """Values on the line between their neighbours, where at least the share of the cities lies on its line in that year.

    The other kinds of evidence do not depend on the share; the compiled panel of these tests gives none of them.
    """
    rows = read("staging.stg_panel").sort_values(["variable", "city_code", "year"], ignore_index=True)
    cities = rows.groupby(["variable", "city_code"])["value_in_unit"]
    before, after, own = cities.shift(1), cities.shift(-1), rows["value_in_unit"]
    on_line = ((before + after - 2 * own).abs() < 1e-6) & (before != after)
    share = on_line.groupby([rows["variable"], rows["year"]]).transform("mean")
    found = rows[on_line & (share >= float(value))]
    return found[list(KEYS)].assign(value=own, share_of_cities=share)


EXPECTED = (
    {("fai_after_2017", "none"): Expectation("panel.long", as_printed, KEYS)}
    | {("interpolation_max_gap", text): Expectation("panel.long", gaps, KEYS) for text in ("0", "1", "2", "4", "5")}
    | {
        ("straight_line_year_share", text): Expectation("panel.straight_lines", straight_lines, KEYS)
        for text in ("0.3", "0.7", "0.9")
    }
)
