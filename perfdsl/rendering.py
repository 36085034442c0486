"""A diagnostic as text for a terminal, in the layout that rustc made familiar.

    error[P203]: this divides operations by a multiply-add rate, so it is not a time
      --> short_document.perf:24:18
       |
    24 |   let t = work / cpu.int8_dot.peak
       |           ----   ^^^^^^^^^^^^^^^^^ MAC/s
       |           op
       = expected s, found s*op/MAC
      help: one MAC is two op: multiply the rate by `2 op/MAC`, or count the work in MAC

From the top down: a diagnostic becomes blocks (one per source), a block becomes source lines with
rows of marks below, a row is a list of styled pieces, and only the last step knows of colour. How
a source line is measured, cut and made harmless stands in `excerpt`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import TypeAlias

from perfdsl.diagnostics import Diagnostic, Label, Severity, Source
from perfdsl.excerpt import Excerpt, display_width, excerpt, visible
from perfdsl.records import dataclass

Piece: TypeAlias = tuple[str, str]
"""A text and the parameters of its SGR code, "" where it is plain."""

Row: TypeAlias = tuple[Piece, ...]

_PLAIN, _BOLD, _FRAME, _SECONDARY, _HELP = "", "1", "34", "1;34", "1;36"
_SEVERITY = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.NOTE: "1;32"}

_PRIMARY_STROKE, _SECONDARY_STROKE = "^", "-"
_LEAST_GUTTER = 2
_LEAST_ROOM = 20


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a span underlines on one line, from character `start` up to `end` of the line."""

    line: int
    start: int
    end: int
    label: str
    stroke: str
    style: str


