"""Softmax of a query's scores, in two passes over a row: the largest score, then the weights.

    weight = 2^(score - largest), rounded as the product with V takes it; sum = of these weights

The scores come scaled by log2(e). The weights are not divided by their sum here: the d_head results
are, later. Scores of keys that the query does not see are -inf, their weights are exactly 0, and
sums are kept by key number modulo 32: hidden keys before or behind the others change nothing.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from llvmlite import ir

from perfdsl.runner.kernels import tally as tallies
from perfdsl.runner.kernels.elements import ELEMENT, narrowed, widened
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.pairs import LANES, STEP
from perfdsl.runner.kernels.vector import F32, I32, I64, MAGIC, Emitter, Value

HIDDEN = float("-inf")

# Polynomial of 2^x on [-1/2, 1/2], 1 at 0, with the least greatest relative error, by Lawson's
# iteration; highest power first.
POWER = (0.00958285531, 0.0559064304, 0.240240986, 0.693124193, 1.0)


def reference(scores: Any, visible: Any, rounded: Any) -> tuple[Any, Any]:
    """In float64: scores and visible (rows, keys) -> weights (rows, keys), sums (rows,).

    `rounded` is what the product with V does to float32 weights.
    """
    hidden = np.where(visible, scores.astype(np.float64), HIDDEN)
    weights = np.exp2(hidden - hidden.max(axis=1, keepdims=True))
    held = rounded(weights.astype(np.float32)).astype(np.float64)
    return held, held.sum(axis=1)


def emit_hide(
    e: Emitter, scores: Value, key: Value, blocks: Value, first: Value, last: Value
) -> None:
    """Scores of keys outside first ..< last become -inf, in `blocks` (>= 1) blocks of 32 keys.

    scores: address of float32; key: number of the first one of these.
    """
    b = e.builder
    lanes = ir.Constant(e.vector(I32), list(range(e.lanes)))
    low, count = (e.splat(b.trunc(each, I32)) for each in (first, b.sub(last, first)))

    def step(index: Value, _: list[Value]) -> list[Value]:
        for part in range(0, LANES, e.lanes):
            start = b.add(b.add(key, e.scaled(index, LANES)), e.i64(part))
            behind = b.sub(b.add(e.splat(b.trunc(start, I32)), lanes), low)
            at = e.at(e.scaled(index, STEP), ELEMENT * part)
            # below `low` the difference is a very large unsigned number
            seen = b.icmp_unsigned("<", behind, count)
            e.store(b.select(seen, e.load(scores, at), e.f32(HIDDEN)), scores, at)
        return []

    e.loop(blocks, [], step)


def emit_largest(e: Emitter, scores: Value, blocks: Value, out: Value) -> None:
    """The largest of `blocks` (>= 1) x 32 scores is put at `out`."""

    def step(index: Value, largest: list[Value]) -> list[Value]:
        at = e.at(scores, e.scaled(index, STEP))
        loaded = [e.load(at, ELEMENT * e.lanes * n) for n in range(len(largest))]
        return [e.maximum(*pair) for pair in zip(loaded, largest, strict=True)]

    found = e.loop(blocks, [e.f32(HIDDEN)] * (LANES // e.lanes), step)
    e.store(e.greatest_of(reduce(e.maximum, found)), out)


def emit_weigh(e: Emitter, scores: Value, blocks: Value, total: Value, tally: Value) -> None:
    """`blocks` x 32 scores become weights in place, elements of the product with V.

    A row of weights is as long as its scores with one float32 an element, half as long with two
    bf16. total: address of the largest score, where the sum of the weights is put.
    """
    top, parts = e.broadcast(total), range(LANES // e.lanes)

    def step(index: Value, sums: list[Value]) -> list[Value]:
        at = e.at(scores, e.scaled(index, STEP))
        target = e.at(scores, e.scaled(index, STEP // e.target.pairs))
        loaded = [e.load(at, ELEMENT * e.lanes * n) for n in parts]  # before they are written over
        for n, score in enumerate(loaded):
            _count(e, tally, score)
            weight = _power(e, e.sub(score, top))
            if e.target.pairs == 2:
                halves = narrowed(e, weight)
                e.store(halves, target, 2 * e.lanes * n)
                weight = e.builder.bitcast(widened(e, halves), weight.type)
            else:
                e.store(weight, target, ELEMENT * e.lanes * n)
            sums[n] = e.add(sums[n], weight)
        return sums

    e.store(e.sum_of(reduce(e.add, e.loop(blocks, [e.f32(0.0)] * len(parts), step))), total)


def _power(e: Emitter, a: Value) -> Value:
    """2^a for a <= 0 as exactly as a weight is held; 0 for -infinity.

    Before a rounding to bf16, four terms do (relative error 3e-6 of the 4e-3 of a last place), and
    below -126 nothing is compared: the exponent becomes 0, and bf16's rounding makes that a zero.
    """
    if e.target.pairs == 1:
        return e.exp2(a)
    b, magic = e.builder, e.f32(MAGIC)
    clamped = e.maximum(a, e.f32(-127.0))
    shifted = e.add(clamped, magic)
    rest = e.sub(clamped, e.sub(shifted, magic))
    value = e.f32(POWER[0])
    for factor in POWER[1:]:
        value = e.fma(value, rest, e.f32(factor))
    return e.bits(b.add(e.bits(value), b.shl(e.bits(shifted), e.i32(23))), F32)


def _count(e: Emitter, tally: Value, score: Value) -> None:
    """The oracle counts the keys that are seen, where their weights are computed."""
    if e.target.counting:
        seen = e.builder.fcmp_ordered(">", score, e.f32(HIDDEN))
        for lane in range(e.lanes):
            one = e.builder.zext(e.builder.extract_element(seen, I32(lane)), I64)
            tallies.counted(e, tally, one, tallies.PAIRS)


hide = intrinsic_of(emit_hide, "iiiii")
largest = intrinsic_of(emit_largest, "iii")
weigh = intrinsic_of(emit_weigh, "iiii")
