"""A measurement that doubts itself: what of a record speaks against it, each in a sentence.

The thresholds are what this kind of measurement shows on a machine that does nothing else (a spread
of 1 to 3 %, nothing stolen, a clock that holds within 1 %), with room.
"""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.measure.limits import CLOCK
from perfdsl.measure.results import OURS, Case, Result, Series
from perfdsl.measure.statistics import COVERAGE, estimate, median
from perfdsl.measure.summary import round_rates, timed, times

SPREAD = 0.10  # of the times of one candidate over the rounds: distance of the quartiles
STOLEN = 0.01  # of the processors' time, by the host
OTHERS = 0.05  # of the processors' time, by other programs
DRIFT = 0.05  # of the clock, from the slowest to the fastest round
TICKS = 1000  # of the clock that times, in the shortest call
SMALL_PAGES = 0.1  # of the stream's memory, on a system that has huge pages


def doubts(result: Result) -> tuple[str, ...]:
    """In the order of the cases; the same of several cases is told of each."""
    found = [told for series in result.series for told in _of_series(series, result)]
    found += _of_pages(result)
    return tuple(found)


def named(case: Case) -> str:
    """`64 x 12 tokens, 2 threads`."""
    texts = f"{case.texts} x " if case.texts > 1 else ""
    return f"{texts}{_count(case.tokens, 'token')}, {_count(case.threads, 'thread')}"


def _of_series(series: Series, result: Result) -> Iterator[str]:
    at = named(series.case)
    for name in timed(series):
        found = estimate(times(series.rounds, name))
        if found.spread > SPREAD:
            yield f"{at}: times of {name} vary by {found.spread:.0%} between rounds"
        if found.coverage < COVERAGE:
            rounds = _count(found.count, "round")
            yield f"{at}: {rounds} of {name} cover a median with {found.coverage:.0%} only"
    if min(min(each.samples[OURS]) for each in series.rounds) < TICKS * result.protocol.tick:
        yield f"{at}: a call is hardly longer than a step of the clock"
    if series.case.threads > result.environment.processor.logical:
        yield f"{at}: there are only {result.environment.processor.logical} processors"
    yield from _of_disturbance(series, at)
    clocks = [median(each) for each in round_rates(series, CLOCK)]
    if clocks and (max(clocks) - min(clocks)) / median(clocks) > DRIFT:
        yield f"{at}: the clock moved from {min(clocks) / 1e9:.2f} to {max(clocks) / 1e9:.2f} GHz"


def _of_disturbance(series: Series, at: str) -> Iterator[str]:
    stolen = max(each.stolen for each in series.disturbance)
    others = max(each.others for each in series.disturbance)
    if stolen > STOLEN:
        yield f"{at}: the host took {stolen:.0%} of the processors' time"
    if others > OTHERS:
        yield f"{at}: other programs took {others:.0%} of the processors' time"


def _of_pages(result: Result) -> Iterator[str]:
    if result.small_pages is not None and result.small_pages > SMALL_PAGES:
        yield f"{result.small_pages:.0%} of the stream's memory lies on small pages"


def _count(number: int, of: str) -> str:
    return f"{number} {of}{'' if number == 1 else 's'}"
