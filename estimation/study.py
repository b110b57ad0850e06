"""Studies as data: the schema of `estimation/studies/*.yml`, with messages a user can act on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from estimation.core.frame import EstimationError

STUDIES = Path(__file__).parent / "studies"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Options(_Strict):
    """How a regression is estimated; every field is a declared switch and part of the spec hash."""

    effects: Literal["none", "entity", "time", "twoways"] = "twoways"
    vcov: Literal["iid", "robust", "cluster", "twoway", "driscoll_kraay"] = "cluster"
    cluster: str | None = None
    ssc: Literal["fixest", "lsdv", "xtreg", "none"] = "fixest"


class Column(_Strict):
    """One column of a regression table."""

    column_id: str
    x: tuple[str, ...] = Field(min_length=1)
    label: str = ""
    note: str = ""
    where: dict[str, str | int | bool] = {}


class Table(_Strict):
    """One regression table: columns that share a dependent variable."""

    table_id: str
    title: str
    dependent: str
    columns: tuple[Column, ...] = Field(min_length=1)
    options: Options = Options()

    @field_validator("columns")
    @classmethod
    def _columns_differ(cls, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        return _distinct(columns, "column_id")


class EventStudy(_Strict):
    """An event study and its figure."""

    figure_id: str
    title: str
    dependent: str
    x: tuple[str, ...] = ()
    window: tuple[int, int]
    base: int = -1
    bin_ends: bool = True

    @model_validator(mode="after")
    def _base_inside(self) -> EventStudy:
        first, last = self.window
        if not first <= self.base <= last or self.base >= 0:
            raise ValueError(f"base {self.base} must be a period before treatment inside the window {first}..{last}")
        return self


class Descriptives(_Strict):
    """Descriptive statistics of the estimation sample."""

    table_id: str
    title: str
    variables: tuple[str, ...] = Field(min_length=1)


class Study(_Strict):
    """One study, as its YAML file says it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    question: str
    sample: str = Field(pattern=r"^studies\.[a-z][a-z0-9_]*$")
    requires: tuple[str, ...]
    entity: str = "city_code"
    time: str = "year"
    treatment: str
    cohort: str
    labels: dict[str, str] = {}
    descriptives: Descriptives
    tables: tuple[Table, ...] = Field(min_length=1)
    event_studies: tuple[EventStudy, ...] = ()

    @field_validator("tables")
    @classmethod
    def _tables_differ(cls, tables: tuple[Table, ...]) -> tuple[Table, ...]:
        return _distinct(tables, "table_id")

    def label(self, name: str) -> str:
        """How tables print a variable."""
        return self.labels.get(name, name)


def _distinct(items: tuple[Any, ...], key: str) -> tuple[Any, ...]:
    names = [getattr(item, key) for item in items]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{key} used twice: {', '.join(repeated)}")
    return items


def load_study(path: Path) -> Study:
    """Read and check one study file.

    Raises:
        EstimationError: the file is not YAML or breaks the schema; one line names the place and what is wrong there.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Study.model_validate(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EstimationError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise EstimationError(f"{path}: {problems}") from error


def all_studies(folder: Path = STUDIES) -> dict[str, Study]:
    """Every study of a folder by name, in name order."""
    studies = [load_study(path) for path in sorted(folder.glob("*.yml"))]
    return {study.name: study for study in studies}


def spec_hash(specification: dict[str, Any]) -> str:
    """First 16 hex digits of the SHA-256 of a specification in canonical JSON (keys sorted)."""
    text = json.dumps(specification, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
