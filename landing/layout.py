"""Sheets to tables: title, unit line, header, rows and columns found by content, wherever they stand.

One reader serves the yearbook's sheets (place rows, indicator columns, provinces as context rows), database exports
(indicator x place rows, a column a year) and tidy panels (place x year rows): they differ only in which of place,
year and indicator stands in a column of labels and which in the header.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import pairwise

from landing.header_block import YEAR_ONLY, Column, MergeMap, Problem, header_columns
from landing.numbers import NOT_A_NUMBER, cell_text, parse_number
from landing.roles import CJK, LABEL_ROLES, Roles, plain, role_key
from landing.workbook import Position, Sheet

TABLE_ID = re.compile(r"(?<![\d-])(\d{1,2})\s*[-‐–—]\s*(\d{1,3})(?![\d-])")
CONTINUED = re.compile(r"续\s*表|\(续\)|continued", re.IGNORECASE)
UNIT_LINE = re.compile(r"(计量)?单位[::]|^unit\s*:", re.IGNORECASE)
ENGLISH_UNIT = re.compile(r"\([^()㐀-鿿]+\)")
ONE_BRACKET = re.compile(r"\([^()]+\)")
NOTE = re.compile(r"^(注|附注|说明|资料来源|数据来源|来源|note|source|[*①②③a-z]\s*[)::.、])", re.IGNORECASE)
TITLE_YEAR = re.compile(r"((?:19|20)\d{2})年(?!鉴)")
YEAR_SPAN = re.compile(r"((?:19|20)\d{2})(?=\s*[-‐–—~至到、和及/]\s*(?:19|20)\d{2}年)")
YEARBOOK_NAME = re.compile(r"(?:((?:19|20)\d{2})年?[^\d]{0,12}年鉴)|(?:年鉴[^\d]{0,4}((?:19|20)\d{2}))")
PLACE_SUFFIX = re.compile(r".{1,14}(市|州|盟|地区|县|省|自治区|林区|特区|区)$")
SAMPLE_ROWS = 60
ANCHOR_ROLES = frozenset({"place", "code", "province"})


@dataclass
class Rows:
    """Label columns of a table's rows, aligned lists; `index` is the zero-based row in the sheet."""

    index: list[int] = field(default_factory=list)
    place: list[str] = field(default_factory=list)
    province: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    year: list[str] = field(default_factory=list)
    indicator: list[str] = field(default_factory=list)
    unit: list[str] = field(default_factory=list)

    def fill(self) -> None:
        """Blank lists for labels the table does not have."""
        for name in ("place", "province", "code", "year", "indicator", "unit"):
            if not getattr(self, name):
                setattr(self, name, [""] * len(self.index))


@dataclass
class Block:
    """One table of a sheet."""

    title: list[str]
    unit_line: str
    table_id: str
    continued: bool
    title_years: list[int]
    edition: int | None
    columns: list[Column]
    rows: Rows
    notes: list[str]
    stray: list[Position] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    label_columns: frozenset[int] = frozenset()
    span: range = range(0)

    @property
    def title_text(self) -> str:
        return " ".join(self.title)


def read_blocks(sheet: Sheet, roles: Roles, provinces: Collection[str]) -> list[Block]:
    """Tables of a sheet from top to bottom, side-by-side tables from left to right.

    An empty list means that no header with a place, code or province column was found. `provinces` are the names
    (full and short) that open a province's rows.
    """
    anchors = _anchors(sheet, roles)
    if not anchors:
        return []
    tops = [_header_top(sheet, row, before + 1, roles) for before, row in pairwise([-1, *anchors])]
    starts = [_title_start(sheet, top, before + 1) for before, top in zip([-1, *anchors], tops, strict=False)]
    blocks: list[Block] = []
    for anchor, top, start, stop in zip(anchors, tops, starts, [*starts[1:], len(sheet.rows)], strict=True):
        for columns in _strips(sheet, anchor, roles):
            block = _read_block(sheet, roles, provinces, (start, top, anchor, stop), columns)
            if block.continued and blocks and not block.table_id:
                _continue(block, blocks[-1])
            blocks.append(block)
    blocks[-1].stray += _left_over(sheet, blocks)
    return blocks


