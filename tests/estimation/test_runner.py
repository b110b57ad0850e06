"""A study's description becomes rows; what cannot be estimated is said, not hidden."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from estimation.core.frame import EstimationError
from estimation.panel import fit_panel
from estimation.runner import data_hash, run_study
from estimation.study import STUDIES, Study, all_studies, load_study, spec_hash


@pytest.fixture(scope="module")
def study() -> Study:
    return all_studies()["broadband_structure"]


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    cities, years = np.arange(60), np.arange(2006, 2021)
    frame = pd.DataFrame({"city_code": np.repeat(cities, len(years)).astype(str), "year": np.tile(years, len(cities))})
    n = len(frame)
    cohorts = np.repeat(rng.choice([2014, 2015, 2016, 0], len(cities)), len(years))
    frame["cohort"] = pd.Series(cohorts).replace(0, pd.NA).astype("Int32")
    frame["did"] = (frame["year"] >= frame["cohort"].fillna(9999)).astype(int)
    for name in ("ln_gdp_pc", "fiscal_exp_gdp", "loans_gdp", "science_share"):
        frame[name] = rng.normal(size=n)
    frame["ln_structure"] = 0.3 * frame["did"] + 0.2 * frame["ln_gdp_pc"] + rng.normal(scale=0.1, size=n)
    frame["region3"] = np.repeat(np.array(["east", "central", "west"])[rng.integers(0, 3, len(cities))], len(years))
    frame["upstream_interpolated"] = rng.random(n) < 0.1
    frame["interpolated"] = rng.random(n) < 0.1
    return frame


def test_rows_are_the_fit(study: Study, sample: pd.DataFrame) -> None:
    result = run_study(study, sample)
    row = result.estimates.query("table_id == 'table_2' and column_id == '(1)' and term == 'did'").iloc[0]
    fit = fit_panel(sample, "ln_structure", ["did"], effects="twoways", vcov="cluster")
    assert row["estimate"] == pytest.approx(fit.coef["did"], rel=1e-9)
    assert row["std_error"] == pytest.approx(fit.se["did"], rel=1e-9)
    assert row["estimate"] == pytest.approx(0.3, abs=0.05)
    n_east = int((sample["region3"] == "east").sum())
    assert set(result.estimates.query("table_id == 'table_4' and column_id == '(1)'")["n_obs"]) == {n_east}
    curve = result.curves.set_index("x")
    assert list(curve.index) == list(range(-8, 7))
    assert curve.loc[-1.0, "y"] == 0


def test_rows_do_not_depend_on_row_order(study: Study, sample: pd.DataFrame) -> None:
    one, other = run_study(study, sample), run_study(study, sample.sample(frac=1, random_state=3))
    for name in ("estimates", "fit", "tests", "curves", "descriptives", "columns"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)


def test_an_event_study_that_cannot_be_estimated_is_reported(study: Study, sample: pd.DataFrame) -> None:
    """Every treated city is treated in all four years: nothing tells the event times from the cities' effects."""
    short = sample[sample["year"].between(2017, 2020)]
    result = run_study(study, short)
    status = result.columns.set_index("column_id")["status"]
    assert status["event_study"].startswith("not estimated: not identified")
    assert len(result.curves) == 0
    assert len(result.descriptives) > 0


def test_a_column_that_cannot_be_estimated_is_reported(study: Study, sample: pd.DataFrame) -> None:
    result = run_study(study, sample.assign(region3="east"))
    status = result.columns.set_index(["table_id", "column_id"])["status"]
    assert status["table_4", "(1)"] == "estimated"
    assert status["table_4", "(3)"].startswith("not estimated")
    assert not len(result.estimates.query("table_id == 'table_4' and column_id == '(3)'"))


def test_missing_columns_and_empty_samples_are_named(study: Study, sample: pd.DataFrame) -> None:
    with pytest.raises(EstimationError, match="loans_gdp"):
        run_study(study, sample.drop(columns="loans_gdp"))
    with pytest.raises(EstimationError, match="no rows"):
        run_study(study, sample.iloc[:0])


def test_hashes_see_what_matters(sample: pd.DataFrame) -> None:
    assert data_hash(sample) == data_hash(sample.copy())
    assert data_hash(sample) != data_hash(sample.assign(did=sample["did"] + 1e-12))
    assert spec_hash({"a": 1, "b": 2}) == spec_hash({"b": 2, "a": 1})
    assert spec_hash({"a": 1}) != spec_hash({"a": 2})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: broadband_structure", "name: Bad Name", "name"),
        ("base: -1", "base: 3", "before treatment"),
        ('column_id: "(2)", x', 'column_id: "(1)", x', "used twice"),
        ("treatment: did", "traetment: did", "traetment"),
        ("tables:", "tables: [", "YAML"),
    ],
)
def test_a_wrong_study_file_says_where(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (STUDIES / "broadband_structure.yml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "study.yml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(EstimationError, match=message):
        load_study(path)
