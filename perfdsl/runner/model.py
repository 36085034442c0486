"""EmbeddingModel: a model file opened once, then texts or ids in and vectors out.

    model = EmbeddingModel.open("embeddinggemma-300M-Q8_0.gguf")
    vectors = model.embed(["How fast could it run?"], prompt="query")     # float32 (1, 768)

Vectors have length 1, but for those of which the weights leave nothing: they are zeros. They do not
depend on the number of threads, nor on what else is in the call.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from perfdsl.runner.config import BLOCK, Config, read_config
from perfdsl.runner.cores import default_threads
from perfdsl.runner.errors import InputError, NumberError, TooLongError
from perfdsl.runner.forward import forward
from perfdsl.runner.gguf import GgufFile, open_gguf
from perfdsl.runner.layout import check
from perfdsl.runner.passes import KEYS, Pass, packed, passes
from perfdsl.runner.pool import Pool, Program, program_of
from perfdsl.runner.prompts import prompted
from perfdsl.runner.tensors import Tensors
from perfdsl.runner.tokenizer import Tokenizer, open_tokenizer
from perfdsl.runner.weights import Weights, load_weights
from perfdsl.runner.workspace import LEAST_ROWS, Workspace

Vectors: TypeAlias = NDArray[np.float32]
Told: TypeAlias = Callable[[int, int], None]  # (done, all) of something that takes a while
Run: TypeAlias = Callable[[Program, int, int], None]


class EmbeddingModel:
    """An EmbeddingGemma in Q8_0, ready to run. Use `open`; close it, or use it in a `with`."""

    def __init__(
        self, config: Config, file: GgufFile, tensors: Tensors, weights: Weights, threads: int
    ) -> None:
        self.config, self.file, self.threads = config, file, threads
        self._tensors, self._weights = tensors, weights
        self._pool = Pool(threads)
        self._program = program_of(forward)
        self._tokenizer: Tokenizer | None = None
        self._workspace: Workspace | None = None

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        threads: int | None = None,
        told: Told | None = None,
    ) -> EmbeddingModel:
        """Check a file and pack its weights. threads: as many as this process may use.

        told: called with the number of layers packed so far, and of all. Raises ModelFileError and
        InputError (a number of threads below 1).
        """
        if threads is not None and threads < 1:
            raise InputError(f"{threads} threads are asked for", "use at least 1")
        file = open_gguf(path)
        config = read_config(file)
        check(file, config)
        tensors = Tensors(file)
        weights = load_weights(config, tensors, told)
        return cls(config, file, tensors, weights, threads or default_threads())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads. The model cannot be used afterwards."""
        self._pool.close()

    # -------------------------------------------------------------------------- texts and ids

    @property
    def tokenizer(self) -> Tokenizer:
        """The file's own tokenizer, made when it is first asked for."""
        if self._tokenizer is None:
            self._tokenizer = open_tokenizer(self.file)
        return self._tokenizer

    def embed(
        self,
        texts: Sequence[str],
        *,
        prompt: str = "",
        title: str = "",
        dim: int | None = None,
        truncate: bool = False,
        told: Told | None = None,
    ) -> Vectors:
        """Vectors of texts, (n, dim). prompt: the name of one of `prompts.PROMPTS`, put in front;
        title: of the documents, which the prompt `document` has a place for.

        truncate: cut texts that are longer than the model's context, instead of refusing them.
        """
        if isinstance(texts, str):
            raise InputError("one text is given where a list of texts is expected")
        if prompt or title:
            texts = [prompted(text, prompt, title) for text in texts]
        ids = [self.tokenizer.ids(text) for text in texts]
        return self.embed_ids(ids, dim=dim, truncate=truncate, told=told)

    def embed_ids(
        self,
        ids: Iterable[Sequence[int] | NDArray[np.integer]],
        *,
        dim: int | None = None,
        truncate: bool = False,
        told: Told | None = None,
    ) -> Vectors:
        """Vectors of texts that are token ids already, (n, dim), in their order.

        dim: the first so many values of each vector, made one of length 1 again: a multiple of 32,
        all where it is None. A vector that is all zeros stays so: it has no direction. Raises
        InputError, TooLongError, and NumberError for a weight that is no number and for a vector
        that is not finite, as finite weights can still overflow on the way.
        """
        kept = self._kept(dim)
        texts = [self._checked(number, given, truncate) for number, given in enumerate(ids)]
        width = kept * BLOCK
        out = np.empty(len(texts) * width, np.float32)
        for one in passes(texts):
            last = one.first + one.texts
            self._run(one, kept, out[one.first * width : last * width])
            if told is not None:
                told(last, len(texts))
        return out.reshape(len(texts), width)

    def run_together(
        self, ids: Sequence[NDArray[np.integer]], *, timed: bool = False
    ) -> tuple[Workspace, Weights]:
        """All these texts in one pass: where it ran, with what the instruments noted there."""
        texts = packed(0, [self._checked(number, each, False) for number, each in enumerate(ids)])
        with self._pool.turn() as run:
            room = self._ran(run, texts, self.config.d_model // BLOCK, timed=timed)
        return room, self._weights

    # ---------------------------------------------------------------------------------- inside

    def _run(self, texts: Pass, kept: int, out: Vectors) -> None:
        """One pass. Threads that call at the same time take turns."""
        with self._pool.turn() as run:
            room = self._ran(run, texts, kept, timed=False)
            lost = [text for text in room.overflowed if text >= 0]
            out[:] = room.vectors[: len(out)]
        if lost:
            what = f"the vector of text {texts.first + min(lost):,} is not finite"
            name = Path(self.file.path).name
            mend = f"the weights of {name} overflow: it is damaged, or was made for wider numbers"
            raise NumberError(what, mend=mend)

    def _ran(self, run: Run, texts: Pass, kept: int, *, timed: bool) -> Workspace:
        room = self._room(texts)
        room.give(texts, kept=kept, timed=timed)
        run(self._program, room.address, room.steps)
        if max(room.wrong) >= 0:  # a row of the embedding whose scale is no number
            self._tensors.refuse_rows(room.ids[: texts.rows])
        return room

    def _room(self, texts: Pass) -> Workspace:
        """A workspace that is large enough: the one there is, or a larger one."""
        room, slots = self._workspace, texts.slots[-1]
        if room is None or room.rows < texts.rows or room.slots < slots:
            rows = LEAST_ROWS
            while rows < texts.rows:
                rows *= 2
            slots = max(slots, -(-rows // KEYS) * KEYS)
            self._workspace = None  # given back before the larger one is taken
            room = self._workspace = Workspace(
                self.config, self._weights, self._tensors.embedding, self.threads, rows, slots
            )
        return room

    def _kept(self, dim: int | None) -> int:
        """How many blocks of 32 values of a vector are kept."""
        width = self.config.d_model
        if dim is None:
            return width // BLOCK
        if not 0 < dim <= width or dim % BLOCK:
            what = f"vectors of {dim:,} values are asked for; this model's have {width:,}"
            raise InputError(what, f"use a multiple of {BLOCK} up to {width:,}")
        return dim // BLOCK

    def _checked(
        self, number: int, given: Sequence[int] | NDArray[np.integer], truncate: bool
    ) -> NDArray[np.integer]:
        """The ids of text `number`, each of them a token's. Raises InputError."""
        ids = _array(number, given)
        if len(ids) > self.config.context:
            if not truncate:
                most = self.config.context
                what = f"text {number:,} has {len(ids):,} tokens, the model takes {most:,}"
                raise TooLongError(what, "cut it, or let it be cut (truncate)")
            ids = np.concatenate([ids[: self.config.context - 1], ids[-1:]])
        plain = ids.tolist()
        low, high = min(plain), max(plain)
        if low < 0 or high >= self.config.vocab:
            wrong = low if low < 0 else high
            what = f"text {number:,} holds the id {wrong:,}; ids are 0 to {self.config.vocab - 1:,}"
            raise InputError(what)
        return ids


def _array(number: int, given: Sequence[int] | NDArray[np.integer]) -> NDArray[np.integer]:
    """Whole numbers in one dimension, at least one. Raises InputError for anything else."""
    try:
        ids = np.asarray(given)
    except ValueError:  # lists of different lengths
        ids = np.empty(1, object)
    if ids.size == 0:
        raise InputError(f"text {number:,} has no ids")
    if ids.dtype.kind not in "iu":
        raise InputError(f"the ids of text {number:,} are {ids.dtype}: whole numbers are expected")
    if ids.ndim != 1:
        raise InputError(f"the ids of text {number:,} have the shape {ids.shape}: a list is wanted")
    return ids
