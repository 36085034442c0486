"""A barrier: nobody goes on before all threads have come, for threads that run the same program.

The count only grows while a job runs: set back to zero for the next round, it could be so before a
slow thread had seen the last one full, and that thread would wait for ever. A round is full at the
next multiple of the number of threads. One atomic addition and one cache line that travels: 0.04 us
for two threads.

A program may also be asked to leave early, behind a whole step, so that its caller comes back to
Python now and then: thread 0 looks at the clock as a step begins, and tells the others through a
word that they read at the step's end, behind a barrier that all have met.
"""

from __future__ import annotations

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.atomics import exchange, fetch_add, load, pause
from perfdsl.runner.kernels.system import nanoseconds, yield_core

# Words that different threads write lie apart: 128 bytes are two lines of x86, which are fetched in
# pairs, and one of Apple's.
LINE = 128
COUNT, CANCELLED = 0, LINE  # from the barrier's address: one is written by all, one read by all
UNTIL, LEAVE = LINE + 8, LINE + 16  # the time to come back at, and the step to come back before
BARRIER_BYTES = 2 * LINE

# Pauses (25 ns each on Zen 5) before a waiting thread offers its core to another. Where there are
# more threads than cores each barrier costs as many of them: 8 threads on 1 core took 0.35 ms for
# a barrier with 2000, 0.04 ms with 200. A core that nobody wants is given back in 0.3 us.
PAUSES = 200


@kernel
def wait(barrier: int, threads: int) -> bool:
    """Come and wait for the others; whether to go on. Once False, always: leave the program."""
    if threads > 1:
        before = fetch_add(barrier + COUNT, 1)
        full = before - before % threads + threads
        spins = 0
        while load(barrier + COUNT) < full and load(barrier + CANCELLED) == 0:
            relax(spins)
            spins += 1
    cancelled: int = load(barrier + CANCELLED)
    return cancelled == 0


@kernel
def look_up(barrier: int, thread: int, step: int) -> None:
    """As a step begins that has a barrier in it: once the time is up, it is to be the last one."""
    if thread == 0 and nanoseconds() >= load(barrier + UNTIL):
        exchange(barrier + LEAVE, step + 1)


@kernel
def leaves(barrier: int, step: int) -> bool:
    """As a step ends: whether it was the last one, as thread 0 had it when the step began.

    Another word than this step's may stand there: thread 0 can be one step ahead.
    """
    told: int = load(barrier + LEAVE)
    return told == step + 1


@kernel
def relax(spins: int) -> None:
    """Wait a moment in a loop that has gone round so many times."""
    if spins < PAUSES:
        pause()
    else:
        yield_core()
