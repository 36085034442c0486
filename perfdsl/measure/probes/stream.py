"""Stream: how fast the bytes of a model's weights come out of memory, for one thread and more.

Each thread reads a stretch of its own, as the runner's do, and adds up what it reads. It reads from
four places of its stretch at once: one core got 47 GB/s that way and 42 from a single place
(Zen 5), with software prefetch at any distance no more.
"""

from __future__ import annotations

from llvmlite import ir

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.opaque import opaque, single
from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.kernels.vector import I32, Emitter, Value

PLACES = 4
VECTORS = 8  # read from one place before the next; with 4, L2 gave 220 GB/s instead of 258
BLOCK = VECTORS * 4 * HOST.lanes  # bytes


def read(e: Emitter, address: Value, blocks: Value, gap: Value) -> None:
    """Read so many blocks from each of the places, which are `gap` bytes apart."""

    def body(index: Value, sums: list[Value]) -> list[Value]:
        single(e)
        sums = list(sums)
        for number in range(PLACES):
            here = place(e, address, index, gap, number)
            for n in range(VECTORS):
                # integer sums wrap in one cycle, which no memory keeps up with
                sums[n] = e.builder.add(sums[n], e.load_i32(here, n * 4 * e.lanes))
        return sums

    zero = ir.Constant(e.vector(I32), None)
    for total in e.loop(blocks, [zero] * VECTORS, body):
        opaque(e, total)


def place(e: Emitter, address: Value, index: Value, gap: Value, number: int) -> Value:
    """Where the block of this index begins, of the place of this number."""
    return e.at(e.at(address, e.scaled(index, VECTORS * 4 * e.lanes)), e.scaled(gap, number))


_read = intrinsic_of(read, "iii")


@kernel
def stream(address: int, blocks: int, gap: int, passes: int) -> None:
    """One thread's share: its stretch begins at `address` and has PLACES * gap bytes."""
    for _ in range(passes):
        _read(address, blocks, gap)
