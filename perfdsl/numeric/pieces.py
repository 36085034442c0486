"""Tables over a range of keys: the values that are met there, and how steep the pieces are."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple

from perfdsl.semantics.graph import Table
from perfdsl.semantics.lookup import is_outside, look_up, steepness

INF = math.inf


class Met(NamedTuple):
    """Bounds of value and derivative; lowest > highest where no key of the range has a value."""

    lowest: float
    highest: float
    falling: float
    rising: float


NOTHING = Met(INF, -INF, 0.0, 0.0)
ANYTHING = Met(-INF, INF, -INF, INF)


def met(table: Table, low: float, high: float) -> Met:
    """What a table is over keys from low to high: exact, for each piece is monotone."""
    if math.isnan(low) or math.isnan(high):
        return ANYTHING
    if low > high or _all_outside(table, low, high):
        return NOTHING
    if is_outside(table, low) or is_outside(table, high):
        return ANYTHING
    first, last = (bisect_right(table.keys, x) - 1 for x in (low, high))
    if table.mode == "step":
        return _stepped(table.values[max(first, 0) : max(last, 0) + 1])
    return _joined(table, low, high, first, last)


def _all_outside(table: Table, low: float, high: float) -> bool:
    """Whether low and high lie on the same side of all keys, and nothing is said there."""
    one_side = high < table.keys[0] or low > table.keys[-1]
    return one_side and is_outside(table, low) and is_outside(table, high)


def _stepped(values: tuple[float, ...]) -> Met:
    """Steps that are met: up, down, or both ways; a single one is flat."""
    lowest, highest = min(values), max(values)
    if lowest == highest:
        return Met(lowest, highest, 0.0, 0.0)
    up = all(a <= b for a, b in pairwise(values))
    down = all(a >= b for a, b in pairwise(values))
    return Met(lowest, highest, 0.0 if up else -INF, 0.0 if down else INF)


def _joined(table: Table, low: float, high: float, first: int, last: int) -> Met:
    """Pieces between rows; beyond the ends of a clamped table it is flat."""
    keys = table.keys
    ends = [value for x in (low, high) if (value := look_up(table, x)) is not None]
    values = [*ends, *table.values[first + 1 : last + 1]]
    slopes = [0.0] if first < 0 or high > keys[-1] else []
    for row in range(max(first, 0), min(last, len(keys) - 2) + 1):
        if row > first and keys[row] == high:
            continue  # touched in its first point alone
        # Between two rows a power law is monotone in its derivative, too.
        inside = (max(low, keys[row]), min(high, keys[row + 1]))
        slopes += [steepness(table, row, x) for x in inside]
    slopes = slopes or [0.0]
    return Met(min(values), max(values), min(slopes), max(slopes))
