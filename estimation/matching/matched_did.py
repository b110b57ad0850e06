"""Difference-in-differences on a matched or reweighted sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Unpack, get_args

import pandas as pd

from estimation.core.frame import EstimationError
from estimation.core.options import PanelOptions
from estimation.matching.entropy_balancing import EntropyBalance
from estimation.matching.pairs import MatchResult
from estimation.panel.fit import PanelFit, fit_panel

MatchedSample = Literal["weights", "matched", "support"]


def matched_did(
    df: pd.DataFrame,
    matched: MatchResult | EntropyBalance,
    y: str,
    did: str,
    x: str | Sequence[str] = (),
    *,
    sample: MatchedSample = "weights",
    **options: Unpack[PanelOptions],
) -> PanelFit:
    """Panel regression of ``y`` on ``did`` and controls on the matched sample.

    The standard errors take the weights as given (as Stata's psmatch2 followed by a weighted regression does).

    Args:
        df: the frame given to `estimation.matching.match` or `estimation.matching.entropy_balancing.entropy_balance`, with the
            same index. did: treatment dummy. x: controls.
        sample: ``weights`` weights the rows, ``matched`` takes each row with a weight once, ``support`` every row on
            the common support (matching only).
        options: options of `estimation.panel.fit_panel`.

    Raises:
        EstimationError: another index, an unknown ``sample``, weights given twice, or as `fit_panel`.
    """
    if sample not in get_args(MatchedSample):
        raise EstimationError(f"sample={sample!r} is not one of {', '.join(get_args(MatchedSample))}")
    if not df.index.equals(matched.weights.index):
        raise EstimationError("df must be the frame that was matched, with the same index")
    if options.get("weights"):
        raise EstimationError("weights= cannot be combined with the matching weights")
    kept = matched.weights > 0
    if sample == "support":
        if not isinstance(matched, MatchResult):
            raise EstimationError("sample='support' needs a propensity-score matching; use weights or matched")
        kept = matched.on_support
    data = df.assign(matching_weight=matched.weights)[kept.to_numpy()]
    controls = [x] if isinstance(x, str) else list(x)
    if sample == "weights":
        options["weights"] = "matching_weight"
    return fit_panel(data, y, [did, *controls], **options)
