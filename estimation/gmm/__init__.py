"""Difference and system GMM for dynamic panels, in the conventions of Stata's xtabond2 (Roodman 2009)."""

from estimation.gmm.fit import GmmWarning, fit_gmm, fit_gmm_by_group
from estimation.gmm.instruments import Equation, Gmm, Iv
from estimation.gmm.result import GmmResult
from estimation.gmm.tests import DifferenceTest, SarganTest

__all__ = [
    "DifferenceTest",
    "Equation",
    "Gmm",
    "GmmResult",
    "GmmWarning",
    "Iv",
    "SarganTest",
    "fit_gmm",
    "fit_gmm_by_group",
]
