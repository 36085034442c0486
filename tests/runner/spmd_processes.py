"""What a process does with a pool that no process of pytest's could do: fork, end, have one core.

`python -m tests.runner.spmd_processes NAME` prints `right` if what the case says is so.
"""

import os
import sys
import threading
import time
import warnings
from contextlib import suppress

from perfdsl.runner.pool import Pool, PoolClosedError
from tests.runner.spmd import DONE, Mixing

FOREVER = 2**40


def ends_with_helpers_awake():
    """The interpreter ends while helpers spin."""
    pool = Pool(4, patience=600.0)
    return Mixing().right(pool, 20)


def ends_with_helpers_asleep():
    """The interpreter ends while helpers sleep."""
    pool = Pool(4, patience=0.0)
    right = Mixing().right(pool, 20)
    time.sleep(0.05)
    return right


def ends_in_the_middle_of_a_turn():
    """The interpreter ends while a daemon thread and its helpers compute."""
    start_mixing(Pool(3))
    return True


def forks_between_turns():
    """The child makes threads of its own, awake or asleep as the parent's were; both go on."""
    pools = [Pool(3, 0.0), Pool(3, 600.0), Pool(1)]
    return all(Mixing().right(pool, 20) and both_right(pool) for pool in pools)


def forks_while_another_thread_computes():
    """The turn that a thread has does not exist in the child, and goes on in the parent."""
    pool = Pool(3)
    mixing = start_mixing(pool)
    other = in_child(lambda: Mixing().right(pool, 20))
    before = mixing.arguments[DONE // 8]
    while mixing.arguments[DONE // 8] == before:
        time.sleep(0.001)
    return other


def forks_inside_its_own_turn():
    """The child has the turn that it was forked in, and the next."""
    pool, mixing = Pool(3), Mixing()
    expected = mixing.expected(20)
    with pool.turn() as run:
        run(mixing.program, mixing.address, 10)

        def rest():
            nonlocal mixing
            run(mixing.program, mixing.address, 10)
            return bool((mixing.buffers[0] == expected).all())

        child, parent = in_child(rest), rest()
    return child and parent and both_right(pool)


def has_one_core():
    """Eight threads share one core, and a thousand barriers take a moment."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pool = Pool(8)
    return Mixing().right(pool, 1000)


def loses_its_cores_later():
    """Threads made for all cores go on when there is one left for all of them."""
    pool = Pool(8)
    right = Mixing().right(pool, 100)
    if hasattr(os, "sched_setaffinity"):
        one = {min(os.sched_getaffinity(0))}
        for thread in threading.enumerate():
            os.sched_setaffinity(thread.native_id or 0, one)
    return right and Mixing().right(pool, 300)


CASES = {
    case.__name__: case
    for case in (
        ends_with_helpers_awake,
        ends_with_helpers_asleep,
        ends_in_the_middle_of_a_turn,
        forks_between_turns,
        forks_while_another_thread_computes,
        forks_inside_its_own_turn,
        has_one_core,
        loses_its_cores_later,
    )
}


def start_mixing(pool):
    """Cells that a daemon thread mixes for ever; it has begun."""
    mixing = Mixing()

    def mix():
        with suppress(PoolClosedError):
            mixing.mix(pool, FOREVER)

    threading.Thread(target=mix, daemon=True).start()
    while mixing.arguments[DONE // 8] < 1000:
        time.sleep(0.001)
    return mixing


def both_right(pool):
    return in_child(lambda: Mixing().right(pool, 20)) and Mixing().right(pool, 20)


def in_child(right):
    """Whether it is so in a child of a fork, which then leaves as any process does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12: there are threads
        child = os.fork()
    if child == 0:
        sys.exit(0 if right() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


if __name__ == "__main__":
    sys.stdout.write("right\n" if CASES[sys.argv[1]]() else "wrong\n")
