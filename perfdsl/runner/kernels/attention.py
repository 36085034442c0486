"""Attention: scores, softmax and weighted sums of V, a tile of tokens at a time, into q8 tiles.

    out[token][head] = sum_j weight[j] V[j] / sum_j weight[j]    j of the text, |j - token| <= reach
    weight[j] = 2^(Q[token][head] . K[j] - largest)              Q holds log2(e) / sqrt(d_head)

All `group` query heads of a kv head share K and V, so a tile's rows are (token, head): 8 tokens of
3 heads are 24 rows, two full tiles of the product. A tile's scores lie in the scratch of its thread
(24 x 2048 float32 are 0.2 MB, in L2); the keys are those that any of its tokens sees.

The result is quantised at once, as input of the next product: see `quantise` for q8 tiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels import softmax
from perfdsl.runner.kernels.elements import ELEMENT, PAIRS
from perfdsl.runner.kernels.pairs import LANES, ROWS, STEP, product
from perfdsl.runner.kernels.quantise import BLOCK, BYTES, Place, emit_row
from perfdsl.runner.kernels.query_shares import (
    after_seen,
    cost_before,
    cost_of,
    first_seen,
    token_at,
)
from perfdsl.runner.kernels.vector import F32, Emitter, Value, intrinsic_of
from perfdsl.runner.tiling import tile_around

TILE_ROWS = 2 * ROWS
GAP = 64  # bytes between rows of scores: rows of 4096 bytes would all fall into one set of L1


def scratch_bytes(longest: int, heads: int, kv_heads: int, d_head: int) -> int:
    """Bytes of scratch that a thread needs for texts of at most so many tokens."""
    rows = max(TILE_ROWS, heads // kv_heads)
    keys = -(-longest // LANES) * LANES
    return rows * (keys * ELEMENT + GAP + d_head * ELEMENT + ELEMENT)


# ------------------------------------------------------------------------------ reference


def reference(q: Any, k: Any, v: Any, reach: int, rounded: Any) -> Any:
    """One text in float64: q (tokens, heads, d_head), scaled; k, v (tokens, kv_heads, d_head).

    `rounded` is what a packed operand does to float32 values: operands are given rounded, and the
    weights are here. Returns (tokens, heads, d_head).
    """
    tokens, heads, _ = q.shape
    position = np.arange(tokens)
    visible = np.abs(position[:, None] - position) <= reach
    out = np.empty(q.shape)
    for head in range(heads):
        kv = head * k.shape[1] // heads
        scores = q[:, head].astype(np.float64) @ k[:, kv].astype(np.float64).T
        weights, sums = softmax.reference(scores, visible, rounded)
        out[:, head] = weights @ v[:, kv].astype(np.float64) / sums[:, None]
    return out


# ------------------------------------------------------------------------------ the kernel


@kernel
def attend(
    thread: int,
    threads: int,
    q: int,
    k: int,
    v: int,
    starts: Any,
    slots: Any,
    heads: int,
    kv_heads: int,
    d_head: int,
    reach: int,
    out: int,
    scratch: int,
    tally: int,
) -> None:
    """This thread's share of the attention of all texts.

    q, k, v: addresses of what `pack_heads` packed; starts, slots: int64 (texts + 1,), the first row
    and the first key slot of each text, behind them the numbers of rows and slots; reach: how far a
    token sees to both sides, any number >= all lengths for everything; out: address of q8 tiles of
    (rows, heads * d_head); scratch: of `scratch_bytes` for this thread; tally: of its counts.
    """
    total = cost_of(starts, kv_heads, reach)
    low, high = total * thread // threads, total * (thread + 1) // threads
    for text in range(len(starts) - 1):
        tokens = starts[text + 1] - starts[text]
        cost = cost_before(tokens, tokens, reach)
        for kv_head in range(kv_heads):
            if low < cost and high > 0:
                first, last = token_at(low, tokens, reach), token_at(high, tokens, reach)
                if first < last:
                    _stretch(
                        first, last, q, k, v, starts, slots, text, kv_head,
                        heads, kv_heads, d_head, reach, out, scratch, tally,
                    )  # fmt: skip
            low, high = low - cost, high - cost


@kernel
def _stretch(
    first: int,
    last: int,
    q: int,
    k: int,
    v: int,
    starts: Any,
    slots: Any,
    text: int,
    kv_head: int,
    heads: int,
    kv_heads: int,
    d_head: int,
    reach: int,
    out: int,
    scratch: int,
    tally: int,
) -> None:
    """Tokens first ..< last of a text, for one kv head, in tiles of nearly equal length."""
    group = heads // kv_heads
    tiles = -(-(last - first) // max(1, TILE_ROWS // group))
    row_bytes = d_head // PAIRS * ELEMENT
    queries = q + (kv_head * starts[-1] + starts[text]) * group * row_bytes
    keys = k + (kv_head * slots[-1] + slots[text]) * row_bytes
    panel_bytes = slots[-1] // PAIRS * STEP
    values = v + kv_head * (d_head // LANES) * panel_bytes + slots[text] // PAIRS * STEP
    tokens = starts[text + 1] - starts[text]
    for tile in range(tiles):
        start = first + (last - first) * tile // tiles
        end = first + (last - first) * (tile + 1) // tiles
        low, high = first_seen(start, reach), after_seen(end - 1, tokens, reach)
        key, blocks = low // LANES * LANES, -(-high // LANES) - low // LANES
        rows, row = (end - start) * group, blocks * STEP + GAP
        results, scores = scratch, scratch + rows * d_head * ELEMENT
        sums = scores + rows * row
        query = queries + start * group * row_bytes
        _scores(query, keys + key * row_bytes, rows, blocks, d_head, scores, row, tally)
        for n in range(rows):
            token = start + n // group
            seen, behind = first_seen(token, reach), after_seen(token, tokens, reach)
            _weigh(scores + n * row, key, blocks, seen, behind, sums + n * ELEMENT, tally)
        element, steps = low // PAIRS, -(-high // PAIRS) - low // PAIRS
        weights = scores + (element - key // PAIRS) * ELEMENT
        panels = values + element * STEP
        _sum(weights, row, panels, panel_bytes, rows, steps, d_head, results, tally)
        for n in range(rows):
            token, head = starts[text] + start + n // group, kv_head * group + n % group
            first_row, held = tile_around(starts[-1], token)
            place = out + (first_row * heads + head * held) * (d_head // BLOCK) * BYTES
            result = results + n * d_head * ELEMENT
            _finish(result, sums + n * ELEMENT, d_head // BLOCK, place, held, token - first_row)


@kernel
def _scores(
    queries: int, keys: int, rows: int, blocks: int, d_head: int, out: int, row: int, tally: int
) -> None:
    """Rows of queries times blocks of keys: a block stays in L1 for all rows of the tile."""
    row_bytes = d_head // PAIRS * ELEMENT
    pieces = -(-rows // ROWS)
    for block in range(blocks):
        panel, place = keys + block * LANES * row_bytes, out + block * STEP
        for piece in range(pieces):
            n = rows * piece // pieces
            count = rows * (piece + 1) // pieces - n
            product(
                count, queries + n * row_bytes, row_bytes, panel, d_head // PAIRS,
                place + n * row, row, tally,
            )  # fmt: skip


@kernel
def _weigh(
    scores: int, key: int, blocks: int, first: int, last: int, total: int, tally: int
) -> None:
    """Scores of keys `key`, `key` + 1, ... become weights; only first ..< last are seen."""
    before = -(-(first - key) // LANES)
    if before > 0:
        softmax.hide(scores, key, before, first, last)
    whole = (last - key) // LANES
    if whole < blocks:
        softmax.hide(scores + whole * STEP, key + whole * LANES, blocks - whole, first, last)
    softmax.weigh(scores, blocks, total, tally)


@kernel
def _sum(
    weights: int,
    row: int,
    values: int,
    panel_bytes: int,
    rows: int,
    steps: int,
    d_head: int,
    out: int,
    tally: int,
) -> None:
    """Rows of weights times panels of V: a piece of rows stays in L1 for all panels."""
    pieces = -(-rows // ROWS)
    for piece in range(pieces):
        n = rows * piece // pieces
        count = rows * (piece + 1) // pieces - n
        for panel in range(d_head // LANES):
            product(
                count, weights + n * row, row, values + panel * panel_bytes, steps,
                out + n * d_head * ELEMENT + panel * STEP, d_head * ELEMENT, tally,
            )  # fmt: skip


def _divided(
    e: Emitter, sums: Value, total: Value, blocks: Value, tile: Value, held: Value, slot: Value
) -> None:
    """A head's sums over the sum of its weights, quantised to row `slot` of a tile of `held`."""
    one = e.builder.fdiv(F32(1.0), e.load(total, kind=F32))
    inverse = e.splat(one)
    emit_row(e, lambda at: e.mul(e.load(sums, at), inverse), blocks, Place(tile, held, slot))


_finish = intrinsic_of(_divided, "iiiiii")
