"""A measurement that doubts itself: what of a record speaks against it, each in a sentence.

The thresholds are what this kind of measurement shows on a machine that does nothing else (a spread
of 1 to 3 %, nothing stolen, a clock that holds within 1 %), with room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from perfdsl.measure.limits import CLOCK
from perfdsl.measure.results import OURS, Case, Result, Series
from perfdsl.measure.statistics import COVERAGE, estimate, median
from perfdsl.measure.summary import round_rates, timed, times
from perfdsl.records import dataclass

SPREAD = 0.10  # of the times of one candidate over the rounds: distance of the quartiles
STOLEN = 0.01  # of the processors' time, by the host
OTHERS = 0.05  # of the processors' time, by other programs
DRIFT = 0.05  # of the clock, from the slowest to the fastest round
TICKS = 1000  # of the clock that times, in the shortest call
SMALL_PAGES = 0.1  # of the stream's memory, on a system that has huge pages
NAMED = 3  # cases that a sentence names; of more it tells the number


@dataclass(frozen=True, slots=True)
class Doubt:
    """One case's: `text` has a place for how bad it is, and is the same in other cases."""

    text: str
    size: float


def doubts(result: Result) -> tuple[str, ...]:
    """Each once, with the worst of its cases and where it was seen."""
    met: dict[str, dict[Case, float]] = {}
    for series in result.series:
        for each in _of_series(series, result):
            seen = met.setdefault(each.text, {})
            seen[series.case] = max(each.size, seen.get(series.case, 0.0))
    found = [told(text, seen, len(result.series)) for text, seen in met.items()]
    return (*found, *_of_pages(result))


def named(case: Case) -> str:
    """`64 x 12 tokens on 2 threads`."""
    texts = f"{case.texts} x " if case.texts > 1 else ""
    return f"{texts}{_count(case.tokens, 'token')} on {_count(case.threads, 'thread')}"


def told(text: str, seen: Mapping[Case, float], of: int) -> str:
    """A doubt with the worst of the cases in which it was met, `of` so many."""
    worst = text.format(max(seen.values()))
    if len(seen) == of > 1:
        return f"{worst}, in all cases"
    if len(seen) > NAMED:
        return f"{worst}, in {len(seen)} of {of} cases"
    return f"{worst}: {', '.join(map(named, seen))}"


def _of_series(series: Series, result: Result) -> Iterator[Doubt]:
    for name in timed(series):
        found = estimate(times(series.rounds, name))
        if found.spread > SPREAD:
            safe = name.replace("{", "{{").replace("}", "}}")
            yield Doubt(f"times of {safe} vary by {{:.0%}} between rounds", found.spread)
        if found.coverage < COVERAGE:
            missed = 1 - found.coverage
            yield Doubt("so few rounds miss the true median with a chance of {:.0%}", missed)
    shortest = min(min(each.samples[OURS]) for each in series.rounds)
    if shortest < TICKS * result.protocol.tick:
        share = result.protocol.tick / shortest
        yield Doubt("a call is so short that a step of the clock is {:.1%} of it", share)
    processors = result.environment.processor.logical
    if series.case.threads > processors:
        yield Doubt("there are only {:.0f} processors", processors)
    yield from _of_disturbance(series)
    clocks = [median(each) for each in round_rates(series, CLOCK)]
    if clocks and (drift := (max(clocks) - min(clocks)) / median(clocks)) > DRIFT:
        yield Doubt("the processor's clock moved by {:.0%} between rounds", drift)


def _of_disturbance(series: Series) -> Iterator[Doubt]:
    stolen = max(each.stolen for each in series.disturbance)
    others = max(each.others for each in series.disturbance)
    if stolen > STOLEN:
        yield Doubt("the host took {:.0%} of the processors' time", stolen)
    if others > OTHERS:
        yield Doubt("other programs took {:.0%} of the processors' time", others)


def _of_pages(result: Result) -> Iterator[str]:
    if result.small_pages is not None and result.small_pages > SMALL_PAGES:
        yield f"{result.small_pages:.0%} of the stream's memory lies on small pages"


def _count(number: int, of: str) -> str:
    return f"{number} {of}{'' if number == 1 else 's'}"
