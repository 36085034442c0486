"""Elements: what one lane of an attention operand holds, two bf16 values or one float32.

Rounding to bf16 is to nearest even, and denormals become 0: as the instructions have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.kernels.vector import BF16, F32, I16, I32, Emitter, Value

PAIRS = HOST.pairs
ELEMENT = 4  # bytes


def rounded(x: Any) -> Any:
    """What elements of this host hold of float32 values: these, or the nearest bf16."""
    bits = np.array(x, np.float32).view(np.uint32)
    if PAIRS == 2:
        bits = np.where(bits & 0x7F800000, bits, bits & 0x80000000)
        bits = (bits + (0x7FFF + ((bits >> 16) & 1))) & np.uint32(0xFFFF0000)
    return bits.view(np.float32)


def kind(e: Emitter) -> Any:
    """LLVM's type of one element."""
    return I32 if e.target.pairs == 2 else F32


def narrowed(e: Emitter, a: Value) -> Value:
    """Float32 lanes -> bf16, in 16-bit lanes."""
    name = f"llvm.x86.avx512bf16.cvtneps2bf16.{32 * e.lanes}"
    half = ir.VectorType(BF16, e.lanes)
    function = e.builder.module.globals.get(name) or ir.Function(
        e.builder.module, ir.FunctionType(half, [a.type]), name
    )
    return e.builder.bitcast(e.builder.call(function, [a]), e.vector(I16))


def widened(e: Emitter, halves: Value) -> Value:
    """bf16 in 16-bit lanes -> the bits of the same numbers in float32."""
    return e.builder.shl(e.builder.zext(halves, e.vector(I32)), e.i32(16))


def paired(e: Emitter, low: Value, high: Value) -> Value:
    """Two vectors of float32 as one of bf16 pairs: lane by lane, `low` in the lower half."""
    lower = e.builder.zext(narrowed(e, low), e.vector(I32))
    return e.builder.or_(lower, widened(e, narrowed(e, high)))


def transposed(e: Emitter, rows: Sequence[Value]) -> list[Value]:
    """As many vectors as lanes -> vector n holds lane n of each, in their order.

    Each round exchanges lanes between vectors whose numbers differ in one bit.
    """
    vectors, bit = list(rows), 1
    lanes = range(e.lanes)
    while bit < e.lanes:
        low = [e.lanes + lane - bit if lane & bit else lane for lane in lanes]
        high = [e.lanes + lane if lane & bit else lane + bit for lane in lanes]
        for n in (n for n in lanes if not n & bit):
            pair = vectors[n], vectors[n | bit]
            vectors[n], vectors[n | bit] = (_picked(e, *pair, which) for which in (low, high))
        bit *= 2
    return vectors


def _picked(e: Emitter, a: Value, b: Value, lanes: Sequence[int]) -> Value:
    """Lanes of two vectors, those of b numbered behind those of a."""
    return e.builder.shuffle_vector(a, b, ir.Constant(e.vector(I32), list(lanes)))
