"""Which words of the workspace a phase of the runner reads and writes, found by trying.

A word (four bytes) is written if it is another one after the phase, for any of several random
contents of the workspace. It is read if the phase writes something else once the word is another.
Nothing here knows what a phase is meant to do; the kernels are those of every call.

Words that are read and have no say are not found: keys behind the end of a text, whose scores are
hidden, and q and k of a text of one token, whose only weight is 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass
from perfdsl.runner.forward import FIRST_PHASES
from perfdsl.runner.job import ATTN_NORM as ATTN_NORM_WEIGHTS
from perfdsl.runner.job import (
    D_MODEL,
    DENSE,
    DENSE_2,
    DENSE_2_SCALES,
    DENSE_2_TALLY,
    DENSE_3,
    DENSE_3_SCALES,
    DENSE_3_TALLY,
    EPS,
    IDS,
    INNER,
    KEPT,
    LAYER_TABLE,
    MARKS,
    POOLED,
    ROWS,
    STARTS,
    TALLY_BYTES,
    TEXTS,
    TILES,
    VECTORS,
    VOCAB_TABLE,
    WIDE,
    Share,
    X,
    blocks_of,
    share_of,
    tallies_of,
)  # fmt: skip
from perfdsl.runner.job import LAYERS as LAYERS_WORD
from perfdsl.runner.kernels.elements import PAIRS
from perfdsl.runner.kernels.embedding import embed_rows
from perfdsl.runner.kernels.norms import norm_rows
from perfdsl.runner.kernels.pooling import pool_rows, unit_rows
from perfdsl.runner.kernels.quantise import quantise_rows
from perfdsl.runner.kernels.words import number, word
from perfdsl.runner.layer import PHASES, run_phase
from perfdsl.runner.model import EmbeddingModel
from perfdsl.runner.products import product
from perfdsl.runner.workspace import Workspace

Words = NDArray[np.uint32]
Mask = NDArray[np.bool_]
NEAR = ("scratch",)  # of a thread's own: stays near the core
FILLS = 3  # random contents: a word that is written stays the same in all of them by no chance
OPERANDS = ("q", "k", "v") if PAIRS == 2 else ()  # regions of pairs of bf16
LARGE = np.array([100.0], np.float32).view(np.uint32)[0]  # beside numbers of size 1
LARGE_PAIR = np.uint32(0x42C842C8)  # 100 and 100 in bf16
UPPER = np.uint32(0xFFFF0000)
WORD = 4  # bytes


@dataclass(frozen=True, slots=True)
class Touched:
    """Bytes by region of the workspace (`forward`), without those of which there are none."""

    read: dict[str, int]
    written: dict[str, int]


@dataclass(frozen=True, slots=True)
class Phases:
    """A workspace in which a pass has run, and its phases one by one."""

    room: Workspace

    @property
    def job(self) -> int:
        return self.room.address

    def run(self, phase: str, layer: int) -> None:
        """One phase as thread 0 of 1 computes it, as in `forward`."""
        own = share_of(self.job, 0, 1, 0, 1)
        if phase in PHASES:
            run_phase(self.job, layer, PHASES.index(phase), own, 0, 1)
        elif phase in FIRST_PHASES:
            self._first(phase)
        else:
            self._last(phase)

    def _at(self, name: int) -> int:
        return word(self.job, name)

    def _first(self, phase: str) -> None:
        blocks, rows = blocks_of(self.job, D_MODEL), self._at(ROWS)
        if phase == "embed":
            table, ids = self._at(VOCAB_TABLE), self._at(IDS)
            embed_rows(table, blocks, ids, 0, rows, self._at(X), self._at(MARKS))
        else:
            before = word(self._at(LAYER_TABLE), ATTN_NORM_WEIGHTS)
            eps = number(self.job, EPS)
            norm_rows(self._at(X), before, blocks, eps, rows, 0, rows, self._at(TILES))

    def _last(self, phase: str) -> None:
        job, texts = self.job, self._at(TEXTS)
        blocks, inside = blocks_of(job, D_MODEL), blocks_of(job, DENSE)
        pooled, wide, tiles, inner = map(self._at, (POOLED, WIDE, TILES, INNER))
        own = Share(0, texts, 0, 1, 0, 1, True)
        tally = tallies_of(job, self._at(LAYERS_WORD), 0)
        match phase:
            case "pool":
                pool_rows(self._at(X), blocks, self._at(STARTS), 0, texts * blocks, pooled)
            case "quantise_pooled":
                quantise_rows(pooled, blocks, texts, 0, texts, tiles)
            case "dense_2":
                matrix, scales = self._at(DENSE_2), self._at(DENSE_2_SCALES)
                counts = tally + DENSE_2_TALLY * TALLY_BYTES
                product(own, matrix, scales, inside, blocks, tiles, wide, 0, 0, counts)
            case "quantise_dense":
                quantise_rows(wide, inside, texts, 0, texts, inner)
            case "dense_3":
                matrix, scales = self._at(DENSE_3), self._at(DENSE_3_SCALES)
                counts = tally + DENSE_3_TALLY * TALLY_BYTES
                product(own, matrix, scales, blocks, inside, inner, pooled, 0, 0, counts)
            case "normalise":
                unit_rows(pooled, blocks, self._at(KEPT), 0, texts, self._at(VECTORS))
            case _:
                raise ValueError(phase)

    # ---------------------------------------------------------------------------- what it touches

    def touched(self, phase: str, layer: int, random: np.random.Generator) -> Touched:
        """Of one phase; the workspace is afterwards what it was before."""
        regions = self._regions()
        with _kept(regions):
            written = self._written(phase, layer, regions, random)
            read = self._read(phase, layer, regions, written, random)
        return Touched(_bytes(read), _bytes(written))

    def _regions(self) -> dict[str, Words]:
        arrays = self.room._arrays
        return {name: each.view(np.uint32) for name, each in arrays.items() if name not in NEAR}

    def _written(
        self, phase: str, layer: int, regions: dict[str, Words], random: np.random.Generator
    ) -> dict[str, Mask]:
        found = {name: np.zeros(each.size, bool) for name, each in regions.items()}
        for _ in range(FILLS):
            before = self._filled(regions, random)
            self.run(phase, layer)
            for name, each in regions.items():
                found[name] |= each != before[name]
        return found

    def _read(
        self,
        phase: str,
        layer: int,
        regions: dict[str, Words],
        written: dict[str, Mask],
        random: np.random.Generator,
    ) -> dict[str, Mask]:
        """What is written is compared, once for each word that another one takes the place of."""
        before = self._filled(regions, random)
        outputs = {name: mask for name, mask in written.items() if mask.any()}

        def result() -> bytes:
            self.run(phase, layer)
            told = b"".join(regions[name][mask].tobytes() for name, mask in outputs.items())
            for name in outputs:
                regions[name][:] = before[name]
            return told

        usual, found = result(), {}
        for name, each in regions.items():
            found[name] = np.zeros(each.size, bool)
            if not self._matters(each, before[name], result, usual):
                continue
            for at in range(each.size):
                each[at] = LARGE_PAIR if name in OPERANDS else LARGE
                found[name][at] = result() != usual
                each[at] = before[name][at]
        return found

    def _matters(
        self, region: Words, before: Words, result: Callable[[], bytes], usual: bytes
    ) -> bool:
        """Whether anything in a region has a say: all of it is another."""
        region[:] = (region.view(np.float32) * 2).view(np.uint32) ^ np.uint32(0x00010001)
        differs = result() != usual
        region[:] = before
        return differs

    def _filled(self, regions: dict[str, Words], random: np.random.Generator) -> dict[str, Words]:
        """Random numbers, in float32 or pairs of bf16; what now stands there."""
        for name, each in regions.items():
            each[:] = _numbers(each.size, random)
            if name in OPERANDS:  # another number in the lower half
                each[:] = each & UPPER | _numbers(each.size, random) >> np.uint32(16)
        return {name: each.copy() for name, each in regions.items()}


def _numbers(count: int, random: np.random.Generator) -> Words:
    """Between 1/2 and 1, with either sign, as the bits of float32."""
    values = random.uniform(0.5, 1, count) * random.choice([-1, 1], count)
    return values.astype(np.float32).view(np.uint32)


@contextmanager
def _kept(regions: dict[str, Words]) -> Iterator[None]:
    before = {name: each.copy() for name, each in regions.items()}
    yield
    for name, each in regions.items():
        each[:] = before[name]


def _bytes(masks: dict[str, Mask]) -> dict[str, int]:
    return {name: WORD * int(mask.sum()) for name, mask in masks.items() if mask.any()}


@contextmanager
def phases_of(path: Path, texts: list[NDArray[np.int64]]) -> Iterator[Phases]:
    """The phases of a pass of these texts (ids)."""
    with EmbeddingModel.open(path, threads=1) as model:
        room, _ = model.run_together(texts)
        yield Phases(room)
