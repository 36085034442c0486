"""How long it takes until a model answers, and what it holds of memory: each time in a new process.

A process measures itself (`fresh`) and writes what it saw to a pipe. Imports are done before the
clock starts; the file is in the page cache after the first of the processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pydantic import ValidationError

from perfdsl.measure.recorded import Recorded
from perfdsl.runner.errors import RunnerError

SECONDS = 300.0


class Startup(Recorded):
    """One process. Times in nanoseconds, memory in bytes.

    first: the first call, of `tokens` tokens; again: the next one like it. peak_open: the most that
    was resident until the model was open; resident and peak: after both calls. compiled: kernels
    that were not found in the cache: 0 with a warm one.
    """

    threads: int
    tokens: int
    imports: int
    open: int
    first: int
    again: int
    resident_open: int
    peak_open: int
    resident: int
    peak: int
    compiled: int


class StartupError(RunnerError):
    """A new process did not answer; the message says why."""

    code = "P823"


def startup(model: Path, threads: int, tokens: int, seconds: float = SECONDS) -> Startup:
    """Measured by a new process. Raises StartupError."""
    answer, question = os.pipe()
    command = [sys.executable, "-m", "perfdsl.measure.fresh"]
    arguments = [str(model), str(threads), str(tokens), str(question)]
    try:
        done = subprocess.run(  # noqa: S603  this interpreter with a module of our own
            [*command, *arguments],
            pass_fds=[question],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise StartupError(f"a new process did not answer within {seconds:g} s") from error
    finally:
        os.close(question)
        with os.fdopen(answer, "rb") as stream:
            told = stream.read()
    try:
        return Startup.model_validate_json(told)
    except ValidationError as error:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise StartupError(f"a new process failed: {last or done.returncode}") from error
