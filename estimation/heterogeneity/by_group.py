"""Heterogeneity: separate regressions by group, and interactions with a group.

A group is any column: region, size class, coordination bin (see `estimation.heterogeneity.groups`), city cluster, border,
administrative level; several columns form the cells of a two- or three-way table. Nothing is dropped silently: a cell
without a result keeps its row, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Unpack

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.options import PanelOptions
from estimation.core.results import Estimates, critical_value, two_sided_p
from estimation.core.terms import estimation_sample, inherited, key_names, names, product_name
from estimation.panel.fit import PanelFit, fit_panel


@dataclass(frozen=True)
class GroupFits:
    """Regressions by group.

    Attributes:
        fits: regression of each cell that could be estimated, by label (a tuple with several columns).
        cells: one row a cell, also an empty one: ``n_obs``, ``n_entities``, ``estimable`` and ``reason``.
        n_ungrouped: rows left out because the group is missing.
        convention: minimum sizes in words.
    """

    fits: Mapping[Any, PanelFit]
    cells: pd.DataFrame
    n_ungrouped: int
    convention: str

    def table(self, term: str) -> pd.DataFrame:
        """One row a cell: sizes, estimate, standard error, p-value and interval of ``term`` (NaN with the reason)."""
        rows = []
        for label in self.cells.index:
            fit = self.fits.get(label)
            row = next((r for r in fit.to_rows() if r["term"] == term), None) if fit else None
            kept = ("estimate", "std_error", "p_value", "conf_low", "conf_high")
            rows.append({key: row[key] if row else np.nan for key in kept})
        return self.cells.join(pd.DataFrame(rows, index=self.cells.index))


def fit_groups(
    df: pd.DataFrame,
    y: str,
    x: str | Sequence[str],
    group: str | Sequence[str],
    *,
    min_obs: int = 30,
    min_entities: int = 5,
    **options: Unpack[PanelOptions],
) -> GroupFits:
    """The same panel regression in every cell of one or several group columns.

    Args:
        min_obs, min_entities: a cell with fewer complete rows or entities is not estimated.
        options: as `estimation.panel.fit_panel`.

    Raises:
        EstimationError: unusable input, or no cell can be estimated.
    """
    columns = names(group)
    sample = estimation_sample(df, [y, *names(x)], options, keep=columns)
    entity = key_names(options)[0]
    data = sample.data.dropna(subset=columns)
    levels = [sorted(data[column].unique()) for column in columns]
    fits: dict[Any, PanelFit] = {}
    rows: list[dict[str, Any]] = []
    for labels in product(*levels):
        inside = np.logical_and.reduce([data[c].to_numpy() == v for c, v in zip(columns, labels, strict=True)])
        cell = data[inside]
        label = labels[0] if len(columns) == 1 else labels
        size = {"n_obs": len(cell), "n_entities": int(cell[entity].nunique())}
        reason = _too_small(size, min_obs, min_entities)
        if not reason:
            try:
                fits[label] = fit_panel(cell, y, x, **options)
            except EstimationError as error:
                reason = str(error)
        rows.append({**dict(zip(columns, labels, strict=True)), **size, "estimable": not reason, "reason": reason})
    if not fits:
        raise EstimationError(
            f"no cell of {', '.join(columns)} can be estimated: {rows[0]['reason'] if rows else 'all missing'}"
        )
    sentence = (
        f"Separate regressions by {' x '.join(columns)}; a cell needs {min_obs} rows and {min_entities} entities."
    )
    return GroupFits(fits, pd.DataFrame(rows).set_index(columns), len(sample.data) - len(data), sentence)


def _too_small(size: Mapping[str, int], min_obs: int, min_entities: int) -> str:
    if size["n_obs"] < min_obs:
        return f"not estimable: {size['n_obs']} rows, fewer than {min_obs}"
    if size["n_entities"] < min_entities:
        return f"not estimable: {size['n_entities']} entities, fewer than {min_entities}"
    return ""


@dataclass(frozen=True, kw_only=True)
class Interaction(Estimates):
    """Regression with a term interacted with groups.

    Attributes:
        group_effects: effect of the term in each group (linear combination) with standard error, p-value and interval.
        reference: the group whose effect is the main effect (None without main effects).
        fit: the regression.
    """

    group_effects: pd.DataFrame
    reference: Any
    fit: PanelFit


def fit_interaction(
    df: pd.DataFrame,
    y: str,
    term: str,
    group: str,
    x: str | Sequence[str] = (),
    *,
    main_effects: bool = True,
    reference: Any = None,
    level: float = 0.95,
    **options: Unpack[PanelOptions],
) -> Interaction:
    """One regression with ``term`` interacted with a group column.

    With main effects: term + term#group + group (the group's own effect is left out where the effects absorb it,
    which the convention says). Without: term#group alone, as some papers print it; the effect in the reference group
    is then zero by assumption. A 0/1 column gives the name ``term#group``, other columns ``term#group=label``.

    Args:
        reference: label of the comparison group; default the first in sorted order (0 of a dummy).

    Raises:
        EstimationError: as `fit_panel`; a single group; an unknown reference.
    """
    controls = names(x)
    sample = estimation_sample(df, [y, term, *controls], options, keep=[group])
    data = sample.data.dropna(subset=[group])
    labels = sorted(data[group].unique())
    base = labels[0] if reference is None else reference
    if len(labels) < 2 or base not in labels:
        raise EstimationError(f"{group} needs two groups and the reference {base!r} among them; found {labels}")
    data, tag = _interacted(data, term, group, labels, base)
    products = {label: product_name(term, name) for label, name in tag.items()}
    own = list(tag.values()) if main_effects else []
    fit = fit_panel(
        data, y, [*([term] if main_effects else []), *products.values(), *own, *controls], collinear="drop", **options
    )
    lost = {name: why for name, why in fit.dropped.items() if name not in own or "does not vary" not in why}
    if lost:
        raise EstimationError(f"not identified: {'; '.join(lost.values())}; leave the column(s) out")
    effects = _group_effects(fit, term if main_effects else None, products, base, level)
    form = "with main effects" if main_effects else "without main effects"
    return Interaction(
        **inherited(fit),
        estimator="interaction",
        convention=f"{term} interacted with {group}, {form}. {fit.convention}",
        n_dropped=len(df) - len(data),
        group_effects=effects,
        reference=base if main_effects else None,
        fit=fit,
    )


def _interacted(
    data: pd.DataFrame, term: str, group: str, labels: Sequence[Any], base: Any
) -> tuple[pd.DataFrame, dict[Any, str]]:
    """The frame with a dummy and a product for every group but the reference, and the dummies' names by label."""
    dummy = set(labels) <= {0, 1} and base == 0
    tag = {label: group if dummy else f"{group}={label}" for label in labels if label != base}
    new = {name: (data[group] == label).astype(float) for label, name in tag.items()}
    new |= {product_name(term, name): data[term] * new[name] for name in tag.values()}
    return data.assign(**new), tag


def _group_effects(
    fit: PanelFit, term: str | None, products: Mapping[Any, str], base: Any, level: float
) -> pd.DataFrame:
    """Effect of the term in each group."""
    combinations = {label: [*([term] if term else []), name] for label, name in products.items()}
    if term:
        combinations = {base: [term], **combinations}
    rows = []
    for parts in combinations.values():
        estimate = float(fit.coef[parts].sum())
        se = float(np.sqrt(fit.cov.loc[parts, parts].to_numpy().sum()))
        half = critical_value(level, fit.df_t) * se
        p_value = float(two_sided_p(np.array(estimate / se), fit.df_t))
        rows.append(
            {
                "effect": estimate,
                "std_error": se,
                "p_value": p_value,
                "conf_low": estimate - half,
                "conf_high": estimate + half,
            }
        )
    return pd.DataFrame(rows, index=pd.Index(list(combinations), name="group"))
