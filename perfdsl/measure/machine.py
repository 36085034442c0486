"""The record of a probe: every sample of each property of a machine, and what it was measured on.

The schema's version changes whenever a field does. What is told of a record (medians, refusals, the
`.perf` file) is computed from it, in `machine_figures`, `guards` and `to_hardware`.
"""

from __future__ import annotations

from typing import Literal

from perfdsl.measure.disturbance import Disturbance
from perfdsl.measure.environment import Environment
from perfdsl.measure.recorded import Recorded

DRAM = "dram"
HUGE, SMALL = "huge", "small"  # pages


class Level(Recorded):
    """A cache, or memory, as the system tells it: l1, l2, ..., dram.

    size: bytes of one instance, of all memory for dram; shared: by how many cores, 0 by all; line:
    of a cache, in bytes.
    """

    name: str
    size: int
    shared: int
    line: int


class Series(Recorded):
    """One property under one circumstance, in rounds.

    name: clock, int8, pairs, bf16, fp32, add; read, write, copy, latency of a level; barrier,
    awake, asleep. amount: what all threads of a run did together: cycles, multiply-adds,
    additions, bytes, loads, meetings, jobs. nanoseconds: of each run, round by round. size: bytes
    that one thread goes over again and again; small_pages: the share of them without huge pages,
    where the system tells.
    """

    name: str
    level: str = ""
    threads: int
    pages: str = ""
    size: int = 0
    small_pages: float | None = None
    amount: int
    nanoseconds: tuple[tuple[int, ...], ...]


class Machine(Recorded):
    """One probe of one machine. cores: how many it may use, and so how many the figures go up to.

    instruction widths: multiply-adds (additions) of one instruction of each peak.
    """

    kind: Literal["probe"] = "probe"
    schema_version: Literal[1] = 1
    tool: str
    date: str  # of the last round, UTC
    isa: str
    quick: bool
    cores: int
    widths: dict[str, int]
    levels: tuple[Level, ...]
    series: tuple[Series, ...]
    environment: Environment
    disturbance: Disturbance
