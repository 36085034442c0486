"""The tables of a benchmark as cells of text: for a terminal, and for a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from perfdsl.records import dataclass
from perfdsl.semantics.text import plain

if TYPE_CHECKING:
    from perfdsl.measure.results import Case, Result
    from perfdsl.measure.startup import Startup
    from perfdsl.measure.statistics import Estimate
    from perfdsl.measure.summary import Row

MILLI, GIGA, MEBI, NANO = 1e-3, 1e9, 2**20, 1e-9
NONE = "-"


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a heading for each column, and rows of as many cells; all but names are figures."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(result: Result) -> Iterator[Table]:
    """All that there is to tell, in reading order."""
    from perfdsl.measure import summary

    rows = summary.rows(result)
    if rows:
        yield times(rows)
    if any(row.ratios for row in rows):
        yield peers(rows)
    if rows:
        yield rates(rows)
    if any(row.of_one_text for row in rows):
        yield many_texts(rows)
    if limits := summary.limits_by_threads(result):
        yield machine(limits)
    if result.startup:
        yield startup(result.startup)


def times(rows: Sequence[Row]) -> Table:
    """Of perfdsl: medians of rounds with the interval of the median, how far the quartiles are
    apart, and the fastest call."""
    heads = ("tokens", "threads", "median ms", "between", "spread", "fastest ms", "rounds")
    cells = [
        (
            *case(row.case),
            plain(row.ours.median / MILLI),
            between(row.ours, MILLI),
            percent(row.ours.spread),
            plain(row.fastest[row.name] / MILLI),
            str(row.rounds),
        )
        for row in rows
    ]
    return Table("Time of a call", heads, tuple(cells))


def peers(rows: Sequence[Row]) -> Table:
    heads = ("tokens", "threads", "peer", "median ms", "fastest ms", "times ours", "between")
    cells = [
        (
            *case(row.case),
            name,
            plain(row.times[name].median / MILLI),
            plain(row.fastest[name] / MILLI),
            plain(ratio.median, 3),
            between(ratio, 1, 3),
        )
        for row in rows
        for name, ratio in row.ratios.items()
    ]
    return Table("Peers, round by round", heads, tuple(cells))


def rates(rows: Sequence[Row]) -> Table:
    heads = ("tokens", "threads", "tokens/s", "GMAC/s", "GB/s", "of hard", "of structural", "binds")
    cells = [
        (
            *case(row.case),
            plain(row.tokens),
            plain(row.macs / GIGA, 3),
            plain(row.bytes / GIGA, 3),
            share(row.hard),
            share(row.structural),
            row.binding or NONE,
        )
        for row in rows
    ]
    return Table("Rates, and what they are of the bounds of the same rounds", heads, tuple(cells))


def many_texts(rows: Sequence[Row]) -> Table:
    heads = ("tokens", "threads", "tokens/s", "of one text", "between")
    cells = [
        (*case(row.case), plain(row.tokens), share(found), between(found, 0.01, 3))
        for row in rows
        if (found := row.of_one_text) is not None
    ]
    return Table("Many texts, against the throughput of one", heads, tuple(cells))


def machine(limits: Mapping[int, Mapping[str, Estimate]]) -> Table:
    """Of each number of threads, over all rounds with it."""
    names = list(dict.fromkeys(name for found in limits.values() for name in found))
    units = {"stream": "stream GB/s", "clock": "clock GHz"}
    heads = ("threads", *(units.get(name, f"{name} GMAC/s") for name in names))
    cells = [
        (str(threads), *(plain(found[n].median / GIGA, 3) if n in found else NONE for n in names))
        for threads, found in limits.items()
    ]
    return Table("Limits of this machine, in the same rounds", heads, tuple(cells))


def startup(found: Sequence[Startup]) -> Table:
    """Each new process on a line of its own: there are few, and the first may differ."""
    heads = ("threads", "tokens", "imports s", "open s", "first ms", "next ms", "compiled",
             "opening MiB", "after MiB")  # fmt: skip
    cells = [
        (
            str(each.threads),
            str(each.tokens),
            plain(each.imports * NANO, 3),
            plain(each.open * NANO, 3),
            plain(each.first * NANO / MILLI, 3),
            plain(each.again * NANO / MILLI, 3),
            str(each.compiled),
            plain(each.peak_open / MEBI, 3),
            plain(each.resident / MEBI, 3),
        )
        for each in found
    ]
    return Table("New processes: time to answer, and memory", heads, tuple(cells))


def case(found: Case) -> tuple[str, str]:
    texts = f"{found.texts} x " if found.texts > 1 else ""
    return f"{texts}{found.tokens}", str(found.threads)


def between(found: Estimate, unit: float, digits: int = 4) -> str:
    """The interval that covers the median, in a unit."""
    return f"{plain(found.low / unit, digits)} .. {plain(found.high / unit, digits)}"


def share(found: Estimate | None) -> str:
    return NONE if found is None else percent(found.median)


def percent(size: float) -> str:
    return f"{size * 100:.1f} %"
