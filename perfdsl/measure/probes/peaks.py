"""Peaks: how many multiply-adds a second the dot instructions reach that the runner's kernels use.

Each loop lives in registers alone: enough independent sums to hide the latency of the instruction,
two operands, no memory. The operands pass through an empty piece of assembly in front of every use,
so that the compiler can neither foresee them nor move a part of the instruction out of the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from llvmlite import ir

from perfdsl.measure.probes.opaque import opaque
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.target import HOST, Dot, Target
from perfdsl.runner.kernels.vector import I8, I16, I32, Emitter, Value, intrinsic_of


class Family(Enum):
    """Instructions by what they multiply: bytes, pairs of bf16, float32."""

    INT8 = "int8"
    BF16 = "bf16"
    FP32 = "fp32"


def families(target: Target = HOST) -> tuple[Family, ...]:
    """Those that this target has."""
    return tuple(each for each in Family if each is not Family.BF16 or target.bf16)


def macs(family: Family, target: Target = HOST) -> int:
    """Multiply-adds of one instruction (of one sequence, where it takes several)."""
    return target.lanes * {Family.INT8: 4, Family.BF16: 2, Family.FP32: 1}[family]


def sums(target: Target = HOST) -> int:
    """Independent sums in flight: half of them would hide 6 cycles at two instructions a cycle.

    What is left of the registers are two operands, a temporary, and a vector of ones for AVX2.
    """
    return 3 * target.registers // 4


def peak_loop(family: Family) -> Callable[[Emitter, Value], None]:
    """What emits a loop of so many rounds, each with one instruction for every sum."""

    def peak(e: Emitter, rounds: Value) -> None:
        operand = e.i32(0x01010101) if family is Family.INT8 else e.i32(0x3F803F80)
        kind = I32 if family is Family.INT8 else ir.FloatType()
        a = b = e.builder.bitcast(operand, e.vector(kind))
        zero = ir.Constant(e.vector(kind), None)

        def body(_: Value, state: list[Value]) -> list[Value]:
            a, b, *totals = state
            for place, total in enumerate(totals):
                a, b = opaque(e, a), opaque(e, b)
                totals[place] = product(e, family, total, a, b)
            return [a, b, *totals]

        results = e.loop(rounds, [a, b, *[zero] * sums(e.target)], body)
        for total in results[2:]:
            opaque(e, total)  # or nobody would need the sums, and the compiler drop them

    return peak


def product(e: Emitter, family: Family, total: Value, a: Value, b: Value) -> Value:
    """The instruction; bytes without a dot instruction: the three that make one up."""
    match family:
        case Family.FP32:
            return e.fma(a, b, total)
        case Family.BF16:
            return e.dot_pairs(total, a, b)
        case Family.INT8 if e.target.dot is Dot.MADDUBS:
            return _maddubs(e, total, a, b)
        case Family.INT8:
            return e.dot_i8(total, a, b)


_int8, _fp32 = (intrinsic_of(peak_loop(each), "i") for each in (Family.INT8, Family.FP32))
_bf16 = intrinsic_of(peak_loop(Family.BF16 if HOST.bf16 else Family.FP32), "i")


@kernel
def int8(rounds: int) -> None:
    _int8(rounds)


@kernel
def bf16(rounds: int) -> None:
    _bf16(rounds)


@kernel
def fp32(rounds: int) -> None:
    _fp32(rounds)


LOOPS: Mapping[Family, Callable[[int], None]] = {
    Family.INT8: int8, Family.BF16: bf16, Family.FP32: fp32,
}  # fmt: skip


def _maddubs(e: Emitter, total: Value, unsigned: Value, signed: Value) -> Value:
    """vpmaddubsw, vpmaddwd, vpaddd: what the runner's sequence has besides the signs, which are
    worked out once for several products."""
    bytes_, words = ir.VectorType(I8, 4 * e.lanes), ir.VectorType(I16, 2 * e.lanes)
    a, b = (e.builder.bitcast(each, bytes_) for each in (unsigned, signed))
    pairs = _declared(e, "llvm.x86.avx2.pmadd.ub.sw", words, a, b)
    ones = ir.Constant(words, [1] * (2 * e.lanes))
    return e.builder.add(total, _declared(e, "llvm.x86.avx2.pmadd.wd", total.type, pairs, ones))


def _declared(e: Emitter, name: str, result: Any, *args: Value) -> Value:
    module = e.builder.module
    kind = ir.FunctionType(result, [each.type for each in args])
    return e.builder.call(module.globals.get(name) or ir.Function(module, kind, name), args)
