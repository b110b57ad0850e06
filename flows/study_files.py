"""`nianjian study`: a commented template, and validation."""

from __future__ import annotations

import re
from pathlib import Path

from estimation.core.frame import EstimationError
from estimation.study import load_study
from flows.errors import UsageError

TEMPLATE = """\
# A study: what it asks, which sample it reads, which columns and figures it prints.
# Put it into estimation/studies/ and its sample into models/studies/study_{name}.sql, then `nianjian refresh --study {name}`.
name: {name}
title: One line, as the report prints it
question: What is asked, of which cities and years?
sample: studies.{name} # the table your dbt model builds: one row a (entity, time)
requires: [gdp_100m_yuan] # dictionary variables without which the study cannot run
entity: city_code
time: year
treatment: did
cohort: cohort # first treated year, missing for never-treated cities
labels: {{did: Treatment}} # how tables print a variable

descriptives:
  table_id: table_1
  title: Descriptive statistics
  variables: [outcome, did]

tables:
  - table_id: table_2
    title: Baseline
    dependent: outcome
    # options: {{effects: twoways, vcov: cluster, cluster: city_code, ssc: fixest}}
    columns:
      - {{column_id: "(1)", x: [did]}}
      # - {{column_id: "(2)", x: [did, control], where: {{region3: east}}, label: east}}

event_studies: []
# - {{figure_id: figure_1, title: Event study, dependent: outcome, x: [control], window: [-5, 5], base: -1}}
"""


def write_template(name: str, folder: Path = Path()) -> Path:
    """Write NAME.yml with comments.

    Raises:
        UsageError: the name is not a lower-case identifier, or the file exists.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise UsageError(f"{name!r} is not a study name: lower-case letters, digits and _")
    path = folder / f"{name}.yml"
    if path.exists():
        raise UsageError(f"{path} exists already")
    path.write_text(TEMPLATE.format(name=name), encoding="utf-8")
    return path


def check_file(path: Path) -> str:
    """One line that says the study is valid.

    Raises:
        UsageError: it is not; the line names each place.
    """
    if not path.is_file():
        raise UsageError(f"no file {path}")
    try:
        study = load_study(path)
    except EstimationError as error:
        raise UsageError(str(error)) from error
    columns = sum(len(table.columns) for table in study.tables)
    return f"{path}: valid: {len(study.tables)} table(s), {columns} column(s), {len(study.event_studies)} event study figure(s)"
