"""Splitting of printed header text into name, unit and scope; no knowledge of indicators.

A header path joins the levels of a merged header from top to bottom with `>`. Within a level, brackets may hold a
unit, a scope or English; English beside Chinese is a translation and is dropped, acronyms inside Chinese words stay.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

PATH_SEPARATOR = ">"
SCOPE_OF_LABEL = {
    "全市": "city",
    "市辖区": "districts",
    "市区": "districts",
    "辖区": "districts",
    "城区": "urban_area",
    "全省": "province",
    "全国": "national",
    "totalcity": "city",
    "districtsundercity": "districts",
}
_ACRONYM_WORDS = (
    "GDP GRP R&D SO2 CO2 NOX PM2.5 PM10 COD CPI PPI RPI FDI PCT ICT ST HS HS6 ISIC GB/T GB/T4754 IPV4 ADSL FTTH POI "
    "DFIIC TFP WTO PPP USD A B H"
)
ACRONYMS = frozenset(_ACRONYM_WORDS.split())
_FOOTNOTE = re.compile(r"[①-⑳⑴-⒇*※†‡]+|(?<=[\u3400-\u9fff)）])[¹²³⁰-⁹]+")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u2028-\u202e\u2060\ufeff\u00ad]")
_BRACKETS = re.compile(r"\(([^()]*)\)")
_CJK = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9&./'’\-]*")
_UNIT_LINE = re.compile(r"(?:计量)?单位\s*[:：]?\s*([^\s()（）]+)")
_LEADING = re.compile(r"^(?:其中|其他中)?[:#]+|^其中(?=.)")
_TAIL = re.compile(r"^(.*?)[_\-,:;]+([^_\-,:;]+)$")


@dataclass(frozen=True)
class LevelParts:
    """One header level: `name` without spaces, unit ids and scopes printed in it, in order of appearance.

    `units` are the Chinese ones, or the English ones where the level prints no Chinese one (`english`).
    """

    name: str
    units: tuple[str, ...]
    scopes: tuple[str, ...]
    english: bool = False


def printed_units(levels: Sequence[LevelParts]) -> tuple[tuple[str, ...], bool]:
    """(units, whether they are English) of a header: of its deepest level with a Chinese unit, else with an English one.

    The yearbook now and then misprints the English unit beside the right Chinese one.
    """
    for english in (False, True):
        units = next((level.units for level in reversed(levels) if level.units and level.english == english), ())
        if units:
            return units, english
    return (), False


def clean(text: str) -> str:
    """Half-width text without invisible characters and footnote marks; runs of white space are one space."""
    text = _INVISIBLE.sub("", _FOOTNOTE.sub("", text))
    return " ".join(unicodedata.normalize("NFKC", text).split())


def compact(text: str) -> str:
    """`clean` without any white space."""
    return clean(text).replace(" ", "")


def has_cjk(text: str) -> bool:
    return _CJK.search(text) is not None


def alias_key(alias: str) -> str:
    """The form in which aliases are compared: compact, lower case."""
    return compact(alias).lower()


def unit_in(text: str, unit_of_label: Mapping[str, str]) -> str:
    """The unit id that a unit line, a bracket or a title names, or ''; a Chinese label outranks an English one.

    The yearbook now and then misprints the English unit beside the right Chinese one.
    """
    line = clean(text)
    labels = [compact(m) for m in _UNIT_LINE.findall(line)]
    labels += [compact(m) for m in _BRACKETS.findall(line)]
    labels.append(compact(re.sub(r"^(?:unit|单位)\s*[:：]", "", line, flags=re.IGNORECASE)))
    units = [(unit_of_label[label.lower()], label) for label in labels if label.lower() in unit_of_label]
    chinese = {unit for unit, label in units if not label.isascii()}
    return _only(chinese) or _only({unit for unit, _ in units} if not chinese else set())


def _only(items: set[str]) -> str:
    return next(iter(items)) if len(items) == 1 else ""


def split_level(text: str, unit_of_label: Mapping[str, str]) -> LevelParts:
    """Name, units and scopes of one header level (`人均地区生产总值 (元) Per Capita GRP (yuan)`)."""
    chinese_units: list[str] = []
    english_units: list[str] = []
    scopes: list[str] = []

    def take(match: re.Match[str]) -> str:
        """What stays of a bracket: nothing where it held a unit or a scope, which are kept."""
        inner = compact(match.group(1))
        if has_cjk(match.string[match.end() : match.end() + 1]):
            return f"⟨{inner}⟩"
        label = re.sub(r"^(?:计量)?单位[:：]?", "", inner).lower()
        if label in unit_of_label:
            (english_units if label.isascii() and label != "%" else chinese_units).append(unit_of_label[label])
            return " "
        if label in SCOPE_OF_LABEL:
            scopes.append(SCOPE_OF_LABEL[label])
            return " "
        return f"⟨{inner}⟩" if has_cjk(inner) or inner.upper() in ACRONYMS else " "

    rest, count = clean(text), 1
    while count:
        rest, count = _BRACKETS.subn(take, rest)
    name = _drop_translation(rest)
    name = _LEADING.sub("", name.replace("⟨", "(").replace("⟩", ")")).rstrip(":")
    name, tail_units, tail_scopes = _split_tail(name, unit_of_label)
    scopes += tail_scopes
    scope = SCOPE_OF_LABEL.get(name.lower())
    if scope:
        name, scopes = "", [*scopes, scope]
    chinese = tail_units or chinese_units
    units = tuple(dict.fromkeys(chinese or english_units))
    return LevelParts(name, units, tuple(dict.fromkeys(scopes)), bool(units) and not chinese)


def _drop_translation(text: str) -> str:
    """Chinese words with the acronyms inside them; a text without Chinese is kept whole, lower case."""
    words = text.split()
    chinese = [i for i, word in enumerate(words) if has_cjk(word)]
    if not chinese:
        return "".join(words).lower()
    behind = words[chinese[-1] + 1 :]
    kept = []
    for word in words[: chinese[-1] + 1]:
        if has_cjk(word):
            kept.append(_LATIN.sub(lambda m: m.group() if m.group().upper() in ACRONYMS else "", word))
        elif all(run.upper() in ACRONYMS for run in _LATIN.findall(word)):
            kept.append(word)
    if len(behind) == 1 and behind[0].upper() in ACRONYMS:
        kept.append(behind[0])
    return "".join(kept)


def _split_tail(name: str, unit_of_label: Mapping[str, str]) -> tuple[str, list[str], list[str]]:
    """(name, units, scopes) of `GDP_亿元`, `比重%`, `年末总人口_全市`: a unit or a scope behind a separator, or a bare
    percent sign; Latin column names stay whole."""
    units: list[str] = []
    scopes: list[str] = []
    while has_cjk(name):
        if name.endswith("%") and len(name) > 1:
            units.append(unit_of_label["%"])
            name = name[:-1].rstrip("_-,:;")
            continue
        match = _TAIL.match(name)
        label = match.group(2).lower() if match and match.group(1) else ""
        if match and label in unit_of_label:
            units.append(unit_of_label[label])
        elif match and label in SCOPE_OF_LABEL:
            scopes.append(SCOPE_OF_LABEL[label])
        else:
            break
        name = match.group(1)
    return name, units, scopes


def split_path(path: str, unit_of_label: Mapping[str, str]) -> tuple[LevelParts, ...]:
    """The levels of a header path; levels of pure English beside Chinese ones carry units but no name."""
    levels = [split_level(level, unit_of_label) for level in path.split(PATH_SEPARATOR)]
    if any(has_cjk(level.name) for level in levels):
        levels = [
            level if has_cjk(level.name) or level.name.upper() in ACRONYMS else replace(level, name="")
            for level in levels
        ]
    return tuple(levels)
