"""Agglomeration of industries over cities: location quotients, virtual agglomeration, co-agglomeration, PRODY and EXPY."""

from estimation.agglomeration.export_sophistication import expy, industry_prody, prody
from estimation.agglomeration.location import (
    ConstantIndexWarning,
    UnderflowWarning,
    coagglomeration,
    distance_decay_agglomeration,
    location_quotient,
    virtual_agglomeration,
)
from estimation.agglomeration.va_types import VaTypes, va_types

__all__ = [
    "ConstantIndexWarning",
    "UnderflowWarning",
    "VaTypes",
    "coagglomeration",
    "distance_decay_agglomeration",
    "expy",
    "industry_prody",
    "location_quotient",
    "prody",
    "va_types",
    "virtual_agglomeration",
]
