"""Clock: the cycles of one core a second, from a chain of operations that take one cycle each.

An exclusive or that waits for an addition that waits for it takes two cycles on any processor that
this runs on: neither can be started early, and neither is a move that renaming could swallow.
"""

from __future__ import annotations

from perfdsl.measure.probes.gate import enter, leave
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.opaque import opaque
from perfdsl.runner.kernels.vector import Emitter, Value

LINKS = 64  # additions in one turn of the loop, so that the loop itself hides between them
CYCLES = 2 * LINKS


def chain(e: Emitter, turns: Value) -> None:
    """CYCLES * turns cycles."""
    a, b = opaque(e, e.i64(0x9E3779B9)), opaque(e, e.i64(0x7F4A7C15))

    def body(_: Value, state: list[Value]) -> list[Value]:
        (x,) = state
        for _link in range(LINKS):
            x = e.builder.add(e.builder.xor(x, a), b)
        return [x]

    opaque(e, e.loop(turns, [a], body)[0])


_chain = intrinsic_of(chain, "i")


@kernel
def cycles(turns: int) -> None:
    """Take CYCLES * turns cycles."""
    _chain(turns)


@kernel
def gated_cycles(gate: int, thread: int, threads: int, turns: int) -> None:
    """The same on several cores at once."""
    enter(gate, thread, threads)
    _chain(turns)
    leave(gate, thread)
