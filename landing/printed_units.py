"""Units that a bilingual header prints twice: the Chinese and the English one must name the same unit.

Where they differ in one dimension (亿元 beside `10 000 yuan`) one of them is wrong by a power of ten and nothing on the
page tells which; `seeds/unit_misprints.csv` says where the English one is known to be a misprint.
"""

from __future__ import annotations

import re

from landing.dictionary import Dictionary
from landing.header_text import PATH_SEPARATOR, clean, compact

_BRACKET = re.compile(r"\(([^()]*)\)")
_UNIT_LINE = re.compile(r"单位\s*[:：]\s*([^\s()]+)")


def contradicting_units(dictionary: Dictionary, path: str, unit_line: str) -> tuple[str, str] | None:
    """(Chinese, English) unit ids of one dimension that contradict each other, None where there are none.

    The header's own levels count from the innermost outwards; the line above the table where the header has no unit.
    """
    levels = [_units(dictionary, level) for level in reversed(path.split(PATH_SEPARATOR))]
    if not any(chinese or english for chinese, english in levels):
        levels = [_units(dictionary, unit_line)]
    chinese = next((units for units, _ in levels if units), frozenset())
    english = next((units for _, units in levels if units), frozenset())
    for one in sorted(chinese):
        for other in sorted(english):
            same_dimension = dictionary.dimension[one] == dictionary.dimension[other]
            if same_dimension and dictionary.factor[one] != dictionary.factor[other] and not chinese & english:
                return one, other
    return None


def _units(dictionary: Dictionary, text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Unit ids named in Chinese and in English."""
    line = clean(text)
    labels = [compact(part) for part in (*_BRACKET.findall(line), *_UNIT_LINE.findall(line))]
    known = [
        (label, dictionary.unit_of_label[label.lower()])
        for label in labels
        if label.lower() in dictionary.unit_of_label
    ]
    chinese = frozenset(unit for label, unit in known if not label.isascii())
    return chinese, frozenset(unit for label, unit in known if label.isascii() and label != "%")
