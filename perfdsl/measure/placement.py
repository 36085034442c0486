"""Placement: how far apart the cores lie on which threads run, by what it takes them to meet.

The processors of a guest may share a last cache at one moment and lie on clusters of their own at
the next, as the host moves them: a barrier of two threads then takes 0.04 or 0.2 us (Zen 5), data
of the other thread cost five times as much, and memory gives up to twice the bandwidth. Times of
the one state say little about the other.
"""

from __future__ import annotations

from perfdsl.measure.timing import Clock
from perfdsl.runner.barrier import wait
from perfdsl.runner.jit import kernel
from perfdsl.runner.pool import Pool, program_of

MEETINGS = 2000  # of one sample: 0.1 to 0.4 ms
SAMPLES = 3  # one after the other; the least counts, as nothing makes threads meet sooner


@kernel
def meet(meetings: int, _first: int, _last: int, _n: int, threads: int, barrier: int) -> None:
    """Come to the barrier so many times."""
    for _ in range(meetings):
        if not wait(barrier, threads):
            return


class Placement:
    """Threads that meet. Close it, so that they end."""

    def __init__(self, threads: int) -> None:
        self._pool = Pool(threads)
        self._program = program_of(meet)

    def sample(self, clock: Clock) -> int:
        """Nanoseconds of `MEETINGS` barriers."""
        found = []
        with self._pool.turn() as run:
            run(self._program, 1, 1)  # wakes them up
            for _ in range(SAMPLES):
                started = clock()
                run(self._program, MEETINGS, 1)
                found.append(clock() - started)
        return min(found)

    def close(self) -> None:
        self._pool.close()