def _left_over(sheet: Sheet, blocks: list[Block]) -> list[Position]:
    """Numbers in rows that the table of their columns does not use, but for years and the numbering of columns."""
    width = max(map(len, sheet.rows))
    used = [(frozenset(block.rows.index), block.span) for block in blocks]
    whole = frozenset().union(*(rows for rows, span in used if span.start == 0 and span.stop >= width))
    known = {position for block in blocks for position in block.stray}
    found = []
    for row, cells in enumerate(sheet.rows):
        if row in whole:
            continue
        spans = [span for rows, span in used if row in rows]
        numbers = [
            column
            for column, value in enumerate(cells)
            if _may_be_number(value) and not any(column in span for span in spans) and _is_number(sheet, row, column)
        ]
        texts = [_text(sheet, row, column) for column in numbers]
        if numbers and not _counts_up(texts):
            kept = [column for column, text in zip(numbers, texts, strict=True) if _is_stray(plain(text))]
            found += [(row, column) for column in kept if (row, column) not in known]
    return found


def _may_be_number(value: object) -> bool:
    return not isinstance(value, str) or (value != "" and not value[0].isalpha())


def _continue(block: Block, before: Block) -> None:
    block.table_id, block.edition = before.table_id, block.edition or before.edition
    block.title = before.title + block.title
    block.unit_line = block.unit_line or before.unit_line
    block.title_years = block.title_years or before.title_years


def _text(sheet: Sheet, row: int, column: int) -> str:
    cells = sheet.rows[row]
    return cell_text(cells[column]) if column < len(cells) else ""


def _filled(sheet: Sheet, row: int) -> list[int]:
    return [column for column, value in enumerate(sheet.rows[row]) if value != "" and cell_text(value).strip()]


def _anchors(sheet: Sheet, roles: Roles) -> list[int]:
    """Rows that hold the heading of a column of places, codes or provinces; one for each header.

    Further headers repeat the labels of the first one, in the same columns.
    """
    first = next((row for row, cells in enumerate(sheet.rows) if _names_labels(sheet, row, roles.labels(cells))), None)
    if first is None:
        return []
    columns = [
        c for c, value in enumerate(sheet.rows[first]) if isinstance(value, str) and roles.of(value) in LABEL_ROLES
    ]
    later: set[int] = set()
    for column in columns:
        values = [cells[column] if column < len(cells) else "" for cells in sheet.rows]
        headings = roles.label_headings(values)
        later.update(row for row, value in enumerate(values) if row > first and value in headings)
    found = [first]
    for row in sorted(later):
        cells = sheet.rows[row]
        if _names_labels(sheet, row, roles.labels(cells)) and (
            _first_data_row(sheet, roles, found[-1], row, range(len(cells))) < row
        ):
            found.append(row)
    return found


def _names_labels(sheet: Sheet, row: int, labels: list[str]) -> bool:
    """Whether the row heads columns: a row of numbers is none, as of all 地级市 together."""
    if not labels or ANCHOR_ROLES.isdisjoint(labels):
        return False
    filled = _filled(sheet, row)
    numbers = [_text(sheet, row, column) for column in filled if _is_number(sheet, row, column)]
    return len(filled) > 1 and (all(map(_is_year, numbers)) or _counts_up(numbers))


def _is_year(text: str) -> bool:
    return YEAR_ONLY.fullmatch(plain(text)) is not None


def _is_title(text: str) -> bool:
    folded = plain(text)
    return bool(TABLE_ID.match(folded) or CONTINUED.search(folded) or UNIT_LINE.search(folded) or NOTE.match(folded))


