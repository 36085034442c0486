"""The commands that run a model: `model inspect`, and whatever else opens a model file.

A command is registered when it can do its work; each has its place below. `model synth` writes a
model file of random weights, `model inspect` tells what a file holds, `embed` turns texts into
vectors, `bench` times them, `probe` measures the machine, `history` tells what was measured before.
The runner, its libraries and the measuring wing are imported inside the commands: this module is
loaded for `perfdsl --help`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from perfdsl.arguments import Room, argument, option
from perfdsl.cli_answers import written
from perfdsl.cli_options import (
    AnswerForm,
    Color,
    ColorChoice,
    Force,
    ModelForm,
    ModelName,
    NoRecord,
    Output,
    PlainForm,
    Policy,
    Records,
    Scenarios,
    Settings,
    Threads,
    VectorForm,
    Width,
)
from perfdsl.cli_progress import bar
from perfdsl.cli_screen import MISTAKE, Screen, write
from perfdsl.diagnostics import Diagnostic

if TYPE_CHECKING:
    from perfdsl.runner.describe import Description
    from perfdsl.runner.errors import ModelFileError

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

        with bar(f"writing the {size} model") as progress:
            count = save_model(output, size, seed, progress, force=force)
    write(f"{output}: {count:,} bytes, the {size} model with random weights of seed {seed}")


# ----------------------------------------------------------------------------- model profile


@room.command("model profile")
def model_profile(
    file: ModelName,
    tokens: Annotated[
        int, option("--tokens", min=1, max=1 << 17, metavar="N", help="of the text")
    ] = 65,
    threads: Threads = 0,
    rounds: Annotated[int, option("--rounds", min=1, max=10_000, metavar="N", help="timed")] = 11,
    counts: Annotated[
        bool, option("--counts", help="and what is executed, by a build that counts")
    ] = False,
    form: Annotated[PlainForm, option("--format", help="of the page")] = PlainForm.TEXT,
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
) -> None:
    """Tell where the time of a call goes, operator by operator."""
    from perfdsl.cli_embed import profiled

    screen = Screen(color, width)
    with mistakes_told(screen, file):
        found = profiled(file, tokens, threads, rounds, counting=counts)
    from perfdsl.present import profile_page

    if form is PlainForm.JSON:
        write(profile_page.document(found))
    else:
        write(profile_page.page(found, screen.theme(sys.stdout)))


# ----------------------------------------------------------------------------- model inspect


@room.command("model inspect")
def model_inspect(
    file: ModelName,
    form: Annotated[PlainForm, option("--format", help="of the page")] = PlainForm.TEXT,
    to: Annotated[ModelForm | None, option("--to", help="perf: a program with its shape")] = None,
    output: Output = None,
    force: Force = False,
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
) -> None:
    """Tell what a model file holds, or write its shape as .perf."""
    screen = Screen(color, width)
    with mistakes_told(screen, file):
        from perfdsl.runner.describe import describe
        from perfdsl.runner.gguf import open_gguf

        found = describe(open_gguf(file))
        text = _told(found, form, to, screen, plain=output is not None)
    refused = written(text, output, force=force)
    if refused is not None:
        screen.problems([refused])
        sys.exit(MISTAKE)


def _told(
    found: Description, form: PlainForm, to: ModelForm | None, screen: Screen, *, plain: bool
) -> str:
    """plain: for a file, and so without colour."""
    if to is ModelForm.PERF:
        from perfdsl.runner.to_perf import to_perf

        return to_perf(found).rstrip("\n")
    if form is PlainForm.JSON:
        from perfdsl.present.model_json import document

        return document(found)
    from perfdsl.present.model_page import page

    shown = Screen(ColorChoice.NEVER, screen.width) if plain else screen
    return page(found, shown.theme(sys.stdout))


# ------------------------------------------------------------------------------------- embed


@room.command()
def embed(
    file: ModelName,
    texts: Annotated[
        list[str] | None, argument(metavar="TEXT", help="none: standard input, one text a line")
    ] = None,
    ids: Annotated[bool, option("--ids", help="texts are token ids: `2,818,4282,1`")] = False,
    prompt: Annotated[
        str, option("--prompt", metavar="NAME", help="put a prompt in front: query, document, ...")
    ] = "",
    title: Annotated[str, option("--title", help="of the document, with --prompt document")] = "",
    dim: Annotated[
        int, option("--dim", min=0, metavar="N", help="values of a vector: 768, 512, 256, 128")
    ] = 0,
    truncate: Annotated[
        bool, option("--truncate", help="cut texts that are longer than the model takes")
    ] = False,
    threads: Threads = 0,
    form: Annotated[VectorForm, option("--format", help="of the vectors")] = VectorForm.TEXT,
    output: Output = None,
    force: Force = False,
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
) -> None:
    """Turn texts into vectors."""
    from perfdsl.cli_embed import Request, embedded

    request = Request(file, texts or [], ids, prompt, title, dim, truncate, threads, form)
    screen = Screen(color, width)
    with mistakes_told(screen, file):
        refused = embedded(request, output, force=force)
    if refused is not None:
        screen.problems([refused])
        sys.exit(MISTAKE)


# ------------------------------------------------------------------------------------- bench


@room.command()
def bench(
    file: ModelName,
    tokens: Annotated[
        str, option("--tokens", metavar="N,N", help="lengths of the text that is timed")
    ] = "1,12,65,256,512",
    batches: Annotated[
        list[str] | None, option("--batch", metavar="NxN", help="64x12: many texts in one call")
    ] = None,
    threads: Annotated[
        str, option("--threads", metavar="N,N", help="numbers of threads; else one, and all")
    ] = "",
    peers: Annotated[
        list[str] | None, option("--peer", metavar="NAME", help="llama.cpp, torch or torch-fp32")
    ] = None,
    python: Annotated[
        str, option("--peer-python", metavar="PATH", help="the interpreter that has the peers")
    ] = "",
    rounds: Annotated[
        int, option("--rounds", min=1, max=1000, metavar="N", help="in each, all have a turn")
    ] = 7,
    starts: Annotated[
        int, option("--starts", min=0, max=100, metavar="N", help="new processes that open it")
    ] = 2,
    form: Annotated[AnswerForm, option("--format", help="of what is printed")] = AnswerForm.TEXT,
    output: Annotated[
        Path | None, option("--output", "-o", metavar="FILE", help="all rounds, as JSON")
    ] = None,
    append: Annotated[bool, option("--append", help="add rounds to the output file")] = False,
    force: Force = False,
    records: Records = None,
    no_record: NoRecord = False,
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
) -> None:
    """Time a model beside its peers and beside what this machine could do at most."""
    from perfdsl import cli_bench

    screen = Screen(color, width)
    asked = cli_bench.Asked(
        file, tokens, batches or [], threads, peers or [], python, rounds, starts, form, output,
        append, force, records, no_record,
    )  # fmt: skip
    with mistakes_told(screen, file):
        code = cli_bench.bench(asked, screen, problem)
    sys.exit(code)


# ------------------------------------------------------------------------------------- probe


@room.command()
def probe(
    quick: Annotated[
        bool, option("--quick", help="10 s instead of 60: one thread and all, fewer rounds")
    ] = False,
    output: Annotated[
        Path | None, option("--output", "-o", metavar="FILE", help="write a hardware file, .perf")
    ] = None,
    form: Annotated[
        PlainForm, option("--format", help="of what is printed; json: the record, every sample")
    ] = PlainForm.TEXT,
    force: Force = False,
    records: Records = None,
    no_record: NoRecord = False,
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
) -> None:
    """Measure this machine: clock, peaks, caches, memory; -o writes it as a hardware file."""
    from perfdsl import cli_probe

    screen = Screen(color, width)
    asked = cli_probe.Asked(quick, output, form, force, records, no_record)
    with mistakes_told(screen):
        code = cli_probe.probe(asked, screen, problem)
    sys.exit(code)


# ----------------------------------------------------------------------------------- history


@room.command()
def history(
    record: Annotated[
        list[str] | None, argument(metavar="A B", help="ids, their beginnings, or files")
    ] = None,
    records: Records = None,
    kind: Annotated[str, option("--kind", metavar="KIND", help="list records of this kind")] = "",
    last: Annotated[
        int, option("--last", min=1, max=100_000, metavar="N", help="so many of the newest")
    ] = 20,
    gate: Annotated[
        float | None,
        option("--gate", min=0, max=1e6, metavar="PERCENT", help="1 if B is worse by more"),
    ] = None,
    form: Annotated[PlainForm, option("--format", help="of the page")] = PlainForm.TEXT,
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
) -> None:
    """List what was measured, or compare two records as noise allows."""
    from perfdsl import cli_history

    screen = Screen(color, width)
    asked = cli_history.Asked(record or [], records, kind, last, form, gate)
    with mistakes_told(screen):
        code = cli_history.history(asked, screen)
    sys.exit(code)


# ---------------------------------------------------------------------------------- validate


@room.command()
def validate(
    analysis: Annotated[str, argument(metavar="ANALYSIS", help="a .perf file with an analysis")],
    machine: Annotated[str, option("--machine", metavar="FILE", help="this machine, as .perf")],
    model: Annotated[str, option("--model", metavar="FILE", help="a model file, in GGUF")] = "",
    name: Annotated[str, option("--analysis", metavar="NAME", help="where there are several")] = "",
    tokens: Annotated[
        str, option("--tokens", metavar="N,N", help="lengths of the text that is measured")
    ] = "1,12,65,512",
    threads: Annotated[
        str, option("--threads", metavar="N,N", help="numbers of threads; else one, and all")
    ] = "",
    rounds: Annotated[
        int, option("--rounds", min=1, max=1000, metavar="N", help="in each, all have a turn")
    ] = 5,
    no_counts: Annotated[
        bool, option("--no-counts", help="do not count what is executed: saves some seconds")
    ] = False,
    settings: Settings = None,
    scenarios: Scenarios = None,
    policy: Policy = "",
    form: Annotated[AnswerForm, option("--format", help="of the report")] = AnswerForm.TEXT,
    fit: Annotated[
        str, option("--fit", metavar="N,N", help="fit efficiencies to these, predict the others")
    ] = "",
    proposing: Annotated[bool, option("--next", help="measure what would tell most, too")] = False,
    picture: Annotated[
        Path | None, option("--picture", metavar="FILE", help="a roofline, .svg or .png")
    ] = None,
    replay: Annotated[
        Path | None, option("--replay", metavar="FILE", help="a record instead of a measurement")
    ] = None,
    force: Force = False,
    records: Records = None,
    no_record: NoRecord = False,
    color: Color = ColorChoice.AUTO,
    width: Width = 0,
) -> None:
    """Hold a prediction against this machine: run a model, tell what binds and how far it is."""
    from perfdsl import cli_validate

    screen = Screen(color, width)
    asked = cli_validate.Asked(
        analysis, name, model, machine, tokens, threads, rounds, not no_counts, settings or [],
        scenarios or [], policy, form, fit, proposing, picture, force, replay, records, no_record,
    )  # fmt: skip
    with mistakes_told(screen, model):
        code = cli_validate.validate(asked, screen, problem)
    sys.exit(code)


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
    notes = _place(error, file or "the file") if isinstance(error, ModelFileError) else ()
    return Diagnostic(error.code, error.what, None, notes=notes, help=error.mend)


def _place(error: ModelFileError, file: str) -> tuple[str, ...]:
    where = f"in {file}" if error.offset is None else f"at byte {error.offset:,} of {file}"
    return (f"`{_short(error.name)}`, {where}" if error.name else where,)


def _short(name: str) -> str:
    """A name out of a file; nothing limits its length there."""
    return name if len(name) <= 80 else f"{name[:60]}... ({len(name):,} characters)"
