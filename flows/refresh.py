"""The main job as a Prefect flow: land, build, check, estimate, report, publish. Tasks are thin; the work is in the rooms."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from prefect import flow, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task

from estimation.runner import StudyResult, run_study
from estimation.study import Study, all_studies
from expectations import changes, landed, panel, results
from expectations import gate as gates
from flows.catalogue import describe, record_run
from flows.errors import RunFailed
from flows.home import DATABASE, ROOT, Home, publish
from flows.inputs import Inputs, file_sha256
from flows.manifest import build_manifest, write_manifest
from flows.progress import Progress
from flows.results_store import create_result_tables, store_results
from flows.transform import dbt_build

GATES = {"landed": landed.SUITES, "panel": panel.SUITES, "results": results.SUITES}
WORKERS = 2


@dataclass(frozen=True)
class Summary:
    """What a refresh tells at its end."""

    release: Path
    release_id: str
    manifest: dict[str, Any] = field(repr=False)


def _transient(_: Task[..., Any], __: TaskRun, state: State[Any]) -> bool:
    """Whether a failed task may succeed on another try: file-system trouble yes, bad data never."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, OSError | duckdb.IOException)


RETRIES: dict[str, Any] = {"retries": 2, "retry_delay_seconds": 2, "retry_condition_fn": _transient}


@task(name="store raw files", **RETRIES)
def store_files(home: Home, inputs: Inputs) -> None:
    """Copy each extract into the store under its hash, once and for ever."""
    home.store.mkdir(parents=True, exist_ok=True)
    for name, sha256 in inputs.files:
        target = home.store / sha256
        if not target.exists():
            candidates = [d / name for d in inputs.directories if (d / name).is_file()]
            source = next((path for path in candidates if file_sha256(path) == sha256), None)
            if source is None:
                raise RunFailed(f"{name} changed while the run was reading it; run again")
            partial = target.with_suffix(".partial")
            shutil.copyfile(source, partial)
            partial.chmod(0o444)
            partial.rename(target)


@task(name="land extracts", **RETRIES)
def land_extracts(database: Path, inputs: Inputs) -> list[str]:
    """Land every file; returns the messages of quarantined cells nobody has explained."""
    from landing.load import land

    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        report = land(list(inputs.directories), connection, seeds=ROOT / "seeds", synthetic=inputs.synthetic)
    return list(report.unexplained)


@task(name="build models", **RETRIES)
def build_models(database: Path, work: Path, select: Sequence[str], switches: Mapping[str, str]) -> None:
    """Seed, run and test dbt models."""
    dbt_build(database, select=select, work=work, switches=switches)


@task(name="compare with the published release", **RETRIES)
def compare_with_published(database: Path, published: Path | None) -> None:
    """Write how the samples of studies differ from those of the published release, for gate 2 and for readers."""
    with duckdb.connect(str(database)) as connection:
        changes.write_changes(connection, None if published is None else published / DATABASE)


@task(name="check gate", task_run_name="check gate {gate}")
def check_gate(database: Path, gate: str) -> None:
    """Run a gate's expectations, keep their rows, and stop the run where one fails."""
    with duckdb.connect(str(database)) as connection:
        rows = gates.run_suites(gate, GATES[gate], lambda query: connection.execute(query).df())
        connection.execute("create schema if not exists audit")
        connection.register("rows", rows)
        connection.execute("create table if not exists audit.expectations as select * from rows limit 0")
        connection.execute("insert into audit.expectations select * from rows")
    failed = gates.failures(rows)
    if failed:
        raise RunFailed(
            f"gate {gate} failed ({len(failed)} of {len(rows)} expectations); nothing was published", failed
        )


@task(name="read sample", **RETRIES)
def read_sample(database: Path, study: Study) -> pd.DataFrame | str:
    """A study's sample, or why it is not runnable: variables without a single value, or no city-year that has them all."""
    with duckdb.connect(str(database), read_only=True) as connection:
        present = {v for (v,) in connection.execute("select distinct variable from panel.long").fetchall()}
        missing = [v for v in study.requires if v not in present]
        if missing:
            return "the extracts hold no value of " + ", ".join(missing)
        sample = connection.execute(f"select * from {study.sample} order by all").df()
        return f"{study.sample} has no rows: no city-year of its years has what it needs" if sample.empty else sample