def _header_top(sheet: Sheet, anchor: int, floor: int, roles: Roles) -> int:
    """First header row: rows above the anchor belong to the header where only data columns are filled there."""
    labels = [column for column in _filled(sheet, anchor) if roles.of(_text(sheet, anchor, column)) in LABEL_ROLES]
    first_data = max(labels) + 1
    top = anchor
    while top > floor:
        filled = _filled(sheet, top - 1)
        texts = [_text(sheet, top - 1, column) for column in filled]
        over_open = any(
            not _text(sheet, top, column).strip() or roles.scope(_text(sheet, top, column)) for column in filled
        )
        if (
            not filled
            or filled[0] < first_data
            or any(_is_title(text) or TITLE_YEAR.search(plain(text)) for text in texts)
            or all(ENGLISH_UNIT.fullmatch(plain(text)) for text in texts)
            or (len(filled) == 1 and ONE_BRACKET.fullmatch(plain(texts[0])))
            or (len(filled) < 2 and not over_open)
        ):
            break
        top -= 1
    return top


def _title_start(sheet: Sheet, top: int, floor: int) -> int:
    """First of the lines above a header: it follows the last row of the table before, or opens the sheet."""
    if floor == 0:
        return 0
    row = top
    while row > floor:
        filled = _filled(sheet, row - 1)
        first = plain(_text(sheet, row - 1, filled[0])) if filled else ""
        if filled and not _is_title(first) and (len(filled) > 2 or PLACE_SUFFIX.fullmatch(first)):
            break
        row -= 1
    return row


def _strips(sheet: Sheet, anchor: int, roles: Roles) -> list[range]:
    """Column ranges of tables that stand side by side: the first label heading comes again."""
    keys = [role_key(_text(sheet, anchor, column)) for column in range(len(sheet.rows[anchor]))]
    first = next(column for column, key in enumerate(keys) if roles.by_key.get(key) in LABEL_ROLES)
    starts = [column for column, key in enumerate(keys) if key == keys[first]]
    width = max(map(len, sheet.rows))
    return [range(start, stop) for start, stop in zip([0, *starts[1:]], [*starts[1:], width], strict=True)]


def _read_block(
    sheet: Sheet, roles: Roles, provinces: Collection[str], extent: tuple[int, int, int, int], columns: range
) -> Block:
    """One table; `extent` is its first title row, first header row, anchor row and the row after its end."""
    start, top, anchor, stop = extent
    first = _first_data_row(sheet, roles, anchor, stop, columns)
    built = header_columns(sheet, range(top, first), columns, roles)
    labels = _label_columns(sheet, built, range(first, stop))
    data = _data_columns(sheet, built, labels, range(first, stop))
    above = [(row, column) for row in range(start, top) for column in _filled(sheet, row)]
    lines = [plain(_text(sheet, row, column)) for row, column in above]
    units = [line for line in lines if UNIT_LINE.search(line) or ENGLISH_UNIT.fullmatch(line)]
    title = [line for line in lines if line not in units and not NOTE.match(line)]
    joined = " ".join(title)
    edition = YEARBOOK_NAME.search(joined)
    table = next((match for line in title if (match := TABLE_ID.match(line))), None)
    rows, notes = _read_rows(sheet, provinces, labels, data, range(first, stop))
    return Block(
        title=title,
        unit_line=" ".join(units),
        table_id=f"{table.group(1)}-{table.group(2)}" if table else "",
        continued=bool(CONTINUED.search(joined)),
        title_years=_title_years(YEARBOOK_NAME.sub("", joined)),
        edition=int(edition.group(1) or edition.group(2)) if edition else None,
        columns=data,
        rows=rows,
        notes=notes + [line for line in lines if NOTE.match(line)],
        stray=[position for position, line in zip(above, lines, strict=True) if _is_stray(line)],
        labels=labels,
        span=columns,
        label_columns=frozenset(column.index for column in built) - {column.index for column in data},
    )


def _title_years(title: str) -> list[int]:
    """The years a title names, both ends of a span."""
    return sorted({int(year) for year in (*TITLE_YEAR.findall(title), *YEAR_SPAN.findall(title))})


def _is_stray(line: str) -> bool:
    return parse_number(line)[0] is not None and not YEAR_ONLY.fullmatch(line)


