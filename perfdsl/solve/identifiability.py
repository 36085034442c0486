"""What observations say of each unknown: an interval, one end of it, or nothing by itself.

Profile likelihood (Raue et al., Bioinformatics 25, 2009): an unknown is held at a value, all others
are fitted anew, and the sum of squares may rise by t^2 times the variance that is left. Derivatives
alone would not do: a maximum has a kink where another resource takes over, and an efficiency ends
at one; there the interval is one-sided, and its error says nothing. Where the sum of squares never
rises towards an end, that end is not known.
"""

from __future__ import annotations

import math

import numpy as np

from perfdsl.numeric.projected import Array
from perfdsl.numeric.student import t_quantile
from perfdsl.records import dataclass
from perfdsl.solve.calibrated_fit import Problem
from perfdsl.solve.calibrated_terms import Key, Parameter
from perfdsl.solve.tying import Found

STEPS = 7  # of the search for an end, once it is between two values
# An efficiency of which only so wide a range is known, together with an unknown that is nearly as
# good an explanation, is not told apart from it.
WIDE, ALIKE = 4.0, 0.9
# Of the unknowns that move when one is held: by so many errors' tenth or share of their range, and
# how many of them are named.
MOVES, NAMED = 0.3, 3


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a profile. end: where the sum of squares has risen enough; None: nowhere.

    last: the values of all unknowns there, or at the last place.
    """

    end: float | None
    last: Array


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one unknown, and where all are with it at either end of what it may be."""

    parameter: Parameter
    ends: tuple[Array, Array]


def judged(found: Found, confidence: float) -> tuple[Judged, ...]:
    """The verdict on each unknown of a fit."""
    problem, best = found.problem, found.best
    allowed = allowed_rise(found, confidence)
    inverse = covariance(problem, best.x)
    reach = math.sqrt(allowed)
    verdicts = []
    for at, key in enumerate(problem.shape.keys):
        step = reach * math.sqrt(max(float(inverse[at, at]), 0.0))
        sides = [_side(found, at, sign, step, best.cost + allowed) for sign in (-1, 1)]
        others = _moved(found, at, sides, inverse)
        ends = sides[0].last, sides[1].last
        verdicts.append(Judged(_verdict(found, at, key, sides, others), ends))
    return tuple(verdicts)


def allowed_rise(found: Found, confidence: float) -> float:
    """By how much the sum of squares may rise: t^2 times the variance of one observation."""
    spare = found.spare
    variance = max(1.0, found.best.cost / spare) if spare > 0 else 1.0
    return t_quantile(confidence, max(spare, 1)) ** 2 * variance


def covariance(problem: Problem, x: Array) -> Array:
    """Of the unknowns, with gaps of variance one: [unknowns, unknowns]."""
    return inverse_of(problem.gaps(x)[1])


def inverse_of(slopes: Array) -> Array:
    """The inverse of slopes' slopes, columns scaled; zero where nothing depends on an unknown."""
    length = np.sqrt((slopes * slopes).sum(axis=0))
    length[length == 0] = 1.0
    scaled = slopes / length
    found = np.linalg.pinv(scaled.T @ scaled, rcond=1e-10) / np.outer(length, length)
    return np.asarray(found, np.float64)


def _side(found: Found, at: int, sign: int, step: float, limit: float) -> Side:
    """How far an unknown can move in one direction."""
    problem, x = found.problem, found.best.x
    bound = float((problem.high if sign > 0 else problem.low)[at])
    room = abs(bound - x[at])
    if room <= 1e-9 * max(1.0, abs(bound)):
        return Side(None, x)
    step = min(step, room) if step > 0 else room / 64
    inner, last = float(x[at]), x
    while True:
        place = inner + sign * step
        beyond = (place - bound) * sign >= 0
        place = bound if beyond else place
        cost, now = _held(problem, at, place, last, limit)
        if cost > limit:
            return _crossing(found, at, (inner, place), last, limit)
        if beyond:
            return Side(None, now)
        inner, last, step = place, now, 3 * step


def _held(
    problem: Problem, at: int, value: float, start: Array, limit: float
) -> tuple[float, Array]:
    """With one unknown held: a sum of squares within the limit, else the least; and where it is."""
    end = problem.held(at, value).reaches(limit, start)
    return (math.inf, start) if end is None else (end.cost, end.x)


def _crossing(found: Found, at: int, ends: tuple[float, float], start: Array, limit: float) -> Side:
    """Between two values of an unknown, the one at which the sum of squares reaches the limit."""
    inner, outer = ends
    last = start
    for _ in range(STEPS):
        middle = (inner + outer) / 2
        cost, now = _held(found.problem, at, middle, last, limit)
        if cost > limit:
            outer = middle
        else:
            inner, last = middle, now
    return Side((inner + outer) / 2, last)


def _moved(found: Found, at: int, sides: list[Side], inverse: Array) -> tuple[Key, ...]:
    """The unknowns that make up for this one: those that moved most while it was held."""
    keys, x = found.problem.shape.keys, found.best.x
    room = found.problem.high - found.problem.low
    moves = np.zeros(len(keys))
    for side in sides:
        errors = np.sqrt(np.maximum(np.diag(inverse), 1e-24))
        share = np.abs(side.last - x) / np.where(room > 0, np.minimum(errors * 10, room), 1.0)
        moves = np.maximum(moves, np.minimum(share, 1.0))
    moves[at] = 0.0
    own = set(keys[at].groups)
    # Those of the same groups first: what makes up for a group's unknown is mostly its own.
    order = sorted(range(len(keys)), key=lambda k: (not own & set(keys[k].groups), -moves[k]))
    return tuple(keys[k] for k in order if moves[k] > MOVES)[:NAMED]


def _verdict(
    found: Found, at: int, key: Key, sides: list[Side], others: tuple[Key, ...]
) -> Parameter:
    low, high = (side.end for side in sides)
    value = float(found.best.x[at])
    if key.kind == "efficiency":
        value = math.exp(-value)
        low, high = (None if end is None else math.exp(-end) for end in (high, low))
    if low is None and high is None:
        return Parameter(key, "confounded" if others else "unseen", others=others)
    if low is None or high is None:
        return Parameter(key, "bounded", low=low, high=high)
    twin = _twins(found, at)
    if key.kind == "efficiency" and high > WIDE * low and twin:
        return Parameter(key, "confounded", others=twin)
    return Parameter(key, "identified", value, low, high)


def _twins(found: Found, at: int) -> tuple[Key, ...]:
    """The unknowns whose estimates move with this one's."""
    inverse = covariance(found.problem, found.best.x)
    errors = np.sqrt(np.maximum(np.diag(inverse), 1e-300))
    alike = np.abs(inverse[at]) / (errors * errors[at])
    keys = found.problem.shape.keys
    return tuple(key for k, key in enumerate(keys) if k != at and alike[k] > ALIKE)