@task(name="estimate study", task_run_name="estimate {study.name}")
def estimate_study(study: Study, sample: pd.DataFrame) -> StudyResult:
    """Estimate every table and figure of one study."""
    return run_study(study, sample)


@task(name="store results", **RETRIES)
def write_results(database: Path, estimated: Sequence[StudyResult], studies: pd.DataFrame) -> None:
    """Append all result rows."""
    with duckdb.connect(str(database)) as connection:
        create_result_tables(connection)
        store_results(connection, estimated, studies)


@task(name="write catalogue", **RETRIES)
def write_catalogue(database: Path, release_id: str, started: datetime, inputs: Inputs) -> None:
    """Describe every table and column in SQL, and this run."""
    with duckdb.connect(str(database)) as connection:
        record_run(connection, release_id, started, inputs)
        describe(connection, synthetic=inputs.synthetic)


@task(name="write report")
def write_report(database: Path, folder: Path, manifest: dict[str, Any]) -> None:
    """Build the static report site."""
    from reporting.site import build_site

    with duckdb.connect(str(database), read_only=True) as connection:
        build_site(connection, folder, manifest, all_studies())


@task(name="publish release", **RETRIES)
def publish_release(home: Home, built: Path, release_id: str) -> Path:
    """Swap the finished build in."""
    return publish(home, built, release_id)


RUNNER: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=WORKERS)


@flow(name="refresh", task_runner=RUNNER, validate_parameters=False)  # type: ignore[arg-type]
def refresh(home: Home, inputs: Inputs, progress: Progress) -> Summary:
    """Build a release beside the published one and swap it in; any failure leaves the published one untouched."""
    progress.started()
    started = datetime.now(UTC)
    release_id = f"{started:%Y%m%dT%H%M%SZ}-{inputs.digest[:8]}"
    built = home.work / release_id
    home.clear_work()
    built.mkdir(parents=True)
    database = built / DATABASE
    scratch = home.work / "scratch"
    try:
        with progress.step("store raw files"):
            store_files(home, inputs)
        with progress.step("land extracts"):
            unexplained = land_extracts(database, inputs)
        if unexplained:
            raise RunFailed(f"{len(unexplained)} problem(s) in quarantine without an explanation", unexplained)
        with progress.step("gate 1: landed"):
            check_gate(database, "landed")
        with progress.step("build panel"):
            first = ["resource_type:seed", "staging", "panel", "indices", "studies", "audit"]
            build_models(database, scratch, first, inputs.switches)
        with progress.step("gate 2: panel"):
            compare_with_published(database, home.current_release())
            check_gate(database, "panel")
        with progress.step("estimate"):
            _estimate_all(database, inputs)
        with progress.step("gate 3: results"):
            build_models(database, scratch, ["reporting"], inputs.switches)
            check_gate(database, "results")
        with progress.step("catalogue"):
            write_catalogue(database, release_id, started, inputs)
        manifest = build_manifest(database, inputs, release_id, started, progress.seconds)
        with progress.step("report"):
            write_report(database, built / "report", manifest)
        manifest["seconds"] = dict(progress.seconds)
        write_manifest(built / "manifest.json", manifest)
        with progress.step("publish"):
            release = publish_release(home, built, release_id)
    finally:
        home.clear_work()
    return Summary(release, release_id, manifest)


def _estimate_all(database: Path, inputs: Inputs) -> None:
    """Fan the studies out and store their rows in study order."""
    known = all_studies()
    samples = {name: read_sample(database, known[name]) for name in inputs.studies}
    futures = {
        name: estimate_study.submit(known[name], s) for name, s in samples.items() if isinstance(s, pd.DataFrame)
    }
    estimated = {name: future.result() for name, future in futures.items()}
    studies = pd.DataFrame([_study_row(known[name], samples[name]) for name in inputs.studies])
    write_results(database, list(estimated.values()), studies)


def _study_row(study: Study, sample: pd.DataFrame | str) -> dict[str, Any]:
    row: dict[str, Any] = {"study": study.name, "title": study.title, "n_obs": 0, "n_entities": 0}
    if isinstance(sample, str):
        return row | {"status": "not_runnable", "detail": sample}
    size = {"n_obs": len(sample), "n_entities": sample[study.entity].nunique()}
    return row | size | {"status": "estimated", "detail": ""}
