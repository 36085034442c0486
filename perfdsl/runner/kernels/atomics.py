"""Atomic words: int64 values that several threads read and change, and a pause between two looks.

Each is one instruction of LLVM on the word at an address, which is a multiple of 8. What changes a
word does so in an order that all threads agree on (seq_cst).
"""

from __future__ import annotations

from llvmlite import ir

from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.vector import I32, I64, Emitter, Value

POINTER, WORD = ir.PointerType(), 8


def _fetch_add(e: Emitter, address: Value, value: Value) -> Value:
    """Add to the word; what it was before."""
    return e.builder.atomic_rmw("add", e.builder.inttoptr(address, POINTER), value, "seq_cst")


def _exchange(e: Emitter, address: Value, value: Value) -> Value:
    """Write the word; what it was before. No later read comes before it, as with a plain store."""
    return e.builder.atomic_rmw("xchg", e.builder.inttoptr(address, POINTER), value, "seq_cst")


def _load(e: Emitter, address: Value) -> Value:
    """The word: what its writer wrote before it is seen by what follows here (acquire)."""
    pointer = e.builder.inttoptr(address, POINTER)
    return e.builder.load_atomic(pointer, "acquire", WORD, typ=I64)


def _pause(e: Emitter) -> None:
    """Tell the core that it spins: its sibling thread gets the slots, and leaving costs less."""
    nothing, module = ir.VoidType(), e.builder.module
    match module.triple.partition("-")[0]:
        case "x86_64" | "i686":
            name, given = "llvm.x86.sse2.pause", []
        case "aarch64" | "arm64":  # `yield` does nothing on most; `isb` waits for the pipeline
            name, given = "llvm.aarch64.isb", [I32(15)]
        case _:
            return
    kind = ir.FunctionType(nothing, [value.type for value in given])
    e.builder.call(module.globals.get(name) or ir.Function(module, kind, name), given)


fetch_add = intrinsic_of(_fetch_add, "ii", "i")
exchange = intrinsic_of(_exchange, "ii", "i")
load = intrinsic_of(_load, "i", "i")
pause = intrinsic_of(_pause, "")
