"""Threads that do the same at the same time, each on a core of its own, and how long they took."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from perfdsl.measure.timing import Clock

CPUS = Path("/sys/devices/system/cpu")


def together(threads: int, share: Callable[[int], object], clock: Clock) -> int:
    """Nanoseconds from the first start to the last end of `share(0)` ... `share(threads - 1)`.

    Each share runs on a thread of its own and should let others run meanwhile (`nogil`). They meet
    before they begin, and begin within some 30 microseconds: shares are to last milliseconds. They
    are tied to cores, or the system leaves two on one core for as long as a short run lasts.
    """
    starts, ends = [0] * threads, [0] * threads
    failed: list[BaseException] = []
    meeting = threading.Barrier(threads)
    cores = _cores()

    def run(thread: int) -> None:
        try:
            _tie(cores[thread % len(cores)])
            meeting.wait()
            starts[thread] = clock()
            share(thread)
            ends[thread] = clock()
        except BaseException as error:  # noqa: BLE001  raised once more below, where it is seen
            failed.append(error)
            meeting.abort()

    workers = [threading.Thread(target=run, args=(n,)) for n in range(threads)]
    try:
        for each in workers:
            each.start()
    except RuntimeError:  # more threads than the process may have: those that are there go home
        meeting.abort()
        raise
    for each in workers:
        each.join()
    if failed:
        raise min(failed, key=lambda error: isinstance(error, threading.BrokenBarrierError))
    return max(ends) - min(starts)


def apart(processors: Sequence[int], siblings: Callable[[int], str]) -> list[int]:
    """Processors in the order to use them: one of each core first, then their second threads.

    siblings: what tells a core, the same text for each of its processors; "" where unknown.
    """
    met: dict[str, int] = {}
    places: list[tuple[int, int]] = []
    for each in sorted(processors):
        core = siblings(each) or f"unknown {each}"
        places.append((met.get(core, 0), each))
        met[core] = met.get(core, 0) + 1
    return [each for _, each in sorted(places)]


@cache
def _cores() -> list[int]:
    if not hasattr(os, "sched_getaffinity"):  # Linux alone
        return [0]
    return apart(sorted(os.sched_getaffinity(0)), _siblings)


def _siblings(processor: int) -> str:
    try:
        return (CPUS / f"cpu{processor}/topology/thread_siblings_list").read_text("ascii").strip()
    except OSError:
        return ""


def _tie(processor: int) -> None:
    """The calling thread runs on this processor from now on, if the system can say so."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {processor})
