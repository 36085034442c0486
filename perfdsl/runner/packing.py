"""Packing: the Q8_0 blocks of a file, put in the order in which the int8 product reads them.

A block of the file is an fp16 scale and 32 signed bytes of one row. A strip is R = vectors * lanes
rows (`kernels.target`), a panel of 32 rows is one strip or more. Of each strip, in order:

    bytes   [strip][block][8 quads][R rows][4]   w + 128 where the dot product wants them unsigned
    scales  [strip][block][R rows]               fp16, as in the file

so that a thread reads two streams from end to end. Every byte has its place: nothing is padded.
"""

from __future__ import annotations

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.product import BLOCK, PANEL, QUADS, STRIP
from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.kernels.vector import I16, I32, Emitter, Value

FILE_BLOCK = 2 + BLOCK  # bytes of a block in the file
FLIP = -0x7F7F7F80 if HOST.unsigned_weights else 0  # adds 128 to each of four bytes
INFINITE = 0x7C00  # exponent of fp16 numbers that are none


def emit_block(e: Emitter, source: Value, weights: Value, scale: Value) -> Value:
    """One block of one row to its place; returns its scale's exponent, to be looked at."""
    for quad in range(QUADS):
        four = e.load(source, 2 + 4 * quad, I32)
        e.store(e.builder.xor(four, I32(FLIP)), weights, 4 * STRIP * quad)
    bits = e.load(source, 0, I16)
    e.store(bits, scale)
    return e.builder.zext(e.builder.and_(bits, I16(INFINITE)), e.i64(0).type)


_pack_block = intrinsic_of(emit_block, "iii", "i")


@kernel
def pack(source: int, rows: int, blocks: int, weights: int, scales: int) -> int:
    """Pack `rows` rows (a multiple of 32) of `blocks` blocks from address `source`.

    `weights` and `scales` are where the first row's panel begins: a matrix may come in pieces, and
    several matrices may become one. Writes rows * blocks * 32 bytes and rows * blocks * 2.
    Returns the index of the first block, in the file's order, whose scale is infinite or no number;
    -1 where all are finite.
    """
    bad = rows * blocks
    for strip in range(rows // STRIP):
        w, d = weights + strip * STRIP * BLOCK * blocks, scales + strip * STRIP * 2 * blocks
        for row in range(STRIP):
            block = (strip * STRIP + row) * blocks
            for b in range(blocks):
                exponent = _pack_block(
                    source + (block + b) * FILE_BLOCK,
                    w + b * STRIP * BLOCK + row * 4,
                    d + (b * STRIP + row) * 2,
                )
                if exponent == INFINITE:
                    bad = min(bad, block + b)
    return bad if bad < rows * blocks else -1


def packed_bytes(rows: int, blocks: int) -> tuple[int, int]:
    """Sizes of the packed bytes and of the scales of a matrix of (rows, 32 * blocks)."""
    if rows % PANEL:
        raise ValueError(f"{rows} rows are no multiple of {PANEL}")
    return rows * blocks * BLOCK, rows * blocks * 2
