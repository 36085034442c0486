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

from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels import tally as tallies
from perfdsl.runner.kernels.dots import dot_i8
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.opaque import opaque
from perfdsl.runner.kernels.target import HOST, Dot, Target
from perfdsl.runner.kernels.vector import I32, Emitter, Value
from perfdsl.runner.tiling import TOKENS, tile_count

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


# With vectors of so many lanes, instructions that multiply stay in the order in which they are
# emitted: a scale is multiplied and a sum grown between two dot products of the last quad. All of
# them at its end, where compilers put them, leave a pipe idle now and then (Zen 5: 98 instead of
# 102 of 128 multiply-accumulates a cycle in registers; 12 tokens from memory 88 instead of 92).
# Vectors of 8 lanes are as fast either way.
IN_ORDER = 16


@dataclass(frozen=True, slots=True)
class Tile:
    """Emits a tile of `tokens` rows times one strip. Lists are [token][vector]."""

    e: Emitter
    tokens: int
    ask: int
    tally: Value

    @property
    def in_order(self) -> bool:
        return self.e.lanes == IN_ORDER

    @property
    def vectors(self) -> range:
        return range(self.e.target.vectors)

    @property
    def lines(self) -> int:
        """What is asked for in a block, in cache lines."""
        return asked_lines(len(self.vectors) * self.e.lanes, self.ask)

    def kept(self, value: Value) -> Value:
        return opaque(self.e, value) if self.in_order else value

    def block(self, w: Value, d: Value, x: Value, ahead: Value, sums: list[list[Value]]) -> None:
        """The sums grow by a block: of weights at w, with scales at d, and tokens at x."""
        totals = [self.bias(x, t) for t in range(self.tokens)]
        of_rows, scales = [], []
        for quad in range(QUADS):
            rows = self.rows(w, quad)
            self.ask_ahead(ahead, quad)
            between = self.in_order and quad + 1 == QUADS
            if between:
                of_rows = self.of_rows(d)
            for t in range(self.tokens):
                totals[t] = self.dots(totals[t], rows, x, t, quad)
                if between:
                    scales.append(self.scales(of_rows, x, t))
                    if t > 0:
                        sums[t - 1] = self.grown(sums[t - 1], totals[t - 1], scales[t - 1])
        if self.in_order:
            sums[-1] = self.grown(sums[-1], totals[-1], scales[-1])
        else:
            of_rows = self.of_rows(d)
            for t in range(self.tokens):
                sums[t] = self.grown(sums[t], totals[t], self.scales(of_rows, x, t))

    def bias(self, x: Value, t: int) -> list[Value]:
        """What a token's inner sums begin with."""
        e, at = self.e, self.tokens * (BLOCK + 4) + 4 * t
        return [e.broadcast(x, at, I32) if e.target.unsigned_weights else e.i32(0)] * len(
            self.vectors
        )

    def rows(self, w: Value, quad: int) -> list[Value]:
        """Four bytes of each row of the strip."""
        e, found = self.e, []
        for v in self.vectors:
            at = 4 * e.lanes * (quad * len(self.vectors) + v)
            found.append(e.load_i32(w, at))
            tallies.touched(e, self.tally, w, at, 4 * e.lanes)
        return found

    def ask_ahead(self, ahead: Value, quad: int) -> None:
        """This quad's part of what a block asks for."""
        for line in range(self.lines * quad // QUADS, self.lines * (quad + 1) // QUADS):
            self.e.prefetch(ahead, LINE * line, L1)

    def dots(self, totals: list[Value], rows: list[Value], x: Value, t: int, q: int) -> list[Value]:
        """Inner sums of a token, grown by four bytes."""
        e, found = self.e, []
        four = e.broadcast(x, BLOCK * t + 4 * q, I32)
        for total, row in zip(totals, rows, strict=True):
            found.append(self.kept(dot_i8(e, total, row, four)))
        tallies.executed(e, self.tally, len(found) * 4 * e.lanes)
        return found

    def of_rows(self, d: Value) -> list[Value]:
        """The scales of the strip's rows."""
        e, found = self.e, []
        for v in self.vectors:
            found.append(e.load_f16(d, 2 * e.lanes * v))
            tallies.touched(e, self.tally, d, 2 * e.lanes * v, 2 * e.lanes)
        return found

    def scales(self, of_rows: list[Value], x: Value, t: int) -> list[Value]:
        """Those of a token's results: of the row times of the token."""
        of_token = self.e.broadcast(x, self.tokens * BLOCK + 4 * t)
        return [self.kept(self.e.mul(of_row, of_token)) for of_row in of_rows]

    def grown(self, sums: list[Value], totals: list[Value], scales: list[Value]) -> list[Value]:
        """A token's sums, with these inner sums added."""
        e = self.e
        return [
            self.kept(e.fma(e.to_f32(total), scale, each))
            for each, total, scale in zip(sums, totals, scales, strict=True)
        ]


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
    tile, vectors = Tile(e, tokens, ask, tally), e.target.vectors
    strip = vectors * e.lanes

    def block(_: Value, state: list[Value]) -> list[Value]:
        w, d, x, ahead, ahead_scales, *flat = state
        if ask:
            e.prefetch(ahead_scales, 0, L1)
        sums = [flat[t * vectors : (t + 1) * vectors] for t in range(tokens)]
        tile.block(w, d, x, ahead, sums)
        return [
            e.at(w, BLOCK * strip),
            e.at(d, 2 * strip),
            e.at(x, TOKEN_BYTES * tokens),
            e.at(ahead, LINE * tile.lines),
            e.at(ahead_scales, 2 * strip),
            *chain.from_iterable(sums),
        ]

    zeros = [e.f32(0.0)] * (tokens * vectors)
    sums = e.loop(blocks, [weights, scales, x, ahead, ahead_scales, *zeros], block)[5:]
    for t in range(tokens):
        for v in range(vectors):
            e.store(sums[t * vectors + v], e.at(out, e.scaled(stride, t)), 4 * e.lanes * v)


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
