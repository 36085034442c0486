"""How far a formula reaches while some inputs run over ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping

from perfdsl.numeric.gradient import gradient
from perfdsl.numeric.intervals import NONE, Range
from perfdsl.solve.reading import Reading
from perfdsl.solve.slice import Slice, slice_of

MAX_BOXES = 400
Box = Mapping[int, Range]
Point = Mapping[int, float]


def sign_of(slope: Range) -> int:
    """1 rising, -1 falling, 0 flat, 2 neither."""
    if slope.low == 0 == slope.high:
        return 0
    if slope.low >= 0:
        return 1
    return -1 if slope.high <= 0 else 2


def extent(reading: Reading, node: int, box: Box) -> Range:
    """The smallest and largest value of a node over a box: exact where it is monotone."""
    part = slice_of(reading, (node,), box)
    box = {n: box[n] for n in part.inputs}
    if not box:
        value = reading.value(node)
        return Range(value, value)
    corners = _corners(part, box)
    if part.over(box, next(iter(box)))[node].value == NONE:
        return Range(math.nan, math.nan)
    if corners is not None:
        low, high = (part.at(corner)[node] for corner in corners)
        # Without a value at its end (a division by zero) a monotone formula has no bound there.
        low = -math.inf if math.isnan(low) else low
        high = math.inf if math.isnan(high) else high
        return Range(min(low, high), max(low, high))
    return _subdivided(part, node, box)


def _corners(part: Slice, box: Box) -> tuple[dict[int, float], dict[int, float]] | None:
    """Where the root is smallest and largest, if its derivatives decide that; else None."""
    low: dict[int, float] = {}
    high: dict[int, float] = {}
    root = part.roots[0]
    for number, range_ in box.items():
        if math.isinf(range_.low) or math.isinf(range_.high):
            return None
        sign = sign_of(part.over(box, number)[root].slope)
        if sign == 2:
            return None
        low[number] = range_.low if sign >= 0 else range_.high
        high[number] = range_.high if sign >= 0 else range_.low
    return low, high


def _subdivided(part: Slice, node: int, box: Box) -> Range:
    """Halve boxes until each is monotone or small; what is left is bounded by intervals."""
    todo: list[Box] = [box]
    low, high = math.inf, -math.inf
    done = 0
    while todo:
        part.reading.poll()
        here = todo.pop(0)  # the largest first: no part stays rough
        done += 1
        corners = _corners(part, here)
        if corners is not None:
            values = [part.at(corner)[node] for corner in corners]
            low = min(low, *(v for v in values if not math.isnan(v)), low)
            high = max(high, *(v for v in values if not math.isnan(v)), high)
            continue
        found = part.over(here, next(iter(here)))[node].value
        if low <= found.low and found.high <= high:
            continue
        widest = _widest(here, box)
        if done > MAX_BOXES or math.isinf(here[widest].high - here[widest].low):
            low, high = min(low, found.low), max(high, found.high)
            continue
        todo.extend(halves(here, widest))
    return Range(low, high)


def reached(part: Slice, box: Box, goal: float, boxes: int = MAX_BOXES) -> Point | None:
    """A point of a box at which the root of a slice is at most `goal`; None if there is none.

    Points are tried where the gradient leads; boxes that intervals prove to lie above are dropped.
    After so many boxes there is none, as far as anyone knows.
    """
    node = part.roots[0]
    box = {n: box[n] for n in part.inputs}
    if not box:
        return {} if part.fixed[node] <= goal else None
    if all(low == high for low, high in box.values()):  # nothing is left to be searched
        part.reading.poll()
        return _lowest(part, [{n: low for n, (low, _) in box.items()}], goal)
    todo: list[Box] = [box]
    for _ in range(boxes):
        if not todo:
            return None
        part.reading.poll()
        here = todo.pop()
        found = _lowest(part, _promising(part, node, here), goal)
        if found is not None:
            return found
        if part.over(here, next(iter(here)))[node].value.low > goal:
            continue
        corners = _corners(part, here)
        if corners is not None and not math.isnan(lowest := part.at(corners[0])[node]):
            if lowest <= goal:
                return corners[0]
            continue
        todo = [*todo, *halves(here, _widest(here, box))]
    return None


def _lowest(part: Slice, points: list[dict[int, float]], goal: float) -> Point | None:
    """The point at which the root is lowest, if that is at most `goal`."""
    values = [(part.at(point)[part.roots[0]], at) for at, point in enumerate(points)]
    reaching = [each for each in values if each[0] <= goal]
    return points[min(reaching)[1]] if reaching else None


def _promising(part: Slice, node: int, box: Box) -> list[dict[int, float]]:
    """The middle of a box, and the corner to which the gradient leads down from it."""
    middle = {n: _middle(r) for n, r in box.items()}
    slopes = gradient(part.reading.graph, node, part.at(middle), part.order)
    down = {n: r.low if slopes.get(n, 0.0) > 0 else r.high for n, r in box.items()}
    return [middle, down]


def _middle(range_: Range) -> float:
    low, high = range_
    if low > 0 and high / low > 16:
        return math.sqrt(low) * math.sqrt(high)
    return low + (high - low) / 2


def _widest(here: Box, box: Box) -> int:
    return max(here, key=lambda n: _share(here[n], box[n]))


def _share(part: Range, whole: Range) -> float:
    if part.low > 0 and whole.low > 0 and whole.high / whole.low > 16:
        return math.log(part.high / part.low) / math.log(whole.high / whole.low)
    size = whole.high - whole.low
    return (part.high - part.low) / size if size else 0.0


def halves(here: Box, widest: int) -> list[Box]:
    middle = _middle(here[widest])
    low, high = here[widest]
    return [{**here, widest: Range(middle, high)}, {**here, widest: Range(low, middle)}]
