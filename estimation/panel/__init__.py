"""Panel regressions: `fit_panel` (pooled, city, year, two-way effects), `fit_bias_reduced` (the same with errors for few clusters),
`fit_bias_corrected_lag` (city effects and a lag of the outcome)."""

from estimation.panel.bias_corrected_lag import BiasCorrectedLag, fit_bias_corrected_lag
from estimation.panel.bias_reduced import BiasReduced, fit_bias_reduced
from estimation.panel.fit import PanelFit, fit_panel, wald_test

__all__ = [
    "BiasCorrectedLag",
    "BiasReduced",
    "PanelFit",
    "fit_bias_corrected_lag",
    "fit_bias_reduced",
    "fit_panel",
    "wald_test",
]
