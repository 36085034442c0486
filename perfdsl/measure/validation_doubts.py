"""What of a validation speaks against it, each in a sentence: see `doubts` for the thresholds."""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.measure.doubts import (
    DRIFT,
    OTHERS,
    SMALL_PAGES,
    SPREAD,
    STOLEN,
    TICKS,
    Doubt,
    told,
)
from perfdsl.measure.limits import CLOCK
from perfdsl.measure.placed import placed
from perfdsl.measure.results import Case
from perfdsl.measure.statistics import COVERAGE, estimate, median
from perfdsl.measure.validation_record import Measured, Rates, Validation

INSTRUMENTS = 0.05  # of a call: how much longer its phases may take together


def doubts(record: Validation) -> tuple[str, ...]:
    """Each once, with the worst of its cases and where it was seen."""
    met: dict[str, dict[Case, float]] = {}
    for each in record.measured:
        for doubt in _of_case(each, record) if each.turns else ():
            seen = met.setdefault(doubt.text, {})
            seen[each.case] = max(doubt.size, seen.get(each.case, 0.0))
    found = [told(text, seen, len(record.measured)) for text, seen in met.items()]
    return (*found, *_of_all(record))


def _of_case(each: Measured, record: Validation) -> Iterator[Doubt]:
    calls = [median(turn.calls) for turn in each.turns]
    found = estimate(calls)
    if found.spread > SPREAD:
        yield Doubt("times of a call vary by {:.0%} between rounds", found.spread)
    if found.coverage < COVERAGE:
        missed = 1 - found.coverage
        yield Doubt("so few rounds miss the true median with a chance of {:.0%}", missed)
    shortest = min(min(turn.calls) for turn in each.turns)
    if shortest < TICKS * record.protocol.tick:
        share = record.protocol.tick / shortest
        yield Doubt("a call is so short that a step of the clock is {:.1%} of it", share)
    phases = [median([sum(p.values()) for p in turn.phases]) for turn in each.turns if turn.phases]
    if phases and (off := median(phases) / median(calls) - 1) > INSTRUMENTS:
        yield Doubt("the phases together take {:.0%} longer than a call without instruments", off)
    processors = record.environment.processor.logical
    if each.case.threads > processors:
        yield Doubt("there are only {:.0f} processors", processors)


def _of_all(record: Validation) -> Iterator[str]:
    disturbance = record.disturbance
    if disturbance.stolen > STOLEN:
        yield f"the host took {disturbance.stolen:.0%} of the processors' time"
    if disturbance.others > OTHERS:
        yield f"other programs took {disturbance.others:.0%} of the processors' time"
    moved = max((_drift(each) for each in record.rates), default=0.0)
    if moved > DRIFT:
        yield f"the processor's clock moved by {moved:.0%} between rounds"
    for threads in sorted({each.case.threads for each in record.measured}):
        lay = placed(record, threads)
        if lay.mixed:
            others = lay.turns - max(lay.near, lay.apart)
            mostly = "close together" if lay.near >= lay.apart else "far apart"
            yield (
                f"in {others} of {lay.turns} turns the cores of {threads} threads did not lie"
                f" {mostly}, as in the others (a barrier tells): predictions leave those out"
            )
    if record.small_pages is not None and record.small_pages > SMALL_PAGES:
        yield f"{record.small_pages:.0%} of the stream's memory lies on small pages"
    if not record.complete:
        rounds = min((len(each.turns) for each in record.measured), default=0)
        yield f"an interrupt ended the measurement behind {rounds} rounds"


def _drift(rates: Rates) -> float:
    """From the slowest to the fastest round, as a share of the usual clock."""
    clocks = [median(each[CLOCK]) for each in rates.rounds if each.get(CLOCK)]
    return (max(clocks) - min(clocks)) / median(clocks) if clocks else 0.0
