"""Two-stage least squares with absorbed effects, first stages and every test of the instruments."""

from estimation.iv.anderson_rubin import anderson_rubin_bias_reduced
from estimation.iv.fit import FirstStage, IVFit, fit_iv

__all__ = ["FirstStage", "IVFit", "anderson_rubin_bias_reduced", "fit_iv"]
