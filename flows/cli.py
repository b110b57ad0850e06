"""The command line `nianjian`. Exit 0 done or nothing to do, 1 a run failed and nothing was published, 2 wrong usage."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from flows.errors import RunFailed, UsageError
from flows.home import DEMO_HOME, REAL_HOME, Home, prune, reading_home

DEFAULT_SEED, ALL_EDITIONS, ALL_CITIES = 20260101, "2006-2023", 300
FOLDER = click.Path(file_okay=False, path_type=Path)

home_option = click.option(
    "--home",
    type=FOLDER,
    envvar="NIANJIAN_HOME",
    help="Folder of the warehouse (or NIANJIAN_HOME). Default: see `refresh`.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="nianjian")
def cli() -> None:
    """Nianjian: from statistical-yearbook cells to regression tables, every number traceable to its cell."""


@cli.command()
@click.option(
    "--extracts", multiple=True, type=FOLDER, help="Folder of extracts (repeatable). Default: extracts/, else the demo."
)
@click.option("--study", "studies", multiple=True, help="Run this study only (repeatable). Default: all.")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=DEFAULT_SEED, show_default=True,
    help="Seed of everything that draws.",
)  # fmt: skip
@click.option(
    "--switch", "switches", multiple=True, metavar="NAME=VALUE",
    help="Another value of a switch for this run (repeatable); `nianjian switches` lists them.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Build a new release even if nothing changed.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")
@click.option("--verbose", is_flag=True, help="Show the orchestrator's log.")
@home_option
def refresh(
    extracts: tuple[Path, ...],
    studies: tuple[str, ...],
    seed: int,
    switches: tuple[str, ...],
    force: bool,
    dry_run: bool,
    verbose: bool,
    home: Path | None,
) -> None:
    """The main job: land, build, check, estimate, report, publish.

    Real extracts publish to warehouse/, the demo (written to demo-extracts/ if there are no extracts/) to warehouse-demo/.
    """
    from estimation.study import all_studies
    from flows.inputs import read_inputs
    from flows.run_log import logged, note_unchanged
    from flows.summary import plan_lines, print_summary
    from flows.switches import chosen

    directories = [p.resolve() for p in extracts] or _default_extracts()
    known = all_studies()
    unknown = [name for name in studies if name not in known]
    if unknown:
        raise UsageError(f"no study {', '.join(unknown)}; studies: {', '.join(known)}")
    inputs = read_inputs(directories, studies or tuple(known), seed, chosen(switches))
    target = Home((home or Path(DEMO_HOME if inputs.synthetic else REAL_HOME)).resolve())
    target.check_kind(inputs.synthetic)
    manifest = target.manifest()
    unchanged = manifest is not None and manifest["input_hash"] == inputs.digest
    if dry_run:
        for line in plan_lines(target, inputs, manifest, rebuild=force or not unchanged):
            click.echo(line)
        return
    if unchanged and not force:
        assert manifest is not None
        target.clear_leftovers()
        note_unchanged(target, inputs.digest, manifest["release_id"])
        click.echo(
            f"nothing to do: release {manifest['release_id']} holds exactly these inputs (use --force to rebuild)"
        )
        return
    from flows.progress import Progress
    from flows.stopping import ended_by_signals

    progress = Progress()
    with target.locked(), logged(target, inputs.digest) as note:

        def at_end(name: str) -> int:
            progress.stopped()
            return _say_stopped(target, manifest, note, name)

        with ended_by_signals(at_end):
            _prepare_environment(target, verbose)
            from flows.refresh import refresh as run

            summary = run(target, inputs, progress)
    print_summary(summary)


@cli.command()
@click.argument("directory", type=FOLDER)
@click.option("--seed", default=DEFAULT_SEED, show_default=True, help="Seed of the synthetic world, from 0 on.")
@click.option(
    "--editions", default=ALL_EDITIONS, show_default=True,
    help="Yearbook editions, one or a range between 2006 and 2050; edition E holds data of year E-1.",
)  # fmt: skip
@click.option(
    "--cities", default=ALL_CITIES, show_default=True,
    help="Prefecture-level cities, 30 to 3,000; 300 are all 299 that ever were one, beyond are invented ones.",
)  # fmt: skip
def demo(directory: Path, seed: int, editions: str, cities: int) -> None:
    """Write synthetic yearbooks of all five studies, in the real layouts, into DIRECTORY.

    DIRECTORY is new, empty, or holds an earlier demo, which is replaced. No number describes a real city: every file says
    so, and what is built on it is published apart from real releases. The same options give the same bytes.

    With all cities and editions 2006-2023 (the default; half a minute, about 540 files) the published coefficients of
    the five papers are planted in the cells, and truth.json lists each with what a release has to recover. README.md in
    DIRECTORY explains the files.

    \b
    nianjian demo my-demo                                      the whole demo
    nianjian demo small --cities 40 --editions 2018-2021       a few seconds, nothing planted
    nianjian refresh --extracts my-demo                        build and publish it, to warehouse-demo/
    """
    from flows.demo import write

    written = write(directory, seed=seed, editions=editions, cities=cities)
    click.echo(f"{written} synthetic file(s) written to {directory}")


@cli.command()
@click.argument("directory", type=FOLDER)
@click.option("--all", "show_all", is_flag=True, help="Also list the quarantine rows that accepted entries explain.")
def land(directory: Path, show_all: bool) -> None:
    """Land DIRECTORY into memory and report: what was read, what was quarantined and why. Publishes nothing."""
    from flows.land import land_and_report

    report = land_and_report(directory, show_all)
    for line in report.lines:
        click.echo(line)
    if report.unexplained:
        raise RunFailed(f"{len(report.unexplained)} problem(s) without an explanation", report.unexplained)


@cli.command("new-edition")
@click.argument("directory", type=FOLDER)
@click.option("--patch", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the proposed map lines.")
def new_edition(directory: Path, patch: Path | None) -> None:
    """Compare the files of a new edition with the header maps and propose the map lines."""
    from flows.new_edition import report_new_edition

    for line in report_new_edition(directory, patch):
        click.echo(line)


@cli.command()
@home_option
def status(home: Path | None) -> None:
    """Releases, what is current and what changed with it, quarantine, gates, and how the last run ended."""
    from flows.status import status_lines

    for line in status_lines(reading_home(home)):
        click.echo(line)


@cli.command()
@click.argument("a", required=False)
@click.argument("b", required=False)
@home_option
def diff(a: str | None, b: str | None, home: Path | None) -> None:
    """Values added, revised or lost between releases A and B (default: the last two), and estimates that moved."""
    from flows.query import diff_lines

    for line in diff_lines(reading_home(home), a, b):
        click.echo(line)


@cli.command()
@click.option("--city", required=True, help="Name (as the yearbook prints it) or six-digit code.")
@click.option("--year", required=True, type=int)
@click.option(
    "--variable",
    required=True,
    help="Variable (gdp_100m_yuan), indicator (gdp), or column of a study (lnstru), also as its paper names it (VA).",
)
@home_option
def trace(city: str, year: int, variable: str, home: Path | None) -> None:
    """The chain from a panel value back to file, sheet and cell, with every step applied."""
    from flows.trace import trace_lines

    for line in trace_lines(reading_home(home), city, year, variable):
        click.echo(line)


@cli.command()
@click.argument("query", required=False)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of a table.")
@home_option
def sql(query: str | None, as_csv: bool, home: Path | None) -> None:
    """Read-only SQL on the current release; a prompt without QUERY."""
    from flows.query import run_sql, sql_prompt

    chosen = reading_home(home)
    manifest = chosen.manifest()
    synthetic = " SYNTHETIC: no number describes a real city" if manifest and manifest["synthetic"] else ""
    if home is None or synthetic:
        click.echo(f"({chosen.path.name}){synthetic}", err=True)
    if query is None:
        sql_prompt(chosen)
    else:
        click.echo(run_sql(chosen, query, as_csv=as_csv))


@cli.group()
def study() -> None:
    """Descriptions of studies: a template, and validation."""


@study.command("new")
@click.argument("name")
def study_new(name: str) -> None:
    """Write a commented template NAME.yml into the current folder."""
    from flows.study_files import write_template

    click.echo(f"written: {write_template(name)}")


@study.command("check")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def study_check(file: Path) -> None:
    """Validate a study description."""
    from flows.study_files import check_file

    click.echo(check_file(file))


@cli.command()
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")
@home_option
def report(open_it: bool, home: Path | None) -> None:
    """Where the report of the current release lies."""
    chosen = reading_home(home)
    page = chosen.current / "report" / "index.html"
    click.echo(page)
    if open_it:
        click.launch(str(page))


@cli.command()
@click.argument("form", metavar="csv|parquet|stata", type=click.Choice(["csv", "parquet", "stata"]))
@click.argument("directory", type=FOLDER)
@click.option("--own-use", is_flag=True, help="Also cells of files that may not be passed on.")
@home_option
def export(form: str, directory: Path, own_use: bool, home: Path | None) -> None:
    """Write panel, study samples, results and data dictionary of the current release into DIRECTORY, one file a table."""
    from flows.query import open_release
    from reporting.export import ExportRefused, export_release

    chosen = reading_home(home)
    manifest = chosen.manifest()
    assert manifest is not None
    with open_release(chosen) as connection:
        try:
            written = export_release(connection, directory, form, manifest, own_use=own_use)
        except ExportRefused as refused:
            raise UsageError(str(refused)) from refused
    click.echo(f"{len(written)} file(s) written to {directory}{' (synthetic)' if manifest['synthetic'] else ''}")


@cli.command("switches")
def switches_command() -> None:
    """The choices that papers leave open: name, declared value, allowed values, meaning."""
    from flows.switches import listing

    for row in listing():
        click.echo(f"{row['switch']}={row['value']}  ({row['allowed'].replace('|', ', ')})  {row['applies_to']}")
        click.echo(f"    {row['description']}")


@cli.command("prune")
@click.option("--keep", required=True, type=click.IntRange(min=1), help="Number of newest releases to keep.")
@home_option
def prune_command(keep: int, home: Path | None) -> None:
    """Delete old releases; the current one always stays."""
    deleted = prune(reading_home(home), keep)
    click.echo(f"deleted: {', '.join(deleted)}" if deleted else "nothing to delete")


def _say_stopped(home: Home, before: dict[str, Any] | None, note: Callable[[str, str], None], name: str) -> int:
    """Note and tell that a signal ended the run, and whether it had published; the exit code."""
    home.clear_work()
    now = home.manifest()
    if now is not None and (before is None or now["release_id"] != before["release_id"]):
        note("published", now["release_id"])
        click.echo(f"nianjian: stopped by {name} after release {now['release_id']} was published", err=True)
        return 0
    note("stopped", name)
    click.echo(f"nianjian: stopped by {name}; nothing was published", err=True)
    return 1


def _default_extracts() -> list[Path]:
    """`extracts/` if it holds files, otherwise the demo, written first if it is absent."""
    own = Path("extracts")
    if own.is_dir() and any(p.is_file() for p in own.rglob("*") if not p.name.startswith(".")):
        return [own.resolve()]
    from flows.demo import needs_demo, write

    folder = Path("demo-extracts")
    if needs_demo(folder):
        click.echo("no extracts/ here: writing synthetic yearbooks to demo-extracts/", err=True)
        write(folder, seed=DEFAULT_SEED, editions=ALL_EDITIONS, cities=ALL_CITIES)
    return [folder.resolve()]


def _prepare_environment(home: Home, verbose: bool) -> None:
    """Settings the orchestrator reads at import; a user's own settings win."""
    defaults: dict[str, Any] = {
        "PREFECT_HOME": home.path / ".prefect",
        "PREFECT_LOGGING_LEVEL": "INFO" if verbose else "CRITICAL",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_CLI_WRAP_LINES": "false",
        "GX_ANALYTICS_ENABLED": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PYTHONWARNINGS": "ignore:resource_tracker:UserWarning",  # of children: semaphores of a run that was stopped
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, str(value))


