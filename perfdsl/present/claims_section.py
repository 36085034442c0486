"""Claims on a terminal: one line each, and below a run of them the one mistake that they share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from perfdsl.present import words
from perfdsl.present.claim_lines import Line, RowLine, lines_of
from perfdsl.present.style import Piece, Row, Theme, hanging, padded, width_of, wrap
from perfdsl.records import dataclass
from perfdsl.solve.answers import AnalysisAnswer

LEAST_NAME = 18
LEAST_GROUP = 3
MARK = 4
# A name of so many columns needs no more: what is left is for the ids.
ENOUGH = 40

GAP = "off by"
NUMBERS = re.compile(r" \([^()]*\)")
LEGEND = {
    "good": "holds",
    "doubt": "does not hold, as refuted",
    "bad": "breaks its word",
    "ask": "undecided",
    "open": "not measured",
}


def section(answers: AnalysisAnswer, theme: Theme, *, verbose: bool) -> Iterator[Row]:
    """The heading with its legend, then the lines in groups by the first part of their ids."""
    lines = lines_of(answers, verbose=verbose)
    if not lines:
        return
    layout = _layout(lines, theme)
    yield ()
    yield from _heading(lines, layout, theme)
    seen: set[str] = set()
    for at, part in enumerate(_groups(lines)):
        if at:
            yield ()
        yield from _rows(part, layout, theme, seen)


def _groups(lines: Sequence[Line]) -> list[list[Line]]:
    """Neighbours whose ids begin alike; small groups in a row stand together."""
    found: list[list[Line]] = []
    small = False
    for _, part in groupby(lines, key=lambda line: line.group):
        group = list(part)
        if found and small and len(group) < LEAST_GROUP:
            found[-1] += group
        else:
            found.append(group)
        small = len(group) < LEAST_GROUP
    return found


@dataclass(frozen=True, slots=True)
class Layout:
    """The width of each column; gap and id: 0 where there is no room for them."""

    name: int
    computed: int
    stated: int
    unit: int
    gap: int
    id: int

    @property
    def figures(self) -> int:
        """From the first column of the computed figure to the last of the stated one."""
        return self.computed + self.stated + 4


def _layout(lines: Sequence[Line], theme: Theme) -> Layout:
    numbers = [line for line in lines if not line.words]
    told = max((width_of(line.words) for line in lines), default=0)
    computed = _widest("computed", (line.computed for line in numbers)) if numbers else 0
    stated = _widest("stated", (line.stated for line in numbers)) if numbers else 0
    unit = _widest("", (line.unit for line in numbers))
    gap = _widest("", (line.gap for line in numbers))
    gap = max(gap, len(GAP)) if gap else 0
    computed += max(0, told - (computed + stated + unit + gap + 5))
    if gap and theme.width - (MARK + computed + stated + unit + gap + 7) < LEAST_NAME:
        gap = 0
    id_ = _widest("", (line.id for line in lines))
    longest = _widest("", (line.name for line in lines))
    room = theme.width - (MARK + computed + stated + unit + gap + 7)
    if not id_ or room - id_ - 2 < min(longest, ENOUGH):
        id_ = 0
    room -= id_ + 2 if id_ else 0
    return Layout(max(LEAST_NAME, min(longest, room)), computed, stated, unit, gap, id_)


def _widest(heading: str, texts: Iterable[str]) -> int:
    return max(width_of(heading), *map(width_of, texts), 0)


def _heading(lines: Sequence[Line], layout: Layout, theme: Theme) -> Iterator[Row]:
    columns = (
        (padded("computed", layout.computed + 2, right=True), "dim"),
        (padded("stated", layout.stated + 2, right=True), "dim"),
        (" " * (layout.unit + 1), ""),
        (padded(GAP if layout.gap else "", layout.gap + 2, right=True), "dim"),
    )
    numbers = any(not line.words for line in lines)
    yield (padded("Claims", MARK + layout.name), "bold"), *(columns if numbers else ())
    marks = {line.mark for line in lines}
    if marks - {"good"}:
        yield tuple(
            piece
            for mark, text in LEGEND.items()
            if mark in marks
            for piece in (("  ", ""), (theme.mark(mark), mark), (f" {text}", "dim"))
        )


def _rows(lines: Iterable[Line], layout: Layout, theme: Theme, seen: set[str]) -> Iterator[Row]:
    """Lines with one cause stand together, and the cause below them."""
    for _, run in groupby(lines, key=lambda line: (line.cause, line.mark, line.notes)):
        part = list(run)
        for line in part:
            yield from _line(line, layout, theme)
            yield from _told(line, theme)
            yield from _row_lines(line.rows, theme)
        yield from _reasons(part, theme, seen)


def _line(line: Line, layout: Layout, theme: Theme) -> Iterator[Row]:
    style = "bold" if line.mark == "bad" else ""
    first, *others = wrap(line.name, layout.name)
    lead = (("  ", ""), (theme.mark(line.mark), line.mark), (" ", ""))
    name = (padded(first, layout.name), style)
    yield (*lead, name, *_figures(line, layout, theme), *_id_piece(line, layout))
    for other in others:
        yield (" " * MARK, ""), (other, style)


def _figures(line: Line, layout: Layout, theme: Theme) -> tuple[Piece, ...]:
    """Numbers in their columns; words across all of them."""
    if line.words:
        told = "  " + padded(line.words, layout.figures - 2, right=True)
        return ((padded(told, layout.figures + layout.unit + layout.gap + 3), ""),)
    return (
        (padded(line.computed, layout.computed + 2, right=True), ""),
        (padded(theme.own(line.stated), layout.stated + 2, right=True), ""),
        (" " + padded(line.unit, layout.unit), ""),
        (padded(theme.own(line.gap), layout.gap + 2, right=True) if layout.gap else "", "dim"),
    )


def _id_piece(line: Line, layout: Layout) -> tuple[Piece, ...]:
    return (("  " + line.id, "dim"),) if layout.id else ()


def _told(line: Line, theme: Theme) -> Iterator[Row]:
    lead = ((" " * (MARK + 2), ""),)
    for text in line.below:
        yield from hanging(lead, text, theme, "bad" if line.mark == "bad" else "")
    for text in line.details:
        yield from hanging(lead, text, theme, "dim")


def _row_lines(rows: Sequence[RowLine], theme: Theme) -> Iterator[Row]:
    """The rows of a claim over rows below it, in columns of their own."""
    marked = [row for row in rows if row.mark]
    names = min(28, max((width_of(row.name) for row in marked), default=0))
    sides = min(34, max((width_of(row.sides) for row in marked), default=0))
    indent = " " * (MARK + 2)
    for row in rows:
        if not row.mark:
            yield (indent, ""), (f"{row.name}; --verbose shows every row", "dim")
            continue
        lead = [(indent, ""), (theme.mark(row.mark), row.mark), (" ", "")]
        name = wrap(row.name, names)
        lead += [(padded(name[0], names), ""), ("  ", ""), (padded(row.sides, sides), "")]
        yield from hanging([*lead, ("  ", "")], theme.own(row.gap), theme, "dim")
        for other in name[1:]:
            yield (indent + "  ", ""), (other, "")


def _reasons(run: Sequence[Line], theme: Theme, seen: set[str]) -> Iterator[Row]:
    lead = ((" " * MARK + theme.own("└ "), "dim"),)
    for text in [*_shared(run), *_new_notes(run, seen)]:
        yield from hanging(lead, text, theme, "dim")


def _shared(run: Sequence[Line]) -> Iterator[str]:
    first = run[0]
    if not first.cause:
        return
    count = f"all {len(run)}: " if len(run) > 2 else "both: " if len(run) == 2 else ""
    worst = max((abs(line.left) for line in run), default=0.0)
    left = words.leaves(worst)
    most = "at most " if len(run) > 1 else ""
    rest = f"that leaves {most}{left} over" if left else "nothing is left over"
    yield f"{count}{first.cause}; {rest}"


def _new_notes(run: Sequence[Line], seen: set[str]) -> Iterator[str]:
    """A long note once; later only its beginning, without its numbers."""
    for note in run[0].notes:
        head, colon, _ = note.partition(":")
        if note in seen and colon:
            yield f"{NUMBERS.sub('', head)}: see above"
        else:
            seen.add(note)
            yield note
