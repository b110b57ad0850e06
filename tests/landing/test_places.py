"""Names and codes of places by year: renames continue, abolitions end, county-level namesakes stay out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from landing.places import Places, load_places, normalise_code, normalise_place, resolve_places

SEEDS = Path(__file__).resolve().parents[2] / "seeds"


@pytest.fixture(scope="module")
def places() -> Places:
    return load_places(SEEDS)


def resolve(places: Places, city: str, year: int, **more: str) -> pd.Series:
    return resolve_places(places, pd.DataFrame([{"city_text": city, "year": year, **more}])).iloc[0]


@pytest.mark.parametrize(
    ("city", "province", "year", "code"),
    [
        ("石家庄市", "河北省", 2020, "130100"),
        ("  石 家 庄 市", "河北省", 2020, "130100"),
        ("石家庄市 Shijiazhuang", "河北省", 2020, "130100"),
        ("石家庄", "", 2020, "130100"),
        ("襄樊市", "湖北省", 2009, "420600"),
        ("襄阳市", "湖北省", 2010, "420600"),
        ("思茅市", "云南省", 2006, "530800"),
        ("普洱市", "云南省", 2007, "530800"),
        ("毕节地区", "贵州省", 2010, "520500"),
        ("毕节市", "贵州省", 2011, "520500"),
        ("昌都地区", "西藏自治区", 2013, "540300"),
        ("巢湖市", "安徽省", 2010, "341400"),
        ("莱芜市", "山东省", 2018, "371200"),
        ("吉林市", "", 2020, "220200"),
        ("吉林", "吉林省", 2020, "220200"),
        ("海南州", "", 2020, "632500"),
        ("海南", "青海省", 2020, "632500"),
        ("海南藏族自治州", "", 2020, "632500"),
        ("恩施州", "", 2020, "422800"),
        ("恩施", "湖北省", 2020, "422800"),
        ("重庆", "", 2020, "500000"),
        ("北京市", "北京市", 2020, "110000"),
    ],
)
def test_printed_names_of_their_year(places: Places, city: str, province: str, year: int, code: str) -> None:
    found = resolve(places, city, year, province_text=province)
    assert (found["city_code"], found["reason"], found["place_type"]) == (code, "", "prefecture")


@pytest.mark.parametrize(
    ("city", "year", "words"),
    [
        ("毕节市", 2007, "from 2011"),
        ("铜仁市", 2010, "from 2011"),
        ("儋州市", 2014, "from 2015"),
        ("襄阳市", 2009, "from 2010"),
        ("淮安市", 1999, "from 2000"),
        ("巢湖市", 2011, "until 2010"),
        ("莱芜市", 2019, "until 2018"),
        ("吉林", 2020, "province"),
        ("海南", 2020, "province"),
        ("石家荘市", 2020, "no name"),
    ],
)
def test_names_that_are_not_the_units_in_that_year_do_not_resolve(
    places: Places, city: str, year: int, words: str
) -> None:
    found = resolve(places, city, year)
    assert (found["city_code"], found["reason"]) == ("", "unknown_city") or found["place_type"] == "province"
    if found["place_type"] != "province":
        assert words in found["detail"]
        assert found["hint"]


def test_a_short_name_shared_with_a_province_needs_its_province(places: Places) -> None:
    assert resolve(places, "吉林", 2020)["reason"] == "unknown_city"
    assert resolve(places, "吉林", 2020, province_text="吉林省")["city_code"] == "220200"


def test_a_former_name_in_later_years_is_the_same_unit_and_flagged(places: Places) -> None:
    found = resolve(places, "襄樊市", 2015, province_text="湖北省")
    assert (found["city_code"], found["flags"]) == ("420600", "name_out_of_period")


def test_misprints_are_flagged(places: Places) -> None:
    found = resolve(places, "荷泽市", 2021, province_text="山东省")
    assert (found["city_code"], found["flags"]) == ("371700", "misprint")


def test_current_names_hold_for_all_years_of_the_unit(places: Places) -> None:
    for city, year, code in (("襄阳市", 2006, "420600"), ("毕节市", 2007, "520500"), ("普洱市", 2003, "530800")):
        found = resolve(places, city, year, naming="current")
        assert (found["city_code"], found["reason"]) == (code, "")


def test_a_unit_outside_its_years_is_named_with_the_reason(places: Places) -> None:
    before = resolve(places, "儋州市", 2013, naming="current")
    assert (before["city_code"], before["reason"]) == ("460400", "entity_not_valid")
    after = resolve(places, "莱芜市", 2019, naming="2018")
    assert (after["city_code"], after["reason"]) == ("371200", "entity_not_valid")


def test_names_of_a_fixed_year(places: Places) -> None:
    assert resolve(places, "莱芜市", 2011, naming="2018")["city_code"] == "371200"
    assert resolve(places, "襄樊市", 2011, naming="2014")["flags"] == "name_out_of_period"


def test_the_province_above_must_be_the_citys(places: Places) -> None:
    found = resolve(places, "菏泽市", 2021, province_text="山西省")
    assert (found["city_code"], found["reason"]) == ("", "unknown_city")
    assert "another province" in found["detail"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("130100", "130100"),
        ("130100.0", "130100"),
        ("1301", "130100"),
        ("1301.0", "130100"),
        ("11", "110000"),
        ("130100000000", "130100"),
        ("13010", ""),
        ("abc", ""),
        ("", ""),
    ],
)
def test_code_forms(text: str, code: str) -> None:
    assert normalise_code(text) == code


@pytest.mark.parametrize(
    ("text", "year", "code"),
    [
        ("1301.0", 2020, "130100"),
        ("110100", 2020, "110000"),
        ("1100.0", 2020, "110000"),
        ("500100", 2020, "500000"),
        ("522400", 2008, "520500"),
        ("632100", 2008, "630200"),
        ("522401", 2008, ""),
        ("469003", 2014, ""),
        ("130102", 2020, ""),
        ("999900", 2020, ""),
    ],
)
def test_codes_without_names(places: Places, text: str, year: int, code: str) -> None:
    found = resolve(places, "", year, code_text=text, naming="current")
    assert found["city_code"] == code
    assert (found["reason"] == "") == bool(code)


def test_name_and_code_must_agree(places: Places) -> None:
    found = resolve(places, "邯郸市", 2020, code_text="130100", naming="current")
    assert (found["city_code"], found["reason"]) == ("", "unknown_city")
    assert "130400" in found["detail"]
    assert "130100" in found["detail"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("河北省", "province"),
        ("海南省", "province"),
        ("河北", "province"),
        ("内蒙古", "province"),
        ("全国", "country"),
        ("合计", "country"),
        ("地级及以上城市合计", "group"),
        ("西部地区", "group"),
    ],
)
def test_rows_above_the_city_level(places: Places, text: str, kind: str) -> None:
    found = resolve(places, text, 2020)
    assert (found["place_type"], found["city_code"], found["reason"]) == (kind, "", "")


def test_no_unit_bears_the_name_of_a_total(places: Places) -> None:
    assert [key for key in places.names["key"] if any(name.fullmatch(key) for name, _ in places.totals)] == []


def test_no_two_units_bear_a_name_in_one_year(places: Places) -> None:
    names = places.names[~places.names["key"].isin(places.shared_with_province)]
    pairs = names.merge(names, on="key", suffixes=("", "_other"))
    clash = pairs[
        pairs["city_code"].lt(pairs["city_code_other"])
        & pairs["start"].le(pairs["end_other"])
        & pairs["start_other"].le(pairs["end"])
    ]
    assert clash["key"].tolist() == []


def test_every_seeded_alias_resolves_in_a_year_it_is_declared_for(places: Places) -> None:
    aliases = pd.read_csv(SEEDS / "city_aliases.csv", dtype=str, keep_default_na=False)
    province = places.units.set_index("city_code")["province_code"]
    name = places.provinces.set_index("province_code")["name_zh"]
    asked = pd.DataFrame(
        {
            "city_text": aliases["alias"],
            "year": pd.to_numeric(aliases["end_year"]).fillna(2020).astype(int),
            "province_text": aliases["city_code"].map(province).map(name),
        }
    )
    found = resolve_places(places, asked)
    assert aliases["alias"][found["city_code"].ne(aliases["city_code"])].tolist() == []


def test_resolution_keeps_index_order_and_input(places: Places) -> None:
    asked = pd.DataFrame({"city_text": ["石家庄市", "无此市", "石家庄市"], "year": [2020, 2020, 2019]}, index=[9, 2, 4])
    before = asked.copy()
    found = resolve_places(places, asked)
    assert found.index.tolist() == [9, 2, 4]
    assert found["city_code"].tolist() == ["130100", "", "130100"]
    pd.testing.assert_frame_equal(asked, before)
    shuffled = resolve_places(places, asked.iloc[[2, 0, 1]])
    pd.testing.assert_frame_equal(shuffled.loc[asked.index], found)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("　石家庄市 ", "石家庄市"),
        ("莱芜市①", "莱芜市"),
        ("北京市*", "北京市"),
        ("巢湖市2", "巢湖市"),
        ("唐山市1)", "唐山市"),
        ("唐山市(1)", "唐山市"),
        ("Anhui", "anhui"),
        ("克孜勒苏 柯尔克孜自治州", "克孜勒苏柯尔克孜自治州"),
    ],
)
def test_place_text(text: str, name: str) -> None:
    assert normalise_place(text) == name
