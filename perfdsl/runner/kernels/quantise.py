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

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.vector import F32, I8, Emitter, Value
from perfdsl.runner.tiling import first_row, tile_around, tile_count

BLOCK = 32
BYTES = 40  # of a block with its scale and its correction
SMALLEST = 2.0**-100
ROW = 4 * BLOCK  # bytes of 32 float32

Blocks: TypeAlias = Sequence[Sequence[Value]]  # of 32 numbers, each in 32 / lanes vectors
Numbers: TypeAlias = Callable[[Value], Value]  # the vector so many bytes into a row


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


def emit_scales(e: Emitter, blocks: Blocks) -> tuple[Value, Value]:
    """The scales of 1, 2 or 4 blocks and what to multiply by, as vectors of so many lanes."""
    b = e.builder
    # Without their signs, floats are ordered as their bits are, a NaN above infinity: not lost.
    sizes = [reduce(e.larger, [e.bits(e.absolute(v)) for v in block]) for block in blocks]
    greatest = e.bits(e.folded(sizes, e.larger), F32)
    zero, most = (e.same(number, len(blocks)) for number in (0.0, 127.0))
    counts = b.fcmp_unordered(">=", greatest, e.same(SMALLEST, len(blocks)))
    scales = b.select(counts, e.div(greatest, most), zero)
    return scales, b.select(counts, e.div(most, greatest), zero)


def emit_bytes(
    e: Emitter, blocks: Blocks, factors: Sequence[Value], places: Sequence[Value]
) -> Value:
    """The bytes of 1, 2 or 4 blocks go to `places`; their corrections, as a vector."""
    b, totals = e.builder, []
    for block, factor, place in zip(blocks, factors, places, strict=True):
        whole = [e.rounded(e.mul(value, factor)) for value in block]
        e.store(b.trunc(_joined(e, whole), ir.VectorType(I8, BLOCK)), place)
        totals.append(reduce(b.add, whole))
    total = e.folded(totals, b.add)
    return b.mul(total, ir.Constant(total.type, [-128] * len(blocks)))


def _joined(e: Emitter, vectors: list[Value]) -> Value:
    """Vectors as one long one, so that LLVM narrows them together."""
    while len(vectors) > 1:
        order = range(2 * vectors[0].type.count)
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [e.shuffled(low, high, order) for low, high in pairs]
    return vectors[0]


class Place(NamedTuple):
    """Row `slot` of a tile of `tokens` rows at the address `tile`."""

    tile: Value
    tokens: Value
    slot: Value

    def stride(self, e: Emitter) -> Value:
        """Bytes from a block of the row to the next."""
        return e.scaled(self.tokens, BYTES)

    def bytes_at(self, e: Emitter) -> Value:
        """Where the bytes of the row's first block are."""
        return e.at(self.tile, e.scaled(self.slot, BLOCK))

    def scale_at(self, e: Emitter) -> Value:
        """Where its scale is."""
        return e.at(e.at(self.tile, e.scaled(self.tokens, BLOCK)), e.scaled(self.slot, 4))

    def correction_at(self, e: Emitter) -> Value:
        """Where its correction is."""
        return e.at(self.scale_at(e), e.scaled(self.tokens, 4))


def emit_row(e: Emitter, value: Numbers, blocks: Value, place: Place) -> None:
    """Quantise a row of `blocks` * 32 numbers to its place.

    In two rounds, as bytes wait long for their scale: in one, few blocks fill the processor's queue
    with what waits (measured on Zen 5: 16 cycles a block; so 8).
    """
    emit_row_scales(e, value, blocks, place)
    emit_row_bytes(e, value, blocks, place)


def emit_row_scales(e: Emitter, value: Numbers, blocks: Value, place: Place) -> None:
    """The scales of a row; what to multiply by stands where the corrections will."""
    scale_at, correction_at, stride = place.scale_at(e), place.correction_at(e), place.stride(e)

    def scales(indices: Sequence[Value]) -> None:
        found, inverses = emit_scales(e, _blocks_at(e, value, indices))
        for i, index in enumerate(indices):
            at = e.scaled(index, stride)
            e.store(e.lane(found, i), scale_at, at)
            e.store(e.lane(inverses, i), correction_at, at)

    _by_fours(e, blocks, scales)


def emit_row_bytes(e: Emitter, value: Numbers, blocks: Value, place: Place) -> None:
    """The bytes and corrections of a row that has its scales."""
    bytes_at, correction_at, stride = place.bytes_at(e), place.correction_at(e), place.stride(e)

    def bytes_(indices: Sequence[Value]) -> None:
        steps = [e.scaled(index, stride) for index in indices]
        factors = [e.broadcast(correction_at, step) for step in steps]
        places = [e.at(bytes_at, step) for step in steps]
        corrections = emit_bytes(e, _blocks_at(e, value, indices), factors, places)
        for i, step in enumerate(steps):
            e.store(e.lane(corrections, i), correction_at, step)

    _by_fours(e, blocks, bytes_)


def _blocks_at(e: Emitter, value: Numbers, indices: Sequence[Value]) -> Blocks:
    begins = [e.scaled(index, ROW) for index in indices]
    return [[value(e.at(begin, at)) for at in range(0, ROW, 4 * e.lanes)] for begin in begins]


def _by_fours(e: Emitter, count: Value, emit: Callable[[Sequence[Value]], None]) -> None:
    """Emit for indices 0 ..< count, four at a time, the rest one by one."""
    b = e.builder

    def four(i: Value, _: list[Value]) -> list[Value]:
        emit([b.add(e.scaled(i, 4), e.i64(more)) for more in range(4)])
        return []

    def one(i: Value, _: list[Value]) -> list[Value]:
        emit([b.add(e.scaled(fours, 4), i)])
        return []

    fours = b.udiv(count, e.i64(4))
    e.turns(fours, [], four)
    e.turns(b.urem(count, e.i64(4)), [], one)


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
