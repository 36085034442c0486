"""Nonlinear least squares within bounds: Gauss-Newton steps, damped after Levenberg and Marquardt.

Each step is a bounded linear problem (Marquardt, J. SIAM 11, 1963, with `least_squares.bounded`
inside), so that a step never leaves the bounds and an unknown may come back from its end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from perfdsl.numeric.least_squares import Vector, bounded
from perfdsl.records import dataclass

Residuals = Callable[[Sequence[float]], Vector]
Jacobian = Callable[[Sequence[float]], list[Vector]]

STEPS = 200
# A step that is smaller, relative to the unknown, is the rounding's.
SMALL = 1e-13
STEEPEST, GENTLEST = 1e16, 1e-12


@dataclass(frozen=True, slots=True)
class Minimum:
    """Where the sum of squares is least nearby, and which unknowns lie between their bounds."""

    x: Vector
    cost: float
    free: tuple[int, ...]


def minimum(
    residuals: Residuals,
    jacobian: Jacobian,
    start: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
) -> Minimum | None:
    """The least sum of squares that can be reached downhill from a start; None: no value there.

    jacobian: its columns, the derivatives of all residuals by one unknown each.
    """
    x = list(start)
    left = residuals(x)
    cost = _cost(left)
    if math.isnan(cost):
        return None
    damping = 1e-3
    lengths = [0.0] * len(x)
    for _ in range(STEPS):
        columns = jacobian(x)
        if any(math.isnan(value) for column in columns for value in column):
            break
        lengths = [max(s, math.hypot(*c)) for s, c in zip(lengths, columns, strict=True)]
        moved = False
        while damping <= STEEPEST and not moved:
            step = _step(columns, left, damping, lengths, x, low, high)
            tried = _moved(x, step, low, high)
            then = residuals(tried)
            new = _cost(then)
            moved = new < cost or (new <= cost * (1 + 1e-14) and damping <= 1e-6)
            damping = max(damping / 10, GENTLEST) if moved else max(damping, 1e-8) * 10
        if not moved:
            break
        small = all(abs(a - b) <= SMALL * abs(a) for a, b in zip(x, tried, strict=True))
        x, left, cost = tried, then, new
        if small or cost == 0:
            break
    free = tuple(at for at in range(len(x)) if low[at] < x[at] < high[at])
    return Minimum(x, cost, free)


def _cost(left: Sequence[float]) -> float:
    return math.nan if any(map(math.isnan, left)) else math.fsum(value**2 for value in left)


def _step(
    columns: list[Vector],
    left: Vector,
    damping: float,
    lengths: Sequence[float],
    x: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
) -> Vector:
    """The damped step: rows that hold each unknown back stand below those of the residuals."""
    width = len(columns)
    held = [
        [*column, *(math.sqrt(damping) * (lengths[at] or 1.0) * (at == k) for k in range(width))]
        for at, column in enumerate(columns)
    ]
    below = [a - b for a, b in zip(low, x, strict=True)]
    above = [a - b for a, b in zip(high, x, strict=True)]
    return bounded(held, [*(-value for value in left), *([0.0] * width)], below, above)[0]


def _moved(
    x: Sequence[float], step: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> Vector:
    return [
        min(max(a + d, lower), upper) for a, d, lower, upper in zip(x, step, low, high, strict=True)
    ]
