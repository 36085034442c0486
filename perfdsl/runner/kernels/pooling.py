"""Pooling: the mean over a text's rows, and vectors of length one.

Sums go over a text's rows in their order, column by column, so that they depend neither on the
threads (which may split texts and columns) nor on what else is in the batch.
"""

from itertools import pairwise

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.norms import emit_squares
from perfdsl.runner.kernels.quantise import BLOCK
from perfdsl.runner.kernels.vector import F32, I32, I64, Emitter, Value

ROW = 4 * BLOCK  # bytes of a block of float32
# float32 as bits: the exponent of a number, that of 1, the smallest normal number
EXPONENT, ONE, SMALLEST = 0x7F800000, 0x3F800000, 0x00800000


# ------------------------------------------------------------------ reference


def pooled(hidden: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(rows, columns), (texts + 1,) -> the mean over each text's rows: (texts, columns)."""
    return np.stack([hidden[a:b].mean(0) for a, b in pairwise(starts)])


def unit(vectors: NDArray[np.float64], dim: int) -> NDArray[np.float64]:
    """(rows, columns) -> the first `dim` columns as vectors of length 1, zeros left as they are."""
    cut = vectors[:, :dim]
    length: NDArray[np.float64] = np.linalg.norm(cut, axis=1, keepdims=True)
    return cut / np.where(length > 0, length, 1)


# ------------------------------------------------------------------ fast


def _mean(e: Emitter, hidden: Value, stride: Value, rows: Value, out: Value) -> None:
    """32 columns: the mean over `rows` rows, `stride` bytes apart."""
    steps = range(0, ROW, 4 * e.lanes)

    def one_row(i: Value, sums: list[Value]) -> list[Value]:
        here = e.scaled(i, stride)
        row = [e.load(hidden, e.at(here, at)) for at in steps]
        return [e.add(total, each) for total, each in zip(sums, row, strict=True)]

    sums = e.loop(rows, [e.f32(0.0) for _ in steps], one_row)
    count = e.splat(e.builder.uitofp(rows, F32))
    for each, at in zip(sums, steps, strict=True):
        e.store(e.div(each, count), out, at)


def _unit(e: Emitter, vector: Value, blocks: Value, out: Value) -> Value:
    """`blocks` * 32 numbers, scaled by a power of two first: no square is infinite or lost.

    1 if one of them is infinite or no number, else 0.
    """
    b = e.builder
    steps = range(0, ROW, 4 * e.lanes)

    def largest(i: Value, state: list[Value]) -> list[Value]:
        begin = e.scaled(i, ROW)
        for at in steps:
            state = [e.larger(state[0], e.bits(e.absolute(e.load(vector, e.at(begin, at)))))]
        return state

    most = e.largest_of(e.loop(blocks, [e.i32(0)], largest)[0])
    exponent = b.and_(most, ir.Constant(I32, EXPONENT))
    inverse = e.larger(b.sub(ir.Constant(I32, 2 * ONE), exponent), ir.Constant(I32, SMALLEST))
    power = e.splat(b.bitcast(inverse, F32))
    squares = emit_squares(e, lambda at: e.mul(e.load(vector, at), power), blocks)
    none = b.fcmp_ordered("==", squares, e.number(0.0))
    factor = e.splat(b.select(none, e.number(0.0), e.div(e.number(1.0), e.sqrt(squares))))

    def one_block(i: Value, _: list[Value]) -> list[Value]:
        begin = e.scaled(i, ROW)
        for step in steps:
            at = e.at(begin, step)
            e.store(e.mul(e.mul(e.load(vector, at), power), factor), out, at)
        return []

    e.loop(blocks, [], one_block)
    return b.zext(b.icmp_unsigned(">=", most, ir.Constant(I32, EXPONENT)), I64)


_mean_of = intrinsic_of(_mean, "iiii")
_unit_of = intrinsic_of(_unit, "iii", "i")
_start_at = intrinsic_of(lambda e, at: e.load(at, 0, I64), "i", "i")


@kernel
def pool_rows(hidden: int, blocks: int, starts: int, first: int, last: int, out: int) -> None:
    """out[text] = the mean of hidden over the text's rows; units first ..< last of the work.

    A unit is 32 columns of one text: unit u is block u % blocks of text u // blocks, so there are
    texts * blocks of them. hidden: float32 (rows, blocks * 32); starts: int64 (texts + 1,), the row
    where each text begins, none of them empty; out: float32 (texts, blocks * 32); all by address.
    """
    stride = blocks * ROW
    for item in range(first, last):
        text, block = item // blocks, item % blocks
        start, end = _start_at(starts + 8 * text), _start_at(starts + 8 * text + 8)
        here = hidden + start * stride + block * ROW
        _mean_of(here, stride, end - start, out + text * stride + block * ROW)


@kernel
def unit_rows(vectors: int, blocks: int, kept: int, first: int, last: int, out: int) -> int:
    """Out = the first kept * 32 columns of rows first ..< last, as vectors of length 1.

    vectors: float32 (rows, blocks * 32); out: float32 (rows, kept * 32); by address. A row of zeros
    stays one; a row with an infinity or a NaN has a NaN: the first such row is returned, or -1.
    """
    lost = -1
    for row in range(first, last):
        found = _unit_of(vectors + row * blocks * ROW, kept, out + row * kept * ROW)
        if found and lost < 0:
            lost = row
    return lost