@dataclass(frozen=True, slots=True)
class _Block:
    """The marks in one source, in the order of the diagnostic's spans."""

    source: Source
    marks: tuple[_Mark, ...]

    @property
    def heading(self) -> str:
        first = self.marks[0]
        return f"{visible(self.source.name)}:{first.line}:{first.start + 1}"


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns at hand: the digits of a line number, and those of the source beside it."""

    gutter: int
    room: int


def render_all(diagnostics: Sequence[Diagnostic], *, color: bool, width: int) -> str:
    """Each diagnostic in the order given, and how many there are; "" where there are none."""
    if not diagnostics:
        return ""
    texts = [render(each, color=color, width=width) for each in diagnostics]
    return "\n\n".join((*texts, summary(diagnostics)))


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """Such as "2 errors, 1 warning"."""
    counts = Counter(each.severity for each in diagnostics)
    return ", ".join(
        f"{counts[severity]} {severity.value}{'s' * (counts[severity] > 1)}"
        for severity in Severity
        if counts[severity]
    )


def render(diagnostic: Diagnostic, *, color: bool, width: int) -> str:
    """The diagnostic without a last newline; source lines are cut to `width` columns.

    Whatever the texts hold, nothing but printable characters, newlines and, with `color`, SGR
    codes comes out.
    """
    blocks = _blocks(diagnostic)
    layout = _layout(blocks, width)
    rows = [_title_row(diagnostic)]
    for number, block in enumerate(blocks):
        rows += _block_rows(block, layout, first=number == 0)
    rows += _remark_rows(diagnostic, layout)
    return "\n".join(_paint(row, color=color) for row in rows)


def _title_row(diagnostic: Diagnostic) -> Row:
    kind = f"{diagnostic.severity.value}[{visible(diagnostic.code)}]"
    return (kind, _SEVERITY[diagnostic.severity]), (f": {visible(diagnostic.title)}", _BOLD)


# Blocks: which lines of which source.


def _blocks(diagnostic: Diagnostic) -> tuple[_Block, ...]:
    """One for each source, first that of the place to edit."""
    found: dict[Source, tuple[_Mark, ...]] = {}
    for label, stroke, style in _strokes(diagnostic):
        source = label.span.source
        found[source] = found.get(source, ()) + _marks(label, stroke, style)
    return tuple(_Block(source, marks) for source, marks in found.items())


def _strokes(diagnostic: Diagnostic) -> Iterator[tuple[Label, str, str]]:
    if diagnostic.span:
        primary = Label(diagnostic.span, diagnostic.label)
        yield primary, _PRIMARY_STROKE, _SEVERITY[diagnostic.severity]
    for label in diagnostic.secondary:
        yield label, _SECONDARY_STROKE, _SECONDARY


def _marks(label: Label, stroke: str, style: str) -> tuple[_Mark, ...]:
    """One mark, or for a span over several lines one on its first and one on its last."""
    source, text = label.span.source, visible(label.text)
    start = source.clamp(label.span.start)
    stop = source.clamp(label.span.end)
    end = start + len(source.text[start:stop].rstrip("\r\n"))
    (line, column), (last, last_column) = source.position(start), source.position(end)
    if line == last:
        return (_Mark(line, column - 1, last_column - 1, text, stroke, style),)
    last_text = source.line_text(last)
    indent = len(last_text) - len(last_text.lstrip())
    return (
        _Mark(line, column - 1, len(source.line_text(line)), "", stroke, style),
        _Mark(last, min(indent, last_column - 2), last_column - 1, text, stroke, style),
    )


def _layout(blocks: Iterable[_Block], width: int) -> _Layout:
    last = max((mark.line for block in blocks for mark in block.marks), default=0)
    gutter = max(_LEAST_GUTTER, len(str(last)))
    return _Layout(gutter, max(_LEAST_ROOM, width - gutter - len(" | ")))


# Rows: a source line and what stands below it.


def _block_rows(block: _Block, layout: _Layout, *, first: bool) -> Iterator[Row]:
    blank = _beside(layout, "", ())
    if not first:
        yield blank
    arrow = "-->" if first else ":::"
    yield (f"{'':{layout.gutter}}{arrow} ", _FRAME), (block.heading, _PLAIN)
    yield blank
    before = 0
    for line in _shown_lines({mark.line for mark in block.marks}):
        if before and line > before + 1:
            yield (("...", _FRAME),)
        yield from _line_rows(block, line, layout)
        before = line


def _shown_lines(marked: set[int]) -> list[int]:
    """The marked lines; a single line between two of them costs no more than the "..." would."""
    between = {low + 1 for low, high in pairwise(sorted(marked)) if high == low + 2}
    return sorted(marked | between)


def _line_rows(block: _Block, line: int, layout: _Layout) -> Iterator[Row]:
    marks = [mark for mark in block.marks if mark.line == line]
    focus = [(mark.start, mark.end) for mark in marks]
    shown = excerpt(block.source.line_text(line), focus, layout.room)
    yield _beside(layout, str(line), ((shown.text, _PLAIN),))
    for row in _mark_rows(marks, shown):
        yield _beside(layout, "", row)


def _beside(layout: _Layout, number: str, row: Row) -> Row:
    return (f"{number:>{layout.gutter}} | ", _FRAME), *row


def _mark_rows(marks: Sequence[_Mark], shown: Excerpt) -> Iterator[Row]:
    """The strokes, the label of the rightmost behind them, the other labels hung below."""
    if not marks:
        return
    columns = {mark: shown.columns(mark.start, mark.end) for mark in marks}
    pieces = _drawn(columns)
    behind = max(marks, key=lambda each: (columns[each].stop, each.stroke == _PRIMARY_STROKE))
    pieces[columns[behind].stop + 1] = (behind.label, behind.style)
    yield _aligned(pieces)
    hung = [mark for mark in marks if mark.label and mark is not behind]
    yield from _hung_rows([(columns[mark].start, mark) for mark in hung])


def _drawn(columns: dict[_Mark, range]) -> dict[int, Piece]:
    """A short mark over a long one, so that both are seen; but the place to edit on top where the
    others would hide all of it."""
    ordered = sorted(columns, key=lambda mark: len(columns[mark]), reverse=True)
    pieces = {at: (mark.stroke, mark.style) for mark in ordered for at in columns[mark]}
    hidden = [
        mark
        for mark in ordered
        if mark.stroke == _PRIMARY_STROKE
        and all(pieces[at][0] != _PRIMARY_STROKE for at in columns[mark])
    ]
    return pieces | {at: (mark.stroke, mark.style) for mark in hidden for at in columns[mark]}


def _hung_rows(labels: Sequence[tuple[int, _Mark]]) -> Iterator[Row]:
    """Each label below the start of its mark, in the first row where it touches nothing; a bar
    leads down to it through the rows above. From right to left, so that bars cross no text."""
    rows: list[dict[int, Piece]] = []
    for column, mark in sorted(labels, key=lambda each: -each[0]):
        end = column + display_width(mark.label)
        level = next((i for i, row in enumerate(rows) if end + 1 < min(row)), len(rows))
        if level == len(rows):
            rows.append({})
        for row in rows[:level]:
            row.setdefault(column, ("|", mark.style))
        rows[level][column] = (mark.label, mark.style)
    return map(_aligned, rows)


def _aligned(pieces: dict[int, Piece]) -> Row:
    """Pieces at their display columns, with the blanks between them."""
    row: list[Piece] = []
    reached = 0
    for column, (text, style) in sorted(pieces.items()):
        if column > reached:
            row.append((" " * (column - reached), _PLAIN))
        row.append((text, style))
        reached = column + display_width(text)
    return tuple(row)


# Notes and help, then paint.


def _remark_rows(diagnostic: Diagnostic, layout: _Layout) -> Iterator[Row]:
    for note in diagnostic.notes:
        yield from _hanging(f"{'':{layout.gutter}} = ", _FRAME, note)
    if diagnostic.advice:
        yield from _hanging(f"{'':{layout.gutter}}help: ", _HELP, diagnostic.advice)


def _hanging(lead: str, style: str, text: str) -> Iterator[Row]:
    """A text behind its lead; further lines start where the first does."""
    for line in text.split("\n"):
        yield (lead, style), (visible(line), _PLAIN)
        lead = " " * len(lead)


def _paint(row: Row, *, color: bool) -> str:
    text = "".join(text for text, _ in row).rstrip()
    if not color:
        return text
    painted, left = "", len(text)
    for style, pieces in groupby(row, key=lambda piece: piece[1]):
        run = "".join(text for text, _ in pieces)[:left]
        left -= len(run)
        painted += f"\x1b[{style}m{run}\x1b[0m" if style and run else run
    return painted
