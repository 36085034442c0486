"""What `perfdsl history` lists: each record with its main figure, or with what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from perfdsl.present.quantities import quantity
from perfdsl.present.style import Row, Theme, hanging, paint

if TYPE_CHECKING:
    from perfdsl.measure.history import Entry

INDENT = "    "
UNKNOWN = "-"


def page(found: Sequence[Entry], older: int, folder: str, theme: Theme) -> str:
    """The newest first; older: how many are not shown."""
    rows: list[Row] = []
    if not found:
        rows += hanging((), f"There are no such records in {folder}.", theme)
    for entry in found:
        rows += _entry(entry, theme)
    if older:
        rows += [(), ((f"{older:,} older ones are not shown: --last shows more.", "dim"),)]
    return paint(rows, theme)


def _entry(entry: Entry, theme: Theme) -> Iterator[Row]:
    start = entry.stored.start
    name = start.id if start is not None else UNKNOWN
    lead = ((name.ljust(10), "bold"), ("  ", ""))
    told = f"{start.kind}  {moment(start.date)}  {start.tool}" if start is not None else UNKNOWN
    yield (*lead, (told, ""))
    inside = ((INDENT, ""),)
    if entry.stored.why:
        text = f"{entry.stored.state}: {entry.stored.why} ({entry.stored.path.name})"
        yield from hanging((*inside, (theme.mark("bad"), "bad"), (" ", "")), text, theme)
        return
    yield from hanging(inside, headline(entry), theme)
    yield from hanging(inside, f"{entry.machine}; {entry.subject}", theme, "dim")


def headline(entry: Entry) -> str:
    """`time of perfdsl, 65 tokens on 2 threads: 10.3 ms (10.1 ms .. 10.9 ms, 7 rounds)`."""
    if entry.main is None or entry.told is None:
        return "no figure"
    best, low, high = (
        quantity(each, entry.main.unit)
        for each in (entry.told.median, entry.told.low, entry.told.high)
    )
    rounds = f"{entry.told.count} round{'' if entry.told.count == 1 else 's'}"
    cases = f"; {entry.cases} cases" if entry.cases > 1 else ""
    return f"{entry.main.quantity}, {entry.main.case}: {best} ({low} .. {high}, {rounds}){cases}"


def moment(date: str) -> str:
    """`2026-01-02 03:04` of an ISO date."""
    return date[:16].replace("T", " ")
