"""Where labels go: beside what they name, and never over one another.

All in pixels. Labels are placed one after another; each takes the first of its places at which it
covers nothing, so that what is placed first has the better choice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from perfdsl.records import dataclass

STEPS = 24  # directions that are tried at each distance
RINGS = 80  # distances, each half a label's height further
GAP = 2.0  # between a line and the label on it


@dataclass(frozen=True, slots=True)
class Box:
    """Upright, from its lower left corner to its upper right one."""

    left: float
    low: float
    right: float
    high: float

    def covers(self, other: Box) -> bool:
        """Whether the two have more than an edge in common."""
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.high <= other.low or other.high <= self.low)

    def inside(self, other: Box) -> bool:
        across = other.left <= self.left and self.right <= other.right
        return across and other.low <= self.low and self.high <= other.high


@dataclass(frozen=True, slots=True)
class Label:
    """A text of this size with its middle at x, y, turned by so many radians."""

    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0

    def boxes(self) -> list[Box]:
        """What it covers: one box, or a chain of small ones along a text that is turned."""
        if not self.angle:
            return [centred(self.x, self.y, self.width, self.height)]
        count = max(1, math.ceil(self.width / self.height))
        part = self.width / count
        across, up = math.cos(self.angle), math.sin(self.angle)
        wide = part * abs(across) + self.height * abs(up)
        high = part * abs(up) + self.height * abs(across)
        places = [part * (number + 0.5) - self.width / 2 for number in range(count)]
        return [centred(self.x + p * across, self.y + p * up, wide, high) for p in places]


def centred(x: float, y: float, width: float, height: float) -> Box:
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def first_free(places: Iterable[Label], taken: Sequence[Box], frame: Box) -> Label | None:
    """The first of the places that lies within the frame and covers nothing that is taken."""
    return next((place for place in places if _is_free(place.boxes(), taken, frame)), None)


def _is_free(boxes: Sequence[Box], taken: Sequence[Box], frame: Box) -> bool:
    within = all(box.inside(frame) for box in boxes)
    return within and not any(box.covers(other) for box in boxes for other in taken)


def around(x: float, y: float, size: tuple[float, float], gap: float) -> Iterator[Label]:
    """Places for the label of a point, the best first: right of it, around, then further away."""
    width, height = size
    for ring in range(RINGS):
        away = gap + ring * height / 2
        for step in range(STEPS):
            angle = math.tau * step / STEPS
            across, up = math.cos(angle), math.sin(angle)
            yield Label(
                x + across * (away + width / 2), y + up * (away + height / 2), width, height
            )


Place = tuple[float, float]


def along(start: Place, end: Place, size: tuple[float, float], share: float) -> Iterator[Label]:
    """Places for the label of a line: on it, then below it; at this share of its length, then
    nearby. A label does not stand out beyond the ends of a line that is long enough for it."""
    (left, low), (right, high) = start, end
    angle, length = math.atan2(high - low, right - left), math.hypot(right - left, high - low)
    edge = min(0.5, size[0] / 2 / length)
    shares = [max(edge, min(1 - edge, number / 40)) for number in range(41)]
    shares.sort(key=lambda each: abs(each - share))
    for side in (1, -1):
        off = side * (size[1] / 2 + GAP)
        for each in shares:
            yield Label(
                left + each * (right - left) - off * math.sin(angle),
                low + each * (high - low) + off * math.cos(angle),
                *size,
                angle,
            )
