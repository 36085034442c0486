"""The roofline picture with matplotlib: axes, slopes and roofs, what ran, and its labels."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

from perfdsl.excerpt import visible
from perfdsl.present import roofline_key
from perfdsl.present.roofline_key import DARK, GREY, SMALL, USUAL, Page, paged, shown
from perfdsl.present.roofline_labels import (
    GAP,
    Box,
    Label,
    Place,
    along,
    around,
    centred,
    first_free,
)
from perfdsl.records import dataclass
from perfdsl.semantics.text import PREFIXES, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Transform

    from perfdsl.present.roofline import Point, Roofline

DPI = 100
WIDE, HIGH, ROW = 10.0, 6.0, 0.19  # inches; ROW: a line of the key
LEFT, AXES_WIDE = 0.105, 0.65  # shares of the width
BOTTOM, TOP = 0.62, 0.45  # inches
LARGE = 11.0  # points, of the title
ROOM = 1.6  # the axes go so many times beyond what is drawn
LEAST_HIGH = 30.0  # from the bottom to the top, so that a power of ten lies between
APART = 6.0  # pixels between the end of a label and the beginning of the next
LONGEST_UNIT = 6  # characters: `cycle`, `FLOP`
FAR = 18.0  # pixels from a point to its name from which on a line ties them
SETTINGS = {
    "svg.hashsalt": "perfdsl",  # names inside the file are drawn by chance without it
    "svg.fonttype": "path",  # outlines: the same everywhere, and no text of anybody's is markup
    "text.parse_math": False,  # a `$` in a name is a `$`
    "text.usetex": False,
    "font.family": "DejaVu Sans",  # comes with matplotlib
}


def rendered(roofline: Roofline, form: str) -> bytes:
    """The picture's file; without a date in it, it is the same whenever it is made."""
    metadata: dict[str, None] = {"svg": {"Date": None}, "png": {"Software": None}}[form]
    content = io.BytesIO()
    with own_settings():
        figure(roofline).savefig(content, format=form, dpi=1.5 * DPI, metadata=metadata)
    return content.getvalue()


