"""Norms: what stands between two products: add, normalise, quantise.

A layer has two such places. Behind attention and behind the feed-forward network,

    x += norm(added) * after          the branch is normalised before it is added to the stream
    out = norm(x) * before            the input of what follows, quantised as the product reads it

with norm(v) = v / sqrt(mean(v^2) + eps) over the row (RMSNorm). The sums need whole rows, so there
are four rounds: the branch's factor, the stream and its factor, scales, bytes. A few rows go
through a round together, and lie in L1 from the first to the last. The first layer has nothing to
add; behind the last one the result stays float32, for pooling. Weights are used as the file stores
them: 1 + w already.

The sum of squares is kept in eight vectors, added up in a fixed order: the result depends neither
on the tile nor on the thread. It does on the instruction set (its lanes), within rounding.

Threads that share a product's rows share them by rows here, although each has written columns. By
columns, with sums of squares that are exchanged, less would travel; but the prefetcher of each core
runs on into the columns that the other one writes (Zen 5, 65 rows: 8 instead of 5 us on cores that
share an L3, 32 instead of 12 on such that do not).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.quantise import (
    BLOCK,
    BYTES,
    Numbers,
    Place,
    emit_row,
    emit_row_bytes,
    emit_row_scales,
)
from perfdsl.runner.kernels.vector import F32, Emitter, Value
from perfdsl.runner.kernels.words import ask
from perfdsl.runner.tiling import tile_around

SUMS = 8  # vectors of sums: additions of 4 cycles, two of which begin in each
ROW = 4 * BLOCK  # bytes of a block of float32
LINE = 64  # bytes of a cache line
# Rows that go through a round together, so that what one waits for (a sum over lanes, a root, two
# divisions: 80 cycles) is in the shade of the others: 118 instead of 171 ns a row (Zen 5, 65 rows).
# With their branch, their stream and what is normed they are to stay in L1: 36 KiB for 768 columns.
GROUP = 4

Floats: TypeAlias = NDArray[np.float64]


# ------------------------------------------------------------------ reference


def normed(values: Floats, weights: Floats, eps: float) -> Floats:
    """(rows, columns), (columns,) -> RMSNorm over the columns, times the weights."""
    root: Floats = np.sqrt((values**2).mean(1, keepdims=True) + eps)
    return values / root * weights


def added(values: Floats, stream: Floats, after: Floats, eps: float) -> Floats:
    """The stream once the normalised branch is added: (rows, columns)."""
    return stream + normed(values, after, eps)


# ------------------------------------------------------------------ fast


def emit_squares(e: Emitter, value: Numbers, blocks: Value) -> Value:
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

    def factor(self, value: Numbers) -> Value:
        """1 / sqrt(mean of squares + eps) of these numbers; each is emitted once."""
        e = self.e
        columns = e.builder.uitofp(e.builder.mul(self.blocks, e.i64(BLOCK)), F32)
        mean = e.div(emit_squares(e, value, self.blocks), columns)
        return e.div(e.number(1.0), e.sqrt(e.add(mean, self.eps)))

    def branch_factor(self, branch: Value) -> Value:
        """That of the numbers at `branch`."""
        return self.factor(lambda at: self.e.load(branch, at))

    def stream_factor(self, branch: Value, factor: Value, after: Value, x: Value) -> Value:
        """That of the numbers at x, once branch * factor * after is added and stored there, too."""
        e = self.e

        def added(at: Value) -> Value:
            weight = e.mul(e.load(after, at), factor)
            value = e.fma(e.load(branch, at), weight, e.load(x, at))
            e.store(value, x, at)
            return value

        return self.factor(added)


def emit_normed(e: Emitter, x: Value, weights: Value, factor: Value) -> Numbers:
    """The numbers at x, times the factor, times the weights."""
    return lambda at: e.mul(e.mul(e.load(x, at), factor), e.load(weights, at))


def _start(e: Emitter, x: Value, before: Value, blocks: Value, eps: Value, *place: Value) -> None:
    factor = e.splat(Row(e, blocks, eps).branch_factor(x))
    emit_row(e, emit_normed(e, x, before, factor), blocks, Place(*place))


def _branch(e: Emitter, branch: Value, blocks: Value, eps: Value, factor: Value) -> None:
    e.store(Row(e, blocks, eps).branch_factor(branch), factor)


def _stream(
    e: Emitter, branch: Value, after: Value, x: Value, blocks: Value, eps: Value, factor: Value
) -> None:
    of_branch = e.broadcast(factor)
    e.store(Row(e, blocks, eps).stream_factor(branch, of_branch, after, x), factor)


def _scales(
    e: Emitter,
    x: Value,
    before: Value,
    blocks: Value,
    factor: Value,
    normed: Value,
    *place: Value,
) -> None:
    value = emit_normed(e, x, before, e.broadcast(factor))

    def kept(at: Value) -> Value:
        number = value(at)
        e.store(number, normed, at)
        return number

    emit_row_scales(e, kept, blocks, Place(*place))


def _bytes(e: Emitter, normed: Value, blocks: Value, *place: Value) -> None:
    emit_row_bytes(e, lambda at: e.load(normed, at), blocks, Place(*place))


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
    of_branch = e.splat(row.branch_factor(branch))
    numbers = emit_normed(e, x, before, e.splat(row.stream_factor(branch, of_branch, after, x)))

    def one_block(block: Value, _: list[Value]) -> list[Value]:
        begin = e.scaled(block, ROW)
        for step in range(0, ROW, 4 * e.lanes):
            at = e.at(begin, step)
            e.store(numbers(at), out, at)
        return []

    e.loop(blocks, [], one_block)


_start_row = intrinsic_of(_start, "iiif" + "iii")
_branch_factor = intrinsic_of(_branch, "iifi")
_stream_factor = intrinsic_of(_stream, "iiiifi")
_row_scales = intrinsic_of(_scales, "iiiii" + "iii")
_row_bytes = intrinsic_of(_bytes, "ii" + "iii")
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


def scratch_bytes(columns: int) -> int:
    """Bytes of scratch that a thread needs for `add_norm_rows`."""
    return LINE + GROUP * columns * 4


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
    scratch: int,
) -> None:
    """X += norm(branch) * after; q8 tiles at `out` = norm(x) * before, for rows first ..< last.

    branch (a product's result), x: float32 (rows, blocks * 32); after, before: float32
    (blocks * 32,); scratch: of `scratch_bytes`; all by address. Shares as in `norm_rows`.
    """
    row = first
    while row < last:
        start, tokens = tile_around(rows, row)
        end = min(row + GROUP, start + tokens, last)
        _group(branch, after, x, before, blocks, eps, row, end, out, start, tokens, scratch)
        row = end


@kernel
def _group(
    branch: int,
    after: int,
    x: int,
    before: int,
    blocks: int,
    eps: float,
    first: int,
    last: int,
    out: int,
    start: int,
    tokens: int,
    scratch: int,
) -> None:
    """Some rows of the tile that begins with row `start`, in four rounds (see GROUP)."""
    tile, of_row = out + start * blocks * BYTES, blocks * ROW
    factors, normed = scratch, scratch + LINE
    for n in range(first, last):
        _branch_factor(branch + n * of_row, blocks, np.float32(eps), factors + 4 * (n - first))
    for n in range(first, last):
        here, factor = n * of_row, factors + 4 * (n - first)
        _stream_factor(branch + here, after, x + here, blocks, np.float32(eps), factor)
    for n in range(first, last):
        here, factor = n * of_row, factors + 4 * (n - first)
        held = normed + (n - first) * of_row
        _row_scales(x + here, before, blocks, factor, held, tile, tokens, n - start)
    for n in range(first, last):
        ask(branch + (n + last - first) * of_row, of_row)  # half may lie in another core's cache
        _row_bytes(normed + (n - first) * of_row, blocks, tile, tokens, n - start)


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
