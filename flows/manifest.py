"""The manifest of a release: what went in, which code, what came out, how long it took."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from flows.home import ROOT
from flows.inputs import Inputs

PACKAGES = (
    "duckdb", "dbt-core", "dbt-duckdb", "pandas", "numpy", "scipy", "linearmodels", "libpysal", "great-expectations", "prefect",
)  # fmt: skip


def build_manifest(
    database: Path, inputs: Inputs, release_id: str, started: datetime, seconds: dict[str, float]
) -> dict[str, Any]:
    """Collect the manifest from the finished database."""
    with duckdb.connect(str(database), read_only=True) as connection:
        counts = row_counts(connection)
        gates = connection.execute(
            """
            select gate, count(*) as expectations, count(*) filter (where not success) as failed
            from audit.expectations group by gate order by gate
            """
        ).fetchall()
        landed = _landed(connection)
        studies = connection.execute("select study, status, detail from results.studies order by study").fetchall()
    return {
        "release_id": release_id,
        "synthetic": inputs.synthetic,
        "created_at": started.isoformat(timespec="seconds"),
        "input_hash": inputs.digest,
        "code_hash": inputs.code,
        "code_version": code_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "seed": inputs.seed,
        "switches": dict(inputs.switches),
        "inputs": [{"path": name, "sha256": sha256, "synthetic": inputs.synthetic} for name, sha256 in inputs.files],
        "landed": landed,
        "rows": counts,
        "gates": [{"gate": gate, "expectations": n, "failed": failed} for gate, n, failed in gates],
        "studies": [{"study": s, "status": status, "detail": detail} for s, status, detail in studies],
        "seconds": dict(seconds),
    }


def row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows of every table of the release, by schema.table."""
    names = connection.execute(
        """
        select table_schema, table_name from information_schema.tables
        where table_type = 'BASE TABLE' order by all
        """
    ).fetchall()
    return {f"{s}.{t}": connection.execute(f'select count(*) from "{s}"."{t}"').fetchall()[0][0] for s, t in names}


def code_version() -> str:
    """`git describe` of the project, "unknown" outside a checkout."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--tags"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest as readable JSON."""
    path.write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _landed(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    queries = {
        "files": "select count(*) from raw.files",
        "observations": "select count(*) from raw.observations",
        "quarantined": "select count(*) from audit.quarantine",
        "estimates": "select count(*) from results.estimates",
    }
    return {name: connection.execute(query).fetchall()[0][0] for name, query in queries.items()}
