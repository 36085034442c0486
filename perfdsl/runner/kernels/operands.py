"""Operands of attention: where packed queries, keys and values lie, and their vectors.

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

from perfdsl.runner.kernels import rope
from perfdsl.runner.kernels.elements import ELEMENT, PAIRS, paired, transposed
from perfdsl.runner.kernels.pairs import LANES, STEP
from perfdsl.runner.kernels.vector import I32, Emitter, Value

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
