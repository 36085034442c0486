"""Times of calls: a clock that only goes forward, calls that warm up, and every sample kept.

A sample is one call, in nanoseconds; nothing is averaged, dropped or corrected here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from perfdsl.records import dataclass

Clock = Callable[[], int]
"""Nanoseconds since some moment, never less than before."""

Sleep = Callable[[float], None]

NANO = 1e-9


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """How a candidate's calls are timed in one round.

    First `settle` seconds of silence, in which the threads of whoever was timed before go to sleep
    (they spin for some milliseconds, waiting for more work); then `warm` calls that do not count;
    then calls until `least` are done and `seconds` are over. No more than `most` calls, and none
    after `longest` seconds.
    """

    clock: Clock = time.perf_counter_ns
    sleep: Sleep = time.sleep
    settle: float = 0.03
    warm: int = 1
    least: int = 3
    most: int = 30
    seconds: float = 0.1
    longest: float = 1.0

    def samples(self, call: Callable[[], object]) -> list[int]:
        """Nanoseconds of each call that counts."""
        return self.durations(partial(self.once, call))

    def once(self, call: Callable[[], object]) -> int:
        """Nanoseconds of one call."""
        started = self.clock()
        call()
        return self.clock() - started

    def durations(self, timed: Callable[[], int]) -> list[int]:
        """The same of calls that tell themselves how long they took, in nanoseconds."""
        self.sleep(self.settle)
        for _ in range(self.warm):
            timed()
        found: list[int] = []
        while not self.enough(found):
            found.append(timed())
        return found

    def enough(self, found: Sequence[int]) -> bool:
        """Whether these calls are enough."""
        spent = sum(found) * NANO
        if len(found) >= self.most or spent >= self.longest:
            return True
        return len(found) >= self.least and spent >= self.seconds

    def further(self, first: int) -> int:
        """How many calls it takes after a first one of so many nanoseconds, if all last as long.

        For those who time a number of calls that they are told before.
        """
        calls = 1
        while not self.enough([first] * calls):
            calls += 1
        return calls - 1


def tick(clock: Clock, tries: int = 100) -> int:
    """The least step of a clock, ns: what is not much longer cannot be timed with it."""
    steps = []
    for _ in range(tries):
        first = second = clock()
        while second == first:
            second = clock()
        steps.append(second - first)
    return min(steps)
