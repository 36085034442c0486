"""GeGLU: gelu_tanh(gate) * up, quantised at once: what ends a product of 32 columns.

The feed-forward network has two products of one input, gate and up. Their panels of 32 columns are
one block of the next product's input, so that it is made where they are, in L1, and the two never
exist as a whole. With the tanh form of GELU,

    gelu(x) = x * (1 + tanh(u)) / 2 = x / (1 + exp(-2 u)),    u = sqrt(2 / pi) (x + 0.044715 x^3)

which takes one exponential and one division. (Hendrycks and Gimpel, arXiv:1606.08415.)
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.quantise import BLOCK, BYTES, ROW, Blocks, emit_bytes, emit_scales
from perfdsl.runner.kernels.vector import Emitter, Value
from perfdsl.runner.tiling import first_row, tile_tokens

# exp(-2 u) = 2^(x (LINEAR + CUBIC x^2))
LINEAR = -2 * math.log2(math.e) * math.sqrt(2 / math.pi)
CUBIC = 0.044715 * LINEAR
ROUND = 1.5 * 2**23
TOGETHER = {32: 6, 16: 1}  # vectors that go through GELU together, by how many registers there are
# Further out than this gelu is x or, but for 2e-35, 0; 2^x would leave float32 from 10 on.
FAR = 9.8
# 2^x on [-1/2, 1/2], highest power first: least greatest relative error, 2.6e-6, of which a seventh
# at most is left in gelu.
POWER = (9.57010221e-3, 5.59178591e-2, 2.40247443e-1, 6.93121791e-1, 9.99999285e-1)


# ------------------------------------------------------------------ reference


def gelu(x: NDArray[np.float64]) -> NDArray[np.float64]:
    tanh: NDArray[np.float64] = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    return x * (1 + tanh) / 2


def geglu(gate: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float64]:
    return gelu(gate) * up


# ------------------------------------------------------------------ fast


def emit_gelus(e: Emitter, numbers: Sequence[Value]) -> list[Value]:
    """Gelu of each vector, off by less than 1e-6, or 1e-6 of itself; a NaN stays one.

    Step by step for all of them, as what waits for the step before fills the processor's queues:
    one by one a vector takes 8.2 cycles, by sixes 6.6 (Zen 5, 16 lanes).
    """
    b = e.builder
    low = [e.maximum(e.f32(-FAR), x) for x in numbers]
    near = [e.minimum(e.f32(FAR), x) for x in low]
    squares = [e.mul(x, x) for x in near]
    factors = [e.fma(x, e.f32(CUBIC), e.f32(LINEAR)) for x in squares]
    exponents = [e.mul(x, f) for x, f in zip(near, factors, strict=True)]
    shifted = [e.add(x, e.f32(ROUND)) for x in exponents]  # low bits: the nearest integer
    whole = [e.sub(x, e.f32(ROUND)) for x in shifted]
    rests = [e.sub(x, n) for x, n in zip(exponents, whole, strict=True)]
    powers = [e.f32(POWER[0]) for _ in rests]
    for factor in POWER[1:]:
        powers = [e.fma(p, x, e.f32(factor)) for p, x in zip(powers, rests, strict=True)]
    bits = [b.shl(e.bits(x), e.i32(23)) for x in shifted]
    powers = [
        b.bitcast(b.add(e.bits(power), n), power.type)
        for power, n in zip(powers, bits, strict=True)
    ]
    below = [e.add(power, e.f32(1.0)) for power in powers]
    return [e.div(x, d) for x, d in zip(low, below, strict=True)]


def _activate(e: Emitter, gate: Value, up: Value, rows: Value) -> None:
    """Gate = gelu(gate) * up, for so many rows of 32 numbers."""
    together = TOGETHER[e.target.registers]

    def some(first: Value, count: int) -> None:
        places = [e.at(first, at) for at in range(0, count * ROW, 4 * e.lanes)]
        for n in range(0, len(places), together):
            ats = places[n : n + together]
            found = emit_gelus(e, [e.load(gate, at) for at in ats])
            found = [e.mul(value, e.load(up, at)) for value, at in zip(found, ats, strict=True)]
            for value, at in zip(found, ats, strict=True):
                e.store(value, gate, at)

    at_once = max(1, together * e.lanes // BLOCK)

    def several(i: Value, _: list[Value]) -> list[Value]:
        some(e.scaled(i, at_once * ROW), at_once)
        return []

    def one(i: Value, _: list[Value]) -> list[Value]:
        some(e.scaled(e.builder.add(done, i), ROW), 1)
        return []

    groups = e.builder.udiv(rows, e.i64(at_once))
    done = e.scaled(groups, at_once)
    e.turns(groups, [], several)
    e.turns(e.builder.sub(rows, done), [], one)


def _rows_at(e: Emitter, values: Value, rows: range) -> Blocks:
    steps = range(0, ROW, 4 * e.lanes)
    return [[e.load(values, row * ROW + at) for at in steps] for row in rows]


def _scales(e: Emitter, values: Value, tokens: Value, out: Value) -> None:
    """Scales of a tile, and what to multiply its numbers by: in the place of the corrections."""

    def emit(count: int, rows: range) -> None:
        scales, factors = emit_scales(e, _rows_at(e, values, rows))
        e.store(scales, out, BLOCK * count + 4 * rows.start)
        e.store(factors, out, (BLOCK + 4) * count + 4 * rows.start)

    _by_groups(e, tokens, emit)


def _bytes(e: Emitter, values: Value, tokens: Value, out: Value) -> None:
    """Bytes of a tile; the corrections take the place of the factors."""

    def emit(count: int, rows: range) -> None:
        corrections = (BLOCK + 4) * count
        factors = [e.broadcast(out, corrections + 4 * row) for row in rows]
        places = [e.at(out, BLOCK * row) for row in rows]
        found = emit_bytes(e, _rows_at(e, values, rows), factors, places)
        e.store(found, out, corrections + 4 * rows.start)

    _by_groups(e, tokens, emit)


def _by_groups(e: Emitter, tokens: Value, emit: Callable[[int, range], None]) -> None:
    """For each size of a tile: code for its rows in groups of 4, 2 and 1."""

    def groups(count: int) -> None:
        first = 0
        for size in (4, 2, 1):
            while count - first >= size:
                emit(count, range(first, first + size))
                first += size

    e.cases(tokens, {count: partial(groups, count) for count in range(1, e.target.tokens + 1)})


_activate_rows = intrinsic_of(_activate, "iii")
_tile_scales, _tile_bytes = intrinsic_of(_scales, "iii"), intrinsic_of(_bytes, "iii")


@kernel
def geglu_tiles(
    gate: int, up: int, rows: int, first: int, last: int, block: int, blocks: int, out: int
) -> None:
    """gelu(gate) * up for tiles first ..< last of a panel -> k-block `block` of their q8 tiles.

    gate, up: float32 (rows of these tiles, 32), by address; gate is overwritten. out: q8 tiles of
    all `rows`, of `blocks` blocks each.

    In three rounds over all tiles: each is a chain of instructions that wait for one another, which
    only other tokens can fill. Tile by tile a token takes 10.7 ns (Zen 5), with eight tiles 6.7.
    """
    begin = first_row(rows, first)
    _activate_rows(gate, up, first_row(rows, last) - begin)
    for tile in range(first, last):
        start, tokens = first_row(rows, tile), tile_tokens(rows, tile)
        place = out + (start * blocks + block * tokens) * BYTES
        _tile_scales(gate + (start - begin) * ROW, tokens, place)
    for tile in range(first, last):
        start, tokens = first_row(rows, tile), tile_tokens(rows, tile)
        place = out + (start * blocks + block * tokens) * BYTES
        _tile_bytes(gate + (start - begin) * ROW, tokens, place)
