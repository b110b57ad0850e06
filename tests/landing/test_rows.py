"""Row-shaped sources: hand-made files of every kind, read through land() as a user's files would be."""

from __future__ import annotations

import csv
import tracemalloc
import zipfile
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from openpyxl import Workbook

from landing.concordance import group_industries, industry_exports, load_industries, load_isic_gbt, product_industries
from landing.load import LandingReport, land
from landing.rows import ROW_READERS
from landing.rows.reports import count_words, load_word_lists
from landing.rows.templates import load_templates

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds"


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def landed(con: duckdb.DuckDBPyConnection, folder: Path, **files: str | bytes) -> LandingReport:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return land([folder], con, seeds=SEEDS)


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return con.execute(query).fetchall()


def quarantine(con: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return rows(con, "select reason, detail from audit.quarantine order by all")


def test_every_kind_has_a_reader_a_template_file_and_a_source_pattern() -> None:
    templates = load_templates(SEEDS)
    assert templates.keys() == ROW_READERS.keys()
    with (SEEDS / "sources.csv").open(encoding="utf-8", newline="") as lines:
        declared = {row["kind"] for row in csv.DictReader(lines)}
    assert templates.keys() <= declared
    for kind, template in templates.items():
        with (ROOT / "docs" / "templates" / f"{kind}.csv").open(encoding="utf-8", newline="") as lines:
            header = next(csv.reader(lines))
        assert len(header) == len(template.columns), kind
        for text, column in zip(header, template.columns, strict=True):
            assert text.split("(")[0].casefold() in column.aliases, f"{kind}: {text}"


def test_trade_rows_get_their_leading_zeros_back(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    text = (
        "t,i,j,k,v,q\n2020,4,24,300431,0.198,       0.001\n2020,4,36,71120,.5,           NA\n2020,842,156,10121,12,\n"
    )
    report = landed(con, tmp_path, **{"baci_hs17_2020.csv": text})
    assert report.unexplained == []
    assert rows(
        con,
        "select row_number, year, exporter, importer, product_code, value_1k_usd, quantity_t, "
        "quantity_missing, hs_revision, problem from raw.trade order by row_number",
    ) == [
        (1, 2020, "4", "24", "300431", 0.198, 0.001, None, "HS17", None),
        (2, 2020, "4", "36", "071120", 0.5, None, "not_available", "HS17", None),
        (3, 2020, "842", "156", "010121", 12.0, None, "blank", "HS17", None),
    ]


def test_bad_trade_rows_are_located(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    text = "t,i,j,k,v,q\n2020,4,24,300431,1,1\n2020,4,24,30043x,2,1\n2020,4\n2020,4,24,300431,12a,1\n2020,4,24,300490,3,1\n"
    report = landed(con, tmp_path, **{"baci_hs17_2020.csv": text})
    assert len(report.unexplained) == 3
    assert quarantine(con) == [
        ("not_a_number", "1 rows, first: value 12a (row 3)"),
        ("unreadable_row", "missing columns (line 4)"),
        ("wrong_code", "1 rows, first: product 30043x (row 2)"),
    ]
    assert rows(con, "select value_1k_usd, product_code from raw.trade order by row_number") == [
        (1.0, "300431"),
        (2.0, None),
        (None, "300431"),
        (3.0, "300490"),
    ]


def test_trade_in_another_column_order_and_inside_an_archive(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "download.zip", "w") as archive:
        archive.writestr("BACI_HS02_Y2006_V2024.csv", "v,k,j,i,t\n7.5,90111,156,842,2006\n")
    landed(con, tmp_path)
    assert rows(con, "select year, exporter, importer, product_code, value_1k_usd, hs_revision from raw.trade") == [
        (2006, "842", "156", "090111", 7.5, "HS02")
    ]


def test_trade_without_a_needed_column_is_one_quarantine_row(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    landed(con, tmp_path, **{"baci_x.csv": "t,i,j,v\n2020,4,24,1\n"})
    assert quarantine(con) == [("unknown_layout", "no column product_code")]
    assert rows(con, "select count(*) from raw.trade") == [(0,)]


def test_real_trade_rows_all_land(con: duckdb.DuckDBPyConnection, extracts: Path) -> None:
    land([extracts / "trade"], con, seeds=SEEDS)
    assert rows(
        con, "select count(*), count(product_code), min(length(product_code)), count(problem) from raw.trade"
    ) == [(72097, 72097, 6, 0)]
    assert rows(con, "select count(*) from raw.concordance_hs_isic") == [(24279,)]
    assert rows(con, "select count(*) from raw.country_series where gdp_pc_current_usd is not null")[0][0] > 4000


def test_firms_flags_codes_and_units(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    text = (
        "股票代码,证券简称,城市,截止日期,行业代码,员工人数,研发人员数,营业收入（万元）,是否ST\n"
        '000001,平安银行,深圳市,2019-12-31,J66,"34,253",,13795800,0\n'
        "2.0,万科A,深圳市,2019,K70,131505,10,,否\n"
        "600817,*ST宏盛,西安市,2010,H51,12,,3.5,\n"
        "600001,邯郸钢铁,邯郸市,2008,C31,abc,,1,0\n"
        "600002,无处,无此市,2008,C31,1,,1,2\n"
    )
    report = landed(con, tmp_path, **{"firms_2010.csv": text})
    assert rows(
        con,
        "select firm_id, city_code, year, industry_code, employees, rd_staff, revenue_100m_yuan, "
        "special_treatment from raw.firms order by row_number",
    ) == [
        ("000001", "440300", 2019, "J66", 34253.0, None, 1379.58, False),
        ("000002", "440300", 2019, "K70", 131505.0, 10.0, None, False),
        ("600817", "610100", 2010, "H51", 12.0, None, 0.00035, True),
        ("600001", "130400", 2008, "C31", None, None, 0.0001, False),
        ("600002", None, 2008, "C31", 1.0, None, 0.0001, False),
    ]
    assert [reason for reason, _ in quarantine(con)] == ["not_a_flag", "not_a_number", "unknown_city"]
    assert any("F5" in line and "firms_2010.csv" in line for line in report.unexplained)
    assert rows(con, "select problem from raw.firms where row_number = 4") == [
        ("F5: not_a_number: 'abc': text where a number belongs",)
    ]


def test_a_number_column_with_a_foreign_unit_stays_out(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    landed(
        con,
        tmp_path,
        **{"city_industry.csv": "城市,年份,行业标准,行业代码,产值,从业人员（吨）\n石家庄市,2010,2002,6,5,7\n"},
    )
    assert rows(
        con, "select city_code, standard, industry_code, output_100m_yuan, employed_10k from raw.city_industry"
    ) == [("130100", 2002, "06", None, None)]
    assert [reason for reason, _ in quarantine(con)] == ["unknown_unit", "unknown_unit"]


def test_templates_read_workbooks_with_a_title_and_gb18030_text(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    book = Workbook()
    for row in (["人民币汇率"], [], ["年份", "1美元兑人民币（元）"], [2007, 7.604], [2008, 6.9451], [None, None]):
        book.active.append(row)
    book.save(tmp_path / "汇率.xlsx")
    landed(
        con,
        tmp_path,
        **{"terrain.csv": "城市,地形起伏度,地形起伏度标准差\n襄阳市,0.5,0.25\n恩施州,3.1,\n".encode("gb18030")},
    )
    assert rows(con, "select year, fx_usd_cny_yuan_per_usd from raw.exchange_rate order by 1") == [
        (2007, 7.604),
        (2008, 6.9451),
    ]
    assert rows(con, "select city_code, terrain_relief, terrain_relief_sd from raw.terrain order by row_number") == [
        ("420600", 0.5, 0.25),
        ("422800", 3.1, None),
    ]
    assert quarantine(con) == []


def test_policies_pairs_robots_and_codes(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    landed(
        con,
        tmp_path,
        **{
            "policies.csv": "政策,城市,起始年份,层级\nsmart_city,巢湖市,2009,prefecture\nsmart_city,巢湖市,2013,prefecture\n",
            "city_pairs.csv": "城市甲,城市乙,公路里程（公里）\n北京市,天津市,137\n",
            "robots.csv": "年份,行业代码,安装量（台）,保有量（万台）\n2015,10-12,1200,1.5\n",
            "country_codes_V2024.csv": "country_code,country_name,country_iso2,country_iso3\n842,USA,US,USA\n",
            "concordance_isic_gbt.csv": "ISIC4,标准,行业代码,权重\n1010,2017,13,\n",
            "country_series.csv": "国家代码,年份,gdp_pc_ppp\nUSA,2020,60000\n",
        },
    )
    assert rows(con, "select policy, city_code, start_year from raw.policies order by row_number") == [
        ("smart_city", "341400", 2009),
        ("smart_city", None, 2013),
    ]
    assert rows(con, "select city_code, other_city_code, road_distance_km from raw.city_pairs") == [
        ("110000", "120000", 137.0)
    ]
    assert rows(con, "select industry_code, robots_installed_machines, robots_stock_machines from raw.robots") == [
        ("10-12", 1200.0, 15000.0)
    ]
    assert rows(con, "select country_code, country_iso3 from raw.country_codes") == [("842", "USA")]
    assert rows(con, "select isic4_prefix, standard, industry_code, weight from raw.concordance_isic_gbt") == [
        ("1010", 2017, "13", None)
    ]
    assert rows(con, "select country_iso3, gdp_pc_ppp_usd from raw.country_series") == [("USA", 60000.0)]
    assert [reason for reason, _ in quarantine(con)] == ["unknown_city"]


def test_wide_provincial_series(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    text = (
        "省份,年份,固定资产投资价格指数(上年=100),城镇居民人均可支配收入（元）,长途光缆线路长度（万公里）,某指标（元）\n"
        "河北省,2015,98.2,26152,2.1,1\nhubei,2015,97.4,…,3.05,2\n无省,2015,97,1,1,\n"
    )
    landed(con, tmp_path, **{"province_series.csv": text})
    assert rows(
        con,
        "select province_code, year, variable, value, unit from raw.province_series where variable is not null "
        "and province_code is not null order by province_code, variable",
    ) == [
        ("130000", 2015, "fai_price_index_prev100", 98.2, "index_prev100"),
        ("130000", 2015, "fibre_length_km", 2.1, "10k_km"),
        ("130000", 2015, "inc_urban_prov_yuan", 26152.0, "yuan"),
        ("420000", 2015, "fai_price_index_prev100", 97.4, "index_prev100"),
        ("420000", 2015, "fibre_length_km", 3.05, "10k_km"),
        ("420000", 2015, "inc_urban_prov_yuan", None, "yuan"),
    ]
    found = quarantine(con)
    assert [reason for reason, _ in found] == ["unknown_city", "unknown_header"]
    assert "F2, F3" in str(found[1][1])
    assert rows(con, "select count(*) from raw.province_series") == [(12,)]


def test_long_national_series(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    text = (
        "年份,指标,单位,数值\n2012,全国互联网上网人数,万人,56400\n2012,全国就业人员,万人,76254\n"
        "2012,城镇居民人均可支配收入,元,24127\n2012年,全国互联网上网人数,吨,1\nx,全国就业人员,万人,1\n"
    )
    landed(con, tmp_path, **{"national_series.csv": text})
    assert rows(
        con,
        "select cell, year, variable, value, unit from raw.national_series where problem is null order by row_number",
    ) == [
        ("D2", 2012, "internet_users_national_10k", 56400.0, "10k_persons"),
        ("D3", 2012, "emp_total_national_10k", 76254.0, "10k_persons"),
        ("D4", 2012, "inc_urban_nat_yuan", 24127.0, "yuan"),
    ]
    assert [reason for reason, _ in quarantine(con)] == ["unknown_unit", "wrong_year"]


def test_price_indices_of_provinces_and_large_cities(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    wide = "地区,年份,食品,燃料,饮料、烟酒\n河北省,2015,102.1,90.5,100\n石家庄市,2015,101.9,91,99.8\n"
    landed(con, tmp_path, **{"price_index_零售价格.csv": wide})
    assert rows(
        con,
        "select place_type, province_code, city_code, variable, value from raw.price_index "
        "where indicator in ('rpi_01', 'rpi_15') order by row_number",
    ) == [
        ("province", "130000", None, "rpi_01_prev100_province", 102.1),
        ("prefecture", None, "130100", "rpi_01_prev100", 101.9),
        ("province", "130000", None, "rpi_15_prev100_province", 90.5),
        ("prefecture", None, "130100", "rpi_15_prev100", 91.0),
    ]
    assert rows(con, "select count(*), count(variable) from raw.price_index") == [(6, 6)]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("发展数字经济,做强数字经济核心产业。推进数字化转型。", {"数字经济": 2, "数字化": 1, "数字": 0}),
        ("数字 经\n济与 数字技术；数字政府", {"数字经济": 1, "数字化": 0, "数字": 2}),
        ("工业互联网和互联网+", {"工业互联网": 1, "互联网+": 1, "互联网": 0}),
        ("5G基站, 5g网络", {"5G": 2}),
        ("没有相关内容", {"数字经济": 0}),
    ],
)
def test_words_are_counted_as_by_hand(text: str, counts: dict[str, int]) -> None:
    assert count_words(text, counts) == counts


def test_reports_from_texts_and_tables(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    landed(
        con,
        tmp_path,
        **{
            "reports/石家庄市_2015.txt": "大力发展数字经济，数字经济规模扩大。人工智能。",
            "reports/无此市_2015.txt": "数字经济",
            "reports/读我.txt": "数字经济 (说明)",
            "reports/2016.csv": '城市,年份,正文\n邯郸市,2016,"新质生产力,\n科技创新"\n',
        },
    )
    assert rows(
        con,
        "select city_code, year, word, occurrences from report_words where occurrences > 0 order by all".replace(
            "report_words", "raw.report_words"
        ),
    ) == [
        ("130100", 2015, "人工智能", 1),
        ("130100", 2015, "数字经济", 2),
        ("130400", 2016, "新质生产力", 1),
        ("130400", 2016, "科技创新", 1),
    ]
    words = sum(map(len, load_word_lists(SEEDS).values()))
    assert rows(con, "select count(*) from raw.report_words") == [(2 * words,)]
    assert rows(con, "select count(*) from raw.reports") == [(3,)]
    assert [reason for reason, _ in quarantine(con)] == ["unknown_city", "unreadable_file"]


def test_landing_again_replaces_rows(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for _ in range(2):
        landed(
            con,
            tmp_path,
            **{"baci_x.csv": "t,i,j,k,v,q\n2020,4,24,300431,1,1\n", "terrain.csv": "城市,地形起伏度\n北京市,1\n"},
        )
    assert rows(con, "select (select count(*) from raw.trade), (select count(*) from raw.terrain)") == [(1, 1)]


def hs_isic() -> pd.DataFrame:
    pairs = [
        ("870321", "2910"),
        ("870321", "3311"),
        ("860110", "3020"),
        ("401110", "2211"),
        ("392010", "2220"),
        ("010121", "0141"),
        ("010121", "0142"),
        ("040110", "1050"),
        ("240110", "1200"),
        ("999999", "9810"),
        ("050400", None),
    ]
    return pd.DataFrame(pairs, columns=["product_code", "isic4_class"])


def test_products_are_split_over_industries_and_totals_kept() -> None:
    products = product_industries(hs_isic(), load_isic_gbt(SEEDS), load_industries(SEEDS))
    sums = products.weights.groupby("product_code")["weight"].sum()
    assert sums.to_numpy() == pytest.approx(1.0, rel=1e-15)
    weight = products.weights.set_index(["product_code", "industry_code"])["weight"]
    assert weight["870321", "36"] == 1.0  # repair (3311) does not count
    assert weight["010121", "03"] == 1.0  # both classes are animals
    assert products.unmatched == ("050400", "999999")
    trade = pd.DataFrame(
        {
            "exporter": ["4", "4", "4", "8"],
            "year": 2020,
            "product_code": ["870321", "860110", "999999", "401110"],
            "value_1k_usd": [10.0, 5.0, 2.0, 7.0],
        }
    )
    result = industry_exports(trade, products)
    assert result.exports.to_numpy().tolist() == [["4", 2020, "36-37", 15.0], ["8", 2020, "29", 7.0]]
    assert result.unmatched_value.to_numpy().tolist() == [["4", 2020, 2.0]]
    assert result.unmatched == ("999999",)
    total = result.exports["value_1k_usd"].sum() + result.unmatched_value["value_1k_usd"].sum()
    assert total == trade["value_1k_usd"].sum()
    with pytest.raises(ValueError, match="allowed"):
        industry_exports(trade, products, by="isic")


def test_real_concordance_keeps_export_totals(extracts: Path) -> None:
    pairs = pd.read_csv(extracts / "trade" / "concordance_hs_isic4.csv", dtype=str)
    pairs = pairs.rename(columns={"HS_6d": "product_code", "ISIC4_4d": "isic4_class"})
    products = product_industries(pairs, load_isic_gbt(SEEDS), load_industries(SEEDS))
    name = "baci_hs17_2020_exporters_AFG_ZAF.csv"
    trade = pd.read_csv(extracts / "trade" / name, dtype={"k": str}, skipinitialspace=True)
    trade = trade.rename(columns={"t": "year", "i": "exporter", "k": "product_code", "v": "value_1k_usd"})
    trade["product_code"] = trade["product_code"].str.zfill(6)
    result = industry_exports(trade, products)
    total = result.exports["value_1k_usd"].sum() + result.unmatched_value["value_1k_usd"].sum()
    assert total == pytest.approx(trade["value_1k_usd"].sum(), rel=1e-12)
    assert result.unmatched_value["value_1k_usd"].sum() < 0.02 * total


def test_the_three_editions_of_gbt_nest_in_groups() -> None:
    industries = load_industries(SEEDS)
    assert industries.groupby("standard").size().to_dict() == {2002: 95, 2011: 96, 2017: 97}
    assert not industries.duplicated(["standard", "industry_code"]).any()
    group = industries.set_index(["standard", "industry_code"])["group_code"]
    assert group[2002, "37"] == group[2011, "36"] == group[2017, "37"] == "36-37"
    assert group[2002, "29"] == group[2002, "30"] == group[2011, "29"] == "29"
    assert group[2002, "62"] == group[2011, "65"] == group[2017, "64"] == "63-65"
    assert set(load_isic_gbt(SEEDS)["industry_code"]) <= set(group[2017].index)


def test_values_by_industry_are_comparable_over_the_editions() -> None:
    frame = pd.DataFrame(
        {
            "city_code": "A",
            "standard": [2002, 2002, 2002, 2017, 2017, 2017],
            "year": [2010] * 3 + [2019] * 3,
            "industry_code": ["29", "30", "99", "29", "36", "37"],
            "output": [3.0, 4.0, 1.0, 9.0, None, 2.0],
        }
    )
    result = group_industries(frame, load_industries(SEEDS), keys=["city_code", "year"], values=["output"])
    assert result.totals.to_numpy().tolist() == [
        ["A", 2010, "29", 7.0],
        ["A", 2019, "29", 9.0],
        ["A", 2019, "36-37", 2.0],
    ]
    assert result.unmatched == ((2002, "99"),)


@pytest.mark.slow
def test_python_memory_does_not_grow_with_trade_rows(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    line = "2020,710,842,711890,1.25,           NA\n"
    peaks = []
    for size in (50_000, 500_000):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / "baci_big.csv").write_text("t,i,j,k,v,q\n" + line * size, encoding="utf-8")
        tracemalloc.start()
        land([folder], con, seeds=SEEDS)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert rows(con, "select count(*) from raw.trade") == [(size,)]
    assert peaks[1] < 1.5 * peaks[0] + 5e6


def test_the_template_guide_describes_every_column() -> None:
    guide = (ROOT / "docs" / "templates" / "README.md").read_text(encoding="utf-8")
    for kind, template in load_templates(SEEDS).items():
        section = guide.split(f"## {kind}\n")[1].split("\n## ")[0]
        for column in template.columns:
            assert f"| `{column.name}` |" in section
            assert column.description in section
