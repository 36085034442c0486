"""`perfdsl embed` and `model profile`: a model opened, texts or ids in, vectors or times out."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from perfdsl.cli_answers import saved, written
from perfdsl.cli_options import VectorForm
from perfdsl.cli_progress import bar
from perfdsl.cli_screen import write
from perfdsl.diagnostics import Diagnostic
from perfdsl.records import dataclass

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from perfdsl.measure.profile import Profile
    from perfdsl.runner.model import EmbeddingModel

    Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Request:
    """What `perfdsl embed` was asked for; dim 0 is all of a vector, threads 0 as many as may be."""

    model: str
    texts: Sequence[str]
    ids: bool
    prompt: str
    title: str
    dim: int
    truncate: bool
    threads: int
    form: VectorForm


def embedded(request: Request, output: Path | None, *, force: bool) -> Diagnostic | None:
    """Answer a request; why the output cannot be written, if it cannot.

    Raises RunnerError for what is wrong with the request or with the model's file.
    """
    from perfdsl.runner.errors import InputError

    if request.form is VectorForm.NUMPY and output is None and sys.stdout.isatty():
        raise InputError("an array of NumPy's is not for a terminal", "name a file: -o vectors.npy")
    if request.ids and request.prompt:
        raise InputError("ids have no prompt in front", "put the prompt's ids before the text's")
    texts = list(request.texts or _lines())
    if not texts:
        raise InputError("there is nothing to embed", "give texts, or lines on standard input")
    with compiling_told(), _opened(request.model, request.threads) as model:
        given = list(_ids(model, request, texts))
        with bar("embedding") as told:
            vectors = model.embed_ids(
                given, dim=request.dim or None, truncate=request.truncate, told=told
            )
    if request.form is VectorForm.NUMPY:
        return _array_put(vectors, output, force=force)
    counts = [min(len(ids), model.config.context) for ids in given]
    return written(_text(request, counts, vectors), output, force=force)


@contextmanager
def compiling_told() -> Iterator[None]:
    """Says so while kernels are compiled, some seconds on the first run, and why on each run."""
    from perfdsl.runner.compiling import Compiling, told_of_compiling
    from perfdsl.runner.crew import ENTRIES
    from perfdsl.runner.forward import forward
    from perfdsl.runner.kernel_cache import why_uncached
    from perfdsl.runner.packing import pack

    with bar("compiling kernels, once per machine") as told:

        def compiling(kernel: Compiling) -> None:
            told(kernel.done, kernel.total)

        with told_of_compiling(compiling, forward, pack, *(entry for entry, _ in ENTRIES)):
            yield
    if reason := why_uncached():
        write(f"note: compiled kernels are not kept for the next run: {reason}", sys.stderr)


def _opened(file: str, threads: int) -> EmbeddingModel:
    from perfdsl.runner.model import EmbeddingModel

    with bar("reading weights") as told:
        return EmbeddingModel.open(file, threads=threads or None, told=told)


def profiled(file: str, tokens: int, threads: int, rounds: int, *, counting: bool) -> Profile:
    """What `perfdsl model profile` tells. Raises RunnerError."""
    from perfdsl.measure.profile import profile

    with compiling_told(), _opened(file, threads) as model:
        return profile(model, tokens, rounds, counting=counting)


def _ids(model: EmbeddingModel, request: Request, texts: Sequence[str]) -> Iterator[Sequence[int]]:
    from perfdsl.runner.prompts import prompted

    for text in texts:
        if request.ids:
            yield _numbers(text)
        elif request.prompt:
            yield model.tokenizer.ids(prompted(text, request.prompt, request.title))
        else:
            yield model.tokenizer.ids(text)


def _numbers(text: str) -> Sequence[int]:
    """`2, 818 4282,1` -> numbers."""
    from perfdsl.runner.errors import InputError

    words = text.replace(",", " ").split()
    for word in words:
        if not (word.isascii() and word.lstrip("-").isdigit() and len(word) <= 12):
            raise InputError(f"`{word[:40]}` is no token id", "ids are whole numbers: 2,818,4282,1")
    return [int(word) for word in words]


def _lines() -> Iterator[str]:
    """The lines of standard input without their ends. Raises InputError for what is not UTF-8."""
    from perfdsl.runner.errors import InputError

    for number, raw in enumerate(sys.stdin.buffer, start=1):
        try:
            yield raw.removesuffix(b"\n").removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            what = f"line {number:,} of standard input is not UTF-8: {error.reason}"
            raise InputError(what) from None


def _text(request: Request, counts: Sequence[int], vectors: Vectors) -> str:
    from perfdsl.present import vector_forms

    if request.form is VectorForm.JSON:
        return vector_forms.document(request.model, counts, vectors.tolist())
    return "\n".join(vector_forms.lines(vectors.tolist()))


def _array_put(vectors: Vectors, output: Path | None, *, force: bool) -> Diagnostic | None:
    """The array in NumPy's own format, to a file or to standard output."""
    import numpy as np

    memory = io.BytesIO()
    np.save(memory, vectors)
    if output is not None:
        return saved(memory.getvalue(), output, force=force)
    sys.stdout.buffer.write(memory.getvalue())
    sys.stdout.buffer.flush()
    return None
