"""The roofline picture: work for each byte moved, and work a second, beside what limits both.

After Williams, Waterman and Patterson (2009): on two logarithmic axes a bandwidth is a slope, a
peak is a level roof, and whatever runs lies under both. A point has a line up to its own ceiling.
"""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path

from perfdsl.diagnostics import Diagnostic
from perfdsl.records import dataclass

FORMS = {".svg": "svg", ".png": "png"}


@dataclass(frozen=True, slots=True)
class Roof:
    """A peak: `rate` in work a second, for work of this kind (`int8`), "" for any."""

    name: str
    rate: float
    kind: str


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Of a level of memory: `rate` in bytes a second."""

    level: str
    rate: float


@dataclass(frozen=True, slots=True)
class Point:
    """What ran: work for each byte, and work a second as measured and at the very most."""

    name: str
    intensity: float
    measured: float
    ceiling: float
    case: str


@dataclass(frozen=True, slots=True)
class Roofline:
    """A picture's content; texts may be anybody's.

    unit: of work (`MAC`). traffic: which bytes the intensities are about (`B from DRAM`).
    """

    title: str
    roofs: tuple[Roof, ...]
    bandwidths: tuple[Bandwidth, ...]
    points: tuple[Point, ...]
    unit: str = "MAC"
    traffic: str = "B"

    def drawable(self) -> tuple[Point, ...]:
        """Points that have a place on logarithmic axes."""
        return tuple(each for each in self.points if _has_place(each))

    def left_out(self) -> tuple[Point, ...]:
        """Points that do no work, move no byte, or took no time; the picture names them."""
        return tuple(each for each in self.points if not _has_place(each))


def _has_place(point: Point) -> bool:
    return all(0 < each < math.inf for each in (point.intensity, point.measured, point.ceiling))


def refused(path: Path) -> Diagnostic | None:
    """Why no picture can be made for this name, before anything is measured for it."""
    if path.suffix.lower() not in FORMS:
        title = f"{path}: a picture ends in {' or '.join(FORMS)}"
        return Diagnostic("P003", title, None)
    if find_spec("matplotlib") is None:
        mend = 'install it with `pip install "perfdsl[plot]"`'
        return Diagnostic("P856", "a picture needs matplotlib", None, help=mend)
    return None


def draw(roofline: Roofline, path: Path) -> None:
    """Write the picture in the form that the name ends in. Raises OSError, ImportError."""
    content = picture(roofline, FORMS[path.suffix.lower()])
    path.write_bytes(content)


def picture(roofline: Roofline, form: str) -> bytes:
    """The same bytes for the same content, whenever it is made. form: `svg` or `png`.

    Raises ImportError without matplotlib, ValueError where there is nothing to draw.
    """
    from perfdsl.present.roofline_figure import rendered

    return rendered(roofline, form)
