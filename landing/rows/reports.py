"""Reader of government work reports: one text a city and year, and its counts over the word lists."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import duckdb
import pandas as pd

from landing.dictionary import load_dictionary
from landing.header_text import clean
from landing.limits import LandingError, check_file_size
from landing.places import load_places, resolve_places
from landing.rows.grid import insert_frame, read_grids
from landing.rows.source import RowProblem, RowSource, refuse
from landing.rows.table import read_rows
from landing.rows.templates import load_templates, table_columns
from landing.tabular import decode

_NAME = re.compile(r"^(?P<city>[^_\-\d]+)[_\-]?(?P<year>(?:19|20)\d{2})(?:年)?(?:[_\-].*|政府工作报告.*)?$")
WORD_COLUMNS = [
    ("file_id", "varchar"),
    ("row_number", "bigint"),
    ("city_code", "varchar"),
    ("year", "integer"),
    ("word_list", "varchar"),
    ("word", "varchar"),
    ("occurrences", "integer"),
]


def count_words(text: str, words: Iterable[str]) -> dict[str, int]:
    """Occurrences of each word; white space and line breaks inside the text do not matter.

    Every position counts for one word only, the longest that begins there (`数字经济` is not also a `数字`).
    """
    wanted = {clean(word).replace(" ", ""): word for word in words}
    counts = dict.fromkeys(wanted.values(), 0)
    longest_first = sorted((key for key in wanted if key), key=lambda key: (-len(key), key))
    if longest_first:
        pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)
        folded = {key.lower(): word for key, word in wanted.items()}
        for match in pattern.finditer(clean(text).replace(" ", "")):
            counts[folded[match.group().lower()]] += 1
    return counts


def load_word_lists(seeds: Path) -> dict[str, list[str]]:
    """`seeds/word_lists.csv`: list name to its words, in file order."""
    lists: dict[str, list[str]] = {}
    with (Path(seeds) / "word_lists.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            lists.setdefault(row["word_list"], []).append(row["word"])
    return lists


def land_reports(kind: str, con: duckdb.DuckDBPyConnection, source: RowSource) -> int:
    """Land a table of reports, or one `.txt` named `<city>_<year>`, into raw.reports and raw.report_words."""
    frames: list[pd.DataFrame] = []
    problems: list[RowProblem] = []
    if source.disk.suffix.lower() == ".txt":
        frames.append(_text_file(source))
    else:
        template = load_templates(source.seeds)[kind]
        dictionary, places = load_dictionary(source.seeds), load_places(source.seeds)
        for grid in read_grids(source, template, dictionary):
            frame, found = read_rows(grid, template, dictionary, places, source.naming)
            frames.append(frame)
            problems += found
    reports = pd.concat(frames, ignore_index=True)
    reports["file_id"], reports["row_number"] = source.file_id, range(1, 1 + len(reports))
    insert_frame(con, kind, reports, table_columns(load_templates(source.seeds)[kind]))
    counts = _counts(reports, load_word_lists(source.seeds))
    if len(counts):
        insert_frame(con, "report_words", counts, WORD_COLUMNS)
    refuse(con, source, problems)
    if source.disk.suffix.lower() == ".txt" and reports["problem"].notna().any():
        refuse(
            con, source, [RowProblem("file name", "unknown_city", str(reports["problem"].iloc[0]), "rename the file")]
        )
    return len(reports)


def _text_file(source: RowSource) -> pd.DataFrame:
    check_file_size(source.disk.stat().st_size, source.limits.file_bytes)
    match = _NAME.match(PurePosixPath(source.label.replace("!", "/")).stem)
    if match is None:
        raise LandingError("unreadable_file", "a report's file name has to be <city>_<year>.txt", "rename the file")
    asked = pd.DataFrame({"city_text": [match["city"]], "year": [int(match["year"])], "naming": [source.naming]})
    found = resolve_places(load_places(source.seeds), asked).iloc[0]
    return pd.DataFrame(
        {
            "city_text": asked["city_text"],
            "city_code": [found["city_code"] if not found["reason"] else None],
            "year": asked["year"],
            "text": [decode(source.disk.read_bytes())],
            "problem": [found["detail"] or None],
        }
    )


def _counts(reports: pd.DataFrame, lists: dict[str, list[str]]) -> pd.DataFrame:
    usable = reports[reports["city_code"].notna() & reports["year"].notna() & reports["text"].notna()]
    rows = [
        (row.file_id, row.row_number, row.city_code, row.year, name, word, number)
        for row in usable.itertuples(index=False)
        for name, words in lists.items()
        for word, number in count_words(str(row.text), words).items()
    ]
    return pd.DataFrame(rows, columns=[name for name, _ in WORD_COLUMNS])
