"""Packing of heads: rows of q | k | v become the operands of attention.

What is packed, with `pairs` bf16 values an element (see `pairs`; else one float32), `slots` keys:

    Q [kv_head][row][group][d_head / pairs]              scaled by log2(e) / sqrt(d_head)
    K [kv_head][slots / 32][d_head / pairs][32 keys]     a block of 32 keys is a panel
    V [kv_head][d_head / 32][slots / pairs][32 dims]     32 dimensions of all keys are a panel

Elements of Q and K pair dimension i with i + d_head/2; elements of V pair keys 2 j and 2 j + 1, so
that both are made lane by lane from vectors of dimensions. Only K is transposed, in registers.

The keys of a text begin at a slot that is a multiple of 32. Slots behind its last key hold anything
in K, whose scores are masked; in V the second key of a last odd pair is 0, and none behind is read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels import rope
from perfdsl.runner.kernels.elements import ELEMENT, PAIRS, paired, transposed
from perfdsl.runner.kernels.pairs import LANES, STEP
from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.kernels.vector import I32, Emitter, Value, intrinsic_of

LANES_HERE = HOST.lanes
LOG2_E = 1.4426950408889634


def scratch_bytes(heads: int, kv_heads: int) -> int:
    """Bytes of scratch that a thread needs to pack."""
    return (heads + kv_heads) * LANES * ELEMENT


@kernel
def query_scale(d_head: int) -> np.float32:
    """log2(e) / sqrt(d_head), a float32: the softmax computes powers of 2."""
    return np.float32(LOG2_E / np.sqrt(d_head))


# ------------------------------------------------------------------------------ reference


def unpacked(
    q: Any, k: Any, v: Any, starts: Any, slots: Any, heads: int, kv_heads: int, d_head: int
) -> tuple[Any, Any, Any]:
    """What packed operands (uint32 or float32) hold: float32 (rows, heads or kv_heads, d_head)."""
    rows, inner = starts[-1], (d_head // PAIRS, PAIRS)
    queries = _values_of(q).reshape(kv_heads, rows, heads // kv_heads, *inner)
    keys = _values_of(k).reshape(kv_heads, -1, d_head // PAIRS, LANES, PAIRS)
    values = _values_of(v).reshape(kv_heads, d_head // LANES, -1, LANES, PAIRS)
    texts = range(len(starts) - 1)
    used = [slots[n] + np.arange(starts[n + 1] - starts[n]) for n in texts]
    place = np.concatenate(used)
    return (
        queries.transpose(1, 0, 2, 4, 3).reshape(rows, heads, d_head),
        keys.transpose(1, 3, 0, 4, 2).reshape(-1, kv_heads, d_head)[place],
        values.transpose(2, 4, 0, 1, 3).reshape(-1, kv_heads, d_head)[place],
    )


def _values_of(elements: Any) -> Any:
    if PAIRS == 1:
        return elements.view(np.float32)
    return (elements.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


# ------------------------------------------------------------------------------ vectors


def emit_query(
    e: Emitter, row: Value, factor_at: Value, weights: Value, table: Value, half: Value, out: Value
) -> None:
    """One head of one token. half: bytes of half of the d_head float32 in `row`."""
    factor = e.broadcast(factor_at)

    def step(index: Value, _: list[Value]) -> list[Value]:
        at = e.scaled(index, ELEMENT * e.lanes)
        low, high = rope.emit_turned(e, row, weights, table, half, at, factor)
        if e.target.pairs == 2:
            e.store(paired(e, low, high), out, at)
        else:
            e.store(low, out, at)
            e.store(high, e.at(out, half), at)
        return []

    e.loop(e.builder.udiv(half, e.i64(ELEMENT * e.lanes)), [], step)


def emit_keys(
    e: Emitter,
    rows: Value,
    row_bytes: Value,
    last: Value,
    factors: Value,
    weights: Value,
    table: Value,
    half: Value,
    out: Value,
) -> None:
    """One head of as many tokens as there are lanes: their columns of a block of K.

    Tokens after number `last` (from 0) repeat that one. out: address of the columns in the panel.
    """
    numbers = [_least(e, e.i64(lane), last) for lane in range(e.lanes)]
    starts = [e.at(rows, e.builder.mul(number, row_bytes)) for number in numbers]
    tables = [e.at(table, e.builder.mul(number, e.scaled(half, 2))) for number in numbers]
    factors_at = [e.at(factors, e.scaled(number, ELEMENT)) for number in numbers]

    def step(index: Value, _: list[Value]) -> list[Value]:
        at = e.scaled(index, ELEMENT * e.lanes)
        turned = []
        for start, turn, factor_at in zip(starts, tables, factors_at, strict=True):
            factor = e.broadcast(factor_at)
            turned.append(rope.emit_turned(e, start, weights, turn, half, at, factor))
        place = e.at(out, e.scaled(index, STEP * e.lanes))
        if e.target.pairs == 2:
            _columns(e, [paired(e, low, high) for low, high in turned], place)
        else:
            beyond = e.scaled(half, STEP // ELEMENT)
            _columns(e, [low for low, _ in turned], place)
            _columns(e, [high for _, high in turned], e.at(place, beyond))
        return []

    e.loop(e.builder.udiv(half, e.i64(ELEMENT * e.lanes)), [], step)


def _columns(e: Emitter, rows: list[Value], place: Value) -> None:
    for number, column in enumerate(transposed(e, rows)):
        e.store(column, place, STEP * number)


def _least(e: Emitter, a: Value, b: Value) -> Value:
    return e.builder.select(e.builder.icmp_signed("<", a, b), a, b)


def emit_values(
    e: Emitter,
    row: Value,
    second: Value,
    has_second: Value,
    panels: Value,
    panel_bytes: Value,
    out: Value,
) -> None:
    """One head of the tokens of one element: two in bf16 (the second may be missing), else one.

    has_second: -1 or 0; panels = d_head / 32; out: address of the element in the first panel.
    """
    size = ELEMENT * e.lanes
    mask = e.splat(e.builder.trunc(has_second, I32))

    def step(index: Value, _: list[Value]) -> list[Value]:
        at, place = e.scaled(index, STEP), e.at(out, e.builder.mul(index, panel_bytes))
        for part in range(0, STEP, size):
            value = e.load(row, e.at(at, part))
            if e.target.pairs == 2:
                other = e.builder.and_(e.load_i32(second, e.at(at, part)), mask)
                value = paired(e, value, e.builder.bitcast(other, value.type))
            e.store(value, place, part)
        return []

    e.loop(panels, [], step)


_factor = intrinsic_of(rope.emit_factor, "iiffi")
_query = intrinsic_of(emit_query, "iiiiii")
_keys = intrinsic_of(emit_keys, "iiiiiiii")
_values = intrinsic_of(emit_values, "iiiiii")


# ------------------------------------------------------------------------------ the kernel


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
    """This thread's share of packing all rows: some heads of some blocks of 32 tokens.

    qkv: address of float32 (rows, (heads + 2 kv_heads) * d_head); starts, slots: int64 (texts + 1),
    the first row and the first key slot of each text, behind them the numbers of rows and slots;
    weights_q, weights_k: addresses of float32 (d_head,); table: address of `rope.turns`;
    q, k, v: addresses of the packed operands; scratch: of `scratch_bytes` for this thread.
    """
    parts = heads + 2 * kv_heads
    units = slots[-1] // LANES * parts
    unit, last = units * thread // threads, units * (thread + 1) // threads
    text = 0
    while unit < last:
        block, part = unit // parts, unit % parts
        end = min(parts, part + last - unit)
        while slots[text + 1] <= block * LANES:
            text += 1
        first = block * LANES - slots[text]  # position in the text
        count = min(LANES, starts[text + 1] - starts[text] - first)
        row = starts[text] + first
        source = qkv + row * parts * d_head * ELEMENT
        turned = table + first * d_head * ELEMENT
        _factors(source, count, part, end, heads, kv_heads, d_head, eps, scratch)
        _pack_q(
            source, count, part, min(end, heads), heads, kv_heads, d_head, scratch, weights_q,
            turned, q, row, starts[-1],
        )  # fmt: skip
        for head in range(max(part, heads) - heads, end - heads):
            at = source + (heads + head) * d_head * ELEMENT
            if head < kv_heads:
                held = scratch + (heads + head) * LANES * ELEMENT
                panel = k + (head * slots[-1] + block * LANES) * (d_head // PAIRS) * ELEMENT
                _pack_k(at, parts, count, held, d_head, weights_k, turned, panel)
            else:
                panel_bytes = slots[-1] // PAIRS * STEP
                panel = v + (head - kv_heads) * (d_head // LANES) * panel_bytes
                panel += block * (LANES // PAIRS) * STEP
                _pack_v(at, parts, count, d_head, panel, panel_bytes)
        unit += end - part


@kernel
def _factors(
    source: int,
    count: int,
    part: int,
    end: int,
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
        for head in range(part, min(end, heads + kv_heads)):
            scale = query_scale(d_head) if head < heads else np.float32(1.0)
            at = source + token * row_bytes + head * d_head * ELEMENT
            place = out + (head * LANES + token) * ELEMENT
            _factor(at, d_head * 2, np.float32(eps), scale, place)


@kernel
def _pack_q(
    source: int,
    count: int,
    part: int,
    end: int,
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
    """Heads part ..< end of the queries of `count` tokens, of which the first is number `row`."""
    group, head_bytes = heads // kv_heads, d_head * ELEMENT
    for token in range(count):
        for head in range(part, end):
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
