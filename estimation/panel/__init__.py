"""Panel regressions: `fit_panel` (pooled, city, year, two-way effects), `fit_bias_reduced` (the same with errors for few clusters)."""

from estimation.panel.bias_reduced import BiasReduced, fit_bias_reduced
from estimation.panel.fit import PanelFit, fit_panel, wald_test

__all__ = ["BiasReduced", "PanelFit", "fit_bias_reduced", "fit_panel", "wald_test"]
