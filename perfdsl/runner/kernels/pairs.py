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
from typing import Any

import numpy as np

from perfdsl.runner.kernels import tally as tallies
from perfdsl.runner.kernels.elements import ELEMENT, kind
from perfdsl.runner.kernels.target import HOST, Target
from perfdsl.runner.kernels.vector import Emitter, Value, intrinsic_of

LANES = 32  # of a panel
STEP = LANES * ELEMENT  # bytes of a panel from one step to the next
VECTORS = 2  # vectors of a panel that are computed together


def rows_at_once(target: Target) -> int:
    """Most rows computed together: 12 x 2 sums and 3 operands in 32 registers; 6 x 2 in 16.

    The instruction takes several cycles and starts twice a cycle: 12 sums or more keep it busy.
    """
    return 12 if target.registers == 32 else 6


ROWS = rows_at_once(HOST)


def reference(a: Any, b: Any) -> Any:
    """In float64: a (rows, steps, pairs), b (steps, 32, pairs) -> (rows, 32)."""
    return np.einsum("rsp,slp->rl", a.astype(np.float64), b.astype(np.float64))


def emit_product(
    e: Emitter,
    rows: Value,
    a: Value,
    a_row: Value,
    b: Value,
    steps: Value,
    out: Value,
    out_row: Value,
    tally: Value,
) -> None:
    """All 32 lanes of `rows` (1 to ROWS) rows. `a_row` and `out_row` are bytes from row to row.

    a: address of A's first row; b: of the panel; steps >= 1; out: address of the first row's 32
    float32; tally: where the oracle counts.
    """

    def tile(count: int) -> None:
        for part in range(0, STEP, ELEMENT * e.lanes * VECTORS):
            _tile(e, count, (a, a_row), (e.at(b, part), steps), (e.at(out, part), out_row), tally)

    e.cases(rows, {count: partial(tile, count) for count in range(1, rows_at_once(e.target) + 1)})


def _tile(
    e: Emitter,
    count: int,
    left: tuple[Value, Value],
    right: tuple[Value, Value],
    result: tuple[Value, Value],
    tally: Value,
) -> None:
    """`count` rows x VECTORS vectors, all sums in registers."""
    (a, a_row), (b, steps), (out, out_row) = left, right, result
    size = ELEMENT * e.lanes
    # A row's address is a start of four rows plus 0, 1, 2 or 3 row lengths: x86 adds two registers
    # in an address, so that 12 rows take five registers and not twelve.
    fours = [e.at(a, e.scaled(a_row, first)) for first in range(0, count, 4)]
    within = [e.scaled(a_row, row) for row in range(4)]

    def step(index: Value, sums: list[Value]) -> list[Value]:
        at = e.scaled(index, ELEMENT)
        panel = e.at(b, e.scaled(index, STEP))
        vectors = [e.load(panel, size * n, e.vector(kind(e))) for n in range(VECTORS)]
        for row in range(count):
            element = e.broadcast(e.at(fours[row // 4], at), within[row % 4], kind(e))
            for n, vector in enumerate(vectors):
                place = row * VECTORS + n
                sums[place] = e.dot_pairs(sums[place], element, vector)
                tallies.executed(e, tally, e.lanes * e.target.pairs)
        return sums

    zeros = [e.f32(0.0)] * (count * VECTORS)
    for place, total in enumerate(e.loop(steps, zeros, step)):
        row, n = divmod(place, VECTORS)
        e.store(total, e.at(out, e.scaled(out_row, row)), size * n)


product = intrinsic_of(emit_product, "i" * 8)
