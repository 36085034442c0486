"""Rows of styled pieces, and how they become lines of a terminal: painted, wrapped, aligned.

Every text of a page passes `visible` here, in one place: whatever a file calls its things, nothing
but printable characters, newlines and (with colour) SGR codes comes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from perfdsl.excerpt import display_width, visible
from perfdsl.records import dataclass

Piece: TypeAlias = tuple[str, str]
"""A text and the name of its style, "" where it is plain."""

Row: TypeAlias = tuple[Piece, ...]

_SGR = {
    "bold": "1",
    "dim": "2",
    "good": "32",
    "bad": "1;31",
    "doubt": "33",
    "ask": "36",
    "open": "36",
}
_UNICODE = {"good": "✓", "bad": "!", "doubt": "✗", "ask": "?", "open": "○", "observed": "·"}
_ASCII = {"good": "+", "bad": "!", "doubt": "x", "ask": "?", "open": "o", "observed": "-"}
_PLAIN_TEXT = str.maketrans(
    {"×": "x", "±": "+-", "…": "...", "└": "`", "─": "-", "≤": "<=", "≥": ">="}
)

# A number and what follows it belong together: "12 core" is not torn apart at a line's end.
_GLUE = re.compile(r"(?<=\d) (?=[A-Za-z%µ])|(?<=\.\.) | (?=\.\.)")
_GLUED = "\u00a0"
LEAST_ROOM = 8


@dataclass(frozen=True, slots=True)
class Theme:
    """What the terminal at hand can show."""

    width: int = 80
    color: bool = False
    unicode: bool = True

    def mark(self, verdict: str) -> str:
        """One column that says how a statement came out."""
        return (_UNICODE if self.unicode else _ASCII)[verdict]

    def own(self, text: str) -> str:
        """A text of ours (not of a file) in the characters that the terminal has."""
        return text if self.unicode else text.translate(_PLAIN_TEXT)


def paint(rows: Iterable[Row], theme: Theme) -> str:
    """The rows as lines."""
    return "\n".join(_line(row, theme) for row in rows)


def _line(row: Row, theme: Theme) -> str:
    pieces = [(visible(text), style) for text, style in row]
    while pieces and not pieces[-1][0].rstrip():
        pieces.pop()
    if pieces:
        pieces[-1] = (pieces[-1][0].rstrip(), pieces[-1][1])
    if not theme.color:
        return "".join(text for text, _ in pieces)
    return "".join(
        f"\x1b[{_SGR[style]}m{text}\x1b[0m" if style and text.strip() else text
        for text, style in pieces
    )


def width_of(text: str) -> int:
    """The columns that a text takes once it is shown."""
    return display_width(visible(text))


def wrap(text: str, room: int) -> list[str]:
    """A text in lines of at most `room` columns; a word that is longer is cut."""
    room = max(room, LEAST_ROOM)
    lines: list[str] = []
    line, used = "", 0
    for word in _words(visible(text), room):
        wide = display_width(word)
        if line and used + 1 + wide > room:
            lines.append(line)
            line = ""
        line, used = (f"{line} {word}", used + 1 + wide) if line else (word, wide)
    return [each.replace(_GLUED, " ") for each in [*lines, line]]


def _words(text: str, room: int) -> Iterator[str]:
    for word in _GLUE.sub(_GLUED, text).split(" "):
        if display_width(word) <= room:
            yield word
            continue
        for part in word.split(_GLUED):
            yield from _cut(part, room)


def _cut(word: str, room: int) -> Iterator[str]:
    while display_width(word) > room:
        length = room
        while display_width(word[:length]) > room:
            length -= 1
        yield word[:length]
        word = word[length:]
    yield word


def hanging(lead: Sequence[Piece], text: str, theme: Theme, style: str = "") -> Iterator[Row]:
    """A text behind its lead; further lines start where the first does."""
    indent = sum(width_of(piece) for piece, _ in lead)
    before: Sequence[Piece] = lead
    for line in wrap(text, theme.width - indent):
        yield (*before, (line, style))
        before = ((" " * indent, ""),)


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """The text filled up with blanks to a number of display columns."""
    fill = " " * max(0, columns - width_of(text))
    return fill + text if right else text + fill
