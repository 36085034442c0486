"""Levels of a machine, and buffers that lie well inside the level that they are to be in.

In a shared cache that is the geometric mean of a thread's share and of the next smaller cache, in
memory eight times the last cache, of which no replacement can hold more than an eighth. Of a
private cache half is moved: some give less of their first third, and of more than half now and
then (Zen 5: L2 gave 208 GB/s up to 400 of its 1024 KiB, 250 from 450 to 576 KiB, beyond that 180
or 250, by where the memory lay).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from perfdsl.measure.environment import Processor, System
from perfdsl.measure.machine import DRAM, Level

BEYOND = 8  # times the last cache, for what is to come from memory
LEAST = 64 << 20  # bytes for that, where no cache is told
SHARE = 8  # of the memory: no more than one part in so many
LINE = 64


def thread_counts(cores: int, *, quick: bool) -> tuple[int, ...]:
    """1, 2, 4, ... and all; quick: one and all."""
    powers = [2**n for n in range(cores.bit_length())] if not quick else [1]
    return tuple(sorted({*powers, cores}))


def levels(processor: Processor, system: System) -> tuple[Level, ...]:
    """Caches for data, inner to outer, and memory.

    The system counts logical processors; those that share a first cache are one core.
    """
    data = [each for each in processor.caches if each.kind in {"Data", "Unified"} and each.size > 0]
    data.sort(key=lambda each: each.level)
    siblings = max(1, data[0].shared) if data else 1
    caches = [
        Level(
            name=f"l{each.level}",
            size=each.size,
            shared=max(1, each.shared // siblings),
            line=each.line or LINE,
        )
        for each in data
    ]
    return (*caches, Level(name=DRAM, size=system.memory, shared=0, line=LINE))


def stretch(known: Sequence[Level], place: int, threads: int) -> int:
    """Bytes for each of so many threads to move, so that they lie in this level."""
    level = known[place]
    if level.shared == 1:
        return level.size // 2 // LINE * LINE
    return deep(known, place, threads)


def deep(known: Sequence[Level], place: int, threads: int) -> int:
    """The same as far from both ends of the level as there is."""
    level = known[place]
    if level.name == DRAM:
        last = known[place - 1] if place else None
        caches = last.size * math.ceil(threads / last.shared) if last else 0
        most = level.size // SHARE if level.size else LEAST
        return min(max(BEYOND * caches, LEAST), most) // threads // LINE * LINE
    inner = known[place - 1].size if place else level.size // 4
    mine = level.size // min(threads, level.shared)
    return round(math.sqrt(inner * mine)) // LINE * LINE
