"""A probe from what was asked for to its record: gauges made, rounds run, the machine described."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from perfdsl.measure.disturbance import between, counters
from perfdsl.measure.environment import environment
from perfdsl.measure.machine import HUGE, SMALL, Level, Machine
from perfdsl.measure.machine_levels import levels, thread_counts
from perfdsl.measure.machine_plan import (
    Gauge,
    arithmetic,
    curve,
    latencies,
    meetings,
    moved,
    room,
)
from perfdsl.measure.machine_rounds import Protocol, Told, rounds
from perfdsl.measure.probes.loops import compile_loops
from perfdsl.measure.probes.peaks import every_family, macs
from perfdsl.measure.probes.transfers import Transfer
from perfdsl.measure.timing import NANO, Stopwatch
from perfdsl.runner.cores import default_threads
from perfdsl.runner.errors import RunnerError
from perfdsl.runner.kernels.target import HOST

# Seconds until no gauge begins a turn, and of a run. The command is to end after 60 and after 10:
# what is left is for its start (1.5 s), the last gauge, and the page.
USUAL = Protocol(seconds=55, run=4e-3, samples=3, rounds=15)
QUICK = Protocol(seconds=6.5, run=2e-3, samples=2, rounds=9)


class ProbeError(RunnerError):
    """The machine does not give what a probe needs: threads, memory."""

    code = "P842"
    usual = "a container may limit threads and memory: ask for more of them"


def probed(tool: str, told: Told, *, quick: bool, protocol: Protocol | None = None) -> Machine:
    """The record. Raises ProbeError. Who wants to be told of compiling has it done before."""
    try:
        return _probed(tool, told, quick=quick, protocol=protocol or (QUICK if quick else USUAL))
    except (MemoryError, OSError) as error:
        raise ProbeError(f"there is no memory for a probe: {error}") from error
    except RuntimeError as error:
        if "thread" not in str(error):
            raise
        raise ProbeError(f"threads cannot be started: {error}") from error


def _probed(tool: str, told: Told, *, quick: bool, protocol: Protocol) -> Machine:
    compile_loops()
    watch, where, cores = Stopwatch(), environment(), default_threads()
    began = watch.clock()
    known, counts = levels(where.processor, where.system), thread_counts(cores, quick=quick)
    told("memory", 0.0, protocol.seconds)
    gauges = _gauges(known, counts, quick=quick)
    before = counters(watch.clock() * NANO, [os.getpid()])
    series = rounds(gauges, protocol, watch, told, began)
    after = counters(watch.clock() * NANO, [os.getpid()])
    return Machine(
        tool=tool,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        isa=HOST.name,
        quick=quick,
        cores=cores,
        widths={each.value: macs(each) for each in every_family()},
        levels=known,
        series=series,
        environment=where,
        disturbance=between(before, after),
    )


def _gauges(known: Sequence[Level], counts: Sequence[int], *, quick: bool) -> list[Gauge]:
    """All that is measured. quick: of small pages only what memory does on them."""
    at, kinds = room(known, counts), tuple(Transfer)
    return [
        *arithmetic(counts),
        *moved(known, range(len(known)), counts, kinds, at, HUGE),
        *latencies(known, range(len(known)), HUGE),
        *curve(known),
        *moved(known, range(len(known) - 1 if quick else 0, len(known)), counts, kinds, at, SMALL),
        *latencies(known, range(len(known) - 1 if quick else 0, len(known)), SMALL),
        *meetings(counts, Stopwatch()),
    ]
