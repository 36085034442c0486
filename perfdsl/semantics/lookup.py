"""Tables of numbers: the value at a key, by steps or between rows; the reference for readings."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Protocol

# math.exp has a value up to here.
FAR = 700.0


class Rows(Protocol):
    """What is looked up: keys in ascending order, and a value for each."""

    @property
    def keys(self) -> tuple[float, ...]: ...

    @property
    def values(self) -> tuple[float, ...]: ...

    @property
    def mode(self) -> str: ...

    @property
    def clamp(self) -> bool: ...


def is_outside(rows: Rows, x: float) -> bool:
    """Whether nothing is said of a key. The last row of a step table holds for all that follows."""
    if rows.clamp:
        return False
    return x < rows.keys[0] or (rows.mode != "step" and x > rows.keys[-1])


def look_up(rows: Rows, x: float) -> float | None:
    """The value at x; None outside the keys, unless the table is clamped to its ends."""
    if math.isnan(x) or is_outside(rows, x):
        return None
    row = bisect_right(rows.keys, x) - 1
    if row < 0:
        return rows.values[0]
    if rows.mode == "step" or row == len(rows.keys) - 1:
        return rows.values[row]
    return between(rows, row, x)


def between(rows: Rows, row: int, x: float) -> float:
    """The value between one row and the next: a straight line, in logarithms for `loglog`."""
    k0, k1, v0, v1 = *rows.keys[row : row + 2], *rows.values[row : row + 2]
    if v0 == v1 or x == k0:
        return v0
    if rows.mode == "loglog":
        value = _grown(v0, _log_ratio(x, k0) / _log_ratio(k1, k0) * _log_ratio(v1, v0))
    else:
        value = v0 + (v1 - v0) * _share(x, k0, k1)
    # Rounding must not lead out of the rows between which x lies.
    return min(max(value, min(v0, v1)), max(v0, v1))


def steepness(rows: Rows, row: int, x: float) -> float:
    """The derivative at x between one row and the next."""
    k0, k1, v0, v1 = *rows.keys[row : row + 2], *rows.values[row : row + 2]
    if rows.mode == "loglog":
        return between(rows, row, x) / x * _log_ratio(v1, v0) / _log_ratio(k1, k0)
    return (v1 - v0) / (k1 - k0)


def slope_at(rows: Rows, x: float) -> float:
    """The derivative at x, to the right of a key; 0 on a step, beyond the last row, and outside."""
    row = bisect_right(rows.keys, x) - 1
    if rows.mode == "step" or row < 0 or row >= len(rows.keys) - 1:
        return 0.0
    return steepness(rows, row, x)


def _share(x: float, k0: float, k1: float) -> float:
    if math.isinf(k1 - k0):
        return (x / 2 - k0 / 2) / (k1 / 2 - k0 / 2)
    return (x - k0) / (k1 - k0)


def _grown(value: float, log: float) -> float:
    """Value * exp(log), also where exp(log) alone is beyond a float."""
    return value * math.exp(log) if abs(log) < FAR else math.exp(math.log(value) + log)


def _log_ratio(above: float, below: float) -> float:
    """log(above / below), whatever the quotient: 1e300 / 1e-300 is beyond a float."""
    ratio = above / below
    if 0 < ratio < math.inf:
        return math.log(ratio)
    return math.log(above) - math.log(below)
