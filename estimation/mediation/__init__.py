"""Mechanisms: channels, mediation with the indirect effect, moderation, moderated mediation."""

from estimation.mediation.moderated_mediation import ModeratedMediation, moderated_mediation
from estimation.mediation.moderation import Moderation, moderate
from estimation.mediation.paths import (
    IdentityCheck,
    Mediation,
    ProductTest,
    channels,
    check_identity,
    mediate,
    product_tests,
)

__all__ = [
    "IdentityCheck",
    "Mediation",
    "ModeratedMediation",
    "Moderation",
    "ProductTest",
    "channels",
    "check_identity",
    "mediate",
    "moderate",
    "moderated_mediation",
    "product_tests",
]
