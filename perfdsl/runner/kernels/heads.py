"""Packing of heads: rows of q | k | v become the operands of attention.

What lies where is told in `operands`. Keys and values lie there in blocks of 32 rows, of which each
head is packed by one thread; queries are shared by rows, as in attention: who packs one mostly
reads it, too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.elements import ELEMENT, PAIRS
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.operands import emit_keys, emit_query, emit_values
from perfdsl.runner.kernels.pairs import LANES, STEP
from perfdsl.runner.kernels.rope import emit_factor
from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.shares import share

LANES_HERE = HOST.lanes
LOG2_E = 1.4426950408889634


def scratch_bytes(heads: int, kv_heads: int) -> int:
    """Bytes of scratch that a thread needs to pack."""
    return (heads + kv_heads) * LANES * ELEMENT


@kernel
def query_scale(d_head: int) -> np.float32:
    """log2(e) / sqrt(d_head), a float32: the softmax computes powers of 2."""
    return np.float32(LOG2_E / np.sqrt(d_head))


_factor = intrinsic_of(emit_factor, "iiffi")
_query = intrinsic_of(emit_query, "iiiiii")
_keys = intrinsic_of(emit_keys, "iiiiiiii")
_values = intrinsic_of(emit_values, "iiiiii")


@kernel
def pack_heads(
    thread: int,
    threads: int,
    qkv: int,
    starts: Any,
    slots: Any,
    heads: int,
    kv_heads: int,
    d_head: int,
    weights_q: int,
    weights_k: int,
    eps: float,
    table: int,
    q: int,
    k: int,
    v: int,
    scratch: int,
) -> None:
    """This thread's share of packing all rows: some rows and heads of some blocks of 32 tokens.

    qkv: address of float32 (rows, (heads + 2 kv_heads) * d_head); starts, slots: int64 (texts + 1),
    the first row and the first key slot of each text, behind them the numbers of rows and slots;
    weights_q, weights_k: addresses of float32 (d_head,); table: address of `rope.turns`;
    q, k, v: addresses of the packed operands; scratch: of `scratch_bytes` for this thread.
    """
    parts, rows = heads + 2 * kv_heads, starts[-1]
    begin, end = share(rows * parts, thread, threads)
    for text in range(len(starts) - 1):
        for first in range(0, starts[text + 1] - starts[text], LANES):
            row = starts[text] + first
            count = min(LANES, starts[text + 1] - row)
            mine = Part(
                queries_before(begin - row * parts, count, heads),
                queries_before(end - row * parts, count, heads),
                heads_before(begin - row * parts, count, heads, kv_heads),
                heads_before(end - row * parts, count, heads, kv_heads),
            )
            if mine.query < mine.last_query or mine.head < mine.last_head:
                _pack_block(
                    mine, row, first, slots[text] + first, count, qkv, rows, slots[-1],
                    heads, kv_heads, d_head, weights_q, weights_k, eps, table, q, k, v, scratch,
                )  # fmt: skip


class Part(NamedTuple):
    """A thread's part of a block: queries of rows query ..< last_query, and all of heads
    head ..< last_head, first those of keys, then those of values."""

    query: int
    last_query: int
    head: int
    last_head: int


@kernel(inline=True)
def queries_before(cost: int, count: int, heads: int) -> int:
    """How many rows' queries of a block of `count` rows lie before this cost: a head of a row."""
    return max(0, min(count, (2 * cost + heads) // (2 * heads)))


@kernel(inline=True)
def heads_before(cost: int, count: int, heads: int, kv_heads: int) -> int:
    """How many heads of its keys and values do, which follow the queries."""
    return max(0, min(2 * kv_heads, (2 * (cost - heads * count) + count) // (2 * count)))


@kernel
def _pack_block(
    mine: Part,
    row: int,
    first: int,
    slot: int,
    count: int,
    qkv: int,
    rows: int,
    slots: int,
    heads: int,
    kv_heads: int,
    d_head: int,
    weights_q: int,
    weights_k: int,
    eps: float,
    table: int,
    q: int,
    k: int,
    v: int,
    scratch: int,
) -> None:
    """A part of `count` rows from `row` on.

    first: position of that row in its text; slot: its key's; rows, slots: of all texts.
    """
    parts = heads + 2 * kv_heads
    source = qkv + row * parts * d_head * ELEMENT
    turned = table + first * d_head * ELEMENT
    _factors(source, mine, count, heads, kv_heads, d_head, eps, scratch)
    _pack_q(
        source, mine.query, mine.last_query, heads, kv_heads, d_head, scratch, weights_q,
        turned, q, row, rows,
    )  # fmt: skip
    for head in range(mine.head, mine.last_head):
        at = source + (heads + head) * d_head * ELEMENT
        if head < kv_heads:
            held = scratch + (heads + head) * LANES * ELEMENT
            panel = k + (head * slots + slot) * (d_head // PAIRS) * ELEMENT
            _pack_k(at, parts, count, held, d_head, weights_k, turned, panel)
        else:
            panel_bytes = slots // PAIRS * STEP
            panel = v + (head - kv_heads) * (d_head // LANES) * panel_bytes
            _pack_v(at, parts, count, d_head, panel + slot // PAIRS * STEP, panel_bytes)


@kernel
def _factors(
    source: int,
    mine: Part,
    count: int,
    heads: int,
    kv_heads: int,
    d_head: int,
    eps: float,
    out: int,
) -> None:
    """What rows of queries and keys are multiplied with, float32 [heads + kv_heads][32 tokens].

    Before anything else, as rows wait long for their factors; in the order of memory.
    """
    row_bytes = (heads + 2 * kv_heads) * d_head * ELEMENT
    for token in range(count):
        queries = mine.query <= token < mine.last_query
        first = 0 if queries else heads + mine.head  # who has queries has the first of the keys
        for head in range(first, heads + min(mine.last_head, kv_heads)):
            scale = query_scale(d_head) if head < heads else np.float32(1.0)
            at = source + token * row_bytes + head * d_head * ELEMENT
            place = out + (head * LANES + token) * ELEMENT
            _factor(at, d_head * 2, np.float32(eps), scale, place)


@kernel
def _pack_q(
    source: int,
    first: int,
    last: int,
    heads: int,
    kv_heads: int,
    d_head: int,
    factors: int,
    weights: int,
    table: int,
    q: int,
    row: int,
    rows: int,
) -> None:
    """The queries of tokens first ..< last, counted from number `row` on."""
    group, head_bytes = heads // kv_heads, d_head * ELEMENT
    for token in range(first, last):
        for head in range(heads):
            at = source + (token * (heads + 2 * kv_heads) + head) * head_bytes
            place = (head // group * rows + row + token) * group + head % group
            factor = factors + (head * LANES + token) * ELEMENT
            out = q + place * head_bytes // PAIRS
            _query(at, factor, weights, table + token * head_bytes, d_head * 2, out)


@kernel
def _pack_k(
    source: int,
    parts: int,
    count: int,
    factors: int,
    d_head: int,
    weights: int,
    table: int,
    out: int,
) -> None:
    """One head of the keys of a block; rows are `parts` heads long."""
    row_bytes = parts * d_head * ELEMENT
    for first in range(0, count, LANES_HERE):
        rows, turned = source + first * row_bytes, table + first * d_head * ELEMENT
        place, held = out + first * ELEMENT, factors + first * ELEMENT
        _keys(rows, row_bytes, count - 1 - first, held, weights, turned, d_head * 2, place)


@kernel
def _pack_v(source: int, parts: int, count: int, d_head: int, out: int, panel_bytes: int) -> None:
    """One head of the values of a block; rows are `parts` heads long."""
    row_bytes = parts * d_head * ELEMENT
    for token in range(0, count, PAIRS):
        row = source + token * row_bytes
        has_second = token + 1 < count
        second = row + row_bytes if has_second else row
        place = out + token // PAIRS * STEP
        _values(row, second, -1 if has_second else 0, d_head // LANES, panel_bytes, place)
