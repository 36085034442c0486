"""The int8 product: tiles of Q8 tokens times panels of Q8_0 weights, float32 sums.

    out[m, n] = sum over blocks b of 32:  dw[n, b] * dx[m, b] * sum_k w[n, b, k] * x[m, b, k]

The inner sum is exact in int32; the outer one is float32 in the order of b, so that a token's
result depends neither on its tile nor on its thread nor on its neighbours.

**Weights** are packed (`packing`): strips of R = vectors * lanes rows, `[strip][b][8 quads][R][4]`
bytes, and their scales, fp16 `[strip][b][R]`. 32 rows are a panel: one strip or more.
**Activations** are q8 tiles: a tile of m tokens from row r begins at byte r * blocks * 40; for each
block: m x 32 bytes, m float32 scales, m int32 biases (-128 * the sum of the bytes, at which the
accumulators start where weights are stored as w + 128).

Per block and vector of results there are 8 dot products, a multiplication of the two scales and a
multiply-add; where these share the same pipes (Zen 5: two), 8 of 10 slots are dot products: 80 % of
the peak is what exact scales per 32 allow. Everything else is on other pipes or in the shade.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels import tally as tallies
from perfdsl.runner.kernels.dots import dot_i8
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.target import HOST, Dot, Target
from perfdsl.runner.kernels.vector import I32, Emitter, Value
from perfdsl.runner.tiling import TOKENS, first_row, tile_count

BLOCK = 32  # values with one scale
QUADS = BLOCK // 4
PANEL = 32  # rows of a panel
TOKEN_BYTES = BLOCK + 4 + 4  # a token's block in a q8 tile: bytes, scale, bias
LINE, L1 = 64, 3  # a cache line's bytes, and the cache that a prefetch names so

STRIP = HOST.vectors * HOST.lanes  # rows of a strip
STRIPS = PANEL // STRIP  # of a panel

# ------------------------------------------------------------------ the reference


@dataclass(frozen=True, slots=True)
class Q8:
    """Values in blocks of 32: int8 (rows, 32 * blocks), scales (rows, blocks)."""

    bytes: NDArray[np.int8]
    scales: NDArray[np.float16] | NDArray[np.float32]

    @property
    def rows(self) -> int:
        return len(self.bytes)

    @property
    def blocks(self) -> int:
        return int(self.scales.shape[1])


def reference(x: Q8, w: Q8) -> NDArray[np.float64]:
    """The product in float64, (x.rows, w.rows): each inner sum exact, no rounding to speak of."""
    out = np.zeros((x.rows, w.rows))
    for b in range(x.blocks):
        k = slice(b * BLOCK, (b + 1) * BLOCK)
        inner = x.bytes[:, k].astype(np.int64) @ w.bytes[:, k].astype(np.int64).T
        out += inner * np.outer(x.scales[:, b].astype(float), w.scales[:, b].astype(float))
    return out


# ------------------------------------------------------------------ one tile, one strip


# A tile asks for weights that are read later while it computes, so that memory and arithmetic work
# at the same time. Into L1: asked for into L2 alone, lines came too late (Zen 5, 12 tokens: 303
# instead of 372 GMAC/s), and it is spread over the quads, as a burst fills the queue of misses.
NOTHING, HALF, ALL = range(3)
NEAR = 8192  # bytes that the only tile of a panel asks ahead: best of 4, 6, 8, 10, 16 KiB (Zen 5)


def asks_of(target: Target) -> tuple[int, ...]:
    """What tiles ask for: nothing where arithmetic takes so long that no memory is waited for."""
    fast = target.dot in (Dot.VPDPBUSD, Dot.SDOT) and not target.counting
    return (NOTHING, HALF, ALL) if fast else (NOTHING,)


def asked_lines(strip: int, ask: int) -> int:
    """Lines asked for in each block: as many as a block of the strip has, or half of them."""
    return strip * BLOCK // LINE * ask // ALL


def emit_tile(
    e: Emitter,
    tokens: int,
    ask: int,
    weights: Value,
    scales: Value,
    blocks: Value,
    x: Value,
    out: Value,
    stride: Value,
    ahead: Value,
    ahead_scales: Value,
    tally: Value,
) -> None:
    """`tokens` rows of float32 results, `stride` bytes apart, for one strip.

    `weights`, `scales`, `x`, `out` are where the strip, its scales, the tile and its results begin;
    from `ahead` and `ahead_scales` on it asks for what is read later.
    """
    vectors, wide = e.target.vectors, 4 * e.lanes
    strip = vectors * e.lanes
    lines = asked_lines(strip, ask)
    at_scales, at_biases = tokens * BLOCK, tokens * (BLOCK + 4)

    def block(_: Value, state: list[Value]) -> list[Value]:
        w, d, x, ahead, ahead_scales, *sums = state
        if ask:
            e.prefetch(ahead_scales, 0, L1)
        totals = [
            [e.broadcast(x, at_biases + 4 * t, I32) if e.target.unsigned_weights else e.i32(0)]
            * vectors
            for t in range(tokens)
        ]
        dots = 0
        for quad in range(QUADS):
            rows = []
            for v in range(vectors):
                here = wide * (quad * vectors + v)
                rows.append(e.load_i32(w, here))
                tallies.touched(e, tally, w, here, wide)
            for line in range(lines * quad // QUADS, lines * (quad + 1) // QUADS):
                e.prefetch(ahead, LINE * line, L1)
            for t in range(tokens):
                four = e.broadcast(x, BLOCK * t + 4 * quad, I32)
                for v in range(vectors):
                    totals[t][v] = dot_i8(e, totals[t][v], rows[v], four)
                    dots += 1
        tallies.executed(e, tally, dots * wide)
        of_rows = [e.load_f16(d, 2 * e.lanes * v) for v in range(vectors)]
        for v in range(vectors):
            tallies.touched(e, tally, d, 2 * e.lanes * v, 2 * e.lanes)
        for t in range(tokens):
            of_token = e.broadcast(x, at_scales + 4 * t)
            for v in range(vectors):
                scale = e.mul(of_rows[v], of_token)
                n = t * vectors + v
                sums[n] = e.fma(e.to_f32(totals[t][v]), scale, sums[n])
        return [
            e.at(w, BLOCK * strip),
            e.at(d, 2 * strip),
            e.at(x, TOKEN_BYTES * tokens),
            e.at(ahead, LINE * lines),
            e.at(ahead_scales, 2 * strip),
            *sums,
        ]

    zeros = [e.f32(0.0)] * (tokens * vectors)
    sums = e.loop(blocks, [weights, scales, x, ahead, ahead_scales, *zeros], block)[5:]
    for t in range(tokens):
        for v in range(vectors):
            e.store(sums[t * vectors + v], e.at(out, e.scaled(stride, t)), wide * v)


def emit_any_tile(e: Emitter, kind: Value, *arguments: Value) -> None:
    """A tile of 1 ..= target.tokens tokens; `kind` is ask * target.tokens + tokens."""
    most = e.target.tokens
    kinds = [(tokens, ask) for ask in asks_of(e.target) for tokens in range(1, most + 1)]
    e.cases(
        kind,
        {
            ask * most + tokens: partial(emit_tile, e, tokens, ask, *arguments)
            for tokens, ask in kinds
        },
    )


_any_tile = intrinsic_of(emit_any_tile, "iiiiiiiiii")


# ------------------------------------------------------------------ a panel, ranges of panels

# Tiles whose activations stay in an L2 of 1 MiB beside a panel: longer inputs go block by block.
TILES_AT_ONCE = 512 // TOKENS
ASKING = ALL in asks_of(HOST)
ASKED = asked_lines(STRIP, HALF) * LINE  # bytes


@kernel
def panel_rows(
    weights: int,
    scales: int,
    blocks: int,
    x: int,
    rows: int,
    first_tile: int,
    last_tile: int,
    out: int,
    stride: int,
    ahead: int,
    ahead_scales: int,
    fresh: bool,
    tally: int,
) -> None:
    """One panel times tiles first_tile ..< last_tile: 32 columns of float32.

    Addresses: `weights`, `scales` of this panel, `x` of the q8 tiles of all `rows` rows, `out` of
    row 0 (rows are `stride` bytes apart). `ahead`, `ahead_scales`: the panel that this thread reads
    next, or 0 for one that it has in a cache. `fresh`: whether it reads these tiles for the first
    time; half of them may lie in another core's cache, so that a tile asks for the one behind it.
    """
    of_strip, of_scales = STRIP * BLOCK * blocks, STRIP * 2 * blocks
    tiles = tile_count(rows)
    size, larger = rows // tiles, rows % tiles
    half = ASKED * blocks
    for strip in range(STRIPS):
        w, d = weights + strip * of_strip, scales + strip * of_scales
        if strip + 1 < STRIPS:
            following, following_scales = w + of_strip, d + of_scales
        else:
            following, following_scales = ahead, ahead_scales
        for t in range(first_tile, last_tile):
            row, tokens = t * size + min(t, larger), size + (t < larger)
            ask, asked, asked_scales = NOTHING, w, d
            if ASKING and first_tile + 1 == last_tile:
                if tokens > 1:
                    ask, asked, asked_scales = ALL, w + NEAR, d + NEAR // BLOCK * 2
            elif ASKING and t < first_tile + 2 and following:
                ask, asked = HALF, following + (t - first_tile) * half
                asked_scales = following_scales
            elif ASKING and fresh and t + 1 < last_tile:
                ask, asked = HALF, x + (row + tokens) * blocks * TOKEN_BYTES
                asked_scales = asked
            _any_tile(
                ask * TOKENS + tokens, w, d, blocks, x + row * blocks * TOKEN_BYTES,
                out + row * stride + strip * STRIP * 4, stride, asked, asked_scales, tally,
            )  # fmt: skip


@kernel
def product_rows(
    weights: int,
    scales: int,
    first: int,
    last: int,
    blocks: int,
    x: int,
    rows: int,
    first_tile: int,
    last_tile: int,
    out: int,
    stride: int,
    next_weights: int,
    next_scales: int,
    tally: int,
) -> None:
    """out[row, 32 * panel + 0..31] for panels first ..< last and tiles first_tile ..< last_tile.

    Addresses: `weights` and `scales` of panel 0, `x` of the q8 tiles of all `rows` rows (blocks *
    32 values each), `out` of row 0: float32 (rows, 32 * panels), rows `stride` bytes apart.
    `next_weights` and `next_scales`: what this thread reads after this, or 0 where that is unknown.
    """
    of_panel, of_scales = PANEL * BLOCK * blocks, PANEL * 2 * blocks
    for start in range(first_tile, last_tile, TILES_AT_ONCE):
        stop = min(start + TILES_AT_ONCE, last_tile)
        for panel in range(first, last):
            if panel + 1 < last:
                ahead, ahead_scales = (
                    weights + (panel + 1) * of_panel,
                    scales + (panel + 1) * of_scales,
                )
            elif stop < last_tile:  # the next block of tiles
                ahead, ahead_scales = weights + first * of_panel, scales + first * of_scales
            else:
                ahead, ahead_scales = next_weights, next_scales
            panel_rows(
                weights + panel * of_panel, scales + panel * of_scales, blocks, x, rows,
                start, stop, out + panel * PANEL * 4, stride, ahead, ahead_scales,
                panel == first, tally,
            )  # fmt: skip


# ------------------------------------------------------------------ inputs for tests and benchmarks


def random_weights(rng: np.random.Generator, rows: int, blocks: int) -> Q8:
    """Weights as a file may hold them: all bytes, -128 too, and scales of many magnitudes."""
    values = rng.integers(-128, 128, (rows, blocks * BLOCK)).astype(np.int8)
    return Q8(values, np.exp2(rng.uniform(-8, 0, (rows, blocks))).astype(np.float16))


def random_tokens(rng: np.random.Generator, rows: int, blocks: int) -> Q8:
    """Activations as quantising makes them: no byte is -128."""
    values = rng.integers(-127, 128, (rows, blocks * BLOCK)).astype(np.int8)
    return Q8(values, np.exp2(rng.uniform(-8, 8, (rows, blocks))).astype(np.float32))


def adversarial(
    rng: np.random.Generator, rows: int, n: int, blocks: int
) -> Iterator[tuple[Q8, Q8]]:
    """Pairs (tokens, weights) at the edges of what the formats can hold."""
    x, w = random_tokens(rng, rows, blocks), random_weights(rng, n, blocks)
    lowest, highest = np.full_like(w.bytes, -128), np.full_like(w.bytes, 127)
    full = np.where(rng.random(x.bytes.shape) < 0.5, -127, 127).astype(np.int8)
    yield x, Q8(lowest, w.scales)
    yield Q8(np.full_like(x.bytes, -127), x.scales), Q8(lowest, w.scales)
    yield Q8(np.full_like(x.bytes, 127), x.scales), Q8(highest, w.scales)
    yield (
        Q8(full, x.scales),
        Q8(np.where(rng.random(w.bytes.shape) < 0.5, -128, 127).astype(np.int8), w.scales),
    )
    zero = rng.random(x.scales.shape) < 0.5
    empty = np.where(np.repeat(zero, BLOCK, 1), 0, x.bytes).astype(np.int8)
    yield Q8(empty, np.where(zero, 0, x.scales).astype(np.float32)), w
    yield x, Q8(np.zeros_like(w.bytes), np.zeros_like(w.scales))
    yield x, Q8(w.bytes, np.full_like(w.scales, 65504))  # the largest of fp16
    yield x, Q8(w.bytes, np.full_like(w.scales, 2**-24))  # its smallest, a denormal
    yield x, Q8(w.bytes, -w.scales)


def q8_tiles(x: Q8) -> NDArray[np.uint8]:
    """The bytes of q8 tiles, as quantising on the way through the model writes them."""
    pieces = []
    for t in range(int(tile_count(x.rows))):
        tile = slice(int(first_row(x.rows, t)), int(first_row(x.rows, t + 1)))
        for b in range(x.blocks):
            values = x.bytes[tile, b * BLOCK : (b + 1) * BLOCK]
            biases = -128 * values.sum(1, dtype=np.int32)
            pieces += [values.tobytes(), x.scales[tile, b].tobytes(), biases.tobytes()]
    return np.frombuffer(b"".join(pieces), np.uint8)
