"""What is known about a demo: every printed coefficient with what was done about it, moments, samples, dirty cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from demo.csvfile import NOTICE, NOTICE_ZH
from demo.planting.desk import Desk
from demo.planting.moments import moments
from demo.planting.plan import PAPERS, check
from demo.planting.projection import Projection
from demo.planting.published import Published, published
from demo.planting.settle import Settled
from demo.samples import STUDIES, in_sample
from demo.tables import records

NOT_PLANTABLE = Path(__file__).parent / "planting" / "not_plantable.csv"
IMPLIED = {
    "twoways": "the other planted coefficients of this outcome and the regressors decide it: b_short = b_long + Gamma b_excluded",
    "entity": "city effects only: how outcome and regressors move together over the years decides it, and nothing planted does (every "
    "planted column takes years out)",
    "none": "no effects: how the levels of cities and years differ decides it, and nothing planted does (every planted column takes cities "
    "and years out)",
}
MISSED = "the carriers reached their bounds with this seed"
OUTLIERS = "with this seed the study's own rule takes values of the sample for outliers and cannot replace them"
UNPLANTED = "nothing is planted: the demo does not hold the published samples (all real cities, editions 2006 to 2023)"


def truth_of(desk: Desk, settled: dict[str, Settled]) -> dict[str, Any]:
    """The truth of a demo as plain data.

    `cities` counts the roster's units, also those that are listed in some years only. `coefficients` has one entry a printed coefficient: paper, table, column, dependent, term, printed, kind (`planted`,
    `implied`, `not_plantable`), target (planted only), value (what a regression on the printed cells gives; None where
    nothing was planted), digits and reason. `planted_elsewhere` holds planted coefficients of tables no paper prints,
    `moments` the papers' descriptive tables beside the demo's, `planting` how far the carriers moved (logs; for counts,
    whole numbers).
    """
    world = desk.world
    found = {paper: _found(items) for paper, items in check(desk).items()} if settled else {}
    return {
        "notice": NOTICE,
        "seed": world.seed,
        "cities": len(world.roster.units),
        "editions": [desk.editions[0], desk.editions[-1]],
        "samples": {item.name: int(in_sample(world.roster, item).sum()) * len(item.years) for item in STUDIES},
        "coefficients": [
            _entry(item, found.get(paper.PAPER, {}), bool(settled))
            for paper in PAPERS
            for item in published(paper.PAPER)
        ],
        "planted_elsewhere": [
            entry for paper, items in found.items() for key, entry in items.items() if key[0] == "exogenous groups"
        ],
        "moments": moments(desk) if settled else [],
        "planting": {
            name: {"rounds": end.rounds, "largest_move": end.largest_move, "median_move": end.median_move}
            for name, end in settled.items()
        },
    }


def _found(items: list[Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Entries by (table, column, term) of everything that was planted or is implied."""
    out = {}
    for item in items:
        for projection in item.projections:
            values = projection.estimates(item.y)
            for term, value in values.items():
                out[projection.table, projection.column, term] = _outcome(projection, term, value)
    return out


def _outcome(projection: Projection, term: str, value: float) -> dict[str, Any]:
    digits = projection.digits[term]
    aimed = term in projection.targets
    planted = aimed and abs(value - projection.targets[term]) <= 0.5 * 10.0**-digits
    return {
        "table": projection.table,
        "column": projection.column,
        "dependent": projection.dependent,
        "term": term,
        "kind": "planted" if planted else "not_plantable" if aimed or not np.isfinite(value) else "implied",
        "target": projection.targets[term] if planted else None,
        "value": round(value, digits + 4) if np.isfinite(value) else None,
        "digits": digits,
        "reason": ""
        if planted
        else OUTLIERS
        if not np.isfinite(value)
        else MISSED
        if aimed
        else IMPLIED[projection.effects],
    }


def _entry(item: Published, found: dict[tuple[str, str, str], dict[str, Any]], planted: bool) -> dict[str, Any]:
    head = {
        "paper": item.paper, "table": item.table, "column": item.column, "dependent": item.dependent, "term": item.term,
        "printed": item.estimate,
    }  # fmt: skip
    outcome = found.get((item.table, item.column, item.term))
    if outcome is not None:
        return head | {name: outcome[name] for name in ("kind", "target", "value", "digits", "reason")}
    kind, reason = ("not_plantable", reason_of(item)) if planted else ("not_planted", UNPLANTED)
    return head | {"kind": kind, "target": None, "value": None, "digits": item.digits, "reason": reason}


def reason_of(item: Published) -> str:
    """Why a printed coefficient cannot be planted; KeyError where nobody says why."""
    for row in records(NOT_PLANTABLE):
        if row["paper"] == item.paper and all(
            row[name] in ("*", getattr(item, name)) for name in ("table", "column", "term")
        ):
            return row["reason"]
    raise KeyError(f"{item.paper} {item.table} {item.column} {item.term} is neither planted nor explained")


def readme(seed: int, planted: bool) -> str:
    """Text beside the files: what they are, what the truth holds, what to do with them."""
    what = (
        "The published coefficients of five papers are planted in the cells; `truth.json` lists each with its target."
        if planted
        else "Nothing is planted in the cells: that needs all real cities and editions 2006 to 2023."
    )
    return f"""# Synthetic yearbooks: no number here describes a real city

{NOTICE}
{NOTICE_ZH}。

Every file says so: `SYNTHETIC.json` marks the folder, file names end in `_synthetic`, workbooks carry a property and a footnote,
tables a first line. What is built on these files is published as synthetic and never mixed with real extracts; a file taken out of
this folder is still known as synthetic.

{what}

| key of `truth.json` | what it holds |
|---|---|
| `cities` | cities of the roster: all that were of prefecture level in some year, fewer in any one (`--cities 300` asks for all 299) |
| `samples` | city-years of each study's sample |
| `coefficients` | every coefficient the papers print: `planted` (a release recovers `target` to its last printed digit), `implied` (`value` follows from the planted ones and the regressors), `not_plantable` (with the reason), or `not_planted` |
| `planted_elsewhere` | planted coefficients of tables that no paper prints |
| `moments` | the papers' descriptive tables beside this demo's |
| `planting` | how many rounds planting took and how far cells moved (logs) |
| `dirty_cells` | cells that are wrong on purpose, with file, sheet, cell and the reason they are quarantined for |

`nianjian refresh --extracts THIS_FOLDER` builds and publishes a release from it.
Seed {seed}; written again with the same options on the same machine, the bytes are the same.
"""
