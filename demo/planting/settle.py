"""Rounds of moving carriers and measuring again, until the printed cells give the wanted coefficients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from demo.planting.projection import Projection, Wanted, smallest_move

FIRST_ROUNDS = 3
CLOSE_ENOUGH = 0.2
MOST_FLIPS = 4000


@dataclass(frozen=True)
class Measured:
    """An index and how far its carriers can take it.

    Attributes:
        y: (n,) index as the pipeline computes it from the printed cells.
        content: (n,) part of the index that the carriers make up: scaling them by f moves the index by (f - 1) content.
            Zero where the carriers must not move. Negative where more of the carriers lowers the index.
        response: turns an operator on y into one on what `content` measures, where that is not y itself.
        spread: (units, years, years) what moves of a unit's years cost together, beside their relative size; None for nothing.
    """

    y: np.ndarray
    content: np.ndarray
    response: Callable[[np.ndarray], np.ndarray] | None = None
    spread: np.ndarray | None = None


@dataclass(frozen=True)
class Checked:
    """An outcome as the printed cells give it, and the regressions that it is planted with."""

    y: np.ndarray
    projections: list[Projection]


@dataclass(frozen=True)
class Settled:
    """How planting ended: rounds, largest gap in halves of the last printed digit, largest log move of a carrier."""

    rounds: int
    worst: float
    largest_move: float
    median_move: float


def settle(
    measure: Callable[[], Measured],
    scale: Callable[[np.ndarray], None],
    wanted: Wanted | Callable[[np.ndarray], Wanted],
    *,
    rounds: int = 16,
    cap: float = 0.95,
    furthest: float = 0.7,
    first_part: float = 0.6,
    enough: float = CLOSE_ENOUGH,
) -> Settled:
    """Scale carriers by exp(move) until every gap is at most `enough` halves of the last printed digit.

    `wanted` may depend on the index (a regression with its lag). The index moves are small in relative terms, measured
    against what the carriers make up (capped at the quantile `cap`, so that the largest units do not carry everything).
    No carrier moves further than exp(+-furthest) in total. The first three rounds close `first_part` of the gap only.
    """
    state = measure()
    goal = wanted(state.y) if callable(wanted) else wanted
    total = np.zeros(len(state.y))
    done = 0
    while done < rounds and goal.worst(state.y) > enough:
        size = np.abs(state.content)
        freedom = np.minimum(size, np.quantile(size, cap)) ** 2
        lowest, highest = np.sort([state.content * (-furthest - total), state.content * (furthest - total)], axis=0)
        operator = goal.operator / goal.precision[:, None]
        if state.response is not None:
            operator = state.response(operator)
        part = first_part if done < FIRST_ROUNDS else 1.0
        step = smallest_move(operator, part * goal.gap(state.y), freedom, lowest, highest, state.spread)
        log_factor = np.divide(step, state.content, out=np.zeros(len(step)), where=freedom > 0)
        scale(np.exp(log_factor))
        total += log_factor
        state = measure()
        goal = wanted(state.y) if callable(wanted) else wanted
        done += 1
    moves = np.abs(total)
    return Settled(done, goal.worst(state.y), float(moves.max()), float(np.median(moves)))


def flip(
    y: np.ndarray, effect: np.ndarray, allowed: Callable[[np.ndarray], np.ndarray], wanted: Wanted
) -> tuple[np.ndarray, float]:
    """Change whole-number cells one by one until the coefficients fit.

    `effect` is the change of y when a cell grows by one; `allowed` maps the changes so far to the least change that each
    cell may take (n,). Each step takes the single change that brings the coefficients closest, in units of their
    precision. Returns (changes of the cells, largest remaining gap in halves of the last printed digit).
    """
    scaled = wanted.operator / wanted.precision[:, None] * effect
    gap = wanted.gap(y)
    changes = np.zeros(len(y), dtype=int)
    for _ in range(MOST_FLIPS):
        if not np.max(np.abs(gap)) > CLOSE_ENOUGH:  # also where a missing value leaves nothing to aim at
            break
        squares = (scaled**2).sum(axis=0)
        gain = gap @ scaled
        up, down = squares - 2 * gain, squares + 2 * gain
        down = np.where(changes - 1 >= allowed(changes), down, np.inf)
        best_up, best_down = int(np.argmin(up)), int(np.argmin(down))
        at, sign = (best_up, 1) if up[best_up] <= down[best_down] else (best_down, -1)
        if min(up[best_up], down[best_down]) >= 0:
            break
        changes[at] += sign
        gap = gap - sign * scaled[:, at]
    return changes, float(np.max(np.abs(gap)))