@contextmanager
def own_settings() -> Iterator[None]:
    """Whatever the user has set for other pictures is set again at the end."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # it is drawn as a box
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        yield


def figure(roofline: Roofline) -> Figure:
    """Under `own_settings`. Raises ValueError for a limit that is missing or is not above zero."""
    from matplotlib.figure import Figure

    rates = [each.rate for each in roofline.roofs] + [each.rate for each in roofline.bandwidths]
    if not (roofline.roofs and roofline.bandwidths and all(0 < each < math.inf for each in rates)):
        raise ValueError("a roofline needs roofs and bandwidths, each finite and above zero")
    page = paged(roofline)
    high = max(HIGH, BOTTOM + TOP + ROW * page.rows)
    found = Figure(figsize=(WIDE, high), dpi=DPI)
    axes = found.add_axes((LEFT, BOTTOM / high, AXES_WIDE, (high - BOTTOM - TOP) / high))
    view = _view(roofline, page.points)
    _frame(axes, view, roofline)
    taken = _points(axes, page)
    for label, places in chain(_roofs(axes, view, roofline), _slopes(axes, view, roofline)):
        _put(axes, label, places, taken)
    for point in page.points:
        _name(axes, point, page, taken)
    roofline_key.draw(found, page, (LEFT + AXES_WIDE + 0.02, 1 - TOP / high), ROW / high)
    return found


# ---------------------------------------------------------------------------------- the axes


@dataclass(frozen=True, slots=True)
class View:
    """From where to where the axes go: intensity, then rate."""

    left: float
    right: float
    low: float
    high: float


def _view(roofline: Roofline, points: Sequence[Point]) -> View:
    """All ridges, points and ceilings, with room around them."""
    ridges = [roof.rate / each.rate for roof in roofline.roofs for each in roofline.bandwidths]
    across = [*ridges, *(each.intensity for each in points)]
    left, right = min(across) / (2 * ROOM), max(across) * 2 * ROOM
    rates = [each.rate for each in roofline.roofs]
    rates += [each for point in points for each in (point.measured, point.ceiling)]
    high = max(rates) * ROOM
    return View(left, right, min(min(rates) / ROOM, high / LEAST_HIGH), high)


def _frame(axes: Axes, view: View, roofline: Roofline) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set(xscale="log", yscale="log", xlim=(view.left, view.right), ylim=(view.low, view.high))
    unit = _unit(roofline)
    for axis, of in ((axes.xaxis, ""), (axes.yaxis, f"{unit}/s")):
        axis.set_major_locator(LogLocator(base=10, numticks=20))
        axis.set_minor_locator(LogLocator(base=10, subs=tuple(range(2, 10)), numticks=200))
        axis.set_major_formatter(FuncFormatter(lambda value, _, of=of: rate(value, of)))
        axis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="both", labelsize=USUAL, color=GREY, labelcolor=DARK)
    axes.grid(which="major", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.set_xlabel(f"{unit} for each {shown(roofline.traffic)}", fontsize=USUAL, color=DARK)
    title = axes.set_title(visible(roofline.title), fontsize=LARGE, loc="left")
    title.set_color(DARK)
    roofline_key.fit(title, WIDE * DPI * (1 - LEFT) - 2 * APART)


def _unit(roofline: Roofline) -> str:
    return shown(roofline.unit)[:LONGEST_UNIT]


def rate(value: float, unit: str) -> str:
    """`100 GMAC/s`, `0.1`: the value with the prefix that reads best, if it has a unit."""
    if not unit:
        return plain(value)
    step = max(-5, min(6, math.floor(math.log10(value) / 3 + 1e-9)))
    return f"{plain(value / 1000.0**step, 3)} {PREFIXES[step]}{unit}"


# ------------------------------------------------------------------------------ what limits

Wanted = tuple["Text", Iterable[Label]]
"""A label, and the places that it may have, the best first."""


def _slopes(axes: Axes, view: View, roofline: Roofline) -> Iterator[Wanted]:
    """Each bandwidth up to the highest roof; what lies below the picture is cut off."""
    highest = max(roof.rate for roof in roofline.roofs)
    for each in roofline.bandwidths:
        left = max(view.left, view.low / each.rate)
        start, end = (left, left * each.rate), (highest / each.rate, highest)
        text = f"{shown(each.level)}  {rate(each.rate, 'B/s')}"
        yield _line(axes, start, end, text, 0.2)


def _roofs(axes: Axes, view: View, roofline: Roofline) -> Iterator[Wanted]:
    """Each from where the fastest memory reaches it."""
    fastest = max(each.rate for each in roofline.bandwidths)
    for roof in roofline.roofs:
        start, end = (roof.rate / fastest, roof.rate), (view.right, roof.rate)
        of = f" ({shown(roof.kind)})" if roof.kind not in {"", roof.name} else ""
        text = f"{shown(roof.name)}{of}  {rate(roof.rate, f'{_unit(roofline)}/s')}"
        yield _line(axes, start, end, text, 0.85)


def _line(axes: Axes, start: Place, end: Place, text: str, share: float) -> Wanted:
    axes.plot(*zip(start, end, strict=True), color=GREY, linewidth=1.1, zorder=2)
    label = _text(axes, text, SMALL)
    first, last, size = _pixels(axes, start), _pixels(axes, end), _size(label)
    return label, chain(along(first, last, size, share), around(*last, size, GAP))


# -------------------------------------------------------------------------------- what ran


def _points(axes: Axes, page: Page) -> list[Box]:
    """Draw them, each with a line up to its ceiling; what they take of the picture, in pixels."""
    taken = []
    for each in page.points:
        colour, mark = page.looks[each.case]
        at = [each.intensity]
        ends = [each.measured, each.ceiling]
        axes.plot(at * 2, ends, color=colour, linewidth=0.8, alpha=0.6, zorder=3)
        axes.plot(at, ends[1:], "_", color=colour, markersize=9, zorder=3)
        axes.plot(at, ends[:1], mark, color=colour, markersize=5, zorder=4)
        taken.append(centred(*_pixels(axes, (each.intensity, each.measured)), 9, 9))
        taken.append(centred(*_pixels(axes, (each.intensity, each.ceiling)), 13, 4))
    return taken


def _name(axes: Axes, point: Point, page: Page, taken: list[Box]) -> None:
    x, y = _pixels(axes, (point.intensity, point.measured))
    label = _text(axes, page.numbers.get(point.name, shown(point.name)), SMALL)
    label.set_color(page.looks[point.case][0])
    place = _put(axes, label, around(x, y, _size(label), 6.0), taken)
    near = min(max(x, place.x - place.width / 2), place.x + place.width / 2)
    if math.hypot(near - x, place.y - y) > FAR:
        ends = [x / DPI, near / DPI], [y / DPI, place.y / DPI]
        axes.plot(*ends, color=GREY, linewidth=0.5, zorder=1, transform=_inches(axes))


# ---------------------------------------------------------------------------------- labels


def _text(axes: Axes, text: str, size: float) -> Text:
    from matplotlib.patheffects import withStroke

    found = axes.text(0, 0, text, fontsize=size, color=DARK, ha="center", va="center", zorder=5)
    found.set_path_effects([withStroke(linewidth=2, foreground="white")])
    return found


def _size(label: Text) -> tuple[float, float]:
    """Before it is turned."""
    box = roofline_key.extent(label)
    return box.width + APART, box.height


def _inches(axes: Axes) -> Transform:
    return axes.get_figure(root=True).dpi_scale_trans


def _pixels(axes: Axes, place: Place) -> Place:
    x, y = axes.transData.transform(place)
    return float(x), float(y)


def _put(axes: Axes, label: Text, places: Iterable[Label], taken: list[Box]) -> Label:
    """Give a label the first free place, and take it; where none is free, it is the first."""
    known = list(places)
    corners = axes.get_window_extent()
    place = first_free(known, taken, Box(corners.x0, corners.y0, corners.x1, corners.y1))
    place = place or known[0]
    label.set_transform(_inches(axes))  # pixels are others in each form of file
    label.set_position((place.x / DPI, place.y / DPI))
    label.set(rotation=math.degrees(place.angle), rotation_mode="anchor")
    taken += place.boxes()
    return place
