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
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.heads import scratch_bytes as pack_scratch
from perfdsl.runner.kernels.pairs import HALF, LANES, ROWS, STEP, product
from perfdsl.runner.kernels.quantise import BLOCK, BYTES, Place, emit_row
from perfdsl.runner.kernels.query_shares import (
    after_seen,
    cost_before,
    cost_of,
    first_seen,
    token_at,
)
from perfdsl.runner.kernels.vector import F32, Emitter, Value
from perfdsl.runner.tiling import part_around, tile_around

TILE_ROWS = 2 * ROWS
GAP = 64  # bytes between rows of scores: rows of 4096 bytes would all fall into one set of L1


def scratch_bytes(longest: int, heads: int, kv_heads: int, d_head: int) -> int:
    """Bytes of scratch that a thread needs to pack and attend texts of at most so many tokens."""
    rows = max(TILE_ROWS, heads // kv_heads)
    keys = -(-longest // LANES) * LANES
    own = rows * (keys + d_head + 1 + d_head // BLOCK) * ELEMENT + rows * GAP + GAP
    return max(own, pack_scratch(heads, kv_heads))


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
    parts: Any,
    out: int,
    pitch: int,
    scratch: int,
    tally: int,
) -> None:
    """This thread's share of the attention of all texts.

    q, k, v: addresses of what `pack_heads` packed; starts, slots: int64 (texts + 1,), the first row
    and the first key slot of each text, behind them the numbers of rows and slots; reach: how far a
    token sees to both sides, any number >= all lengths for everything; parts: int64, the first rows
    of the stretches that are cut into tiles by themselves, behind them the number of rows; out:
    address of q8 tiles of (rows, heads * d_head), where a part begins `pitch` bytes further for
    each row before it; scratch: of `scratch_bytes` for this thread; tally: of its counts.
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
                        heads, kv_heads, d_head, reach, parts, out, pitch, scratch, tally,
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
    parts: Any,
    out: int,
    pitch: int,
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
        inverses = sums + rows * ELEMENT
        query = queries + start * group * row_bytes
        block = keys + key * row_bytes
        _scores(query, block, rows, low - key, high - key, d_head, scores, row, tally)
        for token in range(start, end):
            seen, behind = first_seen(token, reach), after_seen(token, tokens, reach)
            place = scores + (token - start) * group * row
            for member in range(group):
                _hide(place + member * row, blocks, seen - key, behind - key)
        _weigh(scores, row, rows, blocks, sums, tally)
        element, steps = low // PAIRS, -(-high // PAIRS) - low // PAIRS
        weights = scores + (element - key // PAIRS) * ELEMENT
        panels = values + element * STEP
        _sum(weights, row, panels, panel_bytes, rows, steps, d_head, results, tally)
        width = d_head // BLOCK
        for n in range(rows):  # all before the first is needed: a division takes long
            _invert(sums + n * ELEMENT, width, inverses + n * width * ELEMENT)
        begin, rows_of, first_row, held = 0, 0, 0, 0
        for token in range(start, end):
            row_of_all = starts[text] + token
            if row_of_all >= begin + first_row + held:
                begin, rows_of = part_around(parts, row_of_all)
                first_row, held = tile_around(rows_of, row_of_all - begin)
            n = (token - start) * group
            place = out + begin * pitch
            place += (first_row * heads + kv_head * group * held) * width * BYTES
            _quantise(
                results + n * d_head * ELEMENT, inverses + n * width * ELEMENT, group * width,
                place, held, row_of_all - begin - first_row,
            )  # fmt: skip


@kernel(inline=True)
def _scores(
    queries: int,
    keys: int,
    rows: int,
    first: int,
    last: int,
    d_head: int,
    out: int,
    row: int,
    tally: int,
) -> None:
    """Rows of queries times keys first ..< last: 32 keys stay in L1 for all rows of the tile.

    Of a block at an edge, a half that nobody sees is left out: its scores stay what they were.
    """
    row_bytes = d_head // PAIRS * ELEMENT
    pieces = -(-rows // ROWS)
    for block in range(-(-last // LANES)):
        middle = block * LANES + HALF
        left_out = 1 if first >= middle else 0
        halves = (1 if last <= middle else 2) - left_out
        panel = keys + block * LANES * row_bytes + left_out * HALF * ELEMENT
        place = out + (block * LANES + left_out * HALF) * ELEMENT
        for piece in range(pieces):
            n = rows * piece // pieces
            count = rows * (piece + 1) // pieces - n
            product(
                count, halves, queries + n * row_bytes, row_bytes, panel, d_head // PAIRS,
                place + n * row, row, tally,
            )  # fmt: skip


@kernel(inline=True)
def _hide(scores: int, blocks: int, first: int, last: int) -> None:
    """Of a row's scores, those before number `first` and from number `last` on are hidden."""
    if first > 0:
        softmax.hide(scores, 0, -(-first // LANES), first, last)
    whole = last // LANES
    if whole < blocks:
        softmax.hide(scores + whole * STEP, whole * LANES, blocks - whole, first, last)


@kernel(inline=True)
def _weigh(scores: int, row: int, rows: int, blocks: int, sums: int, tally: int) -> None:
    """Scores of all rows become weights. The largest of all rows come first: none is waited for."""
    for n in range(rows):
        softmax.largest(scores + n * row, blocks, sums + n * ELEMENT)
    for n in range(rows):
        softmax.weigh(scores + n * row, blocks, sums + n * ELEMENT, tally)


@kernel(inline=True)
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
    halves = int(np.int64(LANES // HALF))  # a literal is another type to Numba
    for piece in range(pieces):
        n = rows * piece // pieces
        count = rows * (piece + 1) // pieces - n
        for panel in range(d_head // LANES):
            product(
                count, halves, weights + n * row, row, values + panel * panel_bytes, steps,
                out + n * d_head * ELEMENT + panel * STEP, d_head * ELEMENT, tally,
            )  # fmt: skip


def _inverse(e: Emitter, total: Value, width: Value, out: Value) -> None:
    """1 / the sum of a row's weights, once for each block of 32 results; some lanes more."""
    one = e.splat(e.builder.fdiv(F32(1.0), e.load(total, kind=F32)))
    size = e.lanes * ELEMENT
    vectors = e.builder.udiv(e.builder.add(width, e.i64(e.lanes - 1)), e.i64(e.lanes))

    def step(index: Value, _: list[Value]) -> list[Value]:
        e.store(one, out, e.scaled(index, size))
        return []

    e.loop(vectors, [], step)


def _divided(
    e: Emitter, sums: Value, inverses: Value, blocks: Value, tile: Value, held: Value, slot: Value
) -> None:
    """A token's sums times an inverse a block, quantised to row `slot` of a tile of `held`."""

    def value(at: Value) -> Value:
        block = e.builder.lshr(at, e.i64((BLOCK * ELEMENT).bit_length() - 1))
        return e.mul(e.load(sums, at), e.broadcast(inverses, e.scaled(block, ELEMENT)))

    emit_row(e, value, blocks, Place(tile, held, slot))


_invert = intrinsic_of(_inverse, "iii")
_quantise = intrinsic_of(_divided, "iiiiii")
