"""Data envelopment analysis: radial, SBM, EBM, directional, closest and farthest targets; ML and GML indices."""

from estimation.dea.affinity import Affinity, affinity
from estimation.dea.efficiency import DeaResult, dea
from estimation.dea.productivity import Productivity, gml, ml
from estimation.dea.programs import Parts

__all__ = ["Affinity", "DeaResult", "Parts", "Productivity", "affinity", "dea", "gml", "ml"]
