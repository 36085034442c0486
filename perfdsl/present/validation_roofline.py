"""A validation as a roofline picture: what the large groups reached, below the machine's own rates.

Work is multiply-adds and bytes are those from memory, as the program counts them; a group that does
no such work, or moves no byte from there, has no place on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from perfdsl.present.roofline import Bandwidth, Point, Roof, Roofline
from perfdsl.present.validation_tables import many

if TYPE_CHECKING:
    from perfdsl.compare.report import Report
    from perfdsl.compare.roofs import Peak
    from perfdsl.compare.validation import Held, Part

LARGE = 0.03  # of a call: groups below it are no points
MAC = "MAC"


def roofline(report: Report) -> Roofline:
    """Of the largest number of threads; each length is a case."""
    threads = report.rates.threads
    cases = [each for each in report.cases if each.case.threads == threads]
    outer = report.rates.bandwidths[-1:]
    return Roofline(
        title=f"{report.analysis} on {report.hardware}, {threads} threads",
        roofs=tuple(
            Roof(each.port, each.rate, " or ".join(each.kinds))
            for each in _fastest(report.rates.peaks)
        ),
        bandwidths=tuple(Bandwidth(name, rate) for name, rate in outer),
        points=tuple(point for each in cases for point in _points(each)),
        unit=MAC,
        traffic=f"B from {outer[0][0]}" if outer else "B",
    )


def _fastest(peaks: Sequence[Peak]) -> Iterator[Peak]:
    """Of the ports that serve the same kinds, the fastest: work goes there."""
    best: dict[tuple[str, ...], Peak] = {}
    for each in peaks:
        if each.unit == MAC and (each.kinds not in best or each.rate > best[each.kinds].rate):
            best[each.kinds] = each
    yield from best.values()


def _points(held: Held) -> Iterator[Point]:
    for part in held.parts:
        if part.measured is None or not part.ceiling or (part.share or 0.0) < LARGE:
            continue
        macs, moved = _work(part, held)
        if macs and moved:
            seconds = part.measured.median
            texts = f"{held.case.texts} x " if held.case.texts > 1 else ""
            yield Point(
                name=part.group.name.replace("_", " "),
                intensity=macs / moved,
                measured=macs / seconds,
                ceiling=macs / part.ceiling,
                case=f"{texts}{many(str(held.case.tokens), 'token')}",
            )


def _work(part: Part, held: Held) -> tuple[float, float]:
    """Multiply-adds of all kinds, and bytes from the outermost level at the least."""
    own = [each for each in held.least.operators if each.name in part.group.operators]
    macs = sum(work.amount for each in own for work in each.work if work.unit == MAC)
    return macs, sum(each.levels[-1].bytes for each in own if each.levels)
