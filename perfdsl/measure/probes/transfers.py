"""Transfers: reading, writing and copying a stretch of memory again and again.

Each thread has a stretch of its own. Where that lies, its size decides: in a cache that holds it,
or in memory. A thread is at one place of its stretch, or at two or four at once: which of these is
fastest is another thing from processor to processor and from level to level, and found out by
trying (Zen 5: copies in L2 255 GB/s from one place and 230 from four, reads from memory 40 and 42).

Places lie 1 or 2 KiB apart within a page of 4 KiB, and what is written 512 bytes further: a load
that follows a store to the same place of another page waits for it on many processors, and the
loop would measure that.

`warm` passes go before the gate, to bring into a cache what others have driven out. One is not
enough for a cache that keeps what was used twice: behind a stream from memory, loads from 6 MB
took 75 ns instead of 13 in an L3 of 32 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum

from perfdsl.measure.probes.gate import Gate, enter, leave
from perfdsl.measure.probes.memory import Memory
from perfdsl.measure.probes.stream import BLOCK, VECTORS, place
from perfdsl.measure.probes.together import together
from perfdsl.measure.timing import Stopwatch
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.opaque import opaque, single
from perfdsl.runner.kernels.vector import Emitter, Value

PAGE = 4096
APART = 512  # bytes between what is read and what is written, modulo a page
SPARE = 4 * PAGE  # behind a stretch that is copied within: two pages are used
PLACES_TRIED, TRIES, PASSES = 8, 3, 50  # by `smoothest`
SHAPES = (1, 2, 4)  # places of a stretch at which a thread is at once


class Transfer(Enum):
    READ = "read"
    WRITE = "write"
    COPY = "copy"


def reading(places: int) -> Callable[[Emitter, Value, Value, Value], None]:
    """What emits a loop that reads from so many places, `gap` bytes apart: loads, and no sums."""

    def read(e: Emitter, address: Value, blocks: Value, gap: Value) -> None:
        def body(index: Value, _: list[Value]) -> list[Value]:
            single(e)
            for number in range(places):
                here = place(e, address, index, gap, number)
                for n in range(VECTORS):
                    opaque(e, e.load_i32(here, n * 4 * e.lanes))
            return []

        e.loop(blocks, [], body)

    return read


def writing(places: int) -> Callable[[Emitter, Value, Value, Value], None]:
    """What emits a loop that writes to so many places, `gap` bytes apart."""

    def write(e: Emitter, address: Value, blocks: Value, gap: Value) -> None:
        # Known, it became a `memset`; zeros go to memory a fifth faster (Zen 5), and are no data.
        ones = opaque(e, e.i32(0x01010101))

        def body(index: Value, _: list[Value]) -> list[Value]:
            single(e)
            for number in range(places):
                here = place(e, address, index, gap, number)
                for n in range(VECTORS):
                    e.store(ones, here, n * 4 * e.lanes)
            return []

        e.loop(blocks, [], body)

    return write


def copying(places: int) -> Callable[[Emitter, Value, Value, Value, Value], None]:
    """What emits a loop that copies from so many places."""

    def copy(e: Emitter, source: Value, target: Value, blocks: Value, gap: Value) -> None:
        def body(index: Value, _: list[Value]) -> list[Value]:
            single(e)
            for number in range(places):
                out, into = (place(e, each, index, gap, number) for each in (source, target))
                for n in range(VECTORS):
                    e.store(e.load_i32(out, n * 4 * e.lanes), into, n * 4 * e.lanes)
            return []

        e.loop(blocks, [], body)

    return copy


_read_1, _read_2, _read_4 = (intrinsic_of(reading(n), "iii") for n in SHAPES)
_write_1, _write_2, _write_4 = (intrinsic_of(writing(n), "iii") for n in SHAPES)
_copy_1, _copy_2, _copy_4 = (intrinsic_of(copying(n), "iiii") for n in SHAPES)


def gap_of(stretch: int, places: int) -> int:
    """How far apart the places of such a stretch lie: a part of a page more than whole ones."""
    gap = stretch // places // BLOCK * BLOCK
    if places == 1:
        return gap
    staggered = (gap - PAGE // places) // PAGE * PAGE + PAGE // places
    return staggered if staggered > 0 else gap


@kernel
def read_from(places: int, first: int, gap: int) -> None:
    if places == 1:
        _read_1(first, gap // BLOCK, gap)
    elif places == 2:
        _read_2(first, gap // BLOCK, gap)
    else:
        _read_4(first, gap // BLOCK, gap)


@kernel
def write_to(places: int, first: int, gap: int) -> None:
    if places == 1:
        _write_1(first, gap // BLOCK, gap)
    elif places == 2:
        _write_2(first, gap // BLOCK, gap)
    else:
        _write_4(first, gap // BLOCK, gap)


@kernel
def copy_from(places: int, first: int, gap: int) -> None:
    target = first + -(-places * gap // PAGE) * PAGE + APART
    if places == 1:
        _copy_1(first, target, gap // BLOCK, gap)
    elif places == 2:
        _copy_2(first, target, gap // BLOCK, gap)
    else:
        _copy_4(first, target, gap // BLOCK, gap)


@kernel
def gated_read(
    gate: int, thread: int, threads: int, passes: int, places: int, first: int, gap: int, warm: int
) -> None:
    for _ in range(warm):
        read_from(places, first, gap)
    enter(gate, thread, threads)
    for _ in range(passes):
        read_from(places, first, gap)
    leave(gate, thread)


@kernel
def gated_write(
    gate: int, thread: int, threads: int, passes: int, places: int, first: int, gap: int, warm: int
) -> None:
    for _ in range(warm):
        write_to(places, first, gap)
    enter(gate, thread, threads)
    for _ in range(passes):
        write_to(places, first, gap)
    leave(gate, thread)


@kernel
def gated_copy(
    gate: int, thread: int, threads: int, passes: int, places: int, first: int, gap: int, warm: int
) -> None:
    """The stretch is half of what is used; behind it there is room for two pages."""
    for _ in range(warm):
        copy_from(places, first, gap)
    enter(gate, thread, threads)
    for _ in range(passes):
        copy_from(places, first, gap)
    leave(gate, thread)


GATED: Mapping[Transfer, Callable[[int, int, int, int, int, int, int, int], None]] = {
    Transfer.READ: gated_read, Transfer.WRITE: gated_write, Transfer.COPY: gated_copy,
}  # fmt: skip


def smoothest(found: Sequence[Memory], size: int) -> list[int]:
    """For each thread the address in its memory from which so many bytes are read fastest; there is
    room to copy them, too.

    A virtual machine's huge page may be many small ones of its host, of which too many share the
    same sets of a cache: half of an L2 was read at 139 GB/s in one place and at 260 in the next.
    """
    chosen = [each.address for each in found]
    _read_alone(chosen[0], size)  # compiled here, if it is not yet: several threads at once cannot

    def choose(thread: int) -> None:
        memory = found[thread]
        places = min(PLACES_TRIED, (memory.data.size - SPARE) // size)
        spent = {}
        for address in (memory.address + n * size for n in range(places)):
            spent[address] = min(_read_alone(address, size) for _ in range(TRIES))
        chosen[thread] = min(spent, key=lambda address: spent[address])

    together(len(found), choose, Stopwatch().clock)
    return chosen


def _read_alone(address: int, size: int) -> int:
    """Nanoseconds of some reads of a stretch, on the calling thread."""
    gate = Gate(1)
    gated_read(gate.address, 0, 1, PASSES, 2, address, gap_of(size, 2), 1)
    return gate.spent()
