"""Diagnostics beside a panel: printed moments, cross-section dependence, unit roots."""
