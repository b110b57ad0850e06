"""Panel regressions: `fit_panel` (pooled, city, year, two-way effects), random effects, tests between models."""

from estimation.panel.fit import PanelFit, fit_panel, wald_test

__all__ = ["PanelFit", "fit_panel", "wald_test"]
