"""Reader of national and provincial series and of price indices: wide (one column an indicator) or long."""

from __future__ import annotations

from pathlib import PurePosixPath

import duckdb
import pandas as pd

from landing.dictionary import load_dictionary
from landing.headers import resolve_headers
from landing.numbers import parse_number
from landing.places import Places, load_places, normalise_place, resolve_places
from landing.rows.grid import Grid, insert_frame, read_grids
from landing.rows.source import RowProblem, RowSource, refuse
from landing.rows.templates import Template, load_templates, table_columns
from landing.workbook import column_letters

DEFAULT_UNIT = {"price_index": "上年=100"}
SCOPE_OF_TYPE = {"country": "national", "province": "province", "prefecture": "city"}
_REASONS = ("place_problem", "year_problem", "header_problem", "value_problem")


def land_series(kind: str, con: duckdb.DuckDBPyConnection, source: RowSource) -> int:
    """Land a file of `kind` into `raw.<kind>`, one row a value cell; returns the number of rows."""
    template = load_templates(source.seeds)[kind]
    dictionary, places = load_dictionary(source.seeds), load_places(source.seeds)
    count = 0
    for grid in read_grids(source, template, dictionary):
        frame = _values(grid, template)
        frame = pd.concat([frame, _places(places, frame, source.naming)], axis=1)
        frame["year"], frame["year_problem"] = _years(frame["year_text"])
        title = f"{kind} {PurePosixPath(source.label).stem} {grid.sheet}"
        asked = frame.assign(table_title=title, scope_text=frame["place_type"].map(SCOPE_OF_TYPE).fillna(""))
        found = resolve_headers(dictionary, asked)
        frame = pd.concat([frame, found[["indicator", "scope", "variable", "unit"]]], axis=1)
        frame["header_problem"] = _reason(found["reason"], found["detail"])
        frame["value"], frame["value_problem"] = _numbers(frame["value_text"])
        problems = _problems(frame)
        reasons = frame[list(_REASONS)].to_numpy()
        frame["problem"] = ["; ".join(filter(None, row)) or None for row in reasons]
        frame["file_id"], frame["row_number"] = source.file_id, range(count + 1, count + 1 + len(frame))
        insert_frame(con, kind, frame.replace({"": None}), table_columns(template))
        refuse(con, source, problems, grid.sheet)
        count += len(frame)
    return count


def _values(grid: Grid, template: Template) -> pd.DataFrame:
    """One row a value cell: cell, place_text, year_text, indicator_text, unit_text, value_text."""
    labels = pd.DataFrame(
        {
            "place_text": _column(grid, "place"),
            "year_text": _column(grid, "year"),
            "line": grid.frame.index + grid.first_line,
        }
    )
    filled = grid.frame.map(lambda value: bool(str(value).strip())).any(axis=1)
    if "indicator" in grid.columns and "value" in grid.columns:
        positions = {grid.columns["value"]: ""}
    else:
        positions = {p: text for p, text in grid.others.items() if p not in grid.columns.values()}
    unit = _column(grid, "unit").where(lambda text: text.ne(""), DEFAULT_UNIT.get(template.kind, ""))
    parts = []
    for position, header in positions.items():
        indicator = header if header else _column(grid, "indicator")
        parts.append(
            labels.assign(
                cell=[f"{column_letters(position + 1)}{line}" for line in labels["line"]],
                indicator_text=indicator,
                unit_text=unit,
                value_text=grid.frame[position].fillna("").astype(str).str.strip(),
            )[filled]
        )
    return pd.concat(parts, ignore_index=True) if parts else labels.head(0)


def _column(grid: Grid, name: str) -> pd.Series:
    if name not in grid.columns:
        return pd.Series("", index=grid.frame.index, dtype=object)
    return grid.frame[grid.columns[name]].fillna("").astype(str).str.strip()


def _places(places: Places, frame: pd.DataFrame, naming: str) -> pd.DataFrame:
    """place_type, province_code, city_code, place_problem; a blank place is the country."""
    texts = frame["place_text"]
    province = texts.map({text: places.province_of_name.get(normalise_place(text), "") for text in texts.unique()})
    year = pd.to_numeric(frame["year_text"].str.extract(r"^(\d{4})", expand=False), errors="coerce")
    found = resolve_places(places, pd.DataFrame({"city_text": texts, "year": year, "naming": naming}))
    is_province = province.ne("")
    kind = found["place_type"].where(~is_province, "province").where(texts.ne(""), "country")
    group = kind.eq("group")
    unknown = group | (~kind.isin(["province", "country"]) & found["reason"].ne(""))
    problem = _reason(found["reason"], found["detail"]).where(~group, "unknown_city: a group of places")
    return pd.DataFrame(
        {
            "place_type": kind.where(~unknown, ""),
            "province_code": province.where(is_province & texts.ne(""), ""),
            "city_code": found["city_code"].where(~is_province & ~unknown, ""),
            "place_problem": problem.where(unknown, ""),
        }
    )


def _years(texts: pd.Series) -> tuple[pd.Series, pd.Series]:
    years = pd.to_numeric(texts.str.extract(r"^(\d{4})(?:\.0+|年)?$", expand=False), errors="coerce")
    return years, texts.map(lambda text: f"wrong_year: {text!r} is not a year").where(years.isna(), "")


def _numbers(texts: pd.Series) -> tuple[pd.Series, pd.Series]:
    parsed = {text: parse_number(text) for text in texts.unique()}
    problems = {text: f"not_a_number: {text!r}: {found[2]}" if found[2] else "" for text, found in parsed.items()}
    return texts.map({text: found[0] for text, found in parsed.items()}).astype("float64"), texts.map(problems)


def _reason(reason: pd.Series, detail: pd.Series) -> pd.Series:
    return (reason + ": " + detail).where(reason.ne(""), "")


def _problems(frame: pd.DataFrame) -> list[RowProblem]:
    """Problems of cells that hold something; the blank cells of an unknown column are not reported."""
    filled = frame[frame["value_text"].ne("")]
    found = []
    for column in _REASONS:
        for cell, text in filled.loc[filled[column].ne(""), ["cell", column]].to_numpy():
            reason, _, detail = text.partition(": ")
            found.append(RowProblem(cell, reason, detail))
    return found
