"""The resampling kernel: effects removed once, controls factorised once, every draw projected.

For an absorbing treatment the regressor of entity i depends only on its first treated period g, so after entity demeaning it is
one of G + 1 templates. All that a draw needs are entity sums of products of templates, outcome and controls, which are
prepared once; a draw then costs a look-up and a few small matrix products whatever the number of periods. The result equals
least squares with two-way effects to rounding (Frisch-Waugh-Lovell).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import qr

from estimation.core.covariance import group_sums
from estimation.core.frame import EstimationError, PanelFrame
from estimation.core.least_squares import check_full_rank
from estimation.core.within import Within

CHUNK_CELLS = 4_000_000


@dataclass(frozen=True)
class Drawn:
    """Results of many regressions that differ in the treatment only.

    Attributes:
        coef: (B,) treatment coefficients. variance: (B,) cluster-robust variances before the small-sample factor.
        ssr: (B,) sums of squared residuals. spread: (B,) residual sums of squares of the treatment. All NaN where the
            treatment is absorbed.
    """

    coef: np.ndarray
    variance: np.ndarray
    ssr: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True)
class EntityKernel:
    """Entity sums behind the regression of an outcome on an absorbing treatment, controls and effects.

    Attributes:
        starts: (G,) first treated periods a draw may assign; code G means never treated.
        cross: (N, G + 1) sums of template * outcome. size: (N, G + 1) sums of template^2.
        overlap: (G + 1, N, m) sums of template * basis, the basis being time dummies and controls, orthonormal.
        outcome_overlap: (N, m) sums of outcome * basis. gram: (N, m(m+1)/2) sums of products of the basis.
        total: sum of squares of the outcome once effects and controls are removed.
        n, n_controls: observations and controls.
    """

    starts: np.ndarray
    cross: np.ndarray
    size: np.ndarray
    overlap: np.ndarray
    outcome_overlap: np.ndarray
    gram: np.ndarray
    total: float
    n: int
    n_controls: int

    def regress(self, groups: np.ndarray, clusters: np.ndarray) -> Drawn:
        """Coefficients for every draw.

        Args:
            groups: (B, N) code of the first treated period of every entity (G: never treated).
            clusters: (N,) cluster codes of the entities.
        """
        step = max(1, CHUNK_CELLS // max(1, groups.shape[1] * 4))
        parts = [self._regress(groups[i : i + step], clusters) for i in range(0, len(groups), step)]
        columns = zip(*((p.coef, p.variance, p.ssr, p.spread) for p in parts), strict=True)
        return Drawn(*(np.concatenate(column) for column in columns))

    def _regress(self, groups: np.ndarray, clusters: np.ndarray) -> Drawn:
        entities = np.arange(groups.shape[1])
        template_y, template_2 = self.cross[entities, groups], self.size[entities, groups]
        member = [(groups == g).astype(float) for g in range(len(self.starts))]
        projection = sum((member[g] @ self.overlap[g] for g in range(len(self.starts))), np.zeros((1, 1)))
        spread = template_2.sum(axis=1) - (projection**2).sum(axis=1)
        absorbed = spread <= 1e-9 * np.maximum(template_2.sum(axis=1), 1e-300)
        spread = np.where(absorbed, np.nan, spread)
        coef = template_y.sum(axis=1) / spread
        shared = sum((member[g] * (projection @ self.overlap[g].T) for g in range(len(self.starts))), 0.0)
        upper = np.triu_indices(projection.shape[1])
        doubled = np.where(upper[0] == upper[1], 1.0, 2.0)
        squares = (projection[:, upper[0]] * projection[:, upper[1]] * doubled) @ self.gram.T
        score = template_y - projection @ self.outcome_overlap.T
        score -= coef[:, None] * (template_2 - 2 * shared + squares)
        sums = score if len(np.unique(clusters)) == len(clusters) else group_sums(score.T, clusters).T
        return Drawn(coef, (sums**2).sum(axis=1) / spread**2, self.total - coef**2 * spread, spread)


def entity_kernel(
    frame: PanelFrame,
    y: np.ndarray,
    X: np.ndarray,
    names: list[str],
    periods: np.ndarray,
    starts: np.ndarray,
    weights: np.ndarray | None = None,
) -> EntityKernel:
    """Prepare the kernel for two-way effects.

    Args:
        frame: rows sorted by entity. y: (n,) outcome. X: (n, k) controls named ``names``. periods: (n,) period of every row.
        starts: (G,) first treated periods. weights: (n,) or None.

    Raises:
        EstimationError: controls not identified, or an outcome without variation.
    """
    root = np.ones(len(y)) if weights is None else np.sqrt(weights)
    within = Within(frame.entity_codes, frame.time_codes, "entity", weights)
    twoways = Within(frame.entity_codes, frame.time_codes, "twoways", weights)
    if names:
        check_full_rank(twoways.transform(X), X, names, weights)
    dummies = (frame.time_codes[:, None] == np.arange(1, len(frame.times))).astype(float)
    columns = np.column_stack([dummies, X / np.maximum(np.abs(X).max(axis=0), 1e-300)])
    basis = _orthonormal(within.transform(columns) * root[:, None])
    outcome = within.transform(y) * root
    outcome = outcome - basis @ (basis.T @ outcome)
    if np.linalg.norm(outcome) <= 1e-12 * np.linalg.norm(y * root):
        raise EstimationError("the outcome does not vary once effects and controls are removed: nothing to explain")
    templates = within.transform((periods[:, None] >= starts).astype(float)) * root[:, None]
    templates = np.column_stack([templates, np.zeros(len(y))])
    codes = frame.entity_codes
    upper = np.triu_indices(basis.shape[1])
    return EntityKernel(
        starts=starts,
        cross=group_sums(templates * outcome[:, None], codes),
        size=group_sums(templates**2, codes),
        overlap=np.stack([group_sums(column[:, None] * basis, codes) for column in templates.T]),
        outcome_overlap=group_sums(outcome[:, None] * basis, codes),
        gram=np.column_stack([np.bincount(codes, basis[:, i] * basis[:, j]) for i, j in zip(*upper, strict=True)]),
        total=float(outcome @ outcome),
        n=len(y),
        n_controls=len(names),
    )


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """Orthonormal basis of the columns; dummies that other dummies explain (gaps in the panel) drop out."""
    Q, R, _ = qr(columns, mode="economic", pivoting=True)
    size = np.abs(np.diag(R))
    return Q[:, size > 1e-10 * size.max()]
