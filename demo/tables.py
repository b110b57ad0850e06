"""What the demo's yearbook tables print: columns with their headers, units and decimals as editions change them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

BOTH = ("city", "districts")
CITY = ("city",)
UNIT_EN = {
    "亿元": "100 000 000 yuan",
    "万元": "10 000 yuan",
    "元": "yuan",
    "%": "%",
    "万人": "10 000 persons",
    "人": "persons",
    "吨": "ton",
    "万吨": "10 000 tons",
    "万户": "10 000 households",
}


@dataclass(frozen=True)
class Column:
    """A printed column: `indicator` of the world times `factor`, for each of `scopes`, under the header `zh`/`en`.

    `part` columns stand one header row lower, as parts of the column to their left.
    """

    indicator: str
    zh: str
    en: str
    unit: str
    scopes: tuple[str, ...] = CITY
    factor: float = 1.0
    decimals: int = 0
    part: bool = False


@dataclass(frozen=True)
class Table:
    """One table of one edition. `unit_line` prints the common unit above the table instead of in the headers."""

    number: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    unit_line: bool = False


# Table number by the last edition that used it.
NUMBERS: dict[str, dict[int, str]] = {
    "population": {2023: "2-1"},
    "emissions": {2011: "2-40", 2016: "2-38", 2020: "2-3", 2022: "2-3", 2023: "2-3"},
    "employment": {2011: "2-8", 2016: "2-9", 2020: "2-17", 2022: "2-18", 2023: "2-12"},
    "gdp": {2011: "2-12", 2016: "2-11", 2020: "2-7", 2022: "2-7", 2023: "2-6"},
    "composition": {2011: "2-13", 2016: "2-12", 2020: "2-8", 2022: "2-8", 2023: "2-7"},
    "sectors": {2011: "2-14", 2016: "2-13", 2020: "2-9", 2022: "2-9", 2023: "2-5"},
    "fiscal": {2011: "2-19", 2016: "2-18", 2020: "2-10", 2022: "2-10", 2023: "2-8"},
    "banking": {2011: "2-20", 2016: "2-19", 2020: "2-11", 2022: "2-11", 2023: "2-10"},
    "investment": {2011: "2-22", 2016: "2-21", 2020: "2-13"},
    "retail": {2011: "2-24", 2016: "2-23", 2020: "2-15", 2022: "2-16", 2023: "2-16"},
    "telecom": {2011: "2-31", 2016: "2-30", 2020: "2-27", 2022: "2-27", 2023: "2-28"},
}
LAST_INVESTMENT_EDITION = 2018


def table_number(kind: str, edition: int) -> str:
    """Number of a table in an edition; later editions keep the last known number."""
    eras = NUMBERS[kind]
    last = min((limit for limit in eras if limit >= edition), default=max(eras))
    return eras[last]


def population(edition: int) -> Table:
    """The table that changes its quantity: registered until 2020, resident in 2021 (no unit), registered 2022, resident then."""
    number = table_number("population", edition)
    if edition <= 2020:
        columns: tuple[Column, ...] = (
            Column(
                "pop_yearend",
                "年末总人口" if edition <= 2016 else "年末户籍人口",
                "Total Population at Year-end",
                "万人",
                BOTH,
                1,
                2 if edition <= 2016 else 0,
            ),
        )
        return Table(number, "人口数", "Population", columns)
    if edition == 2022:
        columns = (
            Column("pop_yearend", "户籍人口", "Household Resident Population", "万人", BOTH),
            Column("registered_urban_population", "城镇户籍人口", "Urban Household Resident Population", "万人", BOTH),
        )
        return Table(number, "人口数", "Household Resident Population", columns, unit_line=True)
    if edition == 2021:
        columns = (
            Column("pop_resident", "常住人口", "Urban Resident Population", "", BOTH),
            Column("urban_population", "城镇常住人口", "Urban Resident Population", "", BOTH, part=True),
        )
        return Table(number, "人口数", "", columns)
    columns = (
        Column("pop_resident", "常住人口", "Permanent Resident Population", "万人", BOTH),
        Column(
            "urbanization_rate",
            "常住人口城镇化率",
            "Urbanization Rate of Permanent Resident Population",
            "%",
            CITY,
            1,
            2,
            part=True,
        ),
    )
    return Table(number, "人口数", "Permanent Resident Population", columns)


def gdp(edition: int) -> Table:
    million = edition <= 2018
    columns = (
        Column(
            "gdp",
            "地区生产总值（当年价格）",
            "Gross Regional Product （Current Prices）",
            "万元" if million else "亿元",
            BOTH,
            1e4 if million else 1,
        ),
        Column("gdp_pc", "人均地区生产总值", "Per Capita GRP", "元", BOTH),
        Column("gdp_growth", "地区生产总值增长率", "GRP Growth Rate", "%", BOTH, 1, 2),
    )
    return Table(table_number("gdp", edition), "地区生产总值", "Gross Regional Product", columns)


def composition(edition: int) -> Table:
    prefix = ("第一产业", "Primary Industry"), ("第二产业", "Secondary Industry"), ("第三产业", "Tertiary Industry")
    columns = tuple(
        Column(
            f"va_{name}_share",
            f"{zh}占{'GDP' if edition <= 2016 else '地区生产总值'}的比重",
            f"{en} as Percentage to GRP",
            "%",
            BOTH,
            1,
            2,
        )
        for (zh, en), name in zip(prefix, ("primary", "secondary", "tertiary"), strict=True)
    )
    return Table(
        table_number("composition", edition),
        "地区生产总值构成",
        "Composition of Gross Regional Product",
        columns,
        unit_line=edition >= 2023,
    )


def sectors(edition: int) -> Table:
    columns = (
        Column("va_primary", "第一产业增加值", "Value-added of the Primary Industry", "万元", BOTH, 1e4),
        Column("va_secondary", "第二产业增加值", "Value-added of the Secondary Industry", "万元", BOTH, 1e4),
        Column("va_tertiary", "第三产业增加值", "Value-added of the Tertiary Industry", "万元", BOTH, 1e4),
    )
    return Table(table_number("sectors", edition), "三次产业增加值", "Value-added by Industry", columns, unit_line=True)


def fiscal(edition: int) -> Table:
    if edition <= 2012:
        revenue, expenditure = "地方财政一般预算内收入", "地方财政一般预算内支出"
    elif edition <= 2016:
        revenue, expenditure = "公共财政收入", "公共财政支出"
    else:
        revenue, expenditure = "地方一般公共预算收入", "地方一般公共预算支出"
    science = "科学支出" if edition <= 2007 else "科学技术支出"
    columns = (
        Column("fiscal_rev", revenue, "Local General Public Budget Revenue", "万元", CITY, 1e4),
        Column("fiscal_exp", expenditure, "Local General Public Budget Expenditure", "万元", CITY, 1e4),
        Column("exp_science", science, "Expenditure for Science and Technology", "万元", CITY, 1e4, part=True),
        Column("exp_education", "教育支出", "Expenditure for Education", "万元", CITY, 1e4, part=True),
    )
    title = "地方财政一般预算内收支状况(全市)" if edition <= 2012 else "地方一般公共预算收支状况(全市)"
    return Table(
        table_number("fiscal", edition),
        title,
        "Local General Public Budget Revenue and Expenditure (Total City)",
        columns,
        unit_line=True,
    )


def banking(edition: int) -> Table:
    currency = "人民币" if edition >= 2009 else ""
    columns = (
        Column(
            "deposits",
            f"年末金融机构{currency}各项存款余额",
            "Deposits of Financial Institutions at Year-end",
            "万元",
            BOTH,
            1e4,
        ),
        Column(
            "loans",
            f"年末金融机构{currency}各项贷款余额",
            "Loans of Financial Institutions at Year-end",
            "万元",
            BOTH,
            1e4,
        ),
    )
    return Table(
        table_number("banking", edition),
        "年末金融机构存贷款余额",
        "Deposits and Loans of Financial Institutions at Year-end",
        columns,
        unit_line=True,
    )


def employment(edition: int) -> Table:
    names: tuple[str, ...]
    if edition <= 2012:
        names = "年末单位从业人员数", "在岗职工平均人数", "在岗职工工资总额", "职工平均工资"
    elif edition <= 2019:
        names = "城镇单位从业人员期末人数", "在岗职工平均人数", "在岗职工工资总额", "在岗职工平均工资"
    else:
        names = tuple(
            f"城镇非私营单位{part}"
            for part in ("从业人员期末人数", "在岗职工平均人数", "在岗职工工资总额", "在岗职工平均工资")
        )
    columns = (
        Column("emp_unit", names[0], "Persons Employed in Urban Non-Private Units at Year-end", "人", CITY, 1e4),
        Column(
            "staff_avg",
            names[1],
            "Average Number of Employed Staff and Workers",
            "万人",
            CITY,
            1,
            2 if edition <= 2019 else 0,
        ),
        Column("wage_bill", names[2], "Total Wage Bill of Employed Staff and Workers", "万元", CITY, 1e4),
        Column("wage_avg", names[3], "Average Wage of Employed Staff and Workers", "元"),
    )
    return Table(
        table_number("employment", edition),
        "劳动力就业及收入状况（全市）",
        "Employment and Income of Labour Force （Total City）",
        columns,
    )


def retail(edition: int) -> Table:
    columns = [Column("retail_sales", "社会消费品零售总额", "Total Retail Sales of Consumer Goods", "万元", BOTH, 1e4)]
    if edition >= 2010:
        columns += [
            Column(
                "retail_sales_above_size",
                "限额以上单位商品零售额",
                "Retail Sales of Enterprises above Designated Size",
                "万元",
                BOTH,
                1e4,
            ),
            Column(
                "wholesale_retail_sales_above_size",
                "限额以上批发零售业商品销售总额",
                "Sales of Enterprises above Designated Size in Wholesale and Retail Trades",
                "万元",
                BOTH,
                1e4,
            ),
        ]
    return Table(
        table_number("retail", edition),
        "社会消费品零售总额及批发零售贸易业情况",
        "Total Retail Sales of Consumer Goods and Basic Conditions of Wholesale and Retail Trades",
        tuple(columns),
        unit_line=True,
    )


def emissions(edition: int) -> Table:
    dust = "工业烟粉尘排放量" if edition <= 2016 else "工业烟(粉)尘排放量" if edition <= 2020 else "工业颗粒物排放量"
    columns = [
        Column("dust_industrial", dust, "Volume of Industrial Particulate Emission", "吨"),
        Column("so2_industrial", "工业二氧化硫排放量", "Volume of Sulphur Dioxide Emission", "吨"),
    ]
    title = f"{dust}和二氧化硫排放量(全市)"
    if edition >= 2018:
        columns.append(Column("nox_industrial", "工业氮氧化物排放量", "Volume of Nitrogen Oxides Emission", "吨"))
        title = f"{dust}和二氧化硫及氮氧化物排放量(全市)"
    return Table(
        table_number("emissions", edition), title, "Industrial Emission (Total City)", tuple(columns), unit_line=True
    )


def telecom(edition: int) -> Table:
    postal = "邮政业务收入" if edition <= 2016 else "邮政行业业务收入"
    columns = (
        Column("postal_revenue", postal, "Revenue from Postal Services", "万元", CITY, 1e4),
        Column("telecom_revenue", "电信业务收入", "Revenue from Telecommunication Services", "万元", CITY, 1e4),
        Column(
            "mobile_users",
            "移动电话年末用户数",
            "Number of Subscribers of Mobile Telephones at Year-end",
            "万户",
            CITY,
            1,
            2 if edition <= 2016 else 0,
        ),
    )
    return Table(
        table_number("telecom", edition),
        "邮政、电信业发展情况(全市)",
        "Development of Postal and Telecommunications Industry (Total City)",
        columns,
    )


def investment(edition: int) -> Table:
    name = "全社会固定资产投资" if edition <= 2011 else "固定资产投资(不含农户)"
    columns = (
        Column("fai", name, "Total Investment in Fixed Assets", "万元", BOTH, 1e4),
        Column(
            "real_estate_investment",
            "房地产开发投资完成额",
            "Investment in Real Estate Development",
            "万元",
            BOTH,
            1e4,
            part=True,
        ),
    )
    return Table(
        table_number("investment", edition), "固定资产投资情况", "Investment in Fixed Assets", columns, unit_line=True
    )


TABLES: tuple[Callable[[int], Table], ...] = (
    population,
    emissions,
    employment,
    gdp,
    composition,
    sectors,
    fiscal,
    banking,
    investment,
    retail,
    telecom,
)


def tables_of(edition: int) -> list[Table]:
    """Every table the demo prints in an edition; fixed investment was last printed in 2018."""
    return [build(edition) for build in TABLES if build is not investment or edition <= LAST_INVESTMENT_EDITION]
