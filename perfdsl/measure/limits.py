"""The limits that shares are shares of, as probes of a benchmark: peaks and clock; stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from perfdsl.measure.probes import clock, peaks, stream
from perfdsl.measure.probes.memory import Memory, memory, small_pages
from perfdsl.measure.probes.together import together
from perfdsl.measure.timing import NANO, Stopwatch
from perfdsl.records import replace
from perfdsl.runner.memory import HUGE

# A probe's one run, in seconds: long beside the 30 us in which threads start, short beside a round.
RUN = 4e-3
FEW = 5  # runs of a probe in a round
MOST = 10**12  # turns, for a clock that does not go forward
CLOCK, STREAM = "clock", "stream"


Share = Callable[[int, int], object]
"""What one thread does: so many turns of its loop, as the thread of this number."""


class Peaks:
    """Multiply-adds a second of each family of instructions, and cycles a second of one thread."""

    name = "peaks"

    def rates(self, threads: int, watch: Stopwatch) -> Mapping[str, list[float]]:
        watch.sleep(watch.settle)
        brief = _brief(watch, settle=0.0)
        found = {CLOCK: rates(clock.CYCLES, lambda turns, _: clock.cycles(turns), 1, brief)}
        for family in peaks.families():
            macs, loop = peaks.macs(family) * peaks.sums(), peaks.LOOPS[family]
            found[family.value] = rates(macs * threads, partial(_turned, loop), threads, brief)
        return found


class Stream:
    """Bytes a second: each thread reads its stretch of as many bytes as the weights have."""

    name = STREAM

    def __init__(self, size: int, *, huge: bool = True) -> None:
        self.memory: Memory = memory(size, huge=huge)

    @property
    def small_pages(self) -> float | None:
        """The share of the memory for which the system gave no huge pages.

        None where it does not tell, or where the weights are too few for huge pages to matter.
        """
        return small_pages(self.memory) if self.memory.data.size >= 8 * HUGE else None

    def rates(self, threads: int, watch: Stopwatch) -> Mapping[str, list[float]]:
        stretch, share = self._shares(threads)
        brief = _brief(watch, settle=watch.settle)
        return {STREAM: rates(threads * stretch, share, threads, brief)}

    def flush(self, threads: int) -> None:
        """Read all of it once: what was in the caches before has to come from memory again."""
        _, share = self._shares(threads)
        together(threads, partial(share, 1), time.perf_counter_ns)

    def _shares(self, threads: int) -> tuple[int, Share]:
        """The bytes of each thread's stretch, and what it does with it."""
        blocks = max(1, self.memory.data.size // (threads * stream.PLACES * stream.BLOCK))
        gap = blocks * stream.BLOCK
        stretch = stream.PLACES * gap

        def share(passes: int, thread: int) -> None:
            stream.stream(self.memory.address + thread * stretch, blocks, gap, passes)

        return stretch, share


def rates(amount: int, share: Share, threads: int, watch: Stopwatch) -> list[float]:
    """How much a second, where one turn of all threads together does `amount`.

    The number of turns is such that a run takes about RUN seconds.
    """

    def run(turns: int) -> int:
        return together(threads, partial(share, turns), watch.clock)

    run(1)  # loads or compiles the loop
    turns = 1
    # of two runs the faster: what was disturbed for once would leave all runs too short
    while (spent := min(run(turns), run(turns))) < RUN / NANO / 8 and turns < MOST:
        turns *= 8
    turns = max(1, round(turns * RUN / NANO / max(1, spent)))
    found = watch.durations(partial(run, turns))
    return [float(f"{amount * turns / (each * NANO):.6g}") for each in found]


def _brief(watch: Stopwatch, settle: float) -> Stopwatch:
    """For runs that all last as long, and are as long as they need to be: a few are enough."""
    return replace(watch, settle=settle, least=FEW, seconds=0.0)


def _turned(loop: Callable[[int], None], turns: int, _: int) -> None:
    loop(turns)