def _first_data_row(sheet: Sheet, roles: Roles, anchor: int, stop: int, columns: range) -> int:
    """First row below the anchor whose label cell is filled, or that holds numbers which are not years or a count."""
    merges = MergeMap(sheet.merges, range(anchor, min(stop, anchor + 50)))
    labels = [column for column in columns if roles.of(_text(sheet, anchor, column)) in LABEL_ROLES]
    for row in range(anchor + 1, stop):
        own = [c for c in labels if _text(sheet, row, c).strip() and merges.anchor.get((row, c), (row, c))[0] > anchor]
        if any(not roles.of(_text(sheet, row, c)) and not plain(_text(sheet, row, c)).startswith("(") for c in own):
            return row
        numbers = [_text(sheet, row, c) for c in columns if c not in labels and _is_number(sheet, row, c)]
        if numbers and not all(YEAR_ONLY.fullmatch(text) for text in numbers) and not _counts_up(numbers):
            return row
    return stop


def _is_number(sheet: Sheet, row: int, column: int) -> bool:
    text = _text(sheet, row, column)
    return bool(text.strip()) and parse_number(text)[0] is not None


def _counts_up(numbers: list[str]) -> bool:
    """The row of column numbers 1, 2, 3 under a header."""
    return len(numbers) > 1 and [parse_number(text)[0] for text in numbers] == list(range(1, len(numbers) + 1))


def _label_columns(sheet: Sheet, built: list[Column], rows: range) -> dict[str, int]:
    """Role to column; of several candidates for the place the first with Chinese names."""
    labels: dict[str, int] = {}
    for column in built:
        if column.role in LABEL_ROLES - {"label"}:
            if column.role == "place" and "place" in labels:
                if _share(sheet, column.index, rows, CJK) > 0.5 >= _share(sheet, labels["place"], rows, CJK):
                    labels["place"] = column.index
                continue
            labels.setdefault(column.role, column.index)
    return labels


def _share(sheet: Sheet, column: int, rows: range, pattern: re.Pattern[str]) -> float:
    texts = [text for row in rows[:SAMPLE_ROWS] if (text := _text(sheet, row, column)).strip()]
    return sum(bool(pattern.search(text)) for text in texts) / len(texts) if texts else 0.0


def _data_columns(sheet: Sheet, built: list[Column], labels: dict[str, int], rows: range) -> list[Column]:
    """Columns that hold data: all but labels, and blank ones that nobody named."""
    digits = re.compile(r"\d")
    data = []
    for column in built:
        if column.index in labels.values() or _translates(sheet, column, rows):
            continue
        if column.role in LABEL_ROLES:
            if column.role == "label" or _share(sheet, column.index, rows, digits) < 0.5:
                continue
            problem = Problem("ambiguous_header", f"{column.levels[0]!r} heads a column of numbers", "name the column")
            column = Column(column.index, column.levels, problem=problem)
        elif (
            not column.levels
            and not column.parents
            and not any(_text(sheet, row, column.index).strip() for row in rows)
        ):
            continue
        data.append(column)
    return data


def _translates(sheet: Sheet, column: Column, rows: range) -> bool:
    """A column without a name of its own that holds words in Latin letters and nothing else: names of the places."""
    if column.role or column.levels or column.parents:
        return False
    texts = [text for row in rows if (text := _text(sheet, row, column.index)).strip()]
    return bool(texts) and all(text.isascii() and parse_number(text)[2] == NOT_A_NUMBER for text in texts)


