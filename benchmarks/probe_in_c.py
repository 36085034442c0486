"""What `perfdsl probe` measures, against an independent program in C, round by round.

    python benchmarks/probe_in_c.py [--rounds N] [--only NAME,...]

The C program (`limits.c`) has the same instructions in assembly written by hand, its own threads
and its own ways through memory. In each round each property is measured by both, one after the
other. Rates of instructions, of L1 and of L2 are to be within 5 % of it, of L3 and of memory, which
have two humps on a shared machine, within 15 %; latencies likewise. For x86-64 with AVX512-VNNI and
BF16, and gcc. Exit code 1 where they differ.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from perfdsl.measure.environment import environment
from perfdsl.measure.machine import DRAM, HUGE
from perfdsl.measure.machine_levels import levels, thread_counts
from perfdsl.measure.machine_plan import (
    Gauge,
    Loop,
    arithmetic,
    latencies,
    moved,
    room,
)
from perfdsl.measure.machine_rounds import fastest
from perfdsl.measure.probes.loops import compile_loops
from perfdsl.measure.probes.transfers import Transfer
from perfdsl.measure.statistics import estimate, median, ratios
from perfdsl.measure.timing import NANO
from perfdsl.runner.cores import default_threads

SOURCE = Path(__file__).with_name("limits.c")
NEAR, SHARED = 0.05, 0.15
RUN, SAMPLES = 4e-3, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="clock, int8, ..., read, write, copy, latency")
    asked = parser.parse_args()
    compile_loops()
    gauges = list(_gauges([name for name in asked.only.split(",") if name]))
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "limits"
        command = ["gcc", "-O2", "-march=native", "-pthread", str(SOURCE), "-o", str(program)]
        subprocess.run(command, check=True)
        kept = compared(gauges, program, asked.rounds)
    sys.exit(0 if kept else 1)


def _gauges(only: Sequence[str]) -> Iterator[Gauge]:
    where = environment()
    known = levels(where.processor, where.system)
    counts = thread_counts(default_threads(), quick=True)
    every, kinds = range(len(known)), tuple(Transfer)
    for each in (
        *arithmetic(counts),
        *moved(known, every, counts, kinds, room(known, counts), HUGE),
        *latencies(known, every, HUGE),
    ):
        if not only or each.name in only:
            yield each


def compared(gauges: Sequence[Gauge], program: Path, rounds: int) -> bool:
    """Whether all of them are as near as they are to be."""
    chosen: dict[int, tuple[Loop, int]] = {}
    ours: dict[int, list[float]] = {}
    theirs: dict[int, list[float]] = {}
    for _ in range(rounds):
        for place, gauge in enumerate(gauges):
            if place not in chosen:
                chosen[place] = fastest(gauge, RUN)
            loop, turns = chosen[place]
            spent = min(loop.run(turns) for _ in range(SAMPLES))
            ours.setdefault(place, []).append(loop.amount * turns / (spent * NANO))
            words = [str(program), gauge.name, str(gauge.threads), str(gauge.size)]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            theirs.setdefault(place, []).append(float(done.stdout.split()[1]))
    near = True
    for place, gauge in enumerate(gauges):
        ratio = estimate(ratios(ours[place], theirs[place]))
        limit = SHARED if gauge.level in {"l3", DRAM} else NEAR
        good = abs(ratio.median - 1) <= limit
        near = near and good
        print(
            f"{gauge.name:>7} {gauge.level:>4} on {gauge.threads}:"
            f" {median(ours[place]) / 1e9:8.4g} against {median(theirs[place]) / 1e9:8.4g} G/s"
            f" in C, ratio {ratio.median:.3f} ({ratio.least:.3f} .. {ratio.most:.3f})"
            f"{'' if good else ' !'}"
        )
    return near


if __name__ == "__main__":
    main()
