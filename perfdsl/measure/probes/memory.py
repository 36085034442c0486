"""Memory to read from: anonymous, on huge pages where the system gives them, and what it gave."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from perfdsl.measure.probes.together import together
from perfdsl.measure.timing import Stopwatch
from perfdsl.records import dataclass
from perfdsl.runner.memory import mapped

SMAPS = Path("/proc/self/smaps")


@dataclass(frozen=True, slots=True)
class Memory:
    """`data`: uint8 (size,), its first byte at the beginning of a huge page."""

    data: npt.NDArray[np.uint8]

    @property
    def address(self) -> int:
        return self.data.ctypes.data


def memory(size: int, *, huge: bool = True) -> Memory:
    """So many bytes, each page written to. huge: False asks for the smallest pages instead."""
    data = mapped(size, huge=huge)
    data[:] = 1  # a page that was never written is one page of zeros, many times
    return Memory(data)


def memories(sizes: Sequence[int], *, huge: bool = True) -> list[Memory]:
    """One for each thread of a probe, written to by that thread: on the node of its own core."""
    made: dict[int, Memory] = {}

    def make(thread: int) -> None:
        made[thread] = memory(sizes[thread], huge=huge)

    together(len(sizes), make, Stopwatch().clock)
    return [made[thread] for thread in range(len(sizes))]


def small_pages(found: Memory, smaps: Path = SMAPS) -> float | None:
    """The share of the memory that lies on small pages; None where the system does not tell."""
    first, last = found.address, found.address + found.data.size
    large = 0
    try:
        text = smaps.read_text("utf-8", "replace")
    except OSError:
        return None
    for area in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", text, flags=re.MULTILINE):
        span = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", area)
        told = re.search(r"^AnonHugePages:\s+(\d+) kB", area, re.MULTILINE)
        if span and told and int(span[1], 16) < last and int(span[2], 16) > first:
            large += int(told[1]) * 1024
    return max(0.0, 1 - large / found.data.size)
