"""What disturbed a measurement: time that the host took away, other programs, preemptions."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable
from pathlib import Path

from perfdsl.measure.recorded import Recorded

PROC = Path("/proc")
# The columns of the line `cpu` in /proc/stat (proc(5)): user nice system idle iowait irq softirq
# steal, in clock ticks over all processors; and utime, stime in /proc/PID/stat behind the name.
IDLE, IOWAIT, STEAL, COLUMNS = 3, 4, 7, 8
UTIME, STIME = 11, 12


class Disturbance(Recorded):
    """Over `seconds`: shares of the time of all processors, and preemptions of this process.

    others: what neither the measuring processes used, nor was idle or stolen.
    """

    seconds: float
    stolen: float
    others: float
    preempted: int


class Counters(Recorded):
    """Counters of the OS at one moment, in seconds; all but `clock` over all processors."""

    clock: float
    total: float
    idle: float
    stolen: float
    own: float
    preempted: int


def counters(clock: float, processes: Iterable[int], proc: Path = PROC) -> Counters:
    """clock: seconds of a monotonic clock; processes: those that measure.

    What the system does not tell is 0.
    """
    ticks = [*_ticks(proc / "stat")[1 : COLUMNS + 1], *[0.0] * COLUMNS][:COLUMNS]
    return Counters(
        clock=clock,
        total=sum(ticks),
        idle=ticks[IDLE] + ticks[IOWAIT],
        stolen=ticks[STEAL],
        own=sum(_used(proc / str(process) / "stat") for process in processes),
        preempted=resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw,
    )


def between(before: Counters, after: Counters) -> Disturbance:
    """What happened from one moment to another."""
    total = after.total - before.total
    stolen = after.stolen - before.stolen
    busy = total - stolen - (after.idle - before.idle)
    foreign = max(0.0, busy - (after.own - before.own))
    return Disturbance(
        seconds=after.clock - before.clock,
        stolen=max(0.0, stolen) / total if total > 0 else 0.0,
        others=foreign / total if total > 0 else 0.0,
        preempted=after.preempted - before.preempted,
    )


def _used(stat: Path) -> float:
    """Seconds that a process and all of its threads have computed."""
    return sum(_ticks(stat)[UTIME : STIME + 1])


def _ticks(stat: Path) -> list[float]:
    """The numbers of the first line in seconds, behind the name in brackets if there is one."""
    try:
        line = stat.read_text("utf-8", "replace").partition("\n")[0]
    except OSError:
        return []
    per_second = os.sysconf("SC_CLK_TCK")
    return [int(w) / per_second if w.isdigit() else 0.0 for w in line.rpartition(")")[2].split()]
