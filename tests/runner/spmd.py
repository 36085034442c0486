"""A program for the pool's tests: wrong where a barrier lets somebody through early."""

import numpy as np

from perfdsl.runner.barrier import leaves, look_up, wait
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.atomics import fetch_add, load
from perfdsl.runner.pool import program_of

# Arguments: cells, addresses of two buffers of so many int64, steps done, and who fails at which.
CELLS, EVEN, ODD, DONE, FAILS, AT = range(0, 48, 8)


@kernel
def mixed(arguments, first, last, thread, threads, barrier):
    """Each step: every cell becomes three times itself plus its left neighbour, modulo 2^64.

    A thread writes its share of the cells of one buffer and reads them, and its neighbour's last,
    from the other; step s reads buffer s % 2.
    """
    cells = load(arguments + CELLS)
    start, end = cells * thread // threads, cells * (thread + 1) // threads
    for step in range(first, last):
        look_up(barrier, thread, step)
        source, target = load(arguments + EVEN), load(arguments + ODD)
        if step % 2 == 1:
            source, target = target, source
        for i in range(start, end):
            left = load(source + 8 * ((i + cells - 1) % cells))
            fetch_add(target + 8 * i, 3 * load(source + 8 * i) + left - load(target + 8 * i))
        if thread == 0:
            fetch_add(arguments + DONE, 1)
        if thread == load(arguments + FAILS) and step == load(arguments + AT):
            raise ValueError("as was asked")
        if not wait(barrier, threads) or leaves(barrier, step):
            return


class Mixing:
    """Cells to mix, and what NumPy makes of them."""

    def __init__(self, cells=61, seed=1):
        random = np.random.default_rng(seed)
        self.buffers = random.integers(-(2**62), 2**62, (2, cells))
        self.arguments = np.array(
            [cells, *(each.ctypes.data for each in self.buffers), 0, -1, 0], np.int64
        )
        self.address = self.arguments.ctypes.data
        self.program = program_of(mixed)

    def expected(self, steps):
        cells = self.buffers[0].copy()
        for _ in range(steps):
            cells = 3 * cells + np.roll(cells, 1)
        return cells

    def right(self, pool, steps):
        """Whether all steps on the pool give what NumPy gives."""
        expected = self.expected(steps)
        self.mix(pool, steps)
        return np.array_equal(self.buffers[steps % 2], expected)

    def mix(self, pool, steps):
        with pool.turn() as run:
            run(self.program, self.address, steps)
