"""A line of somebody's text as a terminal may show it: measured, made harmless, cut to fit.

A terminal counts columns, a text counts characters: a tab, a wide or a combining character and a
control character each differ. A control character could also drive the terminal (move the cursor,
hide text, run text backwards), so that each one that does not print is spelled out, as `\\x1b`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from unicodedata import category, east_asian_width

from perfdsl.records import dataclass

_TAB = "    "
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A line as shown, and at which display column each of its characters stands."""

    text: str
    first: int
    edges: tuple[int, ...]

    def columns(self, start: int, end: int) -> range:
        """The columns of some characters of the line: at least one, those cut off at the cut."""
        begin = min(self._column(start), self.edges[-1])
        return range(begin, max(begin + 1, self._column(end)))

    def _column(self, index: int) -> int:
        inside = index - self.first
        if inside < 0:
            return 0
        return self.edges[inside] if inside < len(self.edges) else self.edges[-1] + 1


def visible(text: str) -> str:
    """The text with nothing in it that a terminal would obey; a line end is spelled out too."""
    return text if text.isprintable() else "".join(map(_shown, text))


def display_width(text: str) -> int:
    """The columns that a visible text takes."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _shown(char: str) -> str:
    if char == "\t":
        return _TAB
    return char if char.isprintable() else ascii(char)[1:-1]


@lru_cache(maxsize=1024)
def _width(char: str) -> int:
    if category(char) in {"Mn", "Me"}:
        return 0
    return 2 if east_asian_width(char) in {"W", "F"} else 1


def excerpt(line: str, focus: Sequence[tuple[int, int]], room: int) -> Excerpt:
    """The line in at most `room` columns, cut around the stretches of characters in `focus`
    (around the first of them where they do not all fit)."""
    low, high = (min(index, len(line)) for index in _wanted(focus, room))
    # More than this cannot be seen, and measuring a line of a megabyte takes its time.
    first, last = max(0, low - room), min(len(line), low + 2 * room)
    cells = [_shown(char) for char in line[first:last]]
    edges = tuple(accumulate(map(display_width, cells), initial=0))
    if last - first == len(line) and edges[-1] < room:
        return Excerpt("".join(cells), 0, edges)
    inner = room - 2 * len(_CUT)
    begin = _first_cell(edges, edges[low - first], edges[min(high, last) - first], inner)
    end = bisect_right(edges, edges[begin] + inner) - 1
    left = _CUT if first + begin > 0 else ""
    right = _CUT if first + end < len(line) else ""
    shift = len(left) - edges[begin]
    return Excerpt(
        left + "".join(cells[begin:end]) + right,
        first + begin,
        tuple(edge + shift for edge in edges[begin : end + 1]),
    )


def _wanted(focus: Sequence[tuple[int, int]], room: int) -> tuple[int, int]:
    if not focus:
        return 0, 0
    low, high = min(start for start, _ in focus), max(end for _, end in focus)
    return (low, high) if high - low < room else focus[0]


def _first_cell(edges: Sequence[int], low: int, high: int, inner: int) -> int:
    """Where to begin so that columns `low` to `high` stand in the middle; never between a
    character and the marks combined with it, hence the last of those at one column."""
    spare = max(0, inner - (high - low)) // 2
    start = 0 if high <= inner else max(0, min(low - spare, edges[-1] - inner))
    return bisect_right(edges, start) - 1
