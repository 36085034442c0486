"""Latency: nanoseconds until a load has its value, from a chain over lines in random order.

Each line holds the address of the next, so that none can be asked for before the one ahead of it
has come, and the order is one no prefetcher foresees: a single cycle over all lines (Sattolo,
1986).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from perfdsl.measure.probes.gate import enter, leave
from perfdsl.measure.probes.memory import Memory
from perfdsl.measure.probes.stream import BLOCK, PLACES, read
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.opaque import opaque
from perfdsl.runner.kernels.vector import I64, Emitter, Value

LINKS = 32  # loads in one turn of the loop
SEED = 1986


def follow(e: Emitter, first: Value, turns: Value) -> None:
    """LINKS * turns loads, each from where the one before says."""

    def body(_: Value, state: list[Value]) -> list[Value]:
        (at,) = state
        for _link in range(LINKS):
            at = e.load(at, 0, I64)
        return [at]

    opaque(e, e.loop(turns, [first], body)[0])


_follow, _read = intrinsic_of(follow, "ii"), intrinsic_of(read, "iii")


@kernel
def gated_follow(gate: int, turns: int, first: int, base: int, size: int, warm: int) -> None:
    """On one thread. warm: how often all `size` bytes from `base` on are read before the gate."""
    for _ in range(warm):
        _read(base, size // (PLACES * BLOCK), size // PLACES)
    enter(gate, 0, 1)
    _follow(first, turns)
    leave(gate, 0)


def cycle(count: int, seed: int = SEED) -> NDArray[np.int64]:
    """next[i] for i in 0 ..< count: one cycle through all of them, in random order."""
    order = np.random.default_rng(seed).permutation(count)
    following = np.empty(count, np.int64)
    following[order] = np.roll(order, -1)
    return following


def chain(found: Memory, size: int, line: int) -> None:
    """Write such a cycle into the first `size` bytes: into each line the address of its next."""
    words = found.data[: size // line * line].view(np.int64).reshape(-1, line // 8)
    words[:, 0] = found.address + cycle(len(words)) * line
