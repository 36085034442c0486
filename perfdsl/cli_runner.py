"""The commands that run a model: `model inspect`, and whatever else opens a model file.

A command is registered when it can do its work; each has its place below. `model synth` writes a
model file of random weights, `model inspect` tells what a file holds, `embed` turns texts into
vectors, `bench` times them. The runner, its libraries and the measuring wing are imported inside
the commands: this module is loaded for `perfdsl --help`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from perfdsl.arguments import Room
from perfdsl.cli_screen import MISTAKE, Screen
from perfdsl.diagnostics import Diagnostic

room = Room()


# ------------------------------------------------------------------------------- model synth

# ----------------------------------------------------------------------------- model inspect

# ------------------------------------------------------------------------------------- embed

# ------------------------------------------------------------------------------------- bench

# ----------------------------------------------------------------------------------- mistakes


@contextmanager
def mistakes_told(screen: Screen, file: str = "") -> Iterator[None]:
    """What the runner finds wrong with its input ends the program with a message.

    file: the model file's name, for messages that point into it.
    """
    from perfdsl.runner.errors import RunnerError

    try:
        yield
    except RunnerError as error:
        screen.problems([problem(error, file)])
        sys.exit(MISTAKE)


def problem(error: Exception, file: str = "") -> Diagnostic:
    """The message of an error of the runner's: what, in which file, at which byte."""
    from perfdsl.runner.errors import ModelFileError, RunnerError

    assert isinstance(error, RunnerError)
    notes = []
    if isinstance(error, ModelFileError):
        if error.name:
            notes.append(f"of `{_short(error.name)}`")
        if error.offset is not None:
            notes.append(f"at byte {error.offset:,} of {file or 'the file'}")
        elif file:
            notes.append(f"in {file}")
    return Diagnostic(error.code, error.what, None, notes=tuple(notes), help=error.mend)


def _short(name: str) -> str:
    """A name out of a file; nothing limits its length there."""
    return name if len(name) <= 80 else f"{name[:60]}... ({len(name):,} characters)"
