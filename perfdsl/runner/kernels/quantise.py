"""Quantising: 32 numbers as 32 signed bytes, one float32 scale, and what unsigned weights need.

Activations are stored as the int8 product reads them ("q8 tiles"): a tile of `tokens` rows after
the other (`tiling`), in a tile a k-block of 32 columns after the other, in a k-block

    int8    [tokens][32]   bytes
    float32 [tokens]       scales: greatest |x| / 127
    int32   [tokens]       -128 * the sum of the bytes: weights stored as w + 128 make the dot
                           product too large by 128 * that sum, so it is what the sum begins with

so 40 bytes for 32 values, and a product walks a tile with one pointer.

A byte is x * (127 / greatest) to the nearest integer, ties to even: never beyond +-127. Where the
greatest is below `SMALLEST`, whose inverse would be near the end of float32, all 32 count as zero
(what reaches a product was normalised: such a block is noise at best). A block with an infinity or
a NaN has that as its scale and any bytes: what is made of it is no number either, and thus seen.
"""

from collections.abc import Callable, Iterator
from functools import reduce
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.vector import F32, I8, I32, Emitter, Value, intrinsic_of
from perfdsl.runner.tiling import first_row, tile_around, tile_count

BLOCK = 32
BYTES = 40  # of a block with its scale and its correction
SMALLEST = 2.0**-100


# ------------------------------------------------------------------ reference


class Quantised(NamedTuple):
    """bytes: int8 (rows, columns); scales: float32, corrections: int32 (rows, columns / 32)."""

    bytes: NDArray[np.int8]
    scales: NDArray[np.float32]
    corrections: NDArray[np.int32]


def quantised(values: NDArray[np.float32]) -> Quantised:
    """Finite numbers (rows, columns)."""
    blocks = values.reshape(len(values), -1, BLOCK)
    greatest = np.abs(blocks).max(2)
    greatest[greatest < SMALLEST] = 0
    inverse = np.zeros_like(greatest)
    np.divide(np.float32(127), greatest, out=inverse, where=greatest > 0)
    whole = np.rint(blocks * inverse[:, :, None]).astype(np.int8)
    corrections = -128 * whole.sum(2, dtype=np.int32)
    scales = greatest / np.float32(127)
    return Quantised(whole.reshape(values.shape), scales, corrections.astype(np.int32))


def untiled(buffer: NDArray[np.uint8], rows: int, columns: int) -> Quantised:
    """What q8 tiles hold."""
    blocks = columns // BLOCK
    whole = np.empty((rows, blocks, BLOCK), np.int8)
    scales = np.empty((rows, blocks), np.float32)
    corrections = np.empty((rows, blocks), np.int32)
    for tile in _tiles(rows):
        tokens = tile.stop - tile.start
        first, last = (row * blocks * BYTES for row in (tile.start, tile.stop))
        bytes_, rest = np.split(buffer[first:last].reshape(blocks, -1), [tokens * BLOCK], axis=1)
        whole[tile] = bytes_.view(np.int8).reshape(blocks, tokens, BLOCK).swapaxes(0, 1)
        numbers = np.ascontiguousarray(rest).view(np.int32).reshape(blocks, 2, tokens)
        scales[tile] = numbers[:, 0].view(np.float32).T
        corrections[tile] = numbers[:, 1].T
    return Quantised(whole.reshape(rows, columns), scales, corrections)


def _tiles(rows: int) -> list[slice]:
    starts = [first_row(rows, tile) for tile in range(tile_count(rows) + 1)]
    return [slice(first, last) for first, last in pairwise(starts)]


# ------------------------------------------------------------------ fast


