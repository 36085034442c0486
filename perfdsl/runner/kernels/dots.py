"""Dot products in each lane: four bytes by four, by way of `Dot`, and pairs of bf16 or float32."""

from __future__ import annotations

from llvmlite import ir

from perfdsl.runner.kernels.target import Dot
from perfdsl.runner.kernels.vector import BF16, I8, I16, I32, Emitter, Value


def dot_i8(e: Emitter, total: Value, weights: Value, activations: Value) -> Value:
    """Each int32 lane: total + the sum over four bytes of weight * activation.

    Lanes of `weights` and `activations` hold four bytes each; see `Dot` for whose are signed.
    """
    match e.target.dot:
        case Dot.VPDPBUSD:
            return _vpdpbusd(e, total, weights, activations)
        case Dot.MADDUBS:
            return _maddubs(e, total, weights, activations)
        case Dot.SDOT:
            return _sdot(e, total, weights, activations)
        case Dot.PLAIN:
            return _plain_dot(e, total, weights, activations)


def dot_pairs(e: Emitter, total: Value, a: Value, b: Value) -> Value:
    """Each float32 lane: total + a * b, where lanes of a and b hold `target.pairs` values.

    bf16: two values a lane and vdpbf16ps (two products and a sum, denormals are zero);
    else one float32 a lane and a multiply-add.
    """
    if not e.target.bf16:
        return e.fma(a, b, total)
    halves = ir.VectorType(BF16, 2 * e.lanes)
    operands = (e.builder.bitcast(each, halves) for each in (a, b))
    return e.call(f"llvm.x86.avx512bf16.dpbf16ps.{32 * e.lanes}", total.type, total, *operands)


def _vpdpbusd(e: Emitter, total: Value, unsigned: Value, signed: Value) -> Value:
    """Saturation is of the sum only, and 32 products of 255 * 127 are far from it.

    The AVX-VNNI form has the same name; LLVM picks the encoding that the target has.
    """
    operands = (_bytes(e, each) for each in (unsigned, signed))
    return e.call(f"llvm.x86.avx512.vpdpbusd.{32 * e.lanes}", total.type, total, *operands)


def _maddubs(e: Emitter, total: Value, weights: Value, activations: Value) -> Value:
    """|w| unsigned, times the activation with the sign of w: at most 2 * 127^2 < 2^15.

    Exact as long as neither operand is -128: Q8_0 files may hold it, so packing looks for it.
    """
    w, x = _bytes(e, weights), _bytes(e, activations)
    size = e.call("llvm.x86.avx2.psign.b", w.type, w, w)
    signed = e.call("llvm.x86.avx2.psign.b", w.type, x, w)
    return dot_maddubs(e, total, size, signed)


def dot_maddubs(e: Emitter, total: Value, unsigned: Value, signed: Value) -> Value:
    """The sum of AVX2's dot product, without the signs; sums of two products must fit 16 bits."""
    words = ir.VectorType(I16, 2 * e.lanes)
    operands = (_bytes(e, each) for each in (unsigned, signed))
    pairs = e.call("llvm.x86.avx2.pmadd.ub.sw", words, *operands)
    ones = ir.Constant(words, [1] * (2 * e.lanes))
    return e.builder.add(total, e.call("llvm.x86.avx2.pmadd.wd", total.type, pairs, ones))


def _sdot(e: Emitter, total: Value, weights: Value, activations: Value) -> Value:
    operands = (_bytes(e, each) for each in (weights, activations))
    name = f"llvm.aarch64.neon.sdot.v{e.lanes}i32.v{4 * e.lanes}i8"
    return e.call(name, total.type, total, *operands)


def _plain_dot(e: Emitter, total: Value, weights: Value, activations: Value) -> Value:
    """Every second byte as 16 bits, and pairs of their products: LLVM knows the pattern."""
    b = e.builder
    half, twice = ir.VectorType(I16, 2 * e.lanes), ir.VectorType(I32, 2 * e.lanes)
    eight = ir.Constant(half, [8] * (2 * e.lanes))
    w, x = b.bitcast(weights, half), b.bitcast(activations, half)
    none = ir.Constant(twice, ir.Undefined)
    for shift in (True, False):
        words = [b.ashr(b.shl(each, eight) if shift else each, eight) for each in (w, x)]
        products = b.mul(*(b.sext(each, twice) for each in words))
        for first in (0, 1):
            order = list(range(first, 2 * e.lanes, 2))
            each = ir.Constant(e.vector(I32), order)
            total = b.add(total, b.shuffle_vector(products, none, each))
    return total


def _bytes(e: Emitter, lanes: Value) -> Value:
    """The four bytes of each lane."""
    return e.builder.bitcast(lanes, ir.VectorType(I8, 4 * e.lanes))
