"""Romano-Wolf step-down p-values for a family of outcomes (Romano and Wolf 2005, 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from estimation.core.frame import EstimationError, panel_frame
from estimation.core.within import Within
from estimation.did.staggered_input import control_names
from estimation.panel.fit import fit_panel


@dataclass(frozen=True)
class FamilyTests:
    """Tests of one treatment on several outcomes.

    Attributes:
        table: index outcome: estimate, std_error, statistic, p_value (single), p_adjusted (Romano-Wolf).
        draws: (B, m) bootstrap t statistics centred at the estimate.
        nobs, n_entities, convention: as in other results.
    """

    table: pd.DataFrame
    draws: np.ndarray
    nobs: int
    n_entities: int
    convention: str

    def to_rows(self) -> list[dict[str, object]]:
        """One dict an outcome."""
        return [{str(k): v for k, v in row.items()} for row in self.table.reset_index().to_dict("records")]


def step_down(statistics: np.ndarray, null_draws: np.ndarray) -> np.ndarray:
    """Step-down adjusted p-values.

    Outcomes are taken in decreasing order of |t|. The p-value of each is (1 + #{max over it and the smaller ones of |t*| >=
    |t|}) / (B + 1), made monotone.

    Args:
        statistics: (m,) t statistics. null_draws: (B, m) t statistics drawn under the null, jointly.
    """
    size, drawn = np.abs(statistics), np.abs(null_draws)
    order = np.argsort(-size, kind="stable")
    # Running maxima from the smallest statistic upwards give, for each step, the maximum over the outcomes left.
    maxima = np.maximum.accumulate(drawn[:, order[::-1]], axis=1)[:, ::-1]
    p = (1 + (maxima >= size[order] * (1 - 1e-12)).sum(axis=0)) / (1 + len(drawn))
    adjusted = np.empty(len(size))
    adjusted[order] = np.maximum.accumulate(p)
    return adjusted


def romano_wolf(
    df: pd.DataFrame,
    outcomes: Sequence[str],
    treat: str,
    x: str | Sequence[str] | None = None,
    *,
    draws: int = 1000,
    rng: np.random.Generator,
    entity: str = "city_code",
    time: str = "year",
) -> FamilyTests:
    """Two-way regressions of several outcomes on one treatment, p-values adjusted for testing them all.

    The joint null distribution comes from resampling entities with replacement (pairs cluster bootstrap), the same entities for
    every outcome: t* = (b* - b) / se*, both re-estimated on the draw. Rows must be complete in all outcomes.

    Raises:
        EstimationError: unusable input, or a draw too degenerate to estimate in more than 1 % of the draws.
    """
    names = list(outcomes)
    if len(names) < 2 or len(set(names)) != len(names):
        raise EstimationError(f"a family needs at least two different outcomes, got {', '.join(names) or 'none'}")
    controls = control_names(x, treat)
    frame = panel_frame(df, [*names, treat, *controls], entity=entity, time=time)
    keys = [entity, time]
    complete = frame.data[keys].merge(df, on=keys, how="left", validate="one_to_one")
    fits = {n: fit_panel(complete, n, [treat, *controls], entity=entity, time=time) for n in names}
    estimates = np.array([fit.coef[treat] for fit in fits.values()])
    errors = np.array([fit.se[treat] for fit in fits.values()])
    dummies = (frame.time_codes[:, None] == np.arange(1, len(frame.times))).astype(float)
    within = Within(frame.entity_codes, frame.time_codes, "entity")
    Z = within.transform(np.column_stack([frame.array(treat), frame.array(controls), dummies]))
    Z = Z / np.maximum(np.linalg.norm(Z, axis=0), 1e-300) * np.linalg.norm(Z[:, 0])
    Y = within.transform(frame.array(names))
    statistics = _bootstrap(Y, Z, frame.entity_codes, estimates, draws, rng)
    failed = np.isnan(statistics).any(axis=1)
    if failed.mean() > 0.01:
        raise EstimationError(
            f"{int(failed.sum())} of {draws} bootstrap draws cannot be estimated: too few treated {entity}"
        )
    table = pd.DataFrame({"estimate": estimates, "std_error": errors}, index=pd.Index(names, name="outcome"))
    table["statistic"] = estimates / errors
    table["p_value"] = [fit.p_values[treat] for fit in fits.values()]
    table["p_adjusted"] = step_down(table["statistic"].to_numpy(), statistics[~failed])
    first = fits[names[0]]
    return FamilyTests(
        table=table,
        draws=statistics[~failed],
        nobs=first.nobs,
        n_entities=first.n_entities,
        convention=f"Romano-Wolf step-down, {draws} pairs-cluster bootstrap draws over {entity} ({int(failed.sum())} not "
        f"estimable, left out), the same for all outcomes. {first.convention}",
    )


def _bootstrap(
    Y: np.ndarray, Z: np.ndarray, codes: np.ndarray, estimates: np.ndarray, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """(B, m) centred t statistics of the first column of Z for (n, m) outcomes, entities resampled."""
    n_entities, k, m = int(codes.max()) + 1, Z.shape[1], Y.shape[1]
    gram = np.empty((n_entities, k * k))
    for i in range(k):
        for j in range(k):
            gram[:, i * k + j] = np.bincount(codes, Z[:, i] * Z[:, j])
    cross = [np.column_stack([np.bincount(codes, Z[:, i] * Y[:, o]) for i in range(k)]) for o in range(m)]
    counts = rng.multinomial(n_entities, np.full(n_entities, 1 / n_entities), size=draws).astype(float)
    total = (counts @ gram).reshape(draws, k, k)
    statistics = np.full((draws, m), np.nan)
    for b in range(draws):
        # Periods or controls that a draw does not identify leave the treatment coefficient as it is.
        inverse = np.linalg.pinv(total[b], rcond=1e-10, hermitian=True)
        if inverse[0] @ total[b][:, 0] < 1 - 1e-6:
            continue
        direction = inverse[0]
        for o in range(m):
            beta = inverse @ (counts[b] @ cross[o])
            score = cross[o] @ direction - gram @ np.outer(direction, beta).ravel()
            variance = counts[b] @ score**2 * n_entities / (n_entities - 1)
            statistics[b, o] = (beta[0] - estimates[o]) / np.sqrt(variance) if variance > 0 else np.nan
    return statistics
