"""Spatial panels: models, effects, tests, autocorrelation.

* `fit_spatial`: SAR, SEM, SDM, SLX, SAC, SDEM by maximum likelihood; `impacts`: direct, indirect and total effects.
* `lm_tests`, `effects_tests`, `spatial_hausman`, `choose_model`: which effects and which spatial terms.
* `moran`, `moran_by_year`, `local_moran`: spatial autocorrelation of one variable.
* `spatial_weights`, `check_rho`: checked weights, and whether a printed rho can occur for them.
* `fit_distance_bands`, `spillover_did`: reach of a treatment, and controls it has not reached.
"""

from estimation.spatial.autocorrelation import LocalMoran, Moran, MoranByYear, local_moran, moran, moran_by_year
from estimation.spatial.bounds import RhoCheck, check_rho
from estimation.spatial.choice import ModelChoice, choose_model, effects_tests
from estimation.spatial.distance_bands import DistanceBands, fit_distance_bands
from estimation.spatial.effects import Impacts, impacts
from estimation.spatial.models import fit_spatial
from estimation.spatial.random import spatial_hausman
from estimation.spatial.result import SpatialResult
from estimation.spatial.spillover_did import SpilloverDid, spillover_did
from estimation.spatial.tests import LmTests, lm_tests
from estimation.spatial.weights import SpatialWeights, spatial_weights

__all__ = [
    "DistanceBands",
    "Impacts",
    "LmTests",
    "LocalMoran",
    "ModelChoice",
    "Moran",
    "MoranByYear",
    "RhoCheck",
    "SpatialResult",
    "SpatialWeights",
    "SpilloverDid",
    "check_rho",
    "choose_model",
    "effects_tests",
    "fit_distance_bands",
    "fit_spatial",
    "impacts",
    "lm_tests",
    "local_moran",
    "moran",
    "moran_by_year",
    "spatial_hausman",
    "spatial_weights",
    "spillover_did",
]
