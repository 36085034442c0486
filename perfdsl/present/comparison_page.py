"""What `perfdsl history A B` prints: what differs in the settings, then figure by figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from perfdsl.present.bench_page import lines_of
from perfdsl.present.bench_tables import NONE, Table
from perfdsl.present.history_page import moment
from perfdsl.present.quantities import quantity
from perfdsl.present.style import Row, Theme, hanging, paint
from perfdsl.semantics.text import plain

if TYPE_CHECKING:
    from perfdsl.measure.comparison import Compared, Comparison
    from perfdsl.measure.figures import Figure
    from perfdsl.measure.history import Two
    from perfdsl.measure.stored import Stored

MACHINE = "the machine meanwhile"
HEADS = ("case", "A", "B", "B / A", "between", "chance", "verdict")
LEGEND = (
    "A round is one sample: the median of its calls. B / A is the median over all pairs of rounds,"
    " with the interval that covers it in 95 of 100 cases. The chance that noise alone makes such a"
    " difference is that of Wilcoxon's rank test, corrected for the number of cases of a figure"
    " (Holm); where other runs of these settings are known, it is also that of Student's test"
    " against them, and the interval is as wide. A difference is told where the chance is at most"
    " 5 %. In brackets: how large a difference would be seen in four of five such comparisons."
)


def page(found: Two, theme: Theme, gate: float | None, beyond: Sequence[Compared]) -> str:
    """gate: in per cent, None where there is none; beyond: figures that are worse by more."""
    rows: list[Row] = [*_head("A", found.first, theme), *_head("B", found.second, theme), ()]
    rows += _settings(found, theme)
    comparison = found.comparison
    for title in dict.fromkeys(map(_title, comparison.rows)):
        some = [row for row in comparison.rows if _title(row) == title]
        rows += [(), ((title, "bold"),), *lines_of(Table(title, HEADS, _cells(some)))]
    rows.append(())
    rows += _not_compared(comparison, theme)
    rows += hanging((), LEGEND + _few(comparison.rows), theme, "dim")
    if gate is not None:
        rows += [(), *_gate(gate, beyond, theme)]
    return paint(rows, theme)


def _head(name: str, stored: Stored, theme: Theme) -> Iterator[Row]:
    assert stored.header is not None
    head = stored.header
    told = f"{head.id}  {head.kind}  {moment(head.date)}  {head.tool}"
    yield from hanging(((f"{name}  ", "bold"),), told, theme)


def _settings(found: Two, theme: Theme) -> Iterator[Row]:
    if not found.differences:
        yield (("The same machine, versions and settings.", ""),)
    for each in found.differences:
        lead = ((theme.mark("doubt"), "doubt"), (f" {each.name}: ", ""))
        yield from hanging(lead, f"{each.first} in A, {each.second} in B", theme)
    for row in found.comparison.moved:
        lead = ((theme.mark("doubt"), "doubt"), (" the machine itself was not the same: ", ""))
        times = f"{_factor(row.factor.best)} times that of A"
        told = f"{_case(row.first)} is {times}"
        yield from hanging(lead, told, theme)
    yield from _between_runs(found, theme)


def _between_runs(found: Two, theme: Theme) -> Iterator[Row]:
    """Whether it is known by how much runs differ; rounds of one run do not tell."""
    known = [row.first.main for row in found.comparison.rows if row.runs is not None]
    if any(known):
        runs = f"{found.others} other record{'' if found.others == 1 else 's'} of these settings"
        yield (("What one run differs by from the next is taken from ", ""), (f"{runs}.", ""))
        return
    text = (
        "what one run differs by from the next is not known: there are too few other records of"
        " these settings. Two runs of one program may differ by several per cent, which no round"
        " of theirs shows: measure again, three times or more"
    )
    yield from hanging(((theme.mark("ask"), "ask"), (" ", "")), text, theme)


def _few(rows: Sequence[Compared]) -> str:
    least = min(row.factor.coverage for row in rows)
    return f" With so few rounds it covers it in {100 * least:.0f} of 100." if least < 0.95 else ""


def _not_compared(found: Comparison, theme: Theme) -> Iterator[Row]:
    left = {
        "only in A": found.only_first,
        "only in B": found.only_second,
        "without samples": found.unusable,
    }
    for name, some in left.items():
        if some:
            yield from hanging(((f"{name}  ", "dim"),), "; ".join(some), theme)
    if any(left.values()):
        yield ()


def _title(row: Compared) -> str:
    """Of the table that a figure is in: what the machine could do meanwhile has its own."""
    return MACHINE if row.first.beside else row.first.quantity


def _case(figure: Figure) -> str:
    return f"{figure.quantity} on {figure.case}" if figure.beside else figure.case


def _cells(rows: Sequence[Compared]) -> tuple[tuple[str, ...], ...]:
    from perfdsl.measure.statistics import median

    return tuple(
        (
            _case(row.first),
            quantity(median(row.first.samples), row.first.unit),
            quantity(median(row.second.samples), row.second.unit),
            _factor(row.factor.best),
            f"{_factor(row.factor.low)} .. {_factor(row.factor.high)}",
            _chance(row.chance),
            verdict(row),
        )
        for row in rows
    )


def _factor(size: float) -> str:
    return f"{size:.3f}" if 0.1 <= size < 100 else plain(size)


def _chance(share: float) -> str:
    return f"{share:.1%}".replace("%", " %") if share >= 0.001 else "< 0.1 %"


def verdict(row: Compared) -> str:
    """In a few words: `slower`, `faster`, `higher`, `lower`, `none seen (2.1 % would be)`."""
    from perfdsl.measure.comparison import Verdict

    match row.verdict:
        case Verdict.WORSE | Verdict.BETTER:
            more, less = ("slower", "faster") if row.first.less else ("higher", "lower")
            return more if row.factor.best > 1 else less
        case Verdict.UNSEEN if row.hidden is not None:
            return f"none seen ({_size(row.hidden)} would be)"
        case Verdict.RUNS if row.hidden is not None:
            return f"as runs differ ({_size(row.hidden)} would be seen)"
        case Verdict.FEW:
            counts = f"{len(row.first.samples)} and {len(row.second.samples)} rounds"
            return f"{counts}: too few, {row.needed} in each might tell"
        case _:
            return NONE


def _size(factor: float) -> str:
    """`2.1 %`, or `3.4 times` where that is easier to read."""
    return f"{factor:.1f} times" if factor >= 2 else f"{100 * (factor - 1):.1f} %"


def _gate(gate: float, beyond: Sequence[Compared], theme: Theme) -> Iterator[Row]:
    name = f"Gate of {gate:g} %"
    if not beyond:
        yield ((f"{name}: nothing is worse beyond noise and beyond that.", "good"),)
        return
    worst = max(beyond, key=lambda row: row.loss)
    text = (
        f"{name}: {len(beyond)} of the main figures worse beyond noise and beyond that, the worst"
    )
    told = f"{worst.first.quantity}, {worst.first.case}: by {100 * (worst.loss - 1):.1f} %"
    yield from hanging(((theme.mark("bad"), "bad"), (" ", "")), f"{text} {told}", theme, "bad")
