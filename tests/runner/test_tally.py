"""The oracle's counts: what products execute and read, against loops written out; `==` throughout.

A build that counts is a process of its own; in any other the same tests see that nothing is.
"""

import os

import numpy as np
import pytest

from perfdsl.runner.kernels.gate_up import SCRATCH, gate_up
from perfdsl.runner.kernels.product import product_rows
from perfdsl.runner.kernels.product_inputs import q8_tiles, random_tokens, random_weights
from perfdsl.runner.kernels.tally import ARENA, EXECUTED, PAIRS, SHADOW, WORDS
from perfdsl.runner.kernels.target import COUNT, FORCE, HOST
from perfdsl.runner.packing import pack
from perfdsl.runner.tiling import tile_count
from tests.runner.paths import HERE, passes_with
from tests.runner.products import in_file
from tests.runner.test_gate_up import operands

BYTES = 1 << 17


class Arena:
    """Memory with matrices, one behind another, and a tally whose shadow map covers it."""

    def __init__(self):
        memory = np.zeros(BYTES + 64, np.uint8)
        self.memory = memory[-memory.ctypes.data % 64 :][:BYTES]
        self.shadow = np.zeros(BYTES // 64, np.uint8)
        self.tallies = np.zeros((2, WORDS), np.int64)  # of gate and of up; a product has one
        self.tallies[:, SHADOW] = self.shadow.ctypes.data
        self.tallies[:, ARENA] = self.memory.ctypes.data
        self.tally = self.tallies[0]
        self.used = 0

    def packed(self, w):
        """Offsets of its bytes and of its scales."""
        first = self.used
        scales = first + w.rows * w.blocks * 32
        self.used = scales + -(-w.rows * w.blocks * 2 // 64) * 64
        blocks = in_file(w)
        base = self.memory.ctypes.data
        assert pack(blocks.ctypes.data, w.rows, w.blocks, base + first, base + scales) == -1
        return first, scales

    def lines(self):
        return set(np.flatnonzero(self.shadow).tolist())


def lines_of(*spans):
    """The cache lines of spans (first byte, bytes)."""
    return {byte // 64 for first, size in spans for byte in range(first, first + size)}


def by_hand(rows, n, blocks):
    """Multiply-accumulates of the dot instructions that these shapes take."""
    executed = 0
    for _token in range(rows):
        for _vector in range(n // HOST.lanes):
            for _quad in range(blocks * 8):
                executed += HOST.lanes * 4
    return executed


@pytest.mark.parametrize("rows", [1, 5, 13])
def test_a_product_executes_and_reads_its_panels_and_nothing_else(rows):
    rng = np.random.default_rng(rows)
    arena = Arena()
    arena.packed(random_weights(rng, 32, 3))
    weights, scales = arena.packed(random_weights(rng, 160, 3))
    x = random_tokens(rng, rows, 3)
    tiles, out = q8_tiles(x), np.zeros((rows, 160), np.float32)
    base = arena.memory.ctypes.data
    product_rows(
        base + weights, base + scales, 1, 4, 3, tiles.ctypes.data, rows, 0, tile_count(rows),
        out.ctypes.data, 640, 0, 0, arena.tally.ctypes.data,
    )  # fmt: skip
    panels = lines_of((weights + 32 * 96, 3 * 32 * 96), (scales + 32 * 6, 3 * 32 * 6))
    assert arena.lines() == (panels if HOST.counting else set())
    assert arena.tally[EXECUTED] == (by_hand(rows, 96, 3) if HOST.counting else 0)
    assert arena.tally[PAIRS] == 0


def test_gate_and_up_are_both_counted():
    x, gate, up = operands(13, 96, 128)
    arena = Arena()
    streams = [*arena.packed(gate), *arena.packed(up)]
    arena.packed(random_weights(np.random.default_rng(0), 32, 3))
    tiles, out = q8_tiles(x), np.zeros(13 * 4 * 40, np.uint8)
    scratch = np.zeros(SCRATCH, np.uint8)
    base = arena.memory.ctypes.data
    gate_up(
        base + streams[0], base + streams[1], base + streams[2], base + streams[3], 0, 4, 3,
        tiles.ctypes.data, 13, 0, tile_count(13),
        out.ctypes.data, 4, scratch.ctypes.data, 0, 0, arena.tally.ctypes.data,
    )  # fmt: skip
    spans = [(each, 128 * 3 * (32, 2)[n % 2]) for n, each in enumerate(streams)]
    assert arena.lines() == (lines_of(*spans) if HOST.counting else set())
    expected = by_hand(13, 128, 3) if HOST.counting else 0
    assert arena.tallies[:, EXECUTED].tolist() == [expected, expected]


@pytest.mark.skipif(bool(os.environ.get(COUNT)), reason="this process is such a build already")
@pytest.mark.parametrize("name", HERE)
def test_the_same_in_a_build_that_counts(name):
    assert "4 passed" in passes_with({FORCE: name, COUNT: "1"}, __file__)
