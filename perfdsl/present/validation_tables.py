"""The tables of a validation as cells of text: for a terminal, and for a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from perfdsl.present.bench_tables import GIGA, MILLI, NONE, Table, case, percent
from perfdsl.records import dataclass, replace
from perfdsl.semantics.text import plain

if TYPE_CHECKING:
    from perfdsl.compare.report import Report
    from perfdsl.compare.validation import Held, Part
    from perfdsl.measure.statistics import Estimate

SMALL = 0.005  # of the time: parts below it are one line together
MEGA, MICRO = 1e6, 1e-6
LONG = 0.02  # seconds: from here on the parts of a call are told in milliseconds


def tables(report: Report) -> Iterator[Table]:
    """All that there is to tell of times, in reading order."""
    cases = report.cases
    if not cases:
        return
    yield calls(cases)
    yield rates(cases)
    for each in cases:
        yield parts(each)
    if report.fetched:
        yield memory(report)


def calls(cases: Sequence[Held]) -> Table:
    """Whole calls: what the hardware allows, what the policy predicts, what was measured."""
    heads = ("tokens", "threads", "ceiling", "predicted", "measured", "+-", "cold", "of ceiling",
             "x predicted", "binds")  # fmt: skip
    rows = [
        (
            *case(each.case),
            _ms(each.ceiling),
            _ms(each.forecast.seconds),
            _ms(each.call.median),
            percent(each.call.spread),
            _ms(each.cold.median),
            percent(each.efficiency),
            plain(each.ratio, 3),
            each.binds or NONE,
        )
        for each in cases
    ]
    return Table("Whole calls, in ms", heads, tuple(rows))


def rates(cases: Sequence[Held]) -> Table:
    heads = ("tokens", "threads", "tokens/s", "Gop/s", "GB/s of weights")
    rows = [
        (
            *case(each.case),
            plain(each.rate.tokens),
            plain(each.rate.ops / GIGA),
            plain(each.rate.bytes / GIGA),
        )
        for each in cases
    ]
    return Table("Throughput (2 op/MAC; what the program counts, nothing else)", heads, tuple(rows))


def parts(held: Held) -> Table:
    """Groups of operators in order of execution, the small ones together, and their sum."""
    unit, name = (MILLI, "ms") if held.phases.median >= LONG else (MICRO, "us")
    heads = ("phase", "ceiling", "predicted", "measured", "+-", "of ceiling", "x predicted",
             "share", "binds")  # fmt: skip
    large = [part for part in held.parts if (part.share or 0.0) >= SMALL]
    small = [part for part in held.parts if part not in large]
    rows = [_line(_sums([part], part.group.name.replace("_", " ")), unit) for part in large]
    if small:
        rows.append(_line(_sums(small, f"{len(small)} others"), unit))
    whole = _sums(held.parts, "all phases")
    whole = replace(whole, measured=held.phases, ceiling=held.ceiling)
    rows.append(_line(whole, unit))
    tokens, threads = case(held.case)
    title = f"{many(tokens, 'token')} on {many(threads, 'thread')}, by phase, in {name}"
    return Table(title, heads, tuple(rows))


def many(count: str, of: str) -> str:
    return f"{count} {of}{'s' * (count != '1')}"


@dataclass(frozen=True, slots=True)
class _Sums:
    """Parts of a call together; measured: seconds, with a spread where it is one part."""

    name: str
    ceiling: float
    predicted: float
    seconds: float
    share: float
    binds: str
    measured: Estimate | None


def _sums(together: Sequence[Part], name: str) -> _Sums:
    one = together[0] if len(together) == 1 else None
    return _Sums(
        name=name,
        ceiling=sum(part.ceiling or 0.0 for part in together),
        predicted=sum(part.predicted or 0.0 for part in together),
        seconds=sum(part.measured.median for part in together if part.measured),
        share=sum(part.share or 0.0 for part in together),
        binds=one.binds if one else "",
        measured=one.measured if one else None,
    )


def _line(sums: _Sums, unit: float) -> tuple[str, ...]:
    """What was not measured, or is not predicted, has a dash."""
    seconds = sums.measured.median if sums.measured else sums.seconds
    return (
        sums.name,
        plain(sums.ceiling / unit) if sums.ceiling else NONE,
        plain(sums.predicted / unit) if sums.predicted else NONE,
        plain(seconds / unit) if seconds else NONE,
        percent(sums.measured.spread) if sums.measured else "",
        percent(sums.ceiling / seconds) if seconds and sums.ceiling else NONE,
        plain(seconds / sums.predicted, 3) if sums.predicted and seconds else NONE,
        percent(seconds and sums.share),
        sums.binds,
    )


def memory(report: Report) -> Table:
    """How much of the weights must have come from memory in a warm call, and could have."""
    heads = ("tokens", "threads", "cold/warm", "weights MB", "of memory: at least", "at most",
             "do they stay in the cache?")  # fmt: skip
    rows = [
        (
            *case(each.case),
            plain(each.slower.median, 3),
            *(_mb(amount) for amount in (found.weights, found.least, found.most)),
            found.answer,
        )
        for each in report.cases
        if (found := report.fetched.get(each.case)) is not None
    ]
    return Table("Weights that a warm call fetched from memory", heads, tuple(rows))


def _mb(amount: float) -> str:
    return plain(amount / MEGA)


def _ms(seconds: float | None) -> str:
    return NONE if seconds is None else plain(seconds / MILLI)
