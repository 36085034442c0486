"""Embedding: rows of the token table as float32, times sqrt(d_model).

The table stays in the mapped file: (vocab, blocks, 34) bytes, a block being an fp16 scale and 32
signed bytes. Only rows that are used are read, so only those can be looked at: a scale that is
infinite or no number is reported by the token that met it.
"""

import math

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.quantise import BLOCK
from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.kernels.vector import F32, I8, I16, I32, I64, Emitter, Value

STORED = 34  # bytes of a block in the file
ROW = 4 * BLOCK  # bytes of a block of float32
COUNTING = HOST.counting
INFINITE = 0x7C00  # the exponent of fp16 that stands for infinity and NaN


# ------------------------------------------------------------------ reference


def embedded(table: NDArray[np.uint8], ids: NDArray[np.int32]) -> NDArray[np.float64]:
    """(vocab, blocks, 34), (tokens,) -> (tokens, blocks * 32), times sqrt(blocks * 32)."""
    rows = np.ascontiguousarray(table[ids])
    scales = rows[:, :, :2].copy().view(np.float16).astype(np.float64)
    columns = BLOCK * table.shape[1]
    values: NDArray[np.float64] = scales * rows[:, :, 2:].view(np.int8)
    return values.reshape(len(ids), columns) * math.sqrt(columns)


# ------------------------------------------------------------------ fast


def _half(e: Emitter, bits: Value) -> Value:
    """A finite fp16 number as float32: with the exponents' bias mended by a product, exact.

    By hand, as processors without the instruction would call a function that is not there.
    """
    b = e.builder
    wide = b.zext(bits, I32)
    size = b.shl(b.and_(wide, I32(0x7FFF)), I32(13))
    value = e.mul(b.bitcast(size, F32), e.number(2.0**112))
    sign = b.shl(b.and_(wide, I32(0x8000)), I32(16))
    return b.bitcast(b.or_(b.bitcast(value, I32), sign), F32)


def _row(e: Emitter, row: Value, blocks: Value, factor: Value, out: Value) -> Value:
    """One row; 1 if a scale was not finite, else 0."""
    b = e.builder
    times, infinite = e.splat(factor), ir.Constant(I16, INFINITE)

    def one_block(block: Value, state: list[Value]) -> list[Value]:
        source, target = e.scaled(block, STORED), e.scaled(block, 4 * BLOCK)
        bits = e.load(row, source, I16)
        scale = e.splat(_half(e, bits))
        for lane in range(0, BLOCK, e.lanes):
            stored = e.load(row, e.at(source, 2 + lane), e.vector(I8))
            values = e.to_f32(b.sext(stored, e.vector(I32)))
            e.store(e.mul(e.mul(values, scale), times), out, e.at(target, 4 * lane))
        wrong = b.icmp_unsigned("==", b.and_(bits, infinite), infinite)
        return [b.or_(state[0], b.zext(wrong, I64))]

    return e.loop(blocks, [e.i64(0)], one_block)[0]


def _marked(e: Emitter, table: Value, row: Value) -> None:
    e.store(ir.Constant(I8, 1), table, row)


_embed_row = intrinsic_of(_row, "iifi", "i")
_id_at = intrinsic_of(lambda e, at: e.builder.sext(e.load(at, 0, I32), I64), "i", "i")
_mark = intrinsic_of(_marked, "ii")


@kernel
def embed_rows(
    table: int, blocks: int, ids: int, first: int, last: int, x: int, touched: int
) -> int:
    """Rows first ..< last of x = the table's rows of these tokens, times sqrt(blocks * 32).

    table: uint8 (vocab, blocks, 34); ids: int32 (rows,), each below vocab; x: float32
    (rows, blocks * 32); all by address. The first row of x whose scales are not all finite, or -1.
    touched: uint8 (vocab,); the oracle's build sets it to 1 where a row of the table is read.
    """
    wrong = -1
    factor = np.float32(np.sqrt(np.float32(blocks * BLOCK)))
    for row in range(first, last):
        token = _id_at(ids + 4 * row)
        found = _embed_row(table + token * blocks * STORED, blocks, factor, x + row * blocks * ROW)
        if found and wrong < 0:
            wrong = row
        if COUNTING:
            _mark(touched, token)
    return wrong
