"""The gate: threads begin at one moment and each tells when it began and ended, in native code.

Behind Python's own locks 64 threads begin half a millisecond apart. Here they wait in the loop that
is to be timed, and go on within the time in which a cache line travels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from perfdsl.measure.probes.together import together
from perfdsl.measure.timing import Stopwatch
from perfdsl.runner.barrier import LINE, relax
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.atomics import exchange, fetch_add, load
from perfdsl.runner.kernels.system import nanoseconds

# From the gate's address: how many have come; then, for each thread, when it began and ended.
CAME, BEGAN, ENDED, DESK = 0, 0, 8, LINE

Share = Callable[[int, int], object]
"""What one thread does, given the address of the gate and its number: enter, the loop, leave."""


@kernel
def enter(gate: int, thread: int, threads: int) -> None:
    """Wait for all threads, and say when this one begins."""
    fetch_add(gate + CAME, 1)
    spins = 0
    while load(gate + CAME) < threads:
        relax(spins)
        spins += 1
    exchange(gate + DESK + thread * LINE + BEGAN, nanoseconds())


@kernel
def leave(gate: int, thread: int) -> None:
    """Say when this thread ended."""
    exchange(gate + DESK + thread * LINE + ENDED, nanoseconds())


class Gate:
    """The words of a gate for so many threads. It opens once."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._memory = np.zeros(LINE * (threads + 2) // 8, np.int64)
        self.address = -(-self._memory.ctypes.data // LINE) * LINE

    def spent(self) -> int:
        """Nanoseconds from the first beginning to the last end."""
        first = (self.address + DESK - self._memory.ctypes.data) // 8
        words = self._memory[first : first + self._threads * LINE // 8]
        desks = words.reshape(self._threads, LINE // 8)
        return int(desks[:, ENDED // 8].max() - desks[:, BEGAN // 8].min())


def abreast(threads: int, share: Share) -> int:
    """Nanoseconds from the first beginning to the last end, each thread on a core of its own.

    What a share can raise it must raise on one thread, too: try it there first, or the others wait
    at the gate for ever.
    """
    gate = Gate(threads)
    together(threads, partial(share, gate.address), Stopwatch().clock)
    return gate.spent()
