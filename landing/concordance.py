"""Products to industries: HS six-digit codes over ISIC revision 4 to GB/T 4754, and the three editions of GB/T 4754.

Two-digit industries changed between GB/T 4754-2002, -2011 and -2017. `seeds/gbt_industries.csv` gives every code of
every edition a `group_code` (codes of 2017) within which all three nest, so that no split shares have to be invented:
transport equipment, say, is one group because 2002 prints it as one industry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from landing.dictionary import read_seed

SERVICES = ("016", "024", "09", "33")


@dataclass(frozen=True)
class ProductIndustries:
    """`weights`: product_code, industry_code (GB/T 4754-2017), group_code, weight summing to 1 within a product;
    `unmatched`: product codes of the concordance that lead to no industry."""

    weights: pd.DataFrame
    unmatched: tuple[str, ...]


@dataclass(frozen=True)
class GroupedIndustries:
    """`totals`: the key columns, group_code and the summed values; `unmatched`: (standard, industry_code) unknown."""

    totals: pd.DataFrame
    unmatched: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class IndustryExports:
    """`exports`: exporter, year, industry code, value; `unmatched_value` by exporter and year; `unmatched` products."""

    exports: pd.DataFrame
    unmatched_value: pd.DataFrame
    unmatched: tuple[str, ...]


def load_industries(seeds: Path) -> pd.DataFrame:
    """seeds/gbt_industries.csv with an integer `standard`."""
    return read_seed(seeds, "gbt_industries").astype({"standard": int})


def load_isic_gbt(seeds: Path) -> pd.DataFrame:
    """seeds/isic_gbt.csv: isic4_prefix, standard, industry_code, weight (float)."""
    frame = read_seed(seeds, "isic_gbt")
    return frame.astype({"standard": int}).assign(weight=pd.to_numeric(frame["weight"]).fillna(1.0))


def class_industries(classes: Sequence[str], isic_gbt: pd.DataFrame) -> pd.DataFrame:
    """isic4_class, industry_code, weight: the entries of the longest prefix of each class, weights summing to 1."""
    distinct = pd.DataFrame({"isic4_class": sorted(set(classes))})
    parts: list[pd.DataFrame] = []
    for length in sorted(isic_gbt["isic4_prefix"].str.len().unique(), reverse=True):
        left = distinct[~distinct["isic4_class"].isin({c for part in parts for c in part["isic4_class"]})]
        keyed = left.assign(isic4_prefix=left["isic4_class"].str[: int(length)])
        parts.append(keyed.merge(isic_gbt, on="isic4_prefix")[["isic4_class", "industry_code", "weight"]])
    found = pd.concat(parts, ignore_index=True)
    found["weight"] /= found.groupby("isic4_class")["weight"].transform("sum")
    return found.sort_values(["isic4_class", "industry_code"], ignore_index=True)


def product_industries(
    hs_isic: pd.DataFrame, isic_gbt: pd.DataFrame, industries: pd.DataFrame, *, exclude: Sequence[str] = SERVICES
) -> ProductIndustries:
    """Weights of industries within products.

    A product that several ISIC classes make is split equally between its classes (the concordance gives no shares),
    a class by the weights of `isic_gbt` (GB/T 4754-2017). Classes that begin with a prefix of `exclude` are left out
    (default: support activities, repair and installation, which the concordance lists beside the maker of a product), as
    is everything without an industry. Raises ValueError if `isic_gbt` holds another edition than 2017.
    """
    if set(isic_gbt["standard"]) != {2017}:
        raise ValueError(f"isic_gbt holds the editions {sorted(set(isic_gbt['standard']))}; allowed: [2017]")
    pairs = hs_isic[["product_code", "isic4_class"]].dropna().drop_duplicates()
    pairs = pairs[~pairs["isic4_class"].str.startswith(tuple(exclude))] if exclude else pairs
    matched = pairs.merge(class_industries(pairs["isic4_class"].tolist(), isic_gbt), on="isic4_class")
    classes = matched.groupby("product_code")["isic4_class"].transform("nunique")
    matched["weight"] = matched["weight"] / classes
    weights = matched.groupby(["product_code", "industry_code"], as_index=False)["weight"].sum()
    groups = industries.loc[industries["standard"].eq(2017), ["industry_code", "group_code"]]
    weights = weights.merge(groups, on="industry_code", validate="many_to_one")
    unmatched = sorted(set(hs_isic["product_code"].dropna()) - set(weights["product_code"]))
    return ProductIndustries(weights[["product_code", "industry_code", "group_code", "weight"]], tuple(unmatched))


def industry_exports(trade: pd.DataFrame, products: ProductIndustries, *, by: str = "group_code") -> IndustryExports:
    """Exports of each exporter and year by industry; together with `unmatched_value` they add up to the trade rows.

    `trade` has exporter, year, product_code, value_1k_usd. `by` is `group_code` (comparable over the editions of
    GB/T 4754) or `industry_code` (GB/T 4754-2017); raises ValueError otherwise.
    """
    if by not in ("group_code", "industry_code"):
        raise ValueError(f"by={by!r}; allowed: ['group_code', 'industry_code']")
    flows = trade.groupby(["exporter", "year", "product_code"], as_index=False)["value_1k_usd"].sum()
    known = flows["product_code"].isin(set(products.weights["product_code"]))
    split = flows[known].merge(products.weights, on="product_code")
    split["value_1k_usd"] *= split["weight"]
    exports = split.groupby(["exporter", "year", by], as_index=False)["value_1k_usd"].sum()
    rest = flows[~known].groupby(["exporter", "year"], as_index=False)["value_1k_usd"].sum()
    return IndustryExports(exports, rest, tuple(sorted(set(flows.loc[~known, "product_code"]))))


def group_industries(
    frame: pd.DataFrame, industries: pd.DataFrame, *, keys: Sequence[str], values: Sequence[str]
) -> GroupedIndustries:
    """Sum `values` over the industries of a group; `frame` has `standard` (2002, 2011 or 2017) and `industry_code`.

    Sums keep the totals of the matched rows; a sum over missing values only is missing.
    """
    lookup = industries[["standard", "industry_code", "group_code"]]
    joined = frame.merge(lookup, on=["standard", "industry_code"], how="left", validate="many_to_one")
    missing = joined.loc[joined["group_code"].isna(), ["standard", "industry_code"]].drop_duplicates()
    unmatched = tuple(sorted((int(standard), str(code)) for standard, code in missing.to_numpy()))
    grouped = joined.dropna(subset=["group_code"]).groupby([*keys, "group_code"], as_index=False)[list(values)]
    return GroupedIndustries(grouped.sum(min_count=1), unmatched)
