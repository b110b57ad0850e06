"""A study's choice about abolished units reaches its panel."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(choice: str) -> pd.DataFrame:
    """The model on two cities: 371200 ends in 2018 and goes to 370100."""
    spec = importlib.util.spec_from_file_location("study_panel", ROOT / "models" / "panel" / "panel_study_city_year.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tables = {
        "study_events": pd.DataFrame({"study": ["s"], "event_id": ["PL-2018-001"], "choice": [choice]}),
        "panel_city_year": pd.DataFrame(
            {
                "city_code": ["370100", "370100", "371200"],
                "year": [2018, 2019, 2018],
                "gdp_100m_yuan": [100.0, 130.0, 20.0],
                "pop_yearend_10k": [8.0, 10.0, 2.0],
                "waste_harmless_rate_pct": [90.0, 100.0, 40.0],
            }
        ),
        "cities": pd.DataFrame({"city_code": ["370100", "371200"], "valid_to": [None, 2018]}),
        "city_event_successors": pd.DataFrame(
            {"event_id": ["PL-2018-001"], "old_code": ["371200"], "successor_code": ["370100"]}
        ),
        "indicators": pd.DataFrame(
            {
                "variable": ["gdp_100m_yuan", "pop_yearend_10k", "waste_harmless_rate_pct"],
                "extensive": [True, True, False],
                "weight_variable": [None, None, "pop_yearend_10k"],
            }
        ),
    }
    dbt = SimpleNamespace(config=lambda **_: None, ref=lambda name: SimpleNamespace(df=lambda: tables[name].copy()))
    return module.model(dbt, None)


def test_keeping_needs_no_panel_of_its_own() -> None:
    assert run("keep").empty


def test_merging_sums_amounts_and_weights_rates() -> None:
    merged = run("merge").set_index(["city_code", "year"])
    assert list(merged.index) == [("370100", 2018), ("370100", 2019)]
    assert merged.loc[("370100", 2018), "gdp_100m_yuan"] == 120.0
    assert merged.loc[("370100", 2018), "waste_harmless_rate_pct"] == pytest.approx((8 * 90 + 2 * 40) / 10)


def test_dropping_leaves_the_successor_or_takes_it_too() -> None:
    assert set(run("drop")["city_code"]) == {"370100"}
    assert run("drop_with_successors").empty