def main() -> None:
    """Entry point: errors become one clear line and an exit code."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # read when numpy loads; one thread adds up in one order
        os.environ.setdefault(name, "1")
    try:
        cli.main(prog_name="nianjian", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        click.echo("nianjian: stopped; nothing was published", err=True)
        sys.exit(1)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "nianjian")
        click.echo(f"nianjian: {one_line(error.format_message())} (see {command} --help)", err=True)
        sys.exit(2)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except UsageError as error:
        click.echo(f"nianjian: {error}", err=True)
        sys.exit(2)
    except RunFailed as error:
        for message in error.messages:
            click.echo(one_line(message), err=True)
        click.echo(f"nianjian: {error.summary}", err=True)
        sys.exit(1)
    except BrokenPipeError:  # the reader of a pipe (`| head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except BaseException as error:
        failure = _plain_failure(error)
        if failure is None:
            raise
        click.echo(f"nianjian: {one_line(failure)}; the published release is untouched", err=True)
        sys.exit(1)


def _plain_failure(error: BaseException) -> str | None:
    """One line for the machine's trouble (rights, a full disk, the server gone); None for a bug, which shows where."""
    import duckdb

    if type(error).__name__ == "ConnectError":
        return "the orchestration server, a child of this run, ended before the run did"
    return str(error) if isinstance(error, OSError | duckdb.Error) else None


def one_line(text: str) -> str:
    """The text with line breaks and other control characters of file names and cells written out."""
    return "".join(ch if ch.isprintable() or ch == "\u3000" else ch.encode("unicode_escape").decode() for ch in text)


if __name__ == "__main__":
    main()
