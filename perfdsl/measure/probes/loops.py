"""All loops that a probe times, and their compilation in front of everything else."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from numba.core import types

from perfdsl.measure.probes import clock, latency, meeting, peaks, transfers
from perfdsl.runner import crew

LOOPS: tuple[Callable[..., Any], ...] = (
    clock.gated_cycles,
    *(peaks.GATED[family] for family in peaks.every_family()),
    *transfers.GATED.values(),
    latency.gated_follow,
    meeting.gated_wait,
    meeting.nothing,
)


def compile_loops() -> None:
    """Compile or load them all: a loop that is compiled while it is timed would be a slow one."""
    for loop in LOOPS:
        made: Any = loop
        words = len(inspect.signature(made.py_func).parameters)
        made.compile((types.int64,) * words)
    crew.compile_entries()
