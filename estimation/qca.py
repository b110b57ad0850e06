"""Fuzzy-set and crisp-set qualitative comparative analysis, in the conventions of the R package QCA (Dusa 2019).

``calibrate`` raw values, ``necessity`` of single conditions, ``truth_table`` of the configurations, ``minimize`` it into
conservative, parsimonious and intermediate solutions. Panels: ``estimation.qca_panel``; tables with symbols:
``estimation.qca_layout``; robustness over anchors and cut-offs: ``estimation.qca_robustness``.
"""

from estimation.qca_calibration import calibrate, percentile_anchors
from estimation.qca_models import Model
from estimation.qca_necessity import Necessity, necessity, super_subset
from estimation.qca_sets import QcaWarning
from estimation.qca_solutions import Solution, minimize
from estimation.qca_truth import TruthTable, simultaneous_rows, truth_table

__all__ = [
    "Model", "Necessity", "QcaWarning", "Solution", "TruthTable", "calibrate", "minimize", "necessity", "percentile_anchors",
    "simultaneous_rows", "super_subset", "truth_table",
]  # fmt: skip
