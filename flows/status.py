"""`nianjian status`: what a home holds, what the current release changed, and how the last run ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flows.home import Home
from flows.query import open_release
from flows.run_log import last_run


def status_lines(home: Home) -> Iterable[str]:
    """Releases, changes of inputs and code, gates, studies, quarantine, last run; one fact a line."""
    manifest = home.manifest()
    assert manifest is not None
    yield f"home      {home.path}{'  (synthetic)' if manifest['synthetic'] else ''}"
    ids = home.release_ids()
    for release_id in ids:
        mark = "  <- current" if release_id == manifest["release_id"] else ""
        yield f"release   {release_id}{mark}"
    before = [release_id for release_id in ids if release_id < manifest["release_id"]]
    if before:
        yield f"changed   {changes(home.manifest(before[-1]) or {}, manifest)} (values: nianjian diff)"
    for gate in manifest["gates"]:
        yield f"gate      {gate['gate']}: {gate['expectations'] - gate['failed']} of {gate['expectations']} passed"
    for study in manifest["studies"]:
        yield f"study     {study['study']}: {study['status']} {study['detail']}".rstrip()
    with open_release(home) as connection:
        rows = connection.execute(
            "select reason, count(*), count(*) filter (where accepted_by is null) from audit.quarantine group by 1 order by 2 desc, 1"
        ).fetchall()
    for reason, n, unexplained in rows:
        yield f"quarantine {reason}: {n}{f' ({unexplained} unexplained)' if unexplained else ''}"
    yield from _notices(home)
    yield from _last_run(home)


def changes(old: dict[str, Any], new: dict[str, Any]) -> str:
    """What differs between two manifests: extracts added, changed, gone; code; seed; switches chosen for a run."""
    before, after = ({item["path"]: item["sha256"] for item in m.get("inputs", [])} for m in (old, new))
    counts = {
        "added": len(after.keys() - before.keys()),
        "changed": sum(before[path] != after[path] for path in before.keys() & after.keys()),
        "gone": len(before.keys() - after.keys()),
    }
    parts = [f"{n} extract(s) {what}" for what, n in counts.items() if n]
    parts += [name.split("_")[0] for name in ("code_hash", "seed") if old.get(name) != new.get(name)]
    if old.get("switches", {}) != new.get("switches", {}):
        parts.append(" and ".join(f"{k}={v}" for k, v in new.get("switches", {}).items()) or "switches as declared")
    return f"since {old.get('release_id')}: {', '.join(parts) or 'nothing (rebuilt)'}"


def _notices(home: Home) -> Iterable[str]:
    """What the current release warns of: groups of another size than printed, scales that a few extremes set."""
    with open_release(home) as connection:
        if not connection.execute("from duckdb_tables() where table_name = 'notices'").fetchall():
            return  # a release of an earlier version
        rows = connection.execute(
            "select study, variable, group_value, meaning from audit.notices where warns order by all"
        ).fetchall()
    for study, variable, group, meaning in rows:
        yield f"notice    {study}.{variable}{f' {group}' if group else ''}: {meaning}"


def _last_run(home: Home) -> Iterable[str]:
    run = last_run(home)
    if run is None:
        return
    yield f"last run  {run['started_at']}: {run['outcome']}: {run['summary']}"
    for problem in run["problems"]:
        yield f"          {problem}"
