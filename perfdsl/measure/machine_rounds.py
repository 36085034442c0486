"""Rounds of gauges until the time is over: each has its turn in each, in an order that rotates.

A gauge's first turn finds the fastest of its loops, and how many turns of that last as long as a
run is to last; later rounds take the same. A round that the end of the time cuts short keeps what
it has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perfdsl.measure.machine import Series
from perfdsl.measure.machine_plan import Gauge, Loop
from perfdsl.measure.timing import NANO, Stopwatch
from perfdsl.records import dataclass

TRIES = 2  # runs of each loop to find the fastest
MOST = 1 << 40  # turns, for a clock that does not go forward

Told = Callable[[str, float, float], None]
"""What is measured now, how much of the time is over, and how much there is."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """seconds: for all rounds; run: of one sample; samples: of a gauge in a round; rounds: most."""

    seconds: float
    run: float
    samples: int
    rounds: int


def rounds(
    gauges: Sequence[Gauge], protocol: Protocol, watch: Stopwatch, told: Told, began: int
) -> tuple[Series, ...]:
    """What was measured, a series for each gauge that had at least one turn.

    began: nanoseconds of the clock from which on the time is counted.
    """
    chosen: dict[int, tuple[Loop, int]] = {}
    found: dict[int, list[tuple[int, ...]]] = {}
    for number in range(protocol.rounds):
        first = number * len(gauges) // protocol.rounds
        for place in [*range(first, len(gauges)), *range(first)]:
            gauge, spent = gauges[place], (watch.clock() - began) * NANO
            if spent > protocol.seconds and number > 0:
                break
            told(_named(gauge), spent, protocol.seconds)
            if place not in chosen:
                chosen[place] = fastest(gauge, protocol.run)
            loop, turns = chosen[place]
            samples = tuple(loop.run(turns) for _ in range(protocol.samples))
            found.setdefault(place, []).append(samples)
    return tuple(
        _series(gauges[place], chosen[place][0].amount * chosen[place][1], each)
        for place, each in sorted(found.items())
    )


def fastest(gauge: Gauge, run: float) -> tuple[Loop, int]:
    """The fastest of its loops, and the turns of a run."""
    first = gauge.loops[0]
    turns = 1 if gauge.fixed else calibrated(first, run)
    if len(gauge.loops) == 1:
        return first, turns
    rates = []
    for loop in gauge.loops:
        same = max(1, turns * first.amount // loop.amount)
        rates.append(loop.amount * same / max(1, min(loop.run(same) for _ in range(TRIES))))
    best = rates.index(max(rates))
    loop = gauge.loops[best]
    return loop, max(1, round(rates[best] * run / NANO / loop.amount))


def calibrated(loop: Loop, run: float) -> int:
    """So many turns that a run takes about `run` seconds; the first, which loads the loop, is lost.

    Of two runs the faster one counts: a disturbance would leave a run too short for ever.
    """
    loop.run(1)
    turns = 1
    while (spent := min(loop.run(turns), loop.run(turns))) * NANO < run / 2 and turns < MOST:
        turns = min(8 * turns, max(turns + 1, round(turns * run / (max(1, spent) * NANO))))
    return turns


def _series(gauge: Gauge, amount: int, samples: Sequence[tuple[int, ...]]) -> Series:
    return Series(
        name=gauge.name,
        level=gauge.level,
        threads=gauge.threads,
        pages=gauge.pages,
        size=gauge.size,
        small_pages=gauge.small_pages,
        amount=amount,
        nanoseconds=tuple(samples),
    )


def _named(gauge: Gauge) -> str:
    where = f" of {gauge.level}" if gauge.level else ""
    pages = f", {gauge.pages} pages" if gauge.pages else ""
    threads = "1 thread" if gauge.threads == 1 else f"{gauge.threads} threads"
    return f"{gauge.name}{where} on {threads}{pages}"
