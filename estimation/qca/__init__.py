"""Fuzzy-set and crisp-set qualitative comparative analysis, in the conventions of the R package QCA (Dusa 2019).

``calibrate`` raw values, ``necessity`` of single conditions, ``truth_table`` of the configurations, ``minimize`` it into
conservative, parsimonious and intermediate solutions. Panels: ``panel_consistency``, ``solutions_by_group``, ``unit_means``;
tables with symbols: ``solution_table``; over anchors and cut-offs: ``robustness`` of a ``QcaSpec``.
"""

from estimation.qca.anchors_and_cutoffs import QcaSpec, Robustness, robustness
from estimation.qca.calibration import calibrate, percentile_anchors
from estimation.qca.layout import ConfigurationTable, solution_table
from estimation.qca.models import Model
from estimation.qca.panel import PanelConsistency, panel_consistency, solutions_by_group, unit_means
from estimation.qca.sets import QcaWarning
from estimation.qca.single_conditions import Necessity, necessity, super_subset
from estimation.qca.solutions import Solution, minimize
from estimation.qca.truth import TruthTable, simultaneous_rows, truth_table

__all__ = [
    "ConfigurationTable", "Model", "Necessity", "PanelConsistency", "QcaSpec", "QcaWarning", "Robustness", "Solution",
    "TruthTable", "calibrate", "minimize", "necessity", "panel_consistency", "percentile_anchors", "robustness",
    "simultaneous_rows", "solution_table", "solutions_by_group", "super_subset", "truth_table", "unit_means",
]  # fmt: skip
