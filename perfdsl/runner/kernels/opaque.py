"""A value that the compiler knows nothing of, so that code stays in the order it is written in."""

from __future__ import annotations

from llvmlite import ir

from perfdsl.runner.kernels.vector import Emitter, Value


def opaque(e: Emitter, value: Value) -> Value:
    """The same value, through an empty piece of assembly; it takes no instruction.

    What goes in is computed, though nobody may read it; of what comes out nothing can be foreseen,
    and what is made of it cannot be moved out of a loop. Several of these keep their order.
    """
    return e.builder.asm(
        ir.FunctionType(value.type, [value.type]),
        "",
        f"={_register(e, value)},0",
        [value],
        side_effect=True,
    )


def single(e: Emitter) -> None:
    """In the body of a loop: a turn stays a turn, and several are not made into one.

    Made into one, each of its instructions would step further than a page at a time: prefetchers
    look at the steps of an instruction, and L2 gave 130 GB/s instead of 259 (Zen 5).
    """
    nothing = e.builder.asm(ir.FunctionType(ir.VoidType(), []), "", "", [], side_effect=True)
    nothing.attributes.add("convergent")


def _register(e: Emitter, value: Value) -> str:
    """LLVM's letter: `v` is any of the 32 vector registers of x86, `x` one of the first 16."""
    if not isinstance(value.type, ir.VectorType):
        return "r"
    if not e.target.triple.startswith("x86"):
        return "w"
    return "v" if e.target.registers == 32 else "x"
