"""Heterogeneity: regressions by group, interactions with a group, tests of a difference between groups."""

from estimation.heterogeneity.by_group import GroupFits, Interaction, fit_groups, fit_interaction
from estimation.heterogeneity.groups import city_size_class, coordination_bin, cut_groups, quantile_groups

__all__ = [
    "GroupFits",
    "Interaction",
    "city_size_class",
    "coordination_bin",
    "cut_groups",
    "fit_groups",
    "fit_interaction",
    "quantile_groups",
]
