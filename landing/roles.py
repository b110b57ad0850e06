"""What the header texts of label columns mean: place, province, code, year, indicator, unit, value, scope."""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

CJK = re.compile(r"[㐀-鿿]")
LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z.'’&/-]*")
LABEL_ROLES = frozenset({"place", "province", "code", "year", "indicator", "unit", "label"})
LONGEST_HEADING = 60
DIGITS = frozenset("0123456789-.")
ROLES = LABEL_ROLES | {"value", "scope_city", "scope_districts"}


def plain(text: str) -> str:
    """Half-width text, every run of white space one blank."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


@lru_cache(maxsize=200_000)
def role_key(text: str) -> str:
    """Key of a header text in the role table: no white space, lower case, English dropped beside Chinese."""
    folded = plain(text)
    if CJK.search(folded):
        folded = LATIN_WORD.sub("", folded)
    return "".join(folded.split()).casefold()


@dataclass(frozen=True)
class Roles:
    """Role of a header text, from `seeds/column_roles.csv`."""

    by_key: dict[str, str]
    _seen: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    _others: set[Any] = field(default_factory=set, compare=False, repr=False)

    def of(self, text: str) -> str:
        """Role of a heading, '' for any other text."""
        role = self._seen.get(text)
        if role is None:
            role = self.by_key.get(role_key(text), "") if text and len(text) < LONGEST_HEADING else ""
            self._seen[text] = role
        return role

    def labels(self, cells: list[Any]) -> list[str]:
        """Roles of the label headings among the cells of a row."""
        seen = self._seen
        found = []
        for value in cells:
            if type(value) is str and value and value[0] not in DIGITS:
                role = seen.get(value)
                if (self.of(value) if role is None else role) in LABEL_ROLES:
                    found.append(seen[value])
        return found

    def label_headings(self, cells: list[Any]) -> set[str]:
        """The distinct texts among cells that head label columns."""
        new = set(cells) - self._others
        headings = {text for text in new if type(text) is str and self.of(text) in LABEL_ROLES}
        self._others.update(new - headings)
        return headings

    def scope(self, text: str) -> str:
        """'city', 'districts' or ''."""
        return self.of(text).removeprefix("scope_") if self.of(text).startswith("scope_") else ""


def load_roles(seeds: Path) -> Roles:
    """The words of `column_roles.csv`.

    Raises:
        ValueError: a role that does not exist, or a word under two roles.
    """
    by_key: dict[str, str] = {}
    with (Path(seeds) / "column_roles.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["role"] not in ROLES:
                raise ValueError(
                    f"column_roles.csv: role {row['role']!r} of {row['alias']!r}; allowed: {sorted(ROLES)}"
                )
            if by_key.setdefault(role_key(row["alias"]), row["role"]) != row["role"]:
                raise ValueError(f"column_roles.csv: {row['alias']!r} stands under two roles")
    return Roles(by_key)
