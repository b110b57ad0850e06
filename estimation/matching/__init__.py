"""Matching and weighting: propensity scores, entropy balancing, matched and synthetic difference in differences."""

from estimation.matching.pairs import MatchResult, match

__all__ = ["MatchResult", "match"]
