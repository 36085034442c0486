"""Keeping: whether what a cache holds is still there after nobody has touched it for a while.

A cache that is shared with strangers, such as other guests of a host, loses what lies idle to them:
on two cores of a guest (Zen 5) half of 6 MB that were written came from memory again after 6 to
15 ms, almost all of them after 30. The threads of a long call use an array again after so long.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from perfdsl.measure.environment import Cache
from perfdsl.measure.probes import clock, stream
from perfdsl.measure.probes.memory import Memory
from perfdsl.measure.probes.transfers import write_to
from perfdsl.measure.timing import NANO, Stopwatch

# Seconds between two uses: from what nobody notices to a layer of a long text.
AGES = (0.0, 1e-3, 2e-3, 4e-3, 8e-3, 16e-3, 32e-3)
FEW = 3  # samples of each age each time: 0.2 s
TURNS = 100_000  # of the waiting loop, to learn how long one takes: 3 ms


def in_the_last(caches: Sequence[Cache]) -> int:
    """Bytes that fit into the last cache and not into the one before: their geometric mean.

    0 where no cache is told: then nothing is measured.
    """
    sizes = sorted({each.size for each in caches if each.kind != "Instruction"})
    if not sizes:
        return 0
    inner = sizes[-2] if len(sizes) > 1 else sizes[-1] / 16
    block = stream.PLACES * stream.BLOCK
    return max(1, round(math.sqrt(inner * sizes[-1]) / block)) * block


class Keeping:
    """Stretches of a larger memory, each written, left alone, and read.

    What was used twice many a cache keeps for longer: activations are written once, and read. So
    each sample has another stretch, which has come and gone since it was used before.
    """

    def __init__(self, whole: Memory, size: int) -> None:
        self.whole, self.size = whole, size
        self._stretch = 0

    def samples(self, watch: Stopwatch) -> tuple[tuple[int, ...], ...]:
        """By age, nanoseconds of each sample. The thread computes meanwhile, and touches nothing:
        one that slept would be moved to another core."""
        self._after(1, watch)  # loads or compiles the loops
        started = watch.clock()
        clock.cycles(TURNS)
        a_turn = max(1, watch.clock() - started) * NANO / TURNS
        return tuple(
            tuple(self._after(round(age / a_turn), watch) for _ in range(FEW)) for age in AGES
        )

    def _after(self, turns: int, watch: Stopwatch) -> int:
        """Nanoseconds of reading a stretch that was written so many turns before."""
        self._stretch = (self._stretch + 1) % max(1, self.whole.data.size // self.size)
        address = self.whole.address + self._stretch * self.size
        gap = self.size // stream.PLACES
        write_to(1, address, self.size)
        clock.cycles(turns)
        started = watch.clock()
        stream.stream(address, gap // stream.BLOCK, gap, 1)
        return watch.clock() - started
