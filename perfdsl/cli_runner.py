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
from enum import StrEnum
from typing import Annotated

from perfdsl.arguments import Room, option
from perfdsl.cli_options import Color, ColorChoice, Width
from perfdsl.cli_progress import bar
from perfdsl.cli_screen import MISTAKE, Screen, write
from perfdsl.diagnostics import Diagnostic

room = Room({"model": "Files of models: make one of random weights, look into one."})


# ------------------------------------------------------------------------------- model synth


class ModelSize(StrEnum):
    """The sizes of made-up models; their shapes are in `perfdsl.runner.synth`."""

    FULL = "full"
    SMALL = "small"
    TINY = "tiny"


@room.command("model synth")
def model_synth(
    output: Annotated[str, option("--output", "-o", metavar="FILE", help="the file to write")],
    size: Annotated[ModelSize, option("--size", help="how large")] = ModelSize.SMALL,
    seed: Annotated[
        int, option("--seed", min=0, max=2**64 - 1, metavar="N", help="same seed, same bytes")
    ] = 0,
    force: Annotated[bool, option("--force", help="replace a file that is there")] = False,
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
) -> None:
    """Write a model of random weights: EmbeddingGemma's structure, with a tokenizer of its own."""
    with mistakes_told(Screen(color, width)):
        from perfdsl.runner.synth import save_model

        with bar(f"writing {output}") as progress:
            written = save_model(output, size, seed, progress, force=force)
    write(f"{output}: {written:,} bytes, the {size} model with random weights of seed {seed}")


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
