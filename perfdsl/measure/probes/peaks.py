"""Peaks: how many multiply-adds a second the dot instructions reach that the runner's kernels use.

Each loop lives in registers alone: enough independent sums to hide the latency of the instruction,
two operands, no memory. The operands pass through an empty piece of assembly in front of every use,
so that the compiler can neither foresee them nor move a part of the instruction out of the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from llvmlite import ir

from perfdsl.measure.probes.gate import enter, leave
from perfdsl.records import replace
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.dots import dot_i8, dot_maddubs, dot_pairs
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.opaque import opaque
from perfdsl.runner.kernels.target import HOST, Dot, Target
from perfdsl.runner.kernels.vector import I32, Emitter, Value


class Family(Enum):
    """Instructions by what they work on: bytes, pairs of bf16, float32.

    PAIRS are bytes as AVX2 multiplies them, 256 bits at once; ADD is the sum of two float32.
    """

    INT8 = "int8"
    BF16 = "bf16"
    FP32 = "fp32"
    PAIRS = "pairs"
    ADD = "add"


def families(target: Target = HOST) -> tuple[Family, ...]:
    """Those of the runner's products that this target has."""
    products = (Family.INT8, Family.BF16, Family.FP32)
    return tuple(each for each in products if each is not Family.BF16 or target.bf16)


def every_family(target: Target = HOST) -> tuple[Family, ...]:
    """All that this target has, each instruction once."""
    avx2 = target.triple.startswith("x86") and target.dot is Dot.VPDPBUSD
    return (*families(target), *([Family.PAIRS] if avx2 else []), Family.ADD)


def macs(family: Family, target: Target = HOST) -> int:
    """Multiply-adds (additions) of one instruction, of one sequence where it takes several."""
    if family is Family.PAIRS:
        return 32
    a_lane = {Family.INT8: 4, Family.BF16: 2, Family.FP32: 1, Family.ADD: 1}
    return target.lanes * a_lane[family]


def sums(target: Target = HOST) -> int:
    """Independent sums in flight: half of them would hide 6 cycles at two instructions a cycle.

    What is left of the registers are two operands, a temporary, and a vector of ones for AVX2.
    """
    return 3 * target.registers // 4


def peak_loop(family: Family) -> Callable[[Emitter, Value], None]:
    """What emits a loop of so many rounds, each with one instruction for every sum."""

    def peak(e: Emitter, rounds: Value) -> None:
        count = sums(e.target)
        if family is Family.PAIRS:
            e = replace(e, target=replace(e.target, lanes=8))
        whole = family in {Family.INT8, Family.PAIRS}
        operand = e.i32(0x01010101 if whole else 0x3F803F80)
        kind = I32 if whole else ir.FloatType()
        a = b = e.builder.bitcast(operand, e.vector(kind))
        zero = ir.Constant(e.vector(kind), None)

        def body(_: Value, state: list[Value]) -> list[Value]:
            a, b, *totals = state
            for place, total in enumerate(totals):
                a, b = opaque(e, a), opaque(e, b)
                totals[place] = product(e, family, total, a, b)
            return [a, b, *totals]

        results = e.loop(rounds, [a, b, *[zero] * count], body)
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
        case Family.ADD:
            return e.add(total, a)
        case Family.PAIRS:  # seen as one, LLVM makes two of the three one of AVX512-VNNI
            none = ir.Constant(total.type, None)
            return e.builder.add(total, opaque(e, dot_maddubs(e, none, a, b)))
        case Family.INT8 if e.target.dot is Dot.MADDUBS:
            return dot_maddubs(e, total, a, b)  # signs are worked out once for several products
        case Family.INT8:
            return dot_i8(e, total, a, b)


def _there(family: Family) -> Family:
    """The family, or float32 where this host does not have it: that loop is never called."""
    return family if family in every_family() else Family.FP32


_int8, _fp32 = (intrinsic_of(peak_loop(each), "i") for each in (Family.INT8, Family.FP32))
_bf16 = intrinsic_of(peak_loop(_there(Family.BF16)), "i")
_pairs = intrinsic_of(peak_loop(_there(Family.PAIRS)), "i")
_add = intrinsic_of(peak_loop(Family.ADD), "i")


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


# The same behind a gate: all threads at once, each with its own time.


@kernel
def gated_int8(gate: int, thread: int, threads: int, rounds: int) -> None:
    enter(gate, thread, threads)
    _int8(rounds)
    leave(gate, thread)


@kernel
def gated_bf16(gate: int, thread: int, threads: int, rounds: int) -> None:
    enter(gate, thread, threads)
    _bf16(rounds)
    leave(gate, thread)


@kernel
def gated_fp32(gate: int, thread: int, threads: int, rounds: int) -> None:
    enter(gate, thread, threads)
    _fp32(rounds)
    leave(gate, thread)


@kernel
def gated_pairs(gate: int, thread: int, threads: int, rounds: int) -> None:
    enter(gate, thread, threads)
    _pairs(rounds)
    leave(gate, thread)


@kernel
def gated_add(gate: int, thread: int, threads: int, rounds: int) -> None:
    enter(gate, thread, threads)
    _add(rounds)
    leave(gate, thread)


GATED: Mapping[Family, Callable[[int, int, int, int], None]] = {
    Family.INT8: gated_int8, Family.BF16: gated_bf16, Family.FP32: gated_fp32,
    Family.PAIRS: gated_pairs, Family.ADD: gated_add,
}  # fmt: skip
