"""Peace: how far an assumption must move until a formula can be what was observed.

A front is a formula and an observation that it contradicts. Assumptions are set free one after the
other: what brings no peace stays free, and the rest is a smallest set that conflicts with the
observation (deletion filter). Each can also be moved alone, to where peace begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from operator import ge

from perfdsl.numeric.intervals import Range
from perfdsl.records import dataclass
from perfdsl.semantics.graph import Definition, Input
from perfdsl.solve.extent import MAX_BOXES, Point, extent, reached
from perfdsl.solve.reading import Reading
from perfdsl.solve.sets import crossing
from perfdsl.solve.slice import Slice, slice_of
from perfdsl.solve.unknowns import domain

# How far an assumption without a declared range is moved to look for peace.
FREE = 1e6
SLACK = 1e-9
STEPS = 100


@dataclass(frozen=True, slots=True)
class Front:
    """A node, and what was observed of it.

    side: "below" if what was observed is less than `node` can be, "above" if it is more.
    """

    node: int
    side: str
    observed: Range

    @property
    def goal(self) -> float:
        """What `stands_against` may be at most, for the observation to be within reach."""
        if self.side == "below":
            return self.observed.high + slack(self.observed.high)
        return slack(self.observed.low) - self.observed.low


def slack(value: float) -> float:
    return SLACK * abs(value) if math.isfinite(value) else 0.0


def extent_of(reading: Reading, node: int, freed: dict[int, Range]) -> Range:
    """What a node can be while unknowns, uncertain inputs and freed assumptions run freely."""
    return extent(reading, node, box_of(reading, node, freed))


def box_of(reading: Reading, node: int, freed: Mapping[int, Range]) -> dict[int, Range]:
    """The ranges of everything in a node that is not one number, and of what is freed."""
    box = dict(freed)
    for number_ in reading.vague(node):
        if number_ not in box:
            source = reading.graph.nodes[number_].data
            unknown = isinstance(source, Input) and source.sort == "unknown"
            box[number_] = domain(source) if unknown else reading.range_of(number_)
    return box


def range_for(reading: Reading, node: int, reach: float = FREE) -> Range:
    """Where an assumption may be moved: its declared range, else `reach` times up and down."""
    data = reading.graph.nodes[node].data
    within = data.within if isinstance(data, Input | Definition) else None
    if within is not None:
        return Range(*within)
    value = reading.value(node)
    ends = sorted((value / reach, value * reach))
    return Range(ends[0], ends[1])


def against(front: Front, reading: Reading, moving: Iterable[int]) -> Slice:
    """What stands against the observation, as a function of what may move: the less, the better."""
    root = front.node
    if front.side == "above":
        root = reading.graph.total([root], (-1,))
    return slice_of(reading, (root,), moving)


def peace(front: Front, part: Slice, box: dict[int, Range], boxes: int = MAX_BOXES) -> Point | None:
    """A point of a box at which the observation is within reach, looked for in so many parts."""
    return reached(part, box, front.goal, boxes)


def smallest(
    front: Front, reading: Reading, soft: Mapping[int, Range], boxes: int = MAX_BOXES
) -> list[int]:
    """Those of the assumptions that make a smallest set which conflicts with the observation.

    soft: where each may move. What brings peace alone is in it. The rest mostly brings none even
    together, which is one proof instead of one for each.
    """
    alone = [n for n, range_ in soft.items() if _brings_peace({n: range_}, front, reading, boxes)]
    rest = {node: range_ for node, range_ in soft.items() if node not in alone}
    if not rest or not _brings_peace(rest, front, reading, boxes):
        return alone
    freed: dict[int, Range] = {}
    for node, range_ in rest.items():
        if _brings_peace({**freed, node: range_}, front, reading, boxes):
            alone.append(node)
        else:
            freed[node] = range_
    return [node for node in soft if node in alone]


def _brings_peace(freed: Mapping[int, Range], front: Front, reading: Reading, boxes: int) -> bool:
    box = box_of(reading, front.node, freed)
    return peace(front, against(front, reading, box), box, boxes) is not None


def needed(front: Front, node: int, reading: Reading, allowed: Range) -> float | None:
    """The value nearest to the present one at which there is peace; None if there is none."""
    value = reading.value(node)
    best: float | None = None
    for end in (allowed.low, allowed.high):
        if end == value:
            continue
        found = _towards(front, node, value, end, reading)
        if found is not None and (best is None or _far(found, value) < _far(best, value)):
            best = found
    return best


def _far(found: float, value: float) -> float:
    return abs(math.log(found / value)) if found > 0 and value > 0 else abs(found - value)


def _towards(front: Front, node: int, start: float, end: float, reading: Reading) -> float | None:
    """The first point of peace on the way from the present value to an end of the range.

    Where everything else stays at a point of peace, one variable is left, and the border is the
    root of a formula. It is the border if there is no other peace just before it; else on from
    there.
    """
    box = box_of(reading, front.node, {node: Range(end, end)})
    part = against(front, reading, box)
    calm, point = end, peace(front, part, box)
    if point is None:
        return None
    for _ in range(STEPS):
        war, calm = _border(part, front.goal, node, point, Range(start, calm))
        point = None if war == start else peace(front, part, {**box, node: Range(war, war)})
        if point is None:
            break
        calm = war
    return calm


def _border(part: Slice, goal: float, node: int, point: Point, way: Range) -> tuple[float, float]:
    """The neighbours on a way (from low, upwards or downwards) between which a front comes down to
    a goal."""
    up = 1.0 if way.low < way.high else -1.0

    def gap(u: float) -> float:
        return goal - part.at({**point, node: up * u})[part.roots[0]]

    found = crossing(gap, Range(up * way.low, up * way.high), ge)
    return up * found.low, up * found.high
