"""Staggered difference in differences: every estimator behind one import."""

from estimation.did.bacon import BaconDecomposition, bacon
from estimation.did.callaway import GroupTimeEffects, att_gt
from estimation.did.event_study import EventStudy, event_study
from estimation.did.honest import EventCoefficients, HonestBounds, honest_did
from estimation.did.imputation import Imputation, imputation
from estimation.did.sun_abraham import SunAbraham, sun_abraham
from estimation.did.switchers import SwitcherEffects, did_multiplegt
from estimation.did.two_stage import TwoStage, two_stage
from estimation.did.twoway_weights import TwowayWeights, twoway_weights

__all__ = [
    "BaconDecomposition",
    "EventCoefficients",
    "EventStudy",
    "GroupTimeEffects",
    "HonestBounds",
    "Imputation",
    "SunAbraham",
    "SwitcherEffects",
    "TwoStage",
    "TwowayWeights",
    "att_gt",
    "bacon",
    "did_multiplegt",
    "event_study",
    "honest_did",
    "imputation",
    "sun_abraham",
    "two_stage",
    "twoway_weights",
]
