"""Output and employment by city and industry under three editions of GB/T 4754, robots, and the trade side of the industries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from demo.csvfile import csv_bytes, number
from demo.draws import Draws
from demo.economy import BASE_YEAR
from demo.world import World
from estimation.agglomeration.export_sophistication import prody

YEARS = range(2006, 2021)
STANDARDS = ((2011, 2002), (2016, 2011), (9999, 2017))


@dataclass(frozen=True)
class Industry:
    """A two-digit industry: codes by standard, classes of ISIC 4, HS chapters of its products, level and slope of its share.

    `slope` is the elasticity of the share with respect to product a head; `wealth` the log of mean income of its exporters.
    """

    name: str
    codes: dict[int, str]
    isic: tuple[str, ...]
    chapters: tuple[int, ...]
    share: float
    slope: float
    wealth: float


def _same(code: int) -> dict[int, str]:
    return {2002: str(code), 2011: str(code), 2017: str(code)}


def _shifted(code: int) -> dict[int, str]:
    """Codes that moved down by one when the 2011 edition split transport equipment."""
    return {2002: str(code), 2011: str(code - 1), 2017: str(code - 1)}


INDUSTRIES = (
    Industry("农副食品加工业", _same(13), ("1010", "1020", "1030", "1040", "1061", "1080"), (2, 16), 0.10, -0.35, 2.2),
    Industry("食品制造业", _same(14), ("1050", "1071", "1073", "1075", "1079"), (17, 19), 0.05, -0.15, 2.6),
    Industry("酒、饮料和精制茶制造业", _same(15), ("1101", "1103", "1104"), (22,), 0.05, -0.2, 2.9),
    Industry("纺织业", _same(17), ("1311", "1312", "1391", "1392"), (52, 54), 0.09, -0.2, 1.7),
    Industry("纺织服装、服饰业", _same(18), ("1410", "1430"), (61, 62), 0.05, -0.05, 1.4),
    Industry("造纸和纸制品业", _same(22), ("1701", "1702", "1709"), (48,), 0.04, 0.0, 3.0),
    Industry(
        "化学原料和化学制品制造业", _same(26), ("2011", "2012", "2013", "2021", "2029"), (28, 29), 0.13, 0.05, 3.4
    ),
    Industry("医药制造业", _same(27), ("2100",), (30,), 0.05, 0.1, 3.9),
    Industry("非金属矿物制品业", _shifted(31), ("2310", "2391", "2392", "2394", "2395"), (69, 70), 0.12, -0.3, 2.5),
    Industry("黑色金属冶炼和压延加工业", _shifted(32), ("2410",), (72,), 0.11, 0.0, 2.8),
    Industry("金属制品业", _shifted(34), ("2511", "2512", "2591", "2593"), (73, 82), 0.05, 0.1, 3.2),
    Industry("通用设备制造业", _shifted(35), ("2811", "2812", "2814", "2816"), (84,), 0.06, 0.2, 3.7),
    Industry("专用设备制造业", _shifted(36), ("2821", "2823", "2824", "2826"), (87,), 0.05, 0.2, 3.8),
    Industry("电气机械和器材制造业", _shifted(39), ("2710", "2720", "2740", "2750"), (85,), 0.07, 0.3, 3.5),
    Industry("计算机、通信和其他电子设备制造业", _shifted(40), ("2610", "2620", "2630", "2640"), (90,), 0.08, 0.6, 3.6),
)
PRODUCTS_PER_INDUSTRY = 12
TRADE_YEAR = 2013
# ISO 3166 code, numeric code of the trade source, and a made-up product a head in 1 000 US dollars.
COUNTRIES = (
    ("ARG", 32, 10.9), ("AUS", 36, 50.4), ("AUT", 40, 42.0), ("BGD", 50, 1.0), ("BRA", 76, 10.1), ("CAN", 124, 43.7),
    ("CHL", 152, 13.0), ("COL", 170, 6.7), ("CZE", 203, 16.8), ("DEU", 276, 38.6), ("EGY", 818, 2.7), ("ESP", 724, 24.4),
    ("ETH", 231, 0.5), ("FIN", 246, 41.2), ("FRA", 251, 35.3), ("GBR", 826, 36.1), ("IDN", 360, 3.0), ("IND", 699, 1.3),
    ("IRL", 372, 42.8), ("ITA", 381, 29.4), ("JPN", 392, 33.6), ("KEN", 404, 1.1), ("KOR", 410, 22.7), ("MEX", 484, 8.8),
    ("MYS", 458, 9.1), ("NLD", 528, 43.7), ("PAK", 586, 1.1), ("POL", 616, 11.5), ("SGP", 702, 47.0), ("THA", 764, 5.0),
    ("TUR", 792, 10.5), ("USA", 842, 44.5), ("VNM", 704, 1.6), ("ZAF", 710, 5.7),
)  # fmt: skip


def standard_of(year: int) -> int:
    """Edition of GB/T 4754 in force for the year's output statistics."""
    return next(standard for last, standard in STANDARDS if year <= last)


