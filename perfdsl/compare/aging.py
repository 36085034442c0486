"""Aging: what caches lose between two uses, and how long operators wait for it.

A program tells how many bytes of activations an operator reads and writes. Of what it reads, as
much as the operator before it wrote is as old as that one took. The rest, and where it writes to,
its group has used when it ran before: that is as old as a turn of the group, and the longer the
text, the older. Meanwhile other bytes came into the cache: those of the operators between, and, on
a machine that is shared with strangers, theirs (`measure.keeping`). With x times what the cache
holds, a share of 1 - exp(-x^2) is lost: its sets are not all equally full, and strangers come in
bursts. (Of the powers 1, 1.5, 2, 2.5, 3 and 4, 2 is nearest to what idle bytes lost in six sessions
on a shared Zen 5: off by 0.065 of all, root mean square; 1.5 and 2.5 by 0.07, 3 by 0.084. In quiet,
norms alone whose arrays were 0.43, 0.65, 0.87 and 1.3 times as large as L3 lost less while they
fitted: 3, 21, 43 and 85 % of what L3 saves, where the formula has 17, 34, 53 and 82 %.)

What is lost comes from memory. Arithmetic hides as much of that as it takes longer than the caches;
an operator that does little else than read and write waits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from perfdsl.compare.forecast import Forecast, OperatorForecast
from perfdsl.compare.phases import operators_of
from perfdsl.measure.statistics import median
from perfdsl.measure.timing import NANO
from perfdsl.measure.validation_record import Kept
from perfdsl.records import dataclass

ROLE, ONCE = "activations", "weights"
POWER = 2
STEPS = 400  # of the rates that are tried for strangers


def gone(full: float) -> float:
    """The share that a cache has lost once so many times its bytes came in."""
    return -math.expm1(-(full**POWER))


@dataclass(frozen=True, slots=True)
class Aging:
    """The last cache of a core. cache: its bytes, 0 where nothing is known and nothing ages.

    strangers: bytes a second that others bring into it; apart: how many such caches the threads
    have, their activations shared out among them.
    """

    cache: float = 0.0
    strangers: float = 0.0
    apart: int = 1

    def lost(self, own: float, age: float) -> float:
        """The share that is lost after so many bytes of our own, and so many seconds."""
        return gone((own + self.strangers * age) / self.cache) if self.cache else 0.0


NOTHING_LOST = Aging()


def strangers(kept: Kept, cache: float, stream: float) -> float:
    """Bytes a second that come into a cache while we do nothing: least squares of what was lost.

    stream: bytes a second from memory. All is lost where reading takes as long as from memory, or
    as long as at any age: one pass over few bytes does not reach the rate of a long stream. What
    reading takes at once is what it takes where nothing is lost.
    """
    seconds = np.array(
        [median([median(one[at]) for one in kept.rounds]) * NANO for at in range(len(kept.ages))]
    )
    room = max(kept.size / stream, float(seconds.max())) - seconds[0]
    ages = np.array(kept.ages[1:])
    if room <= 0 or not len(ages):
        return 0.0
    seen = np.clip((seconds[1:] - seconds[0]) / room, 0.0, 1.0)
    slow, fast = 0.01 * cache / float(ages[-1]), 4.0 * cache / float(ages[0])
    rates = np.concatenate([[0.0], np.geomspace(slow, fast, STEPS)])
    fulls = (kept.size + rates[:, None] * ages) / cache
    errors = ((-np.expm1(-(fulls**POWER)) - gone(kept.size / cache) - seen) ** 2).sum(axis=1)
    return float(rates[int(errors.argmin())])


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes a second. cores: that all cores move to and from memory, if none is in another's way;
    bus: that they read together. What is written back has a way of its own."""

    cores: float
    bus: float

    def seconds(self, fetched: float, back: float) -> float:
        return max((fetched + back) / self.cores, fetched / self.bus)


@dataclass(frozen=True, slots=True)
class Moved:
    """What a phase moves in one pass. fresh, older, written: bytes of activations; runs: in a pass.

    older: what is read and what is written may be the same lines; lines that are written are
    fetched before, and written back.
    age, since: seconds, and bytes that were touched, since what is fresh was written.
    hidden: seconds by which its arithmetic takes longer than its bytes in caches.
    """

    fresh: float
    older: float
    written: float
    runs: float
    age: float
    since: float
    hidden: float


def moved(forecast: Forecast, phases: Sequence[str], pace: float) -> Mapping[str, Moved]:
    """By phase, in the order in which they run. pace: seconds of a call for each predicted one."""
    return dict(_moved(forecast, phases, pace))


def _moved(forecast: Forecast, phases: Sequence[str], pace: float) -> Iterator[tuple[str, Moved]]:
    names = [each.name for each in forecast.operators]
    written, took, touched = 0.0, 0.0, 0.0  # by the phase before, in one run
    for phase in phases:
        found = (forecast.operator(name) for name in operators_of(phase, names))
        own = [each for each in found if each is not None]
        runs = max((each.count for each in own), default=0.0)
        if not runs:
            continue
        read = sum(each.reads.get(ROLE, 0.0) for each in own)
        writes = sum(each.writes.get(ROLE, 0.0) for each in own)
        fresh = min(read, written * runs)
        older = max(read - fresh, writes)
        yield phase, Moved(fresh, older, writes, runs, took, touched, _hidden(own))
        written, took = writes / runs, pace * sum(each.seconds for each in own) / runs
        touched = (read + writes + _weights(own)) / runs


def _weights(operators: Sequence[OperatorForecast]) -> float:
    return sum(each.reads.get(ONCE, 0.0) for each in operators)


def _hidden(operators: Sequence[OperatorForecast]) -> float:
    work = sum(sum(each.compute.values()) for each in operators)
    caches = [sum(level.seconds for level in each.levels[-2:-1]) for each in operators]
    return max(0.0, work - sum(caches))


def in_a_pass(forecast: Forecast, apart: int) -> float:
    """Bytes that come into each of so many caches: all weights, and what is written of activations
    by the threads that have this one. Each result has memory of its own."""
    written = sum(each.writes.get(ROLE, 0.0) for each in forecast.operators)
    return _weights(forecast.operators) + written / apart


def waits(parts: Sequence[Moved], aging: Aging, call: float, own: float, memory: Memory) -> float:
    """Seconds for which a group waits in a call of so many seconds; parts: its phases.

    own: bytes of a pass (`in_a_pass`).
    """
    runs = sum(each.runs for each in parts)
    total = 0.0
    for each in parts:
        older = aging.lost(own / runs, call / runs)
        fetched = each.fresh * aging.lost(each.since / aging.apart, each.age) + each.older * older
        total += max(0.0, memory.seconds(fetched, each.written * older) - each.hidden)
    return total
