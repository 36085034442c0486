"""Peaks: how many multiply-adds a second the dot instructions reach that the runner's kernels use.

Each loop lives in registers alone: enough independent sums to hide the latency of the instruction,
two operands, no memory. The operands pass through an empty piece of assembly in front of every use,
so that the compiler can neither foresee them nor move a part of the instruction out of the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from llvmlite import ir

from perfdsl.measure.probes.opaque import opaque
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.dots import dot_i8, dot_maddubs, dot_pairs
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.target import HOST, Dot, Target
from perfdsl.runner.kernels.vector import I32, Emitter, Value


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
            return dot_pairs(e, total, a, b)
        case Family.INT8 if e.target.dot is Dot.MADDUBS:
            return dot_maddubs(e, total, a, b)  # signs are worked out once for several products
        case Family.INT8:
            return dot_i8(e, total, a, b)


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
