"""The tables that landing writes; other rooms read them."""

from __future__ import annotations

import duckdb

DEFINITIONS = {
    "raw.files": """
        file_id varchar, sha256 varchar, path varchar, kind varchar, edition integer, synthetic boolean,
        licence varchar, redistributable boolean, landed_at timestamptz, naming varchar, bytes bigint, n_cells bigint""",
    "raw.observations": """
        file_id varchar, sheet varchar, cell varchar, province_text varchar, city_text varchar, entity_type varchar,
        indicator_text varchar, scope varchar, unit_text varchar, year integer, value_text varchar,
        missing_reason varchar, table_id varchar, flags varchar""",
    "raw.resolved": """
        file_id varchar, sheet varchar, cell varchar, city_code varchar, year integer, indicator varchar,
        scope varchar, variable varchar, value double, unit varchar, edition integer, source_kind varchar,
        source_rank integer, flags varchar""",
    "audit.quarantine": """
        file_id varchar, sheet varchar, cell varchar, value_text varchar, reason varchar, detail varchar,
        hint varchar, accepted_by varchar""",
}


def create_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create the landing tables empty, replacing what an earlier run left."""
    for name, columns in DEFINITIONS.items():
        con.execute(f"create schema if not exists {name.split('.')[0]}")
        con.execute(f"create or replace table {name} ({columns})")
