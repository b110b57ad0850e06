"""The indicator dictionary: every input of the studies has a variable, every label a unit, every header one meaning."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landing.dictionary import Dictionary, DictionaryError, conversion_factor, load_dictionary, parse_unit
from landing.header_text import compact, split_level
from landing.headers import resolve_header, resolve_headers

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds"
# Units of the inputs as the papers' variable list prints them, in the words of seeds/units.csv
PAPER_UNITS = {
    "6-digit code": "code",
    "year": "year",
    "degree": "degree",
    "10^4 persons": "10k_persons",
    "10^4 persons (paper probably)": "10k_persons",
    "persons": "persons",
    "persons (paper probably 10^4)": "persons",
    "10^4 yuan": "10k_yuan",
    "yuan": "yuan",
    "10^4 USD": "10k_usd",
    "10^3 USD": "1k_usd",
    "USD": "usd",
    "yuan/USD": "yuan_per_usd",
    "%": "pct",
    "km2": "km2",
    "km": "km",
    "km (paper 10^4 km)": "km",
    "hectare": "hectare",
    "m2/person": "m2_per_person",
    "m3/person": "m3_per_person",
    "t/person": "t_per_person",
    "t": "t",
    "10^4 t": "10k_t",
    "10^4 tce": "10k_t_ce",
    "tce/10^4 yuan": "tce_per_10k_yuan",
    "10^4 kWh": "10k_kwh",
    "10^4 households": "10k_households",
    "10^4 ports": "10k_ports",
    "yuan/student": "yuan_per_student",
    "beds": "beds",
    "beds/10^4 persons": "beds_per_10k_persons",
    "pieces": "pieces",
    "units": "machines",
    "number per 100 persons": "firms_per_100_persons",
    "count": "count",
    "index": "index",
    "index 上年=100": "index_prev100",
    "rate": "ratio",
}
# label, unit, other label, what one of the first is in the second; worked by hand
CONVERSIONS = [
    ("亿元", "万元", 1e4),
    ("万元", "亿元", 1e-4),
    ("元", "亿元", 1e-8),
    ("百万元", "亿元", 1e-2),
    ("千元", "万元", 0.1),
    ("千万元", "亿元", 0.1),
    ("万美元", "亿美元", 1e-4),
    ("千美元", "美元", 1e3),
    ("百万美元", "万美元", 1e2),
    ("元/100美元", "元/美元", 1e-2),
    ("人", "万人", 1e-4),
    ("千人", "人", 1e3),
    ("亿人", "万人", 1e4),
    ("万人次", "人次", 1e4),
    ("户", "万户", 1e-4),
    ("亿户", "万户", 1e4),
    ("万个端口", "个端口", 1e4),
    ("万平方米", "平方公里", 1e-2),
    ("公顷", "平方公里", 1e-2),
    ("平方公里", "公顷", 1e2),
    ("万公顷", "平方公里", 1e2),
    ("万平方公里", "平方公里", 1e4),
    ("亩", "平方米", 2000 / 3),
    ("米", "公里", 1e-3),
    ("万公里", "公里", 1e4),
    ("公斤", "吨", 1e-3),
    ("万吨", "吨", 1e4),
    ("千吨", "万吨", 0.1),
    ("亿吨", "万吨", 1e4),
    ("亿立方米", "万立方米", 1e4),
    ("立方米", "万立方米", 1e-4),
    ("千瓦时", "万千瓦时", 1e-4),
    ("亿千瓦时", "万千瓦时", 1e4),
    ("吨标准煤", "万吨标准煤", 1e-4),
    ("‰", "%", 0.1),
    ("%", "比值", 1e-2),
    ("万件", "件", 1e4),
    ("万个", "个", 1e4),
    ("万台", "台", 1e4),
    ("万辆", "辆", 1e4),
    ("万张", "张", 1e4),
    ("千册", "万册", 0.1),
    ("万册", "册", 1e4),
    ("张/千人", "张/万人", 10.0),
    ("公顷/万人", "平方米/人", 1.0),
]


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return load_dictionary(SEEDS)


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_input_of_the_studies_is_one_variable_with_unit_scope_and_alias(dictionary: Dictionary) -> None:
    inputs = seed("study_inputs")
    assert len(inputs) == 168
    assert len({row["input"] for row in inputs}) == 168
    rows = dictionary.indicators.set_index("variable")
    aliased = set(dictionary.aliases["indicator"])
    for row in inputs:
        entry = rows.loc[row["variable"]]
        assert entry["unit"] in dictionary.factor, row
        assert entry["scope"], row
        assert entry["indicator"] in aliased, f"{row['input']} has no header alias"
        expected = {"gdp_district": ("gdp", "districts"), "va_nonagri_district": ("va_nonagri", "districts")}
        indicator, scope = expected.get(row["input"], (row["input"], entry["scope"]))
        assert (entry["indicator"], entry["scope"]) == (indicator, scope)


def test_inputs_are_those_of_the_papers_in_convertible_units(extracts: Path, dictionary: Dictionary) -> None:
    with (extracts.parent / "methods" / "variables.csv").open(encoding="utf-8", newline="") as lines:
        printed = {row["id"]: row for row in csv.DictReader(lines)}
    variable = {row["input"]: row["variable"] for row in seed("study_inputs")}
    assert variable.keys() == printed.keys()
    unit = dictionary.indicators.set_index("variable")["unit"]
    for name, row in printed.items():
        paper = PAPER_UNITS.get(row["unit"])
        if paper is not None and paper not in ("code", "year") and unit[variable[name]] not in ("code", "text"):
            dimension = dictionary.dimension[unit[variable[name]]]
            assert dimension == dictionary.dimension[paper] or (name, dimension) == ("gdp_index", "index_previous_year")


def test_papers_own_wording_resolves_to_the_same_indicator(extracts: Path, dictionary: Dictionary) -> None:
    with (extracts.parent / "methods" / "variables.csv").open(encoding="utf-8", newline="") as lines:
        printed = list(csv.DictReader(lines))
    other = {"gdp_district": "gdp", "va_nonagri_district": "va_nonagri"}
    for row in printed:
        title = "上市公司" if row["id"] == "firm_capital" else ""
        found = resolve_header(dictionary, row["zh_name"], table_title=title)
        assert found.indicator == other.get(row["id"], row["id"]), row["zh_name"]


@pytest.mark.parametrize(("label", "other", "factor"), CONVERSIONS)
def test_conversion(dictionary: Dictionary, label: str, other: str, factor: float) -> None:
    one, two = parse_unit(dictionary, label), parse_unit(dictionary, other)
    assert conversion_factor(dictionary, one, two) == pytest.approx(factor, rel=1e-15)
    assert conversion_factor(dictionary, two, one) == pytest.approx(1 / factor, rel=1e-15)


def test_every_convertible_unit_has_a_conversion_test(dictionary: Dictionary) -> None:
    tested = {parse_unit(dictionary, label) for label, other, _ in CONVERSIONS for label in (label, other)}
    by_dimension = dictionary.units.groupby("dimension")["unit"].agg(set)
    convertible = set().union(*(units for units in by_dimension if len(units) > 1))
    assert convertible <= tested


def test_unit_labels_hold_no_brackets(dictionary: Dictionary) -> None:
    labels = [label for text in dictionary.units["label_zh"] for label in text.split("|")]
    assert [label for label in labels if set(label) & set("()（）")] == []


def test_units_of_different_dimensions_do_not_convert(dictionary: Dictionary) -> None:
    with pytest.raises(DictionaryError, match="does not convert"):
        conversion_factor(dictionary, "10k_persons", "10k_yuan")
    with pytest.raises(DictionaryError, match="unknown unit"):
        conversion_factor(dictionary, "furlong", "km")
    assert conversion_factor(dictionary, "10k_m3", "10k_t", "water_supply") == 1.0
    with pytest.raises(DictionaryError, match="does not convert"):
        conversion_factor(dictionary, "10k_m3", "10k_t", "lpg_supply")


def test_variables_carry_unit_and_scope(dictionary: Dictionary) -> None:
    suffix = dict(zip(dictionary.units["unit"], dictionary.units["suffix"], strict=True))
    for row in dictionary.indicators.to_dict("records"):
        if row["kind"] in ("key", "text") or row["unit"] in ("text", "code", "dummy", "year"):
            continue
        name = str(row["variable"]).removesuffix("_districts").removesuffix("_province").removesuffix("_national")
        assert name.endswith(suffix[row["unit"]]), row["variable"]
        assert str(row["variable"]).endswith("_districts") == (row["scope"] == "districts")


def test_intensive_variables_name_a_weight_that_exists(dictionary: Dictionary) -> None:
    rows = dictionary.indicators
    assert set(rows["kind"]) <= {"level", "ratio", "growth", "index", "dummy", "static", "key", "text"}
    for column in ("interpolate", "extensive"):
        assert set(rows[column]) <= {"true", "false"}
    weighted = rows[rows["weight_variable"].ne("")]
    assert set(weighted["weight_variable"]) <= set(rows["variable"])
    assert not (weighted["extensive"] == "true").any()
    growing = rows[rows["kind"].isin(["growth", "index", "static"])]
    assert set(growing["interpolate"]) == {"false"}


def test_every_alias_resolves_to_its_own_indicator(dictionary: Dictionary) -> None:
    aliases = dictionary.aliases[dictionary.aliases["indicator"].ne("group_heading")]
    unit = dictionary.indicators.drop_duplicates("indicator").set_index("indicator")["unit"]
    label = dictionary.units.set_index("unit")["label_zh"].str.split("|").str[0]
    asked = pd.DataFrame(
        {
            "indicator_text": aliases["alias"],
            "unit_text": aliases["indicator"]
            .map(unit)
            .map(lambda name: "" if name in ("code", "text") else f"单位:{label[name]}"),
            "edition": aliases["edition_from"],
            "table_title": aliases["table_title_pattern"].str.removeprefix("^").str.split("|").str[0],
        }
    )
    found = resolve_headers(dictionary, asked)
    wrong = aliases["alias"][found["indicator"].ne(aliases["indicator"])]
    assert wrong.tolist() == []


@pytest.mark.parametrize(
    ("header", "unit_text", "variable", "unit"),
    [
        (
            "地区生产总值（当年价格） （亿元）  Gross Regional Product （Current Prices） （100 000 000 yuan）>全市 Total City",
            "",
            "gdp_100m_yuan",
            "100m_yuan",
        ),
        (
            "地区生产总值（当年价格）（亿元）>Gross Regional Product （100 000 000 yuan）>市辖区 Districts under City",
            "",
            "gdp_100m_yuan_districts",
            "100m_yuan",
        ),
        (
            "第一产业占地区        生产总值的比重（％） Primary Industry as Percentage to GRP",
            "",
            "va_primary_share_pct",
            "pct",
        ),
        (
            "户籍人口 Household Resident Population>全市 Total City",
            "单位：万人      (10 000 persons)",
            "pop_yearend_10k",
            "10k_persons",
        ),
        (
            "专利授权数 Number of Patent Authorizations>发明 Invention",
            "单位：件",
            "patents_granted_invention_pieces",
            "pieces",
        ),
        ("GDP(亿元)", "", "gdp_100m_yuan", "100m_yuan"),
        ("ＧＤＰ（亿元）", "", "gdp_100m_yuan", "100m_yuan"),
        ("GDP_亿元", "", "gdp_100m_yuan", "100m_yuan"),
        ("人均 GDP（元）", "", "gdp_pc_yuan", "yuan"),
        ("GDP增长率%", "", "gdp_growth_pct", "pct"),
        ("地区生产总值_市辖区(万元)", "", "gdp_100m_yuan_districts", "10k_yuan"),
        ("年末总人口(万人)-全市", "", "pop_yearend_10k", "10k_persons"),
        ("GDP_亿元_市辖区", "", "gdp_100m_yuan_districts", "100m_yuan"),
        ("年末实有公共汽电车营运车辆数(辆)", "", "buses_vehicles", "vehicles"),
        ("供水量(市辖区)(万吨)", "", "water_supply_10k_t_districts", "10k_t"),
        ("供水总量（万立方米）", "", "water_supply_10k_t", "10k_m3"),
        ("每万人在校大学生数(人)", "", "students_higher_rate_per_10k_persons", "persons"),
        ("年末邮政局（所）数（处）", "", "post_offices_count", "count"),
        ("工业烟（粉）尘排放量（吨）①", "", "dust_industrial_t", "t"),
        ("R&D人员（人）", "", "rd_personnel_persons", "persons"),
        ("建成区绿化覆盖率（%）", "", "green_coverage_pct_districts", "pct"),
        ("全社会用电量>其中：工业用电（万千瓦时）", "", "electricity_industrial_10k_kwh", "10k_kwh"),
    ],
)
def test_printed_headers(dictionary: Dictionary, header: str, unit_text: str, variable: str, unit: str) -> None:
    found = resolve_header(dictionary, header, unit_text=unit_text)
    assert (found.variable, found.unit, found.reason) == (variable, unit, "")


@pytest.mark.parametrize(
    ("header", "unit_text", "reason"),
    [
        ("总人口（万人）", "", "unknown_header"),
        ("人均>地区生产总值（元）", "", "unknown_header"),
        ("平均增长率（%）>地区生产总值", "", "unknown_header"),
        ("地区生产总值增长率（%）>第一产业增加值", "", "unknown_unit"),
        ("地区生产总值（万人）", "", "unknown_unit"),
        ("地区生产总值（斤）", "", "unknown_unit"),
        ("地区生产总值", "单位：万斤", "unknown_unit"),
        ("地区生产总值", "", "unknown_unit"),
        ("地区生产总值（亿元）（万元）", "", "unknown_unit"),
        ("工业氮氧化物排放量（吨）>市辖区", "", "ambiguous_scope"),
        ("地区生产总值（亿元）>全市>市辖区", "", "ambiguous_scope"),
    ],
)
def test_unclear_headers_are_refused_with_reason_and_hint(
    dictionary: Dictionary, header: str, unit_text: str, reason: str
) -> None:
    found = resolve_header(dictionary, header, unit_text=unit_text)
    assert (found.reason, found.variable) == (reason, "")
    assert found.detail
    assert found.hint


def test_default_unit_holds_only_in_its_edition(dictionary: Dictionary) -> None:
    inside = resolve_header(
        dictionary, "常住人口 Urban Resident Population>全市", table_title="2-1 人口数", edition="2021"
    )
    assert (inside.unit, inside.unit_from) == ("10k_persons", "dictionary")
    outside = resolve_header(dictionary, "常住人口>全市", table_title="2-1 人口数", edition="2025")
    assert outside.reason == "unknown_unit"


def test_same_words_mean_what_the_title_says(dictionary: Dictionary) -> None:
    share = resolve_header(dictionary, "第一产业（%）", table_title="2-8 地区生产总值构成")
    staff = resolve_header(dictionary, "第一产业（万人）", table_title="2-5 按产业划分的年末城镇单位从业人员（全市）")
    lost = resolve_header(dictionary, "第一产业（万人）", table_title="2-9")
    assert (share.variable, staff.variable, lost.reason) == (
        "va_primary_share_pct",
        "emp_primary_10k",
        "unknown_header",
    )


@pytest.mark.parametrize(
    ("header", "title", "unit_text", "variable"),
    [
        ("货物进口额（万元）", "", "", "imports_goods_in_yuan_100m_yuan"),
        ("货物进口额（亿美元）", "", "", "imports_goods_100m_usd"),
        ("第二产业", "2-9 地区生产总值及构成", "单位：亿元", "va_secondary_100m_yuan"),
        ("第二产业（%）", "2-9 地区生产总值及构成", "", "va_secondary_share_pct"),
        ("构成>第三产业（%）", "2-4 按产业划分的年末城镇单位从业人员", "", "emp_tertiary_share_pct"),
        ("普通中学>在校学生数（人）", "2-20 教育", "", "students_secondary_persons"),
        ("普通中学>学校数（所）", "2-20 教育", "", "schools_secondary_count"),
        ("小学（所）", "2-20 学校数、专任教师数、在校学生数", "", "schools_primary_count"),
    ],
)
def test_the_unit_tells_quantities_of_one_name_apart(
    dictionary: Dictionary, header: str, title: str, unit_text: str, variable: str
) -> None:
    found = resolve_header(dictionary, header, table_title=title, unit_text=unit_text)
    assert (found.variable, found.reason) == (variable, "")


def test_names_the_unit_does_not_tell_apart_are_ambiguous(dictionary: Dictionary) -> None:
    found = resolve_header(dictionary, "小学（人）", table_title="2-20 学校数、专任教师数、在校学生数")
    assert (found.reason, found.variable) == ("ambiguous_header", "")
    assert resolve_header(dictionary, "货物进口额").reason == "ambiguous_header"


def test_contradicting_aliases_are_reported(dictionary: Dictionary) -> None:
    aliases = dictionary.aliases
    clash = aliases[aliases["alias"].eq("客运量")].assign(indicator="emp_unit")
    torn = Dictionary(dictionary.units, dictionary.indicators, pd.concat([aliases, clash]), dictionary.equivalents)
    found = resolve_header(torn, "客运量（万人）")
    assert found.reason == "ambiguous_header"
    assert "emp_unit, passenger_volume" in found.detail


def test_seeds_that_contradict_themselves_are_refused(tmp_path: Path, dictionary: Dictionary) -> None:
    for name in ("units", "indicators", "header_aliases", "unit_equivalents"):
        (tmp_path / f"{name}.csv").write_bytes((SEEDS / f"{name}.csv").read_bytes())
    with (tmp_path / "header_aliases.csv").open("a", encoding="utf-8") as lines:
        lines.write("某列,no_such_indicator,,,,,,\n")
    with pytest.raises(DictionaryError, match="no_such_indicator"):
        load_dictionary(tmp_path)


def test_resolution_keeps_rows_and_index(dictionary: Dictionary) -> None:
    asked = pd.DataFrame(
        {"indicator_text": ["GDP(亿元)", "不明", "GDP(亿元)"], "edition": [2021.0, None, 2021.0]}, index=[7, 3, 5]
    )
    before = asked.copy()
    found = resolve_headers(dictionary, asked)
    assert found.index.tolist() == [7, 3, 5]
    assert found["variable"].tolist() == ["gdp_100m_yuan", "", "gdp_100m_yuan"]
    pd.testing.assert_frame_equal(asked, before)


def test_english_unit_counts_only_without_a_chinese_one(dictionary: Dictionary) -> None:
    assert parse_unit(dictionary, "单位：亿元 (10 000 yuan)") == "100m_yuan"
    assert parse_unit(dictionary, "(10 000 yuan)") == "10k_yuan"
    assert parse_unit(dictionary, "单位：万元、%") == ""
    assert parse_unit(dictionary, "3-3 地区生产总值      （万元）") == "10k_yuan"
    assert parse_unit(dictionary, "单位：％") == "pct"


@pytest.mark.parametrize(
    ("header", "unit_text", "unit"),
    [
        ("地区生产总值(亿元)>Gross Regional Product (10 000 yuan)>全市", "", "100m_yuan"),
        ("地区生产总值(亿元) Gross Regional Product (10 000 yuan)", "", "100m_yuan"),
        ("地区生产总值 Gross Regional Product (10 000 yuan)", "", "10k_yuan"),
        ("地区生产总值 Gross Regional Product (10 000 yuan)", "单位：万元", "10k_yuan"),
        ("地区生产总值(亿元)", "单位：万元", "100m_yuan"),
    ],
)
def test_chinese_units_outrank_misprinted_english_ones(
    dictionary: Dictionary, header: str, unit_text: str, unit: str
) -> None:
    found = resolve_header(dictionary, header, unit_text=unit_text)
    assert (found.variable, found.unit) == ("gdp_100m_yuan", unit)


def test_an_english_unit_against_the_line_above_is_refused(dictionary: Dictionary) -> None:
    found = resolve_header(dictionary, "地区生产总值 Gross Regional Product (10 000 yuan)", unit_text="单位：亿元")
    assert (found.reason, found.variable) == ("unknown_unit", "")


def test_text_of_a_level() -> None:
    labels = {"万元": "10k_yuan", "所": "count", "10000yuan": "10k_yuan", "%": "pct"}
    level = split_level("年末邮政局(所)数", labels)
    assert (level.name, level.units) == ("年末邮政局(所)数", ())
    assert split_level("户籍人口Household Resident Population", labels).name == "户籍人口"
    assert split_level("　其中：工业　用电量 （万元）", labels).name == "工业用电量"
    assert compact(" 地 区\u3000（亿元）\u200b") == "地区(亿元)"


LOADED = load_dictionary(SEEDS)
ALIASES = [
    row
    for row in seed("header_aliases")
    if not any((row["table_title_pattern"], row["edition_from"], row["edition_to"], row["scope"]))
    and row["alias"].isprintable()
    and any("\u4e00" <= sign <= "\u9fff" for sign in row["alias"])
]


@given(
    entry=st.sampled_from(ALIASES),
    gaps=st.lists(st.sampled_from(["", " ", "  ", "\u3000", "\n"]), min_size=4, max_size=4),
    wide=st.booleans(),
    english=st.sampled_from(["", " Total Volume of Something", "\nGross Output", " (Current Prices)"]),
    mark=st.sampled_from(["", "①", "*"]),
    above=st.booleans(),
)
def test_how_a_header_is_set_does_not_change_what_it_means(
    entry: dict[str, str], gaps: list[str], wide: bool, english: str, mark: str, above: bool
) -> None:
    dictionary = LOADED
    if entry["indicator"] in ("not_a_variable", "group_heading") or dictionary.kind[entry["indicator"]] in (
        "key",
        "text",
    ):
        return
    unit = dictionary.variable[entry["indicator"], dictionary.scopes[entry["indicator"]][0]][1]
    label = dictionary.units.set_index("unit").at[unit, "label_zh"].split("|")[0]
    plain = resolve_header(dictionary, entry["alias"], unit_text=f"单位:{label}")
    levels = entry["alias"].split(">")
    cuts = [next(i for i, sign in enumerate(level, 1) if "\u4e00" <= sign <= "\u9fff") for level in levels]
    text = ">".join(
        gaps[0] + level[:cut] + gaps[1] + level[cut:] + gaps[2] + mark for level, cut in zip(levels, cuts, strict=True)
    )
    printed = (text if above else f"{text}{gaps[3]}({label})") + english
    if wide:
        printed = printed.replace("(", "（").replace(")", "）").replace(",", "，")
    again = resolve_header(dictionary, printed, unit_text=f"单位：{label}" if above else "")
    assert (again.variable, again.reason) == (plain.variable, plain.reason)
