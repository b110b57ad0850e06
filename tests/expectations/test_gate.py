"""Gates find what they are for, and say table, column and rows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from expectations import landed
from expectations.gate import Suite, failures, run_suites
from expectations.results import SUITES as RESULT_SUITES


def suite(name: str) -> Suite:
    return next(s for s in (*landed.SUITES, *RESULT_SUITES) if s.name == name)


def quarantine(*accepted: str | None) -> pd.DataFrame:
    rows = [
        {"path": "2024/2-6.xlsx", "sheet": "Sheet1", "cell": f"C{i}", "reason": "not_a_number", "accepted_by": by}
        for i, by in enumerate(accepted, 10)
    ]
    return pd.DataFrame(rows, columns=["path", "sheet", "cell", "reason", "accepted_by"])


def test_an_unexplained_quarantine_row_fails_and_is_located() -> None:
    rows = run_suites("landed", [suite("quarantine")], lambda _: quarantine("A001", None))
    assert list(rows["success"]) == [False]
    (line,) = failures(rows)
    assert "audit.quarantine.accepted_by" in line
    assert "path=2024/2-6.xlsx sheet=Sheet1 cell=C11 reason=not_a_number" in line


def test_an_explained_or_empty_quarantine_passes() -> None:
    assert run_suites("landed", [suite("quarantine")], lambda _: quarantine("A001"))["success"].all()
    assert run_suites("landed", [suite("quarantine")], lambda _: quarantine())["success"].all()


def estimates(**changes: Any) -> pd.DataFrame:
    row = {
        "study": "s", "table_id": "t", "column_id": "(1)", "term": "did", "estimate": 0.1, "std_error": 0.02, "p_value": 0.01,
        "conf_low": 0.06, "conf_high": 0.14, "n_obs": 100, "n_entities": 10, "data_hash": "0123456789abcdef",
    }  # fmt: skip
    return pd.DataFrame([row | changes])


@pytest.mark.parametrize(
    "changes",
    [{"std_error": 0.0}, {"p_value": 1.2}, {"estimate": None}, {"conf_high": 0.01}, {"n_obs": 10}, {"data_hash": "x"}],
)
def test_each_way_an_estimate_can_be_wrong_is_found(changes: dict[str, Any]) -> None:
    assert run_suites("results", [suite("estimates")], lambda _: estimates())["success"].all()
    rows = run_suites("results", [suite("estimates")], lambda _: estimates(**changes))
    assert (~rows["success"]).sum() == 1


def test_an_expectation_that_cannot_be_evaluated_is_an_error_not_a_pass() -> None:
    broken = Suite("broken", "t", "", ("a",), lambda gxe: [gxe.ExpectColumnValuesToNotBeNull(column="absent")])
    with pytest.raises(RuntimeError, match="could not be evaluated"):
        run_suites("landed", [broken], lambda _: pd.DataFrame({"a": [1]}))
