"""Running a gate: Great Expectations on pandas batches of warehouse tables, results as rows of `audit.expectations`."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

    Build = Callable[[Any], Sequence[Expectation]]

COLUMNS = (
    "gate", "suite", "expectation", "table_name", "column_name", "success", "n_checked", "n_unexpected", "unexpected", "meaning",
)  # fmt: skip
SAMPLE = 10


@dataclass(frozen=True)
class Suite:
    """Expectations on one batch of rows.

    Attributes:
        name: what the suite is about, e.g. ``quarantine``.
        table: the table the rows come from, as users know it.
        query: SQL that returns the batch.
        key: columns that locate a row; they name the failing rows.
        build: receives `great_expectations.expectations` and returns the expectations; each carries its meaning in
            ``notes``.
    """

    name: str
    table: str
    query: str
    key: tuple[str, ...]
    build: Build


def run_suites(gate: str, suites: Sequence[Suite], fetch: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    """Validate every suite of a gate.

    Args:
        gate: ``landed``, ``panel`` or ``results``.
        fetch: runs a query and returns a frame (`connection.execute(query).df()`).

    Returns:
        One row an expectation, columns `COLUMNS`; ``unexpected`` names up to ten failing rows by their key.

    Raises:
        RuntimeError: an expectation could not be evaluated at all (that is not a passed check).
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    import great_expectations.expectations as gxe

    for name in ("great_expectations", "great_expectations.data_context.types.base"):  # the latter sets its own level
        logging.getLogger(name).setLevel(logging.ERROR)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}  # type: ignore[assignment]
    source = context.data_sources.add_pandas(f"warehouse_{gate}")
    rows: list[dict[str, Any]] = []
    for suite in suites:
        frame = fetch(suite.query)
        asset = source.add_dataframe_asset(name=suite.name)
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
        expectations = gx.ExpectationSuite(name=f"{gate}_{suite.name}", expectations=list(suite.build(gxe)))
        result = batch.validate(
            expectations,
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": list(suite.key)},
        )
        rows += [_row(gate, suite, one, len(frame)) for one in result.results]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def failures(rows: pd.DataFrame) -> list[str]:
    """One line a failed expectation: gate, table, column, what it means, and which rows."""
    failed = rows[~rows["success"].astype(bool)].to_dict("records")
    return [
        f"gate {r['gate']}: {r['table_name']}{'.' + r['column_name'] if r['column_name'] else ''}: {r['meaning']}: "
        f"{r['n_unexpected']} row(s): {r['unexpected']}"
        for r in failed
    ]


def _row(gate: str, suite: Suite, outcome: Any, n_rows: int) -> dict[str, Any]:
    config = outcome.expectation_config
    errors = _hidden_errors(outcome.exception_info)
    if errors:
        raise RuntimeError(f"gate {gate}, suite {suite.name}: {config.type} could not be evaluated: {errors}")
    result = outcome.result
    unexpected = result.get("unexpected_index_list") or []
    return {
        "gate": gate,
        "suite": suite.name,
        "expectation": config.type,
        "table_name": suite.table,
        "column_name": config.kwargs.get("column") or ", ".join(config.kwargs.get("column_list", [])),
        "success": bool(outcome.success),
        "n_checked": int(result.get("element_count", n_rows)),
        "n_unexpected": int(result.get("unexpected_count", 0 if outcome.success else 1)),
        "unexpected": _located(unexpected, suite.key, result, bool(outcome.success)),
        "meaning": str(config.notes or config.type),
    }


def _located(unexpected: Iterable[dict[str, Any]], key: Sequence[str], result: dict[str, Any], success: bool) -> str:
    listed = list(unexpected)
    if not listed:
        return "" if success else f"observed {result.get('observed_value')}"
    text = "; ".join(" ".join(f"{k}={row.get(k)}" for k in key) for row in listed[:SAMPLE])
    return text if len(listed) <= SAMPLE else f"{text}; and {len(listed) - SAMPLE} more"


def _hidden_errors(info: Any) -> str:
    """Messages of exceptions that Great Expectations swallowed (it reports them as plain failures)."""
    if not info:
        return ""
    nested = [info] if "raised_exception" in info else list(info.values())
    return "; ".join(
        str(i.get("exception_message")) for i in nested if isinstance(i, dict) and i.get("raised_exception")
    )