def output_shares(world: World) -> np.ndarray:
    """(units, years of YEARS, industries): shares in the output of the industries listed here."""
    draws = Draws(world.seed, world.roster.units["city_code"].tolist())
    at = [world.at(year) for year in YEARS]
    dev = np.log(world.cells["gdp_pc", "city"][:, at])
    dev = np.nan_to_num(dev - np.nanmean(dev, axis=0))
    trend = np.array(YEARS) - BASE_YEAR
    logs = [
        np.log(industry.share) + industry.slope * (dev + 0.05 * trend) + 2.1 * draws.normal(f"output {at}")
        + 0.08 * draws.path(f"output {at} passing", len(YEARS))
        for at, industry in enumerate(INDUSTRIES)
    ]  # fmt: skip
    weights = np.exp(np.stack(logs, axis=2))
    return weights / weights.sum(axis=2, keepdims=True)


def output_levels(world: World, shares: np.ndarray) -> np.ndarray:
    """(units, years of YEARS, industries) output in 10 000 yuan, rounded as printed; NaN where the city reports none."""
    at = [world.at(year) for year in YEARS]
    total = world.cells["industrial_output", "city"][:, at] * 0.7e4
    return np.round(total[:, :, None] * shares)


def staff_levels(world: World, shares: np.ndarray) -> np.ndarray:
    """(units, years of YEARS, industries) persons employed, 10 000, rounded as printed; NaN where the city reports none."""
    at = [world.at(year) for year in YEARS]
    return np.round(world.cells["emp_manufacturing", "city"][:, at][:, :, None] * shares, 4)


def city_industry(world: World, output: np.ndarray, staff: np.ndarray, without_output: np.ndarray) -> bytes:
    """Rows city x year x industry with output and employment; units `without_output` report employment only."""
    rows = []
    for t, year in enumerate(YEARS):
        names, standard = world.roster.names(year).tolist(), standard_of(year)
        for i in np.flatnonzero(~np.isnan(staff[:, t, 0])):
            for k, industry in enumerate(INDUSTRIES):
                value = "" if without_output[i] else int(output[i, t, k])
                jobs = number(float(staff[i, t, k]), 4)
                rows.append([names[i], year, standard, industry.codes[standard], industry.name, value, jobs])
    return csv_bytes(["城市", "年份", "行业标准", "行业代码", "行业名称", "产值(万元)", "就业人数(万人)"], rows)


def robots(world: World) -> bytes:
    """Robots installed in the country by industry, and in operation."""
    installed, stock = robot_counts(world)
    rows = [
        [int(year), "GB/T 4754-2002", industry.codes[2002], int(installed[k, t]), int(stock[k, t]), "合成数据"]
        for t, year in enumerate(world.years) for k, industry in enumerate(INDUSTRIES)
    ]  # fmt: skip
    return csv_bytes(["年份", "行业标准", "行业代码", "安装量", "保有量", "说明"], rows)


def robot_counts(world: World) -> tuple[np.ndarray, np.ndarray]:
    """(industries, years) robots installed in the year and in operation at its end."""
    draws = Draws(world.seed, [str(at) for at in range(len(INDUSTRIES))])
    years = world.years
    growth = 6.2 + 0.04 * (years - BASE_YEAR)
    installed = np.round(np.exp(growth + 0.9 * draws.normal("robots") + 0.1 * draws.path("robots", len(years))))
    return installed, np.round(np.cumsum(installed, axis=1) * 0.9)


