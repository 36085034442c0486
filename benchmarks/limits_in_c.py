"""The limits that `perfdsl bench` measures, against an independent program in C, round by round.

    python benchmarks/limits_in_c.py [--rounds N]

The C program (`limits.c`) has the same instructions in assembly written by hand, and its own
threads. Peaks are to be within 5 % of it; reads from memory, which have two humps on a shared
machine, within 15 %. For x86-64 with AVX512-VNNI and BF16, and gcc. Exit code 1 where they differ.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from perfdsl.measure.limits import Peaks, Stream
from perfdsl.measure.statistics import estimate, median, ratios
from perfdsl.measure.timing import Stopwatch

SOURCE = Path(__file__).with_name("limits.c")
NEAR = {"int8": 0.05, "bf16": 0.05, "fp32": 0.05, "stream": 0.15}
SIZE = 113_150_976  # of EmbeddingGemma's weights without the embedding


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "limits"
        command = ["gcc", "-O2", "-march=native", "-pthread", str(SOURCE), "-o", str(program)]
        subprocess.run(command, check=True)
        kept = [compared(program, threads, rounds) for threads in (1, 2)]
    sys.exit(0 if all(kept) else 1)


def compared(program: Path, threads: int, rounds: int) -> bool:
    """Whether all limits of so many threads are as near as they are to be."""
    watch, probes = Stopwatch(), (Peaks(), Stream(SIZE))
    ours: dict[str, list[float]] = {name: [] for name in NEAR}
    theirs: dict[str, list[float]] = {name: [] for name in NEAR}
    for _ in range(rounds):
        found = {k: v for probe in probes for k, v in probe.rates(threads, watch).items()}
        for name in NEAR:
            ours[name].append(median(found[name]))
            words = [str(program), name, str(threads), str(SIZE)]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            theirs[name].append(float(done.stdout.split()[0]))
    near = True
    for name, limit in NEAR.items():
        ratio = estimate(ratios(ours[name], theirs[name]))
        good = abs(ratio.median - 1) <= limit
        near = near and good
        print(
            f"{name:>6} on {threads}: {median(ours[name]) / 1e9:7.1f} against"
            f" {median(theirs[name]) / 1e9:7.1f} G/s in C, ratio {ratio.median:.3f}"
            f" ({ratio.low:.3f} .. {ratio.high:.3f}) {'' if good else '!'}"
        )
    return near


if __name__ == "__main__":
    main()
