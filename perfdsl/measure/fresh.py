"""What runs in a new process of `startup`: opens a model, calls it twice, tells how it went."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

STATUS = Path("/proc/self/status")


def measured(model: Path, threads: int, tokens: int) -> str:
    """A `startup.Startup` as JSON."""
    began = time.perf_counter_ns()
    from perfdsl.measure.inputs import texts
    from perfdsl.measure.startup import Startup
    from perfdsl.runner.compiling import compiled_here
    from perfdsl.runner.model import EmbeddingModel

    loaded = time.perf_counter_ns()
    opened = EmbeddingModel.open(model, threads=threads)
    ready = time.perf_counter_ns()
    resident_open, peak_open = resident()
    ids = texts(1, tokens, opened.config.vocab)
    called = time.perf_counter_ns()
    opened.embed_ids(ids)
    answered = time.perf_counter_ns()
    opened.embed_ids(ids)
    ended = time.perf_counter_ns()
    now, peak = resident()
    return Startup(
        threads=threads,
        tokens=tokens,
        imports=loaded - began,
        open=ready - loaded,
        first=answered - called,
        again=ended - answered,
        resident_open=resident_open,
        peak_open=peak_open,
        resident=now,
        peak=peak,
        compiled=len(compiled_here()),
    ).model_dump_json()


def resident(status: Path = STATUS) -> tuple[int, int]:
    """Bytes of this process in memory now, and at most so far; 0 where the system does not tell."""
    try:
        text = status.read_text("ascii", "replace")
    except OSError:
        return 0, 0
    told = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", text, re.MULTILINE))
    return int(told.get("VmRSS", 0)) * 1024, int(told.get("VmHWM", 0)) * 1024


def answer(arguments: Sequence[str]) -> None:
    """The model's file, threads, tokens, and the number of the pipe to write to."""
    model, threads, tokens, pipe = arguments
    told = measured(Path(model), int(threads), int(tokens))
    with os.fdopen(int(pipe), "w", encoding="utf-8") as stream:
        stream.write(told)


if __name__ == "__main__":
    answer(sys.argv[1:])
