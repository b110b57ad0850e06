"""Composite indices: principal components, entropy weights, TOPSIS, and the papers' systems of indicators."""

from estimation.indices.methods import (
    EntropyIndex,
    PcaIndex,
    TopsisIndex,
    bartlett,
    entropy_weights,
    kmo,
    pca_index,
    topsis,
)

__all__ = ["EntropyIndex", "PcaIndex", "TopsisIndex", "bartlett", "entropy_weights", "kmo", "pca_index", "topsis"]
