"""Readers of row-shaped sources, by kind; their templates stand in `seeds/row_templates.csv`."""

from __future__ import annotations

from functools import partial

from landing.rows.reports import land_reports
from landing.rows.series import land_series
from landing.rows.source import RowReader, RowSource
from landing.rows.table import land_table
from landing.rows.templates import create_row_tables
from landing.rows.trade import land_trade

TABLE_KINDS = (
    *("concordance_hs_isic", "concordance_isic_gbt", "country_series", "country_codes", "investment_price"),
    *("exchange_rate", "firms", "city_industry", "robots", "terrain", "policies", "city_pairs"),
)
SERIES_KINDS = ("national_series", "province_series", "price_index")
ROW_READERS: dict[str, RowReader] = {
    "trade": partial(land_trade, "trade"),
    "reports": partial(land_reports, "reports"),
    **{kind: partial(land_table, kind) for kind in TABLE_KINDS},
    **{kind: partial(land_series, kind) for kind in SERIES_KINDS},
}

__all__ = ["ROW_READERS", "RowReader", "RowSource", "create_row_tables"]