def _read_rows(
    sheet: Sheet, provinces: Collection[str], labels: dict[str, int], data: list[Column], rows: range
) -> tuple[Rows, list[str]]:
    """Rows of the table and the notes among and below them."""
    read = _LabelReader(sheet, labels, rows)
    blank = _blank_rows(sheet, [column.index for column in data], rows)
    named, coded, indicated = ("province" in labels), ("code" in labels), ("indicator" in labels)
    context = _ProvinceContext(provinces)
    found, notes, labelled = Rows(), [], [role for role in ("code", "year", "unit") if role in labels]
    indicator = ""
    places = read.column("place")
    provincial = frozenset() if named else context.names_among(places)
    for row, place in zip(rows, places, strict=True):
        code = read("code", row) if coded else ""
        if row in blank:
            if not place and not code:
                continue
            if _is_note(place):
                notes.append(plain(place))
                continue
            if place in provincial and context.opens(place):
                continue
        elif not place and not code and _lone_text(sheet, row):
            notes.append(plain(_text(sheet, row, _filled(sheet, row)[0])))
            continue
        elif place in provincial:
            context.pass_by(place)
        found.index.append(row)
        found.place.append(place)
        found.province.append(read("province", row) if named else context.name)
        for role in labelled:
            getattr(found, role).append(code if role == "code" else read(role, row))
        if indicated:
            indicator = read("indicator", row) or indicator
            found.indicator.append(indicator)
    if not named and not context.opened:  # municipalities alone are cities of an undivided list, not headings
        found.province = []
    found.fill()
    return found, notes


class _ProvinceContext:
    """The province whose rows are being read, in lists where provinces stand as headings between their cities."""

    def __init__(self, provinces: Collection[str]) -> None:
        self.provinces = provinces
        self.name = ""
        self.opened = False

    def names_among(self, places: list[str]) -> frozenset[str]:
        """The texts that name a province, full or short."""
        return frozenset(place for place in set(places) if role_key(place) in self.provinces)

    def opens(self, place: str) -> bool:
        """Take a province's row without values as a heading; False for the city of its name."""
        if self._is_city_of_the_name(place):
            return False
        self.name, self.opened = place, True
        return True

    def pass_by(self, place: str) -> None:
        """A row with values: a municipality or a province's own total opens its rows as well."""
        if not self._is_city_of_the_name(place):
            self.name = place
            self.opened = self.opened or place.endswith(("省", "自治区"))

    def _is_city_of_the_name(self, place: str) -> bool:
        """吉林 inside 吉林省."""
        name, current = role_key(place), role_key(self.name)
        return len(name) == 2 and current != name and current.startswith(name)


def _blank_rows(sheet: Sheet, columns: list[int], rows: range) -> frozenset[int]:
    """Rows that hold nothing in the data columns."""
    if columns and columns == list(range(columns[0], columns[-1] + 1)):
        first, stop, empty = columns[0], columns[-1] + 1, [""] * len(columns)
        lines = [sheet.rows[row][first:stop] for row in rows]
        return frozenset(row for row, cells in zip(rows, lines, strict=True) if cells == empty[: len(cells)])
    grid = sheet.rows
    return frozenset(
        row for row in rows if all(column >= len(grid[row]) or grid[row][column] == "" for column in columns)
    )


class _LabelReader:
    """Reads the labels of rows, '' without such a column; a merged cell counts for all rows it covers."""

    def __init__(self, sheet: Sheet, labels: dict[str, int], rows: range) -> None:
        self.sheet, self.labels, self.rows = sheet, labels, rows
        self.merges = MergeMap([m for m in sheet.merges if m[0][1] <= max(labels.values(), default=-1)], rows).anchor

    def __call__(self, role: str, row: int) -> str:
        column = self.labels.get(role)
        if column is None:
            return ""
        if self.merges:
            row, column = self.merges.get((row, column), (row, column))
        cells = self.sheet.rows[row]
        value = cells[column] if column < len(cells) else ""
        return value.strip() if type(value) is str else cell_text(value)

    def column(self, role: str) -> list[str]:
        """The label of every row."""
        column = self.labels.get(role)
        if column is None or self.merges:
            return [self(role, row) for row in self.rows]
        grid = self.sheet.rows
        values = [cells[column] if column < len(cells) else "" for cells in (grid[row] for row in self.rows)]
        return [value.strip() if type(value) is str else cell_text(value) for value in values]


def _is_note(place: str) -> bool:
    return bool(NOTE.match(plain(place))) or (len(role_key(place)) > 14 and not PLACE_SUFFIX.fullmatch(role_key(place)))


def _lone_text(sheet: Sheet, row: int) -> bool:
    filled = _filled(sheet, row)
    return len(filled) == 1 and parse_number(_text(sheet, row, filled[0]))[2] == NOT_A_NUMBER