def products() -> list[tuple[str, int]]:
    """(HS six-digit product, position of its industry); twelve products an industry, from the chapters it makes."""
    out = []
    for at, industry in enumerate(INDUSTRIES):
        for number_ in range(PRODUCTS_PER_INDUSTRY):
            chapter = industry.chapters[number_ % len(industry.chapters)]
            out.append((f"{chapter:02d}{number_ + 1:02d}{10 * (number_ % 9 + 1):02d}", at))
    return out


def export_values(seed: int) -> np.ndarray:
    """(countries, products) exports in 1 000 US dollars: rich countries export what rich countries export."""
    draws = Draws(seed, [str(code) for _, code, _ in COUNTRIES])
    income = np.log([income for *_, income in COUNTRIES])
    goods = products()
    own = draws.stream("products").normal(0, 0.5, len(goods))
    wealth = np.array([INDUSTRIES[at].wealth for _, at in goods]) + own
    distance = (income[:, None] - wealth[None, :]) / 0.9
    noise = draws.normal("exports", len(goods))
    size = draws.normal("country size")
    values = np.exp(10.5 + 0.9 * size - 0.5 * distance**2 + 0.8 * noise)
    return np.where(draws.uniform("export zeros", len(goods)) < 0.06, 0.0, np.round(values, 3))


def complexity(seed: int) -> np.ndarray:
    """(industries,) mean PRODY of an industry's products, 1 000 US dollars, from the flows as printed."""
    flows = np.round(export_values(seed) * 0.6, 3) + np.round(export_values(seed) * 0.4, 3)
    income = np.array([round(1000 * income, 2) / 1000 for *_, income in COUNTRIES])
    own = prody(flows, income)
    members = np.array([at for _, at in products()])
    return np.array([own[members == at].mean() for at in range(len(INDUSTRIES))])


def trade_rows(seed: int) -> bytes:
    """Flows as the trade source prints them (t, i, j, k, v, q), to two importers, product codes without leading zeros."""
    values, rows = export_values(seed), []
    for i, (_, exporter, _) in enumerate(COUNTRIES):
        importers = [code for _, code, _ in COUNTRIES if code != exporter]
        partner = (importers[i % len(importers)], importers[(7 * i + 3) % len(importers)])
        for k, (product, _) in enumerate(products()):
            for importer, part in zip(partner, (0.6, 0.4), strict=True):
                if values[i, k] > 0:
                    flow = round(float(values[i, k]) * part, 3)
                    rows.append([TRADE_YEAR, exporter, importer, int(product), number(flow, 3), number(flow / 2, 3)])
    return csv_bytes(["t", "i", "j", "k", "v", "q"], rows, notice="")


def trade_concordances() -> dict[str, bytes]:
    """HS to ISIC 4, ISIC 4 to GB/T 4754, country codes and country series, by file name."""
    hs = []
    for code, at in products():
        isic = INDUSTRIES[at].isic[int(code) % len(INDUSTRIES[at].isic)]
        hs.append([code, code[:4], code[:2], isic, isic[:3], isic[:2], "C"])
    gbt = [
        [prefix, standard, industry.codes[standard], 1]
        for industry in INDUSTRIES for prefix in industry.isic for standard in (2002, 2011, 2017)
    ]  # fmt: skip
    series = [
        [iso, iso, year, "", "", "", number(1000 * income * 1.02 ** (year - TRADE_YEAR), 2)]
        for iso, _, income in COUNTRIES for year in range(2005, 2023)
    ]  # fmt: skip
    names = [
        "country_iso3",
        "country_name",
        "year",
        "NY.GDP.MKTP.CD",
        "NY.GDP.MKTP.KD",
        "SP.POP.TOTL",
        "gdp_pc_current_usd",
    ]
    return {
        "concordance_hs_isic4.csv": csv_bytes(
            ["HS_6d", "HS_4d", "HS_2d", "ISIC4_4d", "ISIC4_3d", "ISIC4_2d", "ISIC4_1d"], hs
        ),
        "concordance_isic_gbt.csv": csv_bytes(["ISIC4", "standard", "gbt", "weight"], gbt),
        "country_codes.csv": csv_bytes(
            ["country_code", "country_iso3", "country_name"], [[c, i, i] for i, c, _ in COUNTRIES]
        ),
        "wdi_gdp_synthetic.csv": csv_bytes(names, series),
    }
