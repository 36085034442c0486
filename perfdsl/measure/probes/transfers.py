"""Transfers: reading, writing and copying a stretch of memory again and again.

Each thread has a stretch of its own. Where that lies, its size decides: in a cache that holds it,
or in memory. As in `stream`, each thread is at four places of its stretch at once. Those lie 1 KiB
apart within a page of 4 KiB, and what is written 512 bytes further: a load that follows a store to
the same place of another page waits for it on many processors, and the loop would measure that.

`warm` passes go before the gate, to bring into a cache what others have driven out. One is not
enough for a cache that keeps what was used twice: behind a stream from memory, loads from 6 MB
took 75 ns instead of 13 in an L3 of 32 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from perfdsl.measure.probes.gate import enter, leave
from perfdsl.measure.probes.opaque import opaque
from perfdsl.measure.probes.stream import BLOCK, PLACES, VECTORS, read
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.vector import Emitter, Value

PAGE = 4096
STAGGER = PAGE // PLACES  # bytes between the places, modulo a page
APART = STAGGER // 2  # bytes between what is read and what is written, modulo a page


class Transfer(Enum):
    READ = "read"
    WRITE = "write"
    COPY = "copy"


def write(e: Emitter, address: Value, blocks: Value, gap: Value) -> None:
    """Write so many blocks at each of the places, which are `gap` bytes apart."""
    ones = opaque(e, e.i32(0x01010101))  # as the memory was filled; known, it became a `memset`

    def body(index: Value, _: list[Value]) -> list[Value]:
        for place in range(PLACES):
            here = _place(e, address, index, gap, place)
            for n in range(VECTORS):
                e.store(ones, here, n * 4 * e.lanes)
        return []

    e.loop(blocks, [], body)


def copy(e: Emitter, source: Value, target: Value, blocks: Value, gap: Value) -> None:
    """Copy so many blocks at each of the places."""

    def body(index: Value, _: list[Value]) -> list[Value]:
        for place in range(PLACES):
            out, into = (_place(e, each, index, gap, place) for each in (source, target))
            for n in range(VECTORS):
                e.store(e.load_i32(out, n * 4 * e.lanes), into, n * 4 * e.lanes)
        return []

    e.loop(blocks, [], body)


def _place(e: Emitter, address: Value, index: Value, gap: Value, place: int) -> Value:
    return e.at(e.at(address, e.scaled(index, VECTORS * 4 * e.lanes)), e.scaled(gap, place))


_read, _write = intrinsic_of(read, "iii"), intrinsic_of(write, "iii")
_copy = intrinsic_of(copy, "iiii")


def gap_of(stretch: int) -> int:
    """How far apart the places of such a stretch lie: STAGGER more than whole pages, if it can."""
    gap = stretch // PLACES // BLOCK * BLOCK
    staggered = (gap - STAGGER) // PAGE * PAGE + STAGGER
    return staggered if staggered > 0 else gap


@kernel
def gated_read(
    gate: int, thread: int, threads: int, passes: int, first: int, gap: int, warm: int
) -> None:
    for _ in range(warm):
        _read(first, gap // BLOCK, gap)
    enter(gate, thread, threads)
    for _ in range(passes):
        _read(first, gap // BLOCK, gap)
    leave(gate, thread)


@kernel
def gated_write(
    gate: int, thread: int, threads: int, passes: int, first: int, gap: int, warm: int
) -> None:
    for _ in range(warm):
        _write(first, gap // BLOCK, gap)
    enter(gate, thread, threads)
    for _ in range(passes):
        _write(first, gap // BLOCK, gap)
    leave(gate, thread)


@kernel
def gated_copy(
    gate: int, thread: int, threads: int, passes: int, first: int, gap: int, warm: int
) -> None:
    """Behind the stretch there is room for a page: see `target_of`."""
    target = first + target_of(gap)
    for _ in range(warm):
        _copy(first, target, gap // BLOCK, gap)
    enter(gate, thread, threads)
    for _ in range(passes):
        _copy(first, target, gap // BLOCK, gap)
    leave(gate, thread)


@kernel
def target_of(gap: int) -> int:
    """How far behind its source a copy lies."""
    return -(-PLACES * gap // PAGE) * PAGE + APART


GATED: Mapping[Transfer, Callable[[int, int, int, int, int, int, int], None]] = {
    Transfer.READ: gated_read, Transfer.WRITE: gated_write, Transfer.COPY: gated_copy,
}  # fmt: skip