def emit_block(
    e: Emitter, values: list[Value], whole_at: Value, scale_at: Value, correction_at: Value
) -> None:
    """Quantise 32 numbers, in 32 / lanes vectors, to these three addresses."""
    b = e.builder
    # Without their signs, floats are ordered as their bits are, a NaN above infinity: not lost.
    most = reduce(e.larger, [e.bits(e.absolute(value)) for value in values])
    greatest = b.bitcast(e.largest_of(most), F32)
    counts = b.fcmp_unordered(">=", greatest, e.number(SMALLEST))
    zero = e.number(0.0)
    inverse = b.select(counts, e.div(e.number(127.0), greatest), zero)
    e.store(b.select(counts, e.div(greatest, e.number(127.0)), zero), scale_at)
    factor = e.splat(inverse)
    whole = [e.rounded(e.mul(value, factor)) for value in values]
    e.store(b.trunc(_joined(e, whole), ir.VectorType(I8, BLOCK)), whole_at)
    total = e.total_of(reduce(b.add, whole))
    e.store(b.mul(total, ir.Constant(I32, -128)), correction_at)


def _joined(e: Emitter, vectors: list[Value]) -> Value:
    """Vectors as one long one, so that LLVM narrows them together."""
    while len(vectors) > 1:
        count = 2 * vectors[0].type.count
        order = ir.Constant(ir.VectorType(I32, count), list(range(count)))
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [e.builder.shuffle_vector(low, high, order) for low, high in pairs]
    return vectors[0]


class Place(NamedTuple):
    """Row `slot` of a tile of `tokens` rows at the address `tile`."""

    tile: Value
    tokens: Value
    slot: Value


def emit_row(e: Emitter, value: Callable[[Value], Value], blocks: Value, place: Place) -> None:
    """Quantise a row of `blocks` * 32 numbers to its place.

    `value(offset)` emits the vector of numbers so many bytes into a row of float32.
    """
    tile, tokens, slot = place
    sums = e.at(tile, e.scaled(tokens, BLOCK))
    three = (
        e.at(tile, e.scaled(slot, BLOCK)),
        e.at(sums, e.scaled(slot, 4)),
        e.at(sums, e.scaled(e.builder.add(tokens, slot), 4)),
    )
    stride = e.scaled(tokens, BYTES)

    def one_block(block: Value, _: list[Value]) -> list[Value]:
        begin = e.scaled(block, 4 * BLOCK)
        values = [value(e.at(begin, step)) for step in range(0, 4 * BLOCK, 4 * e.lanes)]
        emit_block(e, values, *(e.at(each, e.scaled(block, stride)) for each in three))
        return []

    e.loop(blocks, [], one_block)


def _row(e: Emitter, values: Value, blocks: Value, *place: Value) -> None:
    emit_row(e, lambda at: e.load(values, at), blocks, Place(*place))


_quantise_row = intrinsic_of(_row, "iiiii")


@kernel
def quantise_rows(values: int, blocks: int, rows: int, first: int, last: int, out: int) -> None:
    """Rows first ..< last of float32 (rows, blocks * 32) at `values` -> q8 tiles at `out`.

    Threads that share a tile write to the same cache lines: better shares end where a tile does.
    """
    for row in range(first, last):
        start, tokens = tile_around(rows, row)
        tile = out + start * blocks * BYTES
        _quantise_row(values + row * blocks * 4 * BLOCK, blocks, tile, tokens, row - start)


# ------------------------------------------------------------------ inputs for tests


def adversarial(rng: np.random.Generator, rows: int, columns: int) -> Iterator[NDArray[np.float32]]:
    """Finite numbers (rows, columns), float32, at the edges of what quantising is given."""
    shape = (rows, columns)
    values = rng.normal(size=shape).astype(np.float32)
    yield values
    empty = rng.random((rows, columns // BLOCK)) < 0.5
    yield np.where(empty.repeat(BLOCK, 1), 0, values).astype(np.float32)
    one_huge = values.copy()
    one_huge[:, rng.integers(columns)] = -1e30
    yield one_huge
    yield (values * 1e-41).astype(np.float32)  # denormal: counts as zero
    yield (values * np.float32(SMALLEST)).astype(np.float32)  # some blocks do, some do not
    yield np.where(np.arange(columns) % 2, values.max(), -values.max()) * np.ones_like(values)
    halves = rng.integers(-127, 127, shape).astype(np.float32) + np.float32(0.5)
    halves[:, ::BLOCK] = 127  # the scale is 1, all others lie between two bytes
    yield halves
    yield np.full(shape, np.finfo(np.float32).max)
    yield np.zeros(shape, np.float32)
