"""Vectors: LLVM instructions for one target, under the names that the kernels' formulas use.

A kernel is a Python function that is given an `Emitter` and emits vector code; the numbers of its
shape are plain Python ints and loops over them are unrolled. `emitted` makes of such a function
something that runs; dot products, which every target has others of, stand in `dots`.

Addresses are 64-bit integers, offsets are bytes. A vector has `target.lanes` values of 32 bits.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from llvmlite import ir

from perfdsl.records import dataclass
from perfdsl.runner.kernels.target import Target

Value: TypeAlias = Any  # an llvmlite value: its classes have no type information
Body: TypeAlias = Callable[[Value, list[Value]], Sequence[Value]]  # of a loop: (i, state) -> state

I1, I8, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
F16, F32 = ir.HalfType(), ir.FloatType()


class _BFloat(ir.types.Type):  # type of LLVM that llvmlite has no class for
    def __str__(self) -> str:
        return "bfloat"

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _BFloat)

    def __hash__(self) -> int:
        return hash("bfloat")


BF16 = _BFloat()


@dataclass(frozen=True, slots=True)
class Emitter:
    """Emits for one target. Values are LLVM values; every method emits what its name says."""

    builder: ir.IRBuilder
    target: Target

    # ------------------------------------------------------------------ types and constants

    @property
    def lanes(self) -> int:
        return self.target.lanes

    def vector(self, element: Any) -> Any:
        """The vector type of this target's lanes of `element`."""
        return ir.VectorType(element, self.lanes)

    def f32(self, number: float) -> Value:
        """This number in every lane, rounded to float32 as LLVM's constants must be."""
        return self.same(number, self.lanes)

    def i32(self, number: int) -> Value:
        """This integer in every lane."""
        return ir.Constant(self.vector(I32), [number] * self.lanes)

    def same(self, number: float, lanes: int) -> Value:
        """This number in so many lanes."""
        return ir.Constant(ir.VectorType(F32, lanes), [_rounded(number)] * lanes)

    def number(self, value: float) -> Value:
        """This number as one float32."""
        return ir.Constant(F32, _rounded(value))

    def i64(self, number: int) -> Value:
        """An integer for addresses and counts."""
        return ir.Constant(I64, number)

    # ------------------------------------------------------------------ addresses, loads, stores

    def at(self, address: Value, offset: Value | int = 0) -> Value:
        """The address so many bytes further."""
        if isinstance(offset, int):
            return address if offset == 0 else self.builder.add(address, self.i64(offset))
        return self.builder.add(address, offset)

    def scaled(self, index: Value, size: Value | int) -> Value:
        """Index * size, to step by."""
        return self.builder.mul(index, self.i64(size) if isinstance(size, int) else size)

    def load(self, address: Value, offset: Value | int = 0, kind: Any = None) -> Value:
        """What lies there, aligned or not: a vector of float32 unless another type is said."""
        wanted = self.vector(F32) if kind is None else kind
        return self.builder.load(self._pointer(address, offset), align=1, typ=wanted)

    def store(self, value: Value, address: Value, offset: Value | int = 0) -> None:
        self.builder.store(value, self._pointer(address, offset), align=1)

    def load_i32(self, address: Value, offset: Value | int = 0) -> Value:
        return self.load(address, offset, self.vector(I32))

    def load_f16(self, address: Value, offset: Value | int = 0) -> Value:
        """So many fp16 numbers as lanes, as float32. Finite ones: else a number without meaning."""
        if self.target.half:
            loaded = self.load(address, offset, self.vector(F16))
            return self.builder.fpext(loaded, self.vector(F32))
        b = self.builder
        bits = b.zext(self.load(address, offset, self.vector(I16)), self.vector(I32))
        size = b.shl(b.and_(bits, self.i32(0x7FFF)), self.i32(13))  # exponents 112 too small
        sign = b.shl(b.and_(bits, self.i32(0x8000)), self.i32(16))
        grown = self.bits(self.mul(b.bitcast(size, self.vector(F32)), self.f32(2.0**112)))
        return b.bitcast(b.or_(grown, sign), self.vector(F32))

    def broadcast(self, address: Value, offset: Value | int = 0, kind: Any = F32) -> Value:
        """The one number that lies there, in every lane."""
        return self.splat(self.load(address, offset, kind))

    def splat(self, scalar: Value) -> Value:
        """A number in every lane."""
        wide = self.vector(scalar.type)
        first = self.builder.insert_element(ir.Constant(wide, ir.Undefined), scalar, I32(0))
        zeros = ir.Constant(self.vector(I32), [0] * self.lanes)
        return self.builder.shuffle_vector(first, ir.Constant(wide, ir.Undefined), zeros)

    def prefetch(self, address: Value, offset: Value | int = 0, locality: int = 2) -> None:
        """Ask for the cache line; locality 3 is L1, 2 is L2."""
        pointer = self._pointer(address, offset)
        self.call("llvm.prefetch.p0", ir.VoidType(), pointer, I32(0), I32(locality), I32(1))

    # ------------------------------------------------------------------ arithmetic of float32

    def add(self, a: Value, b: Value) -> Value:
        return self.builder.fadd(a, b)

    def sub(self, a: Value, b: Value) -> Value:
        return self.builder.fsub(a, b)

    def mul(self, a: Value, b: Value) -> Value:
        return self.builder.fmul(a, b)

    def div(self, a: Value, b: Value) -> Value:
        return self.builder.fdiv(a, b)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """A * b + c, rounded once where the target can (twice where it cannot: no slow call)."""
        if not self.target.fma:
            return self.builder.fadd(self.builder.fmul(a, b), c)
        return self._same("llvm.fma", a, b, c)

    def maximum(self, a: Value, b: Value) -> Value:
        """The larger one; b where either is not a number, as vmaxps has it."""
        return self.builder.select(self.builder.fcmp_ordered(">", a, b), a, b)

    def minimum(self, a: Value, b: Value) -> Value:
        """The smaller one; b where either is not a number, as vminps has it."""
        return self.builder.select(self.builder.fcmp_ordered("<", a, b), a, b)

    def absolute(self, a: Value) -> Value:
        return self._same("llvm.fabs", a)

    def sqrt(self, a: Value) -> Value:
        return self._same("llvm.sqrt", a)

    def sum_of(self, a: Value) -> Value:
        """The sum over the lanes, as a scalar: halves are added to halves, in this order always."""
        return self._folded(a, self.builder.fadd)

    def greatest_of(self, a: Value) -> Value:
        """The largest of the lanes, as a scalar."""
        return self._folded(a, self.maximum)

    # ------------------------------------------------------------------ arithmetic of int32

    def larger(self, a: Value, b: Value) -> Value:
        """The larger integer, with its sign."""
        return self.builder.select(self.builder.icmp_signed(">", a, b), a, b)

    def largest_of(self, integers: Value) -> Value:
        """The largest of the lanes, as a scalar."""
        return self._folded(integers, self.larger)

    # ------------------------------------------------------------------ conversions, bits

    def to_f32(self, integers: Value) -> Value:
        return self.builder.sitofp(integers, self._like(integers, F32))

    def rounded(self, a: Value) -> Value:
        """The nearest int32 (ties to even); only for |a| < 2^22, else meaningless.

        One add and one subtraction on every target, where `fptosi` of `rint` is a call on some.
        """
        shifted = self.bits(self.add(a, self.f32(MAGIC)))
        return self.builder.sub(shifted, self.bits(self.f32(MAGIC)))

    def bits(self, a: Value, element: Any = I32) -> Value:
        """The same bits read as lanes of another type of the same size."""
        return self.builder.bitcast(a, self._like(a, element))

    def to_bf16(self, a: Value) -> Value:
        """float32 lanes -> bf16 in 16-bit lanes, to nearest even; by hand: all targets agree."""
        bits = self.bits(a)
        odd = self.builder.and_(self.builder.lshr(bits, self.i32(16)), self.i32(1))
        up = self.builder.add(self.builder.add(bits, self.i32(0x7FFF)), odd)
        return self.builder.trunc(self.builder.lshr(up, self.i32(16)), self._like(a, I16))

    def exp2(self, a: Value) -> Value:
        """2^a for a <= 127; 0 below -126. Relative error below 2e-7 (six terms on [-1/2, 1/2])."""
        b = self.builder
        clamped, magic = self.maximum(a, self.f32(-126.5)), self.f32(MAGIC)
        shifted = self.add(clamped, magic)
        rest = self.sub(clamped, self.sub(shifted, magic))
        value = self.f32(EXP2[0])
        for factor in EXP2[1:]:
            value = self.fma(value, rest, self.f32(factor))
        # The exponent grows by the integer; magic's own bits are all shifted out.
        scaled = b.add(self.bits(value), b.shl(self.bits(shifted), self.i32(23)))
        below = b.fcmp_ordered("<", a, self.f32(-126.0))
        return b.select(below, self.f32(0.0), b.bitcast(scaled, value.type))

    # ------------------------------------------------------------------ lanes

    def lane(self, a: Value, index: int) -> Value:
        """One lane of a vector."""
        return self.builder.extract_element(a, I32(index))

    def shuffled(self, a: Value, b: Value, lanes: Sequence[int]) -> Value:
        """Lanes of a (from 0) and of b (from where those of a end), in this order."""
        order = ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes))
        return self.builder.shuffle_vector(a, b, order)

    def folded(self, vectors: Sequence[Value], combine: Callable[[Value, Value], Value]) -> Value:
        """N vectors (1, 2 or 4) -> a vector of n lanes: lane i combines all lanes of vector i.

        Pairs of vectors are combined half by half: n vectors take few more shuffles than one.
        """
        count, width = len(vectors), self.lanes  # of the groups of lanes that belong together
        while len(vectors) > 1:
            groups = range(0, 2 * self.lanes, width)
            width //= 2
            low = [start + i for start in groups for i in range(width)]
            high = [lane + width for lane in low]
            pairs = zip(vectors[::2], vectors[1::2], strict=True)
            vectors = [
                combine(self.shuffled(a, b, low), self.shuffled(a, b, high)) for a, b in pairs
            ]
        (result,) = vectors
        first = range(0, self.lanes, width)
        while width > 1:
            width //= 2
            other = [lane ^ width for lane in range(self.lanes)]
            result = combine(result, self.shuffled(result, result, other))
        return self.shuffled(result, result, list(first)[:count])

    # ------------------------------------------------------------------ loops

    def loop(self, count: Value, state: Sequence[Value], body: Body) -> list[Value]:
        """`state = body(i, state)` for i in 0 ..< count; the state stays in registers.

        `count` is an i64 of at least 1: the body runs before it is compared.
        """
        builder = self.builder
        before = builder.block
        block = builder.append_basic_block("loop")
        after = builder.append_basic_block("after")
        builder.branch(block)
        builder.position_at_end(block)
        index = builder.phi(I64)
        index.add_incoming(self.i64(0), before)
        carried = [builder.phi(value.type) for value in state]
        for phi, value in zip(carried, state, strict=True):
            phi.add_incoming(value, before)
        results = body(index, list(carried))
        following = builder.add(index, self.i64(1))
        index.add_incoming(following, builder.block)
        for phi, value in zip(carried, results, strict=True):
            phi.add_incoming(value, builder.block)
        builder.cbranch(builder.icmp_unsigned("<", following, count), block, after)
        builder.position_at_end(after)
        return list(results)

    def cases(self, value: Value, bodies: Mapping[int, Callable[[], None]]) -> None:
        """Emits each body, and a jump to the one whose number `value` is; none else may it be."""
        builder = self.builder
        never, after = (builder.append_basic_block(name) for name in ("never", "after"))
        jump = builder.switch(value, never)
        for number, body in bodies.items():
            block = builder.append_basic_block(f"case{number}")
            jump.add_case(self.i64(number), block)
            builder.position_at_end(block)
            body()
            builder.branch(after)
        builder.position_at_end(never)
        builder.unreachable()
        builder.position_at_end(after)

    def turns(self, count: Value, state: Sequence[Value], body: Body) -> list[Value]:
        """The same for a count that may be 0: the state then stays as it was."""
        builder = self.builder
        before = builder.block
        inside, after = (builder.append_basic_block(name) for name in ("turns", "after"))
        builder.cbranch(builder.icmp_unsigned("<", self.i64(0), count), inside, after)
        builder.position_at_end(inside)
        looped = self.loop(count, state, body)
        last = builder.block
        builder.branch(after)
        builder.position_at_end(after)
        joined = [builder.phi(value.type) for value in state]
        for phi, none, some in zip(joined, state, looped, strict=True):
            phi.add_incoming(none, before)
            phi.add_incoming(some, last)
        return joined

    # ------------------------------------------------------------------ LLVM's own functions

    def call(self, name: str, result: Any, *args: Value) -> Value:
        """Call the function of this name, declared as it is called: from these to that type."""
        module = self.builder.module
        signature = ir.FunctionType(result, [each.type for each in args])
        function = module.globals.get(name) or ir.Function(module, signature, name)
        return self.builder.call(function, args)

    # ------------------------------------------------------------------ inside

    def _pointer(self, address: Value, offset: Value | int) -> Value:
        base = self.builder.inttoptr(address, ir.PointerType())
        step = self.i64(offset) if isinstance(offset, int) else offset
        return self.builder.gep(base, [step], source_etype=I8)

    def _like(self, value: Value, element: Any) -> Any:
        return ir.VectorType(element, value.type.count)

    def _same(self, name: str, *args: Value) -> Value:
        """An overloaded LLVM function from vectors (or numbers) of one type to that type."""
        kind = args[0].type
        suffix = "f32" if kind == F32 else f"v{kind.count}f32"
        return self.call(f"{name}.{suffix}", kind, *args)

    def _folded(self, a: Value, combine: Callable[[Value, Value], Value]) -> Value:
        count = a.type.count
        while count > 1:
            count //= 2
            none = ir.Constant(a.type, ir.Undefined)
            low, high = (
                self.builder.shuffle_vector(a, none, _indices(start, count)) for start in (0, count)
            )
            a = combine(low, high)
        return self.builder.extract_element(a, I32(0))


# Added to |a| < 2^22, this leaves the nearest integer in the low bits of the mantissa.
MAGIC = 1.5 * 2.0**23

# Polynomial of 2^x on [-1/2, 1/2] with the least greatest relative error (2e-9), by Lawson's
# iteration; highest power first.
EXP2 = (
    1.53533619e-4, 1.33988744e-3, 9.61843736e-3, 5.55033247e-2, 2.40226479e-1, 6.93147203e-1, 1.0,
)  # fmt: skip


def _rounded(number: float) -> float:
    """To float32, as LLVM asks of constants."""
    return float(struct.unpack("f", struct.pack("f", number))[0])


def _indices(start: int, count: int) -> Value:
    return ir.Constant(ir.VectorType(I32, count), list(range(start, start + count)))
