"""Tallies: what kernels executed and which cache lines they read, counted in their innermost loops.

Only the oracle's build counts (`target.counting`); in any other nothing is emitted here. A tally is
a block of int64 words that the caller owns, one for each thread and operator:

- word 0: multiply-accumulates executed, those of padding included;
- word 1: address of the shadow map: a byte for each 64-byte line of the arena, 1 once it is read;
- word 2: address of the arena's first byte;
- word 3: useful pairs of attention.
"""

from __future__ import annotations

from perfdsl.runner.kernels.vector import I8, I64, Emitter, Value

EXECUTED, SHADOW, ARENA, PAIRS = range(4)
WORDS, WORD = 8, 8  # words of a tally, which is one cache line; bytes of a word
LINE_BITS = 6  # 64 bytes


def executed(e: Emitter, tally: Value, macs: int, word: int = EXECUTED) -> None:
    """So many multiply-accumulates are executed here, each time that control comes by."""
    counted(e, tally, e.i64(macs), word)


def counted(e: Emitter, tally: Value, number: Value, word: int) -> None:
    """Adds a number, an i64, to a word."""
    if e.target.counting:
        before = e.load(tally, 8 * word, I64)
        e.store(e.builder.add(before, number), tally, 8 * word)


def touched(e: Emitter, tally: Value, address: Value, offset: int, size: int) -> None:
    """At most 64 bytes of the arena are read from here: they lie in one line or in two."""
    if not e.target.counting:
        return
    shadow, arena = e.load(tally, 8 * SHADOW, I64), e.load(tally, 8 * ARENA, I64)
    place = e.builder.sub(address, arena)
    for byte in (offset, offset + size - 1):
        line = e.builder.lshr(e.at(place, byte), e.i64(LINE_BITS))
        e.store(I8(1), shadow, line)
