"""Planting: move the cells of carrier indicators until the papers' regressions, run on what is printed, give the published coefficients."""
