"""The product of attention: rows of values times panels of 32 lanes, for scores and for sums of V.

    out[r][lane] = sum over steps s of A[r][s] * B[s][lane]        float32

Elements of A and B are 4 bytes: two bf16 values whose products are added (`target.pairs` = 2), or
one float32. A is row-major: an element is broadcast to all lanes. B is a panel: `[steps][32]`.

- Scores: a row is a query, B is a block of 32 keys, steps go along the head (d_head / pairs).
- Values: a row holds the weights of a query, B is 32 dimensions of V, steps go along its keys.

Each output is one chain of additions in the order of the steps, from zero: it depends neither on
how many rows are computed together nor on what else is. A weight of 0 adds exactly 0.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels import tally as tallies
from perfdsl.runner.kernels.dots import dot_pairs
from perfdsl.runner.kernels.elements import ELEMENT, kind
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.target import HOST, Target
from perfdsl.runner.kernels.vector import Emitter, Value

LANES = 32  # of a panel
HALF = 16  # lanes of which a product may leave the other half alone: few keys, or edges
STEP = LANES * ELEMENT  # bytes of a panel from one step to the next
VECTORS = 2  # vectors of a panel that are computed together


def rows_at_once(target: Target) -> int:
    """Most rows computed together: 12 x 2 sums and 3 operands in 32 registers; 6 x 2 in 16.

    An instruction takes 6 cycles and two start in each (Zen 5): 12 sums or more keep them busy.
    """
    return 12 if target.registers == 32 else 6


ROWS = rows_at_once(HOST)


def reference(a: Any, b: Any) -> Any:
    """In float64: a (rows, steps, pairs), b (steps, 32, pairs) -> (rows, 32)."""
    return np.einsum("rsp,slp->rl", a.astype(np.float64), b.astype(np.float64))


def emit_product(
    e: Emitter,
    rows: Value,
    halves: Value,
    a: Value,
    a_row: Value,
    b: Value,
    steps: Value,
    out: Value,
    out_row: Value,
    tally: Value,
) -> None:
    """`rows` (1 to ROWS) rows times the first half of a panel, 16 lanes, or both of them.

    See `product`. Code is emitted for each number of rows: sums must have names, not numbers.
    """
    operands = Operands(a, a_row, b, steps, out, out_row, tally)

    def tile(count: int) -> None:
        wide = e.lanes * VECTORS
        if wide > HALF:  # one tile does both halves, another one the first
            both = {1: partial(emit_tile, e, count, VECTORS // 2, operands)}
            e.cases(halves, both | {2: partial(emit_tile, e, count, VECTORS, operands)})
        else:
            each = e.builder.mul(halves, e.i64(HALF // wide))
            e.loop(each, [], lambda part, _: _part(e, count, operands, part))

    e.cases(rows, {count: partial(tile, count) for count in range(1, rows_at_once(e.target) + 1)})


class Operands(NamedTuple):
    a: Value
    a_row: Value
    b: Value
    steps: Value
    out: Value
    out_row: Value
    tally: Value


def _part(e: Emitter, count: int, given: Operands, part: Value) -> list[Value]:
    """One tile's lanes of a half."""
    at = e.scaled(part, ELEMENT * e.lanes * VECTORS)
    emit_tile(e, count, VECTORS, given._replace(b=e.at(given.b, at), out=e.at(given.out, at)))
    return []


def emit_tile(e: Emitter, count: int, width: int, given: Operands) -> None:
    """`count` rows x `width` vectors, all sums in registers."""
    size = ELEMENT * e.lanes
    # A row's address is a start of four rows plus 0, 1, 2 or 3 row lengths: x86 adds two registers
    # in an address, so that 12 rows take five registers and not twelve.
    fours = [e.at(given.a, e.scaled(given.a_row, first)) for first in range(0, count, 4)]
    within = [e.scaled(given.a_row, row) for row in range(4)]

    def step(index: Value, sums: list[Value]) -> list[Value]:
        at = e.scaled(index, ELEMENT)
        panel = e.at(given.b, e.scaled(index, STEP))
        vectors = [e.load(panel, size * n, e.vector(kind(e))) for n in range(width)]
        for row in range(count):
            element = e.broadcast(e.at(fours[row // 4], at), within[row % 4], kind(e))
            for n, vector in enumerate(vectors):
                place = row * width + n
                sums[place] = dot_pairs(e, sums[place], element, vector)
                tallies.executed(e, given.tally, e.lanes * e.target.pairs)
        return sums

    for place, total in enumerate(e.loop(given.steps, [e.f32(0.0)] * (count * width), step)):
        row, n = divmod(place, width)
        e.store(total, e.at(given.out, e.scaled(given.out_row, row)), size * n)


_product = intrinsic_of(emit_product, "i" * 9)


@kernel
def product(
    rows: int,
    halves: int,
    a: int,
    a_row: int,
    b: int,
    steps: int,
    out: int,
    out_row: int,
    tally: int,
) -> None:
    """`rows` (1 to ROWS) rows times the first half of a panel, 16 lanes, or both of them.

    a: address of A's first row; b: of the panel; steps >= 1; out: address of the first row's sums;
    a_row, out_row: bytes from row to row; tally: where the oracle counts. A kernel, so that its
    code is there once.
    """
    _product(rows, halves, a, a_row, b, steps, out, out_row, tally)
