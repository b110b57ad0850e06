"""Header paths to indicator, scope, unit and variable, with a reason wherever one of them cannot be told.

Each distinct header is resolved once and joined back. Nothing is guessed: an unknown name, unit or scope comes back
with the reason of the quarantine row it causes and a hint naming the seed to edit.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import pandas as pd

from landing.dictionary import GROUP_HEADING, NOT_A_VARIABLE, Dictionary, parse_unit
from landing.header_text import PATH_SEPARATOR, LevelParts, alias_key, compact, printed_units, split_path

INPUT_COLUMNS = ["indicator_text", "scope_text", "unit_text", "table_title", "edition"]
SCOPES = ("city", "districts", "urban_area", "province", "national")
LABEL_UNITS = ("code", "text")
RESULT_COLUMNS = ["name", "alias", "indicator", "scope", "unit", "variable", "unit_from", "reason", "detail", "hint"]


class Resolution(NamedTuple):
    """One resolved header; `reason` is '' when every part is known.

    `unit_from` says where the unit stood: header, sheet (line above or title) or dictionary (default of the alias).
    `variable` is '' for columns that describe others (`not_a_variable`) and where a part is unknown.
    """

    name: str
    alias: str = ""
    indicator: str = ""
    scope: str = ""
    unit: str = ""
    variable: str = ""
    unit_from: str = ""
    reason: str = ""
    detail: str = ""
    hint: str = ""


def resolve_headers(dictionary: Dictionary, headers: pd.DataFrame) -> pd.DataFrame:
    """Resolve the rows of `headers`; returns a frame with the same index and `RESULT_COLUMNS`, all text.

    `headers` has the columns `indicator_text` (path joined by `>`) and optionally `scope_text`, `unit_text` (as read
    above the table or in its title), `table_title` (file stem where a file has no title) and `edition` (year, may be
    missing). Missing columns count as blank.
    """
    keys = pd.DataFrame({c: _text(headers, c) for c in INPUT_COLUMNS}, index=headers.index)
    distinct = keys.drop_duplicates()
    found = [resolve_header(dictionary, *row) for row in distinct.itertuples(index=False, name=None)]
    table = pd.concat([distinct.reset_index(drop=True), pd.DataFrame(found, columns=RESULT_COLUMNS)], axis=1)
    result = keys.merge(table, on=INPUT_COLUMNS, how="left", validate="many_to_one")[RESULT_COLUMNS]
    result.index = headers.index
    return result.astype("str")


def _text(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame:
        return pd.Series("", index=frame.index, dtype=object)
    text = frame[column].astype(object)
    return text.where(text.notna(), "").map(_plain)


def _plain(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def resolve_header(
    dictionary: Dictionary,
    indicator_text: str,
    scope_text: str = "",
    unit_text: str = "",
    table_title: str = "",
    edition: str = "",
) -> Resolution:
    """Resolve one header path; see `resolve_headers`."""
    levels = split_path(indicator_text, dictionary.unit_of_label)
    names = [level.name for level in levels if level.name]
    name = PATH_SEPARATOR.join(names)
    rows, problem = find_aliases(dictionary, names, compact(table_title), edition)
    rows = _of_unit(dictionary, rows, _printed_units(dictionary, levels, unit_text))
    indicators = sorted({row["indicator"] for row in rows})
    if len(indicators) != 1:
        return _unknown(dictionary, name, compact(table_title), edition, indicators, problem)
    row = rows[0]
    found = Resolution(name, row["alias"], row["indicator"])
    if row["indicator"] == NOT_A_VARIABLE:
        return found
    scope = dictionary.scopes[found.indicator][0]
    variable, unit = dictionary.variable[found.indicator, scope]
    if unit in LABEL_UNITS or dictionary.kind[found.indicator] == "key":
        return found._replace(scope=scope, unit=unit, variable=variable)
    return _with_unit(dictionary, _with_scope(dictionary, found, levels, scope_text, row), levels, unit_text, row)


def find_aliases(
    dictionary: Dictionary, names: list[str], title: str, edition: str
) -> tuple[list[dict[str, str]], str]:
    """The alias entries of a path of names, most specific ones, and the reason where there is none.

    The whole path is looked up first, then its ends; an end counts only if every level above it is known itself
    (an indicator it is part of, or a `group_heading`), because a heading may change what the words below it mean.
    """
    for start in range(len(names)):
        rows = _applicable(dictionary, PATH_SEPARATOR.join(names[start:]), title, edition)
        if not rows or rows[0]["indicator"] == GROUP_HEADING:
            continue
        unknown = [n for n in names[:start] if not _applicable(dictionary, n, title, edition)]
        return ([], f"heading {unknown[0]!r} above {names[-1]!r} is unknown") if unknown else (rows, "")
    return [], "no alias"


def _of_unit(dictionary: Dictionary, rows: list[dict[str, str]], units: tuple[str, ...]) -> list[dict[str, str]]:
    """Of entries that name several indicators, those whose indicator converts from the printed unit."""
    if len(units) != 1 or len({row["indicator"] for row in rows}) < 2:
        return rows
    dimension = dictionary.dimension[units[0]]
    return [row for row in rows if (row["indicator"], dimension) in dictionary.convertible] or rows


def _printed_units(dictionary: Dictionary, levels: tuple[LevelParts, ...], unit_text: str) -> tuple[str, ...]:
    """Units of the header, else of the text above the table; both where an English header contradicts that text."""
    printed, english = printed_units(levels)
    above = parse_unit(dictionary, unit_text) if unit_text and (english or not printed) else ""
    if above and printed != (above,):
        return (*printed, above)
    return printed


def _applicable(dictionary: Dictionary, name: str, title: str, edition: str) -> list[dict[str, str]]:
    """The entries of an alias that hold for this title and edition, only the most specific ones."""
    rows = [r for r in dictionary.candidates.get(alias_key(name), []) if _holds(r, title, edition)]
    best = max((_specificity(r) for r in rows), default=0)
    return [r for r in rows if _specificity(r) == best]


def _holds(row: dict[str, str], title: str, edition: str) -> bool:
    if row["table_title_pattern"] and not re.search(row["table_title_pattern"], title):
        return False
    if not (row["edition_from"] or row["edition_to"]):
        return True
    return edition.isdigit() and int(row["edition_from"] or 0) <= int(edition) <= int(row["edition_to"] or 9999)


def _specificity(row: dict[str, str]) -> int:
    return 2 * bool(row["table_title_pattern"]) + bool(row["edition_from"] or row["edition_to"])


def _with_scope(
    dictionary: Dictionary, found: Resolution, levels: tuple[LevelParts, ...], scope_text: str, row: dict[str, str]
) -> Resolution:
    """Printed scope, else the scope the alias implies, else the only scope the dictionary knows for the indicator."""
    printed = {scope for level in levels for scope in level.scopes}
    printed |= {scope for level in split_path(scope_text, dictionary.unit_of_label) for scope in level.scopes}
    if scope_text in SCOPES:
        printed.add(scope_text)
    known = dictionary.scopes[found.indicator]
    if len(printed) > 1:
        return found._replace(
            reason="ambiguous_scope",
            detail=f"{found.name!r}: scopes {sorted(printed)} are printed together",
            hint="split the header or name the scope in seeds/header_aliases.csv",
        )
    scope = next(iter(printed), "") or row["scope"] or (known[0] if len(known) == 1 or "city" in known else "")
    if scope not in known:
        return found._replace(
            scope=scope,
            reason="ambiguous_scope",
            detail=f"{found.name!r}: scope {scope!r}; known are {known}",
            hint=f"add {found.indicator} with this scope to seeds/indicators.csv",
        )
    return found._replace(scope=scope)


def _with_unit(
    dictionary: Dictionary, found: Resolution, levels: tuple[LevelParts, ...], unit_text: str, row: dict[str, str]
) -> Resolution:
    """Unit printed in the header (Chinese first, deepest level first), else above the table, else the alias's default."""
    if found.reason:
        return found
    printed = _printed_units(dictionary, levels, unit_text)
    if len(printed) > 1:
        return found._replace(
            reason="unknown_unit",
            detail=f"{found.name!r}: several units are printed: {list(printed)}",
            hint="correct the header, or add an alias with one unit",
        )
    origin = "header" if any(level.units for level in levels) else "sheet" if printed else "dictionary"
    unit = printed[0] if printed else row["unit"]
    if not unit:
        missing = f"{unit_text!r} names no known unit" if unit_text else "no unit in header, sheet or dictionary"
        return found._replace(
            reason="unknown_unit",
            detail=f"{found.name!r}: {missing}",
            hint="add the label to seeds/units.csv or a default unit to seeds/header_aliases.csv",
        )
    variable, target = dictionary.variable[found.indicator, found.scope]
    if (found.indicator, dictionary.dimension[unit]) not in dictionary.convertible:
        return found._replace(
            unit=unit,
            reason="unknown_unit",
            detail=f"{found.name!r}: {unit} does not convert to {target}",
            hint="another quantity under a known name? add an alias of its own",
        )
    return found._replace(unit=unit, variable=variable, unit_from=origin)


def _unknown(
    dictionary: Dictionary, name: str, title: str, edition: str, indicators: list[str], problem: str
) -> Resolution:
    """ambiguous_header, unknown_header, or unknown_unit where only a bracket at the end keeps the name from being known."""
    if not name:
        return Resolution(
            name,
            reason="unknown_header",
            detail="a scope or unit without an indicator",
            hint="merge the heading of its indicator over this column, in a copy",
        )
    bare = re.sub(r"\([^()]*\)$", "", name)
    if not indicators and bare != name and find_aliases(dictionary, bare.split(PATH_SEPARATOR), title, edition)[0]:
        return Resolution(
            name,
            reason="unknown_unit",
            detail=f"bracket {name[len(bare) :]!r} is not a known unit",
            hint="add the unit to seeds/units.csv, or the whole name to seeds/header_aliases.csv",
        )
    if indicators:
        return Resolution(
            name,
            reason="ambiguous_header",
            detail="several indicators: " + ", ".join(indicators),
            hint="give the entries of seeds/header_aliases.csv a table title pattern or editions",
        )
    return Resolution(
        name, reason="unknown_header", detail=f"{name!r}: {problem}", hint="add the header to seeds/header_aliases.csv"
    )
