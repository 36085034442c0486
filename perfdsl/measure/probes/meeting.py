"""Meeting: what it costs threads to wait for each other, and to be given work, in the runner.

The barrier is the one that the forward pass has between its phases; the job is given to the helpers
of a pool as each call gives one, to helpers that are still awake, and to some that sleep.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from perfdsl.measure.probes.gate import enter, leave
from perfdsl.runner.barrier import BARRIER_BYTES, LINE, wait
from perfdsl.runner.jit import kernel
from perfdsl.runner.pool import PATIENCE_S, Pool, program_of


@kernel
def gated_wait(gate: int, thread: int, threads: int, turns: int, barrier: int) -> None:
    """Come to the barrier so many times."""
    enter(gate, thread, threads)
    for _ in range(turns):
        wait(barrier, threads)
    leave(gate, thread)


class Barrier:
    """A barrier's memory: zero before each run."""

    def __init__(self) -> None:
        self._memory = np.zeros((BARRIER_BYTES + LINE) // 8, np.int64)
        self.address = -(-self._memory.ctypes.data // LINE) * LINE

    def reset(self) -> None:
        self._memory[:] = 0


@kernel
def nothing(arguments: int, first: int, last: int, thread: int, threads: int, barrier: int) -> None:
    """A program that does no work."""


def job(pool: Pool, clock: Callable[[], int], *, asleep: bool) -> int:
    """Nanoseconds of a call that gives a job without work to a pool's helpers.

    asleep: long enough after the last job that they sleep; else right after one.
    """
    program = program_of(nothing)
    with pool.turn() as run:
        run(program, 0, 1)
        if asleep:
            time.sleep(3 * PATIENCE_S)
        started = clock()
        run(program, 0, 1)
        return clock() - started
