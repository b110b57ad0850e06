"""Placebo tests by permutation, families of outcomes (Romano and Wolf), power of pre-trend tests."""

from estimation.did.pretrend_power import PretrendPower, pretrend_power
from estimation.placebo.permutation import Placebo, permute_pilots
from estimation.placebo.romano_wolf import FamilyTests, romano_wolf, step_down

__all__ = ["FamilyTests", "Placebo", "PretrendPower", "permute_pilots", "pretrend_power", "romano_wolf", "step_down"]
