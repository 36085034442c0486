"""Workspaces: the memory in which a model's passes are computed, and the jobs that name it.

A job is the block of words of which native code takes everything: addresses, shapes, this pass's
texts. What does not change between passes is written once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perfdsl.runner.config import Config
from perfdsl.runner.job import (
    COUNTED,
    JOB,
    KEPT,
    LAYER,
    PARTS,
    PIECES,
    ROWS,
    STAMPS,
    TEXTS,
    TILE_BYTES,
)
from perfdsl.runner.kernels.attention import scratch_bytes
from perfdsl.runner.kernels.gate_up import SCRATCH
from perfdsl.runner.kernels.norms import scratch_bytes as norm_scratch
from perfdsl.runner.kernels.rope import turns
from perfdsl.runner.kernels.tally import ARENA, SHADOW, WORDS
from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.layer import PHASES
from perfdsl.runner.memory import LINE, Arena, room
from perfdsl.runner.passes import Pass
from perfdsl.runner.tensors import Blocks
from perfdsl.runner.weights import Matrix, Weights

ELEMENT = 4  # bytes of `HOST.pairs` values of an attention operand
# From so many rows a thread on, each thread has rows of its own (see `forward`). On two threads of
# Zen 5: 65 tokens 10.2 ms shared and 10.6 alone, 128 tokens 22.5 and 21.6, 512 tokens 101 and 94.
ROWS_ALONE = 48
# From more rows a thread than this a step is no whole layer, but a phase of so many rows: in code
# for no instruction set Ctrl-C was then seen within 46 ms in 2,048 tokens, and after 0.43 s before.
PIECE_ROWS = 256
LEAST_ROWS = 32  # a workspace grows by doubling from here


class Workspace:
    """Room for passes of up to `rows` rows, `slots` key slots and texts of up to `rows` tokens.

    It holds the job that native code is given, at `address`; see `forward` for the arrays' shapes.
    vectors: what the last pass made, (texts, kept * 32) as one row; wrong, overflowed: of each
    thread, the first row of the embedding or text with a number that is none, or -1.
    """

    def __init__(
        self,
        config: Config,
        weights: Weights,
        embedding: Blocks,
        threads: int,
        rows: int,
        slots: int,
    ) -> None:
        self.config, self.rows, self.slots, self.threads = config, rows, slots, threads
        self._kept = (weights, embedding)  # their addresses are in the job
        across = config.d_q + 2 * config.d_kv
        widest = max(config.d_model, across, config.dense)
        self.scratch_bytes = -(-_scratch(config, rows) // LINE) * LINE
        sizes = {
            "x": rows * config.d_model * 4,
            "wide": rows * widest * 4,
            "tiles": rows * max(config.d_model, config.d_q) // 32 * TILE_BYTES,
            "inner": rows * max(config.d_ff, config.dense) // 32 * TILE_BYTES,
            "q": rows * config.d_q // HOST.pairs * ELEMENT,
            "k": slots * config.d_kv // HOST.pairs * ELEMENT,
            "v": slots * config.d_kv // HOST.pairs * ELEMENT,
            "pooled": rows * config.d_model * 4,
            "vectors": rows * config.d_model * 4,
            "scratch": threads * self.scratch_bytes,
            "turns_full": rows * config.d_head * 4,
            "turns_window": rows * config.d_head * 4,
        }
        self._arena = Arena(room(*sizes.values()))
        self._arrays = {name: self._arena.take((size,), np.uint8) for name, size in sizes.items()}
        self._turns(rows)
        self.vectors = self._arrays["vectors"].view(np.float32)
        self.ids = np.zeros(rows, np.int32)
        # What is written for each pass, as views that take plain numbers (see `passes.Pass`).
        self._starts, self._slots = _numbers(rows + 1), _numbers(rows + 1)
        self._part_rows = _numbers(threads + 1)
        self.wrong, self.overflowed = _numbers(threads), _numbers(threads)
        self.stamps = np.zeros(3 + len(PHASES) * config.layers + 6, np.int64)
        self.tallies = np.zeros((threads, config.layers + 1, len(COUNTED), WORDS), np.int64)
        # The oracle's build marks what it reads: rows of the embedding, cache lines of the weights.
        self.marks = np.zeros(config.vocab if HOST.counting else 0, np.uint8)
        self.shadow = np.zeros(weights.arena.used // LINE if HOST.counting else 0, np.uint8)
        self.tallies[..., SHADOW] = self.shadow.ctypes.data
        self.tallies[..., ARENA] = weights.arena.address
        self.layers = np.array(
            [self._layer_words(weights, layer) for layer in range(config.layers)], np.int64
        )
        self.job = np.zeros(len(JOB), np.int64)
        self._fill(weights, embedding)
        self._job, self.address = self.job.data, int(self.job.ctypes.data)
        self._stamps = int(self.stamps.ctypes.data)

    @property
    def steps(self) -> int:
        """Of the pass that was given."""
        a_layer = 1 if self._pieces == 1 else len(PHASES) * self._pieces
        return 2 + self.config.layers * a_layer

    def set(self, **values: int) -> None:
        """Words of the job, by name."""
        for name, value in values.items():
            self.job[JOB.index(name)] = value

    def give(self, texts: Pass, *, kept: int, timed: bool) -> None:
        """The job of this pass: vectors of `kept` * 32 values, phases timed or not."""
        for text, first in enumerate(texts.starts[:-1]):
            self.ids[first : texts.starts[text + 1]] = texts.ids[text]
        _write(self._starts, texts.starts)
        _write(self._slots, texts.slots)
        part_rows = self._parts(texts.rows)
        _write(self._part_rows, part_rows)
        self._pieces = -(-texts.rows // (self.threads * PIECE_ROWS))
        job = self._job
        job[ROWS], job[TEXTS], job[KEPT] = texts.rows, texts.texts, kept
        job[PARTS], job[PIECES] = len(part_rows) - 1, self._pieces
        job[STAMPS] = self._stamps if timed else 0

    def _parts(self, rows: int) -> Sequence[int]:
        """The first row of each thread's own rows and the number of all, or (0, rows): shared."""
        config, threads = self.config, self.threads
        alone = rows >= threads * ROWS_ALONE and threads > 1
        if not alone or config.d_q + 2 * config.d_kv < config.d_model:
            return 0, rows
        return [rows * part // threads for part in range(threads + 1)]

    def _fill(self, weights: Weights, embedding: Blocks) -> None:
        config = self.config
        shape = {
            name: getattr(config, name)
            for name in "layers d_model d_q d_kv d_ff dense heads kv_heads d_head".split()
        }
        self.set(**shape)
        self.job.view(np.float64)[JOB.index("eps")] = config.eps
        for name, matrix in weights.head.items():
            self.set(**_places(name, matrix))
        named = "x wide tiles inner q k v pooled vectors scratch".split()
        self.set(**{name: self._arrays[name].ctypes.data for name in named})
        self.set(
            starts=_address(self._starts),
            slots=_address(self._slots),
            part_rows=_address(self._part_rows),
            wrong=_address(self.wrong),
            overflowed=_address(self.overflowed),
            ids=self.ids.ctypes.data,
        )
        self.set(
            layer_table=self.layers.ctypes.data,
            vocab_table=embedding.ctypes.data,
            output_norm=weights.output_norm.ctypes.data,
            scratch_bytes=self.scratch_bytes,
            tallies=self.tallies.ctypes.data,
            marks=self.marks.ctypes.data,
        )

    def _layer_words(self, weights: Weights, layer: int) -> list[int]:
        norms = weights.norms[layer]
        full = self.config.full[layer]
        words = {
            "attn_norm": norms["attn_norm"].ctypes.data,
            "q_norm": norms["attn_q_norm"].ctypes.data,
            "k_norm": norms["attn_k_norm"].ctypes.data,
            "post_attention_norm": norms["post_attention_norm"].ctypes.data,
            "ffn_norm": norms["ffn_norm"].ctypes.data,
            "post_ffw_norm": norms["post_ffw_norm"].ctypes.data,
            "turns": self._arrays["turns_full" if full else "turns_window"].ctypes.data,
            "reach": self.config.context if full else self.config.reach,
        }
        for name, matrix in weights.layers[layer].items():
            words |= _places(name, matrix)
        return [words[name] for name in LAYER]

    def _turns(self, positions: int) -> None:
        for name, theta in ("full", self.config.theta_full), ("window", self.config.theta_window):
            table = turns(positions, self.config.d_head, theta)
            self._arrays[f"turns_{name}"].view(np.float32)[:] = table.reshape(-1)


def _numbers(count: int) -> memoryview:
    """So many int64."""
    return np.zeros(count, np.int64).data


def _write(numbers: memoryview, values: Sequence[int]) -> None:
    for index, value in enumerate(values):
        numbers[index] = value


def _address(numbers: memoryview) -> int:
    return int(np.asarray(numbers).ctypes.data)


def _places(name: str, matrix: Matrix) -> dict[str, int]:
    return {name: matrix.bytes.ctypes.data, f"{name}_scales": matrix.scales.ctypes.data}


def _scratch(config: Config, longest: int) -> int:
    attention = scratch_bytes(longest, config.heads, config.kv_heads, config.d_head)
    return max(SCRATCH, norm_scratch(config.d_model), attention)
