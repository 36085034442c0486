"""The key of a roofline picture: cases by their colours and marks, and names by their numbers.

Names come from files that nobody vouches for: control characters are spelled out, and what is too
long is cut to the room that there is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from perfdsl.excerpt import visible
from perfdsl.records import dataclass

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

    from perfdsl.present.roofline import Point, Roofline

SMALL, USUAL = 7.5, 8.5  # points
GREY, DARK = "#8a8a8a", "#333333"
# Colours that most people can tell apart (Okabe and Ito 2008), then the same with another mark.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKS = "osD^vP"
LONGEST = 32  # characters of a name
NAMED = 24  # points whose names stand beside them; of more a number does, and the key has the names
MISSING = 12  # names of points without a place that are told
MARGIN = 0.01  # of the picture's width


@dataclass(frozen=True, slots=True)
class Page:
    """What is drawn. looks: colour and mark by case. numbers: by name, none where names stand."""

    points: tuple[Point, ...]
    looks: Mapping[str, tuple[str, str]]
    numbers: Mapping[str, str]
    left_out: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Lines of the key."""
        return len(list(_lines(self)))


def paged(roofline: Roofline) -> Page:
    points = roofline.drawable()
    names = dict.fromkeys(each.name for each in points)
    numbers = {name: str(n) for n, name in enumerate(names, 1)} if len(points) > NAMED else {}
    missing = dict.fromkeys(shown(each.name) for each in roofline.left_out())
    cases = dict.fromkeys(each.case for each in points)
    count = len(COLOURS)
    looks = {
        case: (COLOURS[number % count], MARKS[number // count % len(MARKS)])
        for number, case in enumerate(cases)
    }
    return Page(points, looks, numbers, tuple(missing))


def shown(name: str) -> str:
    """A name as the picture has it."""
    text = visible(name[: 4 * LONGEST])
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


Line = tuple[str, str, str]
"""A text with the mark before it and its colour."""


def _lines(page: Page) -> Iterator[Line]:
    for case, (colour, mark) in page.looks.items():
        yield shown(case), mark, colour
    if page.looks:
        yield "", "", ""
        yield "measured", "o", GREY
        yield "its own ceiling", "_", GREY
    if page.numbers:
        yield "", "", ""
    for name, number in page.numbers.items():
        yield f"{number}  {shown(name)}", "", DARK
    if page.left_out:
        yield "", "", ""
        yield "without work or traffic:", "", GREY
    for name in page.left_out[:MISSING]:
        yield name, "", GREY
    if len(page.left_out) > MISSING:
        yield f"and {len(page.left_out) - MISSING} more", "", GREY


def draw(figure: Figure, page: Page, corner: tuple[float, float], step: float) -> None:
    """From the upper left corner down; all in shares of the picture."""
    from matplotlib.lines import Line2D

    left, top = corner
    room = (1 - left - 2.5 * MARGIN) * figure.bbox.width
    for number, (text, mark, colour) in enumerate(_lines(page)):
        y = top - (number + 0.5) * step
        if mark:
            look = {"marker": mark, "color": colour, "markersize": 5, "linestyle": ""}
            figure.add_artist(Line2D([left], [y], transform=figure.transFigure, **look))
        place = left + 1.5 * MARGIN
        found = figure.text(place, y, text, fontsize=SMALL, color=DARK, va="center")
        fit(found, room)


def fit(text: Text, room: float) -> None:
    """Cut a text to so many pixels."""
    whole = text.get_text()

    def wide(length: int) -> float:
        text.set_text(f"{whole[:length]}..." if length < len(whole) else whole)
        return float(extent(text).width)

    if wide(len(whole)) > room:
        wide(max(0, bisect_right(range(len(whole)), room, key=wide) - 1))


def extent(text: Text) -> Bbox:
    """What a text takes, in pixels of the figure that it is in."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = text.get_figure(root=True)
    return text.get_window_extent(FigureCanvasAgg(figure).get_renderer())
