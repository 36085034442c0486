"""Norms: what stands between two products, in one pass over a row: add, normalise, quantise.

A layer has two such places. Behind attention and behind the feed-forward network,

    x += norm(added) * after          the branch is normalised before it is added to the stream
    out = norm(x) * before            the input of what follows, quantised as the product reads it

with norm(v) = v / sqrt(mean(v^2) + eps) over the row (RMSNorm). The sums need whole rows, so a row
is read three times; it lies in L1 from the first to the last (3 KiB for 768 columns; the four rows
of a pass are a quarter of it). The first layer has nothing to add; behind the last one the result
stays float32, for pooling. Weights are used as the file stores them: 1 + w already.

The sum of squares is kept in eight vectors, added up in a fixed order: the result depends neither
on the tile nor on the thread. It does on the instruction set (its lanes), within rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.quantise import BLOCK, BYTES, Place, emit_row
from perfdsl.runner.kernels.vector import F32, Emitter, Value
from perfdsl.runner.tiling import tile_around

SUMS = 8  # vectors of sums: additions of 4 cycles, two of which begin in each
ROW = 4 * BLOCK  # bytes of a block of float32

Floats: TypeAlias = NDArray[np.float64]
Vectors: TypeAlias = Callable[[Value], Value]  # a byte offset into a row -> the vector there


# ------------------------------------------------------------------ reference


def normed(values: Floats, weights: Floats, eps: float) -> Floats:
    """(rows, columns), (columns,) -> RMSNorm over the columns, times the weights."""
    root: Floats = np.sqrt((values**2).mean(1, keepdims=True) + eps)
    return values / root * weights


def added(values: Floats, stream: Floats, after: Floats, eps: float) -> Floats:
    """The stream once the normalised branch is added: (rows, columns)."""
    return stream + normed(values, after, eps)


# ------------------------------------------------------------------ fast


def emit_squares(e: Emitter, value: Vectors, blocks: Value) -> Value:
    """The sum of the squares of `blocks` * 32 numbers, as one float32; each is emitted once."""
    b = e.builder
    whole, width = SUMS * e.lanes // BLOCK, 4 * e.lanes  # blocks of a step, bytes of a vector

    def squared(sums: list[Value], begin: Value, count: int) -> list[Value]:
        values = [value(e.at(begin, i * width)) for i in range(count)]
        return [e.fma(v, v, each) for v, each in zip(values, sums[:count], strict=True)]

    def step(i: Value, sums: list[Value]) -> list[Value]:
        return squared(sums, e.scaled(i, SUMS * width), SUMS)

    def rest(i: Value, sums: list[Value]) -> list[Value]:
        count = BLOCK // e.lanes
        return squared(sums, e.scaled(b.add(done, i), ROW), count) + sums[count:]

    steps = b.udiv(blocks, e.i64(whole))
    done = b.mul(steps, e.i64(whole))
    sums = e.turns(steps, [e.f32(0.0)] * SUMS, step)
    sums = e.turns(b.sub(blocks, done), sums, rest)
    while len(sums) > 1:
        sums = [e.add(even, odd) for even, odd in zip(sums[::2], sums[1::2], strict=True)]
    return e.sum_of(sums[0])


@dataclass(frozen=True, slots=True)
class Row:
    """Emits for one row of `blocks` * 32 float32. Offsets are in bytes, into the row."""

    e: Emitter
    blocks: Value
    eps: Value

    def factor(self, value: Vectors) -> Value:
        """1 / sqrt(mean of squares + eps) of these numbers, in every lane; each emitted once."""
        e = self.e
        columns = e.builder.uitofp(e.builder.mul(self.blocks, e.i64(BLOCK)), F32)
        mean = e.div(emit_squares(e, value, self.blocks), columns)
        return e.splat(e.div(e.number(1.0), e.sqrt(e.add(mean, self.eps))))

    def normed(self, x: Value, weights: Value, factor: Value) -> Vectors:
        """The numbers at x, times the factor, times the weights."""
        e = self.e
        return lambda at: e.mul(e.mul(e.load(x, at), factor), e.load(weights, at))

    def added(self, branch: Value, after: Value, x: Value) -> Vectors:
        """What is at x once norm(branch) * after is added; the numbers are stored there, too."""
        e = self.e
        factor = self.factor(lambda at: e.load(branch, at))

        def updated(at: Value) -> Value:
            weight = e.mul(e.load(after, at), factor)
            value = e.fma(e.load(branch, at), weight, e.load(x, at))
            e.store(value, x, at)
            return value

        return updated


def _start(e: Emitter, x: Value, before: Value, blocks: Value, eps: Value, *place: Value) -> None:
    row = Row(e, blocks, eps)
    factor = row.factor(lambda at: e.load(x, at))
    emit_row(e, row.normed(x, before, factor), blocks, Place(*place))


def _middle(
    e: Emitter,
    branch: Value,
    after: Value,
    x: Value,
    before: Value,
    blocks: Value,
    eps: Value,
    *place: Value,
) -> None:
    row = Row(e, blocks, eps)
    factor = row.factor(row.added(branch, after, x))
    emit_row(e, row.normed(x, before, factor), blocks, Place(*place))


def _end(
    e: Emitter,
    branch: Value,
    after: Value,
    x: Value,
    before: Value,
    blocks: Value,
    eps: Value,
    out: Value,
) -> None:
    row = Row(e, blocks, eps)
    normed = row.normed(x, before, row.factor(row.added(branch, after, x)))

    def one_block(block: Value, _: list[Value]) -> list[Value]:
        begin = e.scaled(block, ROW)
        for step in range(0, ROW, 4 * e.lanes):
            at = e.at(begin, step)
            e.store(normed(at), out, at)
        return []

    e.loop(blocks, [], one_block)


_start_row = intrinsic_of(_start, "iiif" + "iii")
_middle_row = intrinsic_of(_middle, "iiiiif" + "iii")
_end_row = intrinsic_of(_end, "iiiiif" + "i")


@kernel
def norm_rows(
    x: int, before: int, blocks: int, eps: float, rows: int, first: int, last: int, out: int
) -> None:
    """q8 tiles at `out` = norm(x) * before, for rows first ..< last of x: the first layer's input.

    x: float32 (rows, blocks * 32); before: float32 (blocks * 32,); all by address.
    Threads that share a tile write to the same cache lines: better shares end where a tile does.
    """
    for row in range(first, last):
        start, tokens = tile_around(rows, row)
        tile = out + start * blocks * BYTES
        _start_row(
            x + row * blocks * ROW, before, blocks, np.float32(eps), tile, tokens, row - start
        )


@kernel
def add_norm_rows(
    branch: int,
    after: int,
    x: int,
    before: int,
    blocks: int,
    eps: float,
    rows: int,
    first: int,
    last: int,
    out: int,
) -> None:
    """X += norm(branch) * after; q8 tiles at `out` = norm(x) * before, for rows first ..< last.

    branch (a product's result), x: float32 (rows, blocks * 32); after, before: float32
    (blocks * 32,); all by address. Shares as in `norm_rows`.
    """
    for row in range(first, last):
        start, tokens = tile_around(rows, row)
        here = row * blocks * ROW
        tile = out + start * blocks * BYTES
        _middle_row(
            branch + here,
            after,
            x + here,
            before,
            blocks,
            np.float32(eps),
            tile,
            tokens,
            row - start,
        )


@kernel
def add_norm_last(
    branch: int,
    after: int,
    x: int,
    before: int,
    blocks: int,
    eps: float,
    first: int,
    last: int,
    out: int,
) -> None:
    """X += norm(branch) * after; out = norm(x) * before, for rows first ..< last: the last layer's.

    branch, x, out: float32 (rows, blocks * 32); out may be x or branch. after, before: float32
    (blocks * 32,); all by address.
    """
    for row in range(first, last):
        here = row * blocks * ROW
        _end_row(branch + here, after, x + here, before, blocks, np.float32(eps), out + here)
