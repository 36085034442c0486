"""Where a formula of one variable may jump or bend: the keys of the tables that it looks up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from perfdsl.numeric.intervals import Range
from perfdsl.semantics.graph import Table
from perfdsl.solve.sets import turn
from perfdsl.solve.slice import Slice, slice_of

# A table with more keys in sight is walked by halving the range alone.
MOST_KEYS = 256


class Cut(NamedTuple):
    """The first number behind a key. jumps: the formula need not be continuous there."""

    at: float
    jumps: bool


def pieces(part: Slice, unknown: int, within: Range) -> list[Range]:
    """The range in pieces, on each of which one row, or the line between two, is in force.

    At a jump a piece ends at the last float before the key; otherwise neighbours share the key.
    """
    found: list[Range] = []
    low = within.low
    for at, jumps in sorted(set(_cuts(part, unknown, within))):
        if low < at <= within.high:
            found.append(Range(low, math.nextafter(at, -math.inf) if jumps else at))
            low = at
    return [*found, Range(low, within.high)]


def _cuts(part: Slice, unknown: int, within: Range) -> Iterator[Cut]:
    nodes = part.reading.graph.nodes
    for number in part.order:
        if nodes[number].op == "table":
            yield from _of_table(nodes[number].data, nodes[number].args[0], part, unknown, within)


def _of_table(table: Table, arg: int, part: Slice, unknown: int, within: Range) -> Iterator[Cut]:
    inner = slice_of(part.reading, (arg,), (unknown,))
    slope = inner.over({unknown: within}, unknown)[arg].slope
    ends = [inner.at({unknown: u})[arg] for u in within]
    if (slope.low < 0 < slope.high) or any(math.isnan(end) for end in ends):
        return  # it turns: its keys are met more than once, and halving finds them
    crossed = [key for key in table.keys if min(ends) <= key <= max(ends)]
    if len(crossed) > MOST_KEYS:
        return
    for key in crossed:
        jumps = table.mode == "step" or key in {table.keys[0], table.keys[-1]}
        at = _crossing(inner, arg, unknown, within, key, table)
        if at is not None:
            yield Cut(at, jumps)


def _crossing(
    inner: Slice, arg: int, unknown: int, within: Range, key: float, table: Table
) -> float | None:
    """The first u at which the argument is on the other side of a key than at the lower end."""
    # Between rows the last key still belongs to what is before it.
    inclusive = table.mode != "step" and key == table.keys[-1]

    def beyond(u: float) -> bool:
        x = inner.at({unknown: u})[arg]
        return x > key if inclusive else x >= key

    start = beyond(within.low)
    if beyond(within.high) == start:
        return None
    return turn(lambda u: beyond(u) != start, within).high
