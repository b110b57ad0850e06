"""Two-stage least squares with absorbed effects, first stages and every test of the instruments."""

from estimation.iv.fit import FirstStage, IVFit, fit_iv

__all__ = ["FirstStage", "IVFit", "fit_iv"]
