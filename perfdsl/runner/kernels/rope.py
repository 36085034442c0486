"""RoPE: a head's row is normalised (RMS), weighted, and its halves are turned by its position.

    y = x * w / sqrt(mean(x^2) + eps)             over the d_head values of the head
    first half:  y1 cos - y2 sin                  angle = position * theta^(-2 i / d_head)
    second half: y2 cos + y1 sin                  i = 0 ..< d_head / 2

Dimension i is turned with dimension i + d_head/2 (the NEOX order), and where attention multiplies
pairs of bf16, these two are a pair: both come out of the same lane. Queries and keys agree in that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from perfdsl.runner.kernels.vector import F32, Emitter, Value


def turns(positions: int, d_head: int, theta: float) -> Any:
    """Cosines and sines, float32 (positions, 2, d_head/2), rounded once from float64."""
    frequencies = theta ** -(np.arange(0, d_head, 2) / d_head)
    angles = np.arange(positions)[:, None] * frequencies
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def reference(x: Any, weights: Any, eps: float, table: Any) -> Any:
    """In float64: x (tokens, heads, d_head) of positions 0, 1, ... -> the same shape."""
    exact = x.astype(np.float64)
    exact = exact / np.sqrt((exact**2).mean(axis=-1, keepdims=True) + eps) * weights
    low, high = np.split(exact, 2, axis=-1)
    cos, sin = (table[: len(x), None, part].astype(np.float64) for part in range(2))
    return np.concatenate([low * cos - high * sin, high * cos + low * sin], axis=-1)


def emit_factor(e: Emitter, row: Value, half: Value, eps: Value, scale: Value, out: Value) -> None:
    """What a row is multiplied with, scale / sqrt(mean of squares + eps): a float32, put at `out`.

    row: address of the head's d_head float32; half: bytes of half of them, as i64.
    """

    def step(index: Value, sums: list[Value]) -> list[Value]:
        at = e.scaled(index, 4 * e.lanes)
        low, high = e.load(row, at), e.load(e.at(row, half), at)
        return [e.fma(low, low, sums[0]), e.fma(high, high, sums[1])]

    chunks = e.builder.udiv(half, e.i64(4 * e.lanes))
    low, high = e.loop(chunks, [e.f32(0.0)] * 2, step)
    squares = e.sum_of(e.add(low, high))
    b = e.builder
    count = b.sitofp(b.udiv(half, e.i64(2)), F32)  # d_head = 2 * half / 4 bytes
    root = e.sqrt(b.fadd(b.fdiv(squares, count), eps))
    e.store(b.fdiv(scale, root), out)


def emit_turned(
    e: Emitter, row: Value, weights: Value, table: Value, half: Value, at: Value, factor: Value
) -> tuple[Value, Value]:
    """The vectors at byte `at` of both halves of a head's row, normalised and turned.

    weights: address of d_head float32; table: of this position's cosines; factor: in all lanes.
    """
    second = e.at(at, half)
    low = e.mul(e.mul(e.load(row, at), factor), e.load(weights, at))
    high = e.mul(e.mul(e.load(row, second), factor), e.load(weights, second))
    cos, sin = e.load(table, at), e.load(table, second)
    return e.sub(e.mul(low, cos), e.mul(high, sin)), e.fma(low, sin, e.mul(high, cos))
