"""Averages of group-time effects with estimated cohort shares (Callaway and Sant'Anna 2021, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.results import Estimates
from estimation.did.influence import Inference, infer


@dataclass(frozen=True)
class GroupTime:
    """Group-time effects of a balanced panel.

    Attributes:
        table: columns group, time, post and counts, one row a cell. att: (m,) effects.
        influence: (N, m), NaN at normalised base cells. first: (N,) first treated period, NaN never.
    """

    table: pd.DataFrame
    att: np.ndarray
    influence: np.ndarray
    first: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Averages(Estimates):
    """Averages of one kind; ``coef`` is indexed by ``egt`` (event time, cohort or period; ``att`` for the simple mean).

    Attributes:
        kind: ``simple``, ``dynamic``, ``group`` or ``calendar``.
        overall_att, overall_se: the single summary of this kind (dynamic: mean over event times from 0 on; group: cohorts
            weighted by size; calendar: mean over periods).
        table: index ``egt``: att_egt, se_egt, conf_low, conf_high.
    """

    kind: str
    overall_att: float
    overall_se: float
    table: pd.DataFrame

    @property
    def egt(self) -> np.ndarray:
        """Event times, cohorts or periods of the averages."""
        return self.table.index.to_numpy()

    @property
    def att_egt(self) -> np.ndarray:
        """The averages."""
        return self.table["att_egt"].to_numpy()

    @property
    def se_egt(self) -> np.ndarray:
        """Their standard errors."""
        return self.table["se_egt"].to_numpy()


def aggregate_all(cells: GroupTime, how: Inference, y: str) -> dict[str, Averages]:
    """The four kinds of averages, keyed by kind."""
    group, time = cells.table["group"].to_numpy(dtype=float), cells.table["time"].to_numpy(dtype=float)
    post, event = time >= group, time - group
    sizes = {g: float(np.mean(cells.first == g)) for g in np.unique(group)}
    share = np.array([sizes[g] for g in group])
    treated_times = np.unique(time[post])
    groups = np.unique(group[post])
    simple = [_mean(cells, post, share, estimated=True)]
    dynamic = [_mean(cells, event == e, share, estimated=True) for e in np.unique(event)]
    by_group = [_mean(cells, post & (group == g), share, estimated=False) for g in groups]
    calendar = [_mean(cells, post & (time == t), share, estimated=True) for t in treated_times]
    after = np.flatnonzero(np.unique(event) >= 0)
    overall_group = _weighted_groups(cells, by_group, groups, np.array([sizes[g] for g in groups]))
    return {
        "simple": _averages("simple", np.array(["att"]), simple, simple[0], cells, how, y),
        "dynamic": _averages("dynamic", np.unique(event), dynamic, _plain([dynamic[i] for i in after]), cells, how, y),
        "group": _averages("group", groups, by_group, overall_group, cells, how, y),
        "calendar": _averages("calendar", treated_times, calendar, _plain(calendar), cells, how, y),
    }


Mean = tuple[float, np.ndarray]


def _mean(cells: GroupTime, chosen: np.ndarray, share: np.ndarray, estimated: bool) -> Mean:
    """Share-weighted mean of some cells and its influence function; ``estimated`` accounts for the estimated shares."""
    weights = share[chosen] / share[chosen].sum()
    influence = cells.influence[:, chosen] @ weights
    if estimated:
        influence = influence + _share_influence(cells, chosen, share) @ cells.att[chosen]
    return float(weights @ cells.att[chosen]), influence


def _share_influence(cells: GroupTime, chosen: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(N, m) influence of the cohort shares on the weights of the chosen cells."""
    group = cells.table["group"].to_numpy(dtype=float)[chosen]
    p, total = share[chosen], share[chosen].sum()
    gap = (cells.first[:, None] == group) - p
    return gap / total - gap.sum(axis=1, keepdims=True) * p / total**2


def _weighted_groups(cells: GroupTime, means: list[Mean], groups: np.ndarray, p: np.ndarray) -> Mean:
    """Cohort averages weighted by (estimated) cohort size."""
    values, influence = np.array([m[0] for m in means]), np.column_stack([m[1] for m in means])
    gap = (cells.first[:, None] == groups) - p
    wobble = gap / p.sum() - gap.sum(axis=1, keepdims=True) * p / p.sum() ** 2
    weights = p / p.sum()
    return float(weights @ values), influence @ weights + wobble @ values


def _plain(means: list[Mean]) -> Mean:
    """Unweighted mean of means."""
    return float(np.mean([m[0] for m in means])), np.mean([m[1] for m in means], axis=0)


def _averages(
    kind: str, egt: np.ndarray, means: list[Mean], overall: Mean, cells: GroupTime, how: Inference, y: str
) -> Averages:
    values, influence = np.array([m[0] for m in means]), np.column_stack([m[1] for m in means])
    if egt.dtype.kind == "f" and (egt == egt.round()).all():
        egt = egt.astype(int)
    known = ~np.isnan(influence).any(axis=0)
    result = infer(influence[:, known], how)
    se = np.full(len(values), np.nan)
    se[known] = result.se
    table = pd.DataFrame(
        {
            "att_egt": values,
            "se_egt": se,
            "conf_low": values - result.critical_value * se,
            "conf_high": values + result.critical_value * se,
        },
        index=pd.Index(egt, name="egt"),
    )
    index = pd.Index(egt[known], name="egt")
    return Averages(
        dependent=y,
        estimator=f"callaway_santanna_{kind}",
        vcov="influence",
        convention="cohort shares estimated; normal reference",
        coef=pd.Series(values[known], index=index, name="estimate"),
        cov=pd.DataFrame(result.reported_cov, index=index, columns=index),
        nobs=len(cells.first),
        n_entities=len(cells.first),
        df_resid=np.inf,
        kind=kind,
        overall_att=overall[0],
        overall_se=float(infer(overall[1][:, None], how).se[0]),
        table=table,
    )
