"""Labels of pandas input: values that carry names are matched by name, and never silently by position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from estimation.core.frame import EstimationError


def by_name(values: Any, names: Sequence[str], what: str) -> Any:
    """A Series with text labels in the order of `names`; anything else as it is.

    Raises:
        EstimationError: the labels are not exactly the names.
    """
    if not isinstance(values, pd.Series) or not all(isinstance(label, str) for label in values.index):
        return values
    differ = set(values.index) ^ set(names)
    if differ or len(values) != len(names):
        raise EstimationError(f"{what} and indicators differ: {', '.join(sorted(differ)) or 'a name twice'}")
    return values.loc[list(names)]


def check_aligned(first: Any, second: Any, what: str) -> None:
    """Two pandas objects must have the same row labels in the same order.

    Raises:
        EstimationError: they do not; both would otherwise be read by position.
    """
    kinds = pd.Series | pd.DataFrame
    if isinstance(first, kinds) and isinstance(second, kinds) and not first.index.equals(second.index):
        raise EstimationError(f"{what} have different row labels or another order: align them first, e.g. with reindex")
