"""GMAC/s of the int8 product, shape by shape, as a share of what its mix of instructions allows.

    python benchmarks/product.py [--threads 1,2] [--rounds 5] [--tokens 1,12,65,512]

The limit is measured in the same rounds: 8 dot products of bytes, a conversion, a multiplication
and a multiply-add for each sum, all in registers, in the best order found. "held" is one matrix
again and again, from the caches; "streamed" is a ring of matrices larger than any cache, as large
as the model's weights, and "gate, up" a ring of pairs with GeGLU: there the bound is the longer of
the limit and a plain read.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from perfdsl.measure.probes.memory import memory
from perfdsl.measure.probes.stream import BLOCK as STREAM_BLOCK
from perfdsl.measure.probes.stream import PLACES, stream
from perfdsl.measure.probes.together import together
from perfdsl.records import dataclass
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.dots import dot_i8
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.gate_up import SCRATCH, gate_up
from perfdsl.runner.kernels.opaque import opaque
from perfdsl.runner.kernels.product import BLOCK, TOKEN_BYTES, product_rows
from perfdsl.runner.kernels.product_inputs import q8_tiles, random_tokens
from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.kernels.vector import Emitter, Value
from perfdsl.runner.shares import product_share
from perfdsl.runner.tiling import tile_count

RING = 113_000_000  # bytes of packed weights
SECONDS = 0.02  # of one measurement
TURNS = 1000
TILE = HOST.tokens * HOST.vectors
LAG = 2  # results between a scale and the sum that it is for
MIX_MACS = TILE * 8 * 4 * HOST.lanes
HELD, STREAMED, PAIRS = "held", "streamed", "gate, up"


def emit_mix(e: Emitter, turns: Value) -> None:
    """So many turns, each as one block of the largest tile, without its memory."""

    def turn(_: Value, state: list[Value]) -> list[Value]:
        a, b, scale, *sums = state
        scales = [scale] * TILE

        def finish(n: int) -> None:
            sums[n] = opaque(e, e.fma(e.to_f32(totals[n]), scales[n], sums[n]))

        totals = [a] * TILE
        for quad in range(8):
            for n in range(TILE):
                a, b = opaque(e, a), opaque(e, b)
                totals[n] = opaque(e, dot_i8(e, totals[n], a, b))
                if quad == 7:
                    scale = opaque(e, scale)
                    scales[n] = opaque(e, e.mul(scale, scale))
                    if n >= LAG:
                        finish(n - LAG)
        for n in range(TILE - LAG, TILE):
            finish(n)
        return [a, b, scale, *sums]

    start = [e.i32(0x01010101), e.i32(0x01020304), *[e.f32(1.0)] * (TILE + 1)]
    for each in e.loop(turns, start, turn)[3:]:
        opaque(e, each)


_mix = intrinsic_of(emit_mix, "i")


@kernel
def mix(turns: int) -> None:
    _mix(turns)


@kernel
def around(
    weights: int, scales: int, matrices: int, panels: int, blocks: int, x: int, rows: int, out: int,
    thread: int, threads: int, passes: int, tally: int,
) -> None:  # fmt: skip
    """A thread's share of one matrix after another, so many times around the ring."""
    first, last, first_tile, last_tile = product_share(panels, tile_count(rows), thread, threads)
    size, of_scales = 32 * 32 * blocks * panels, 2 * 32 * blocks * panels
    ahead = first * 32 * 32 * blocks
    for _ in range(passes):
        for n in range(matrices):
            following = (n + 1) % matrices
            product_rows(
                weights + n * size, scales + n * of_scales, first, last, blocks, x, rows,
                first_tile, last_tile, out, panels * 32 * 4, weights + following * size + ahead,
                scales + following * of_scales + ahead // 16, tally,
            )  # fmt: skip


@kernel
def around_pairs(
    weights: int, scales: int, matrices: int, panels: int, blocks: int, x: int, rows: int, out: int,
    thread: int, threads: int, passes: int, tally: int, scratch: int,
) -> None:  # fmt: skip
    """The same of pairs: gate and up, and GeGLU."""
    first, last, first_tile, last_tile = product_share(panels, tile_count(rows), thread, threads)
    size, of_scales = 32 * 32 * blocks * panels, 2 * 32 * blocks * panels
    ahead = first * 32 * 32 * blocks
    for _ in range(passes):
        for n in range(0, matrices, 2):
            following = (n + 2) % matrices
            w, d = weights + n * size, scales + n * of_scales
            gate_up(
                w, d, w + size, d + of_scales, first, last, blocks, x, rows, first_tile, last_tile,
                out, panels, scratch + thread * SCRATCH, weights + following * size + ahead,
                scales + following * of_scales + ahead // 16, tally,
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """A product of `rows` tokens with (n, 32 * blocks) weights, in a ring of `matrices`."""

    kind: str
    rows: int
    n: int
    blocks: int

    @property
    def matrices(self) -> int:
        return 1 if self.kind == HELD else RING // (self.n * self.blocks * (BLOCK + 2)) // 2 * 2

    @property
    def macs(self) -> int:
        return self.rows * self.n * self.blocks * BLOCK * self.matrices

    @property
    def bytes(self) -> int:
        return self.n * self.blocks * (BLOCK + 2) * self.matrices


class Arrays:
    """Operands of a shape; weights and scales lie in `ring`, which is large enough."""

    def __init__(self, shape: Shape, ring: int) -> None:
        rng = np.random.default_rng(0)
        tiles = memory(shape.rows * shape.blocks * TOKEN_BYTES)
        tiles.data[:] = q8_tiles(random_tokens(rng, shape.rows, shape.blocks))
        self.x = tiles
        self.out = np.zeros(shape.rows * shape.n, np.float32)
        self.tally = np.zeros(8, np.int64)
        self.scratch = memory(16 * SCRATCH)
        self.shape, self.ring = shape, ring

    def run(self, passes: int, thread: int, threads: int) -> None:
        s = self.shape
        given = (
            self.ring, self.ring + s.n * s.blocks * BLOCK * s.matrices, s.matrices, s.n // 32,
            s.blocks, self.x.address, s.rows, self.out.ctypes.data, thread, threads, passes,
            self.tally.ctypes.data,
        )  # fmt: skip
        if s.kind == PAIRS:
            around_pairs(*given, self.scratch.address)
        else:
            around(*given)


def rate(units: int, run: Callable[[int, int], None], threads: int) -> float:
    """Units a second of `run(passes, thread)` by so many threads."""
    once = together(threads, partial(run, 1), time.perf_counter_ns)
    passes = max(1, int(SECONDS * 1e9 / once))
    return units * passes / together(threads, partial(run, passes), time.perf_counter_ns) * 1e9


def mixed(passes: int, _: int) -> None:
    mix(TURNS * passes)


def read(passes: int, thread: int, address: int, gap: int) -> None:
    stream(address + thread * PLACES * gap, gap // STREAM_BLOCK, gap, passes)


@dataclass(frozen=True, slots=True)
class Sample:
    """Multiply-accumulates a second: reached, and allowed by the mix and by a plain read."""

    got: float
    mix: float
    stream: float

    @property
    def share(self) -> float:
        return self.got / min(self.mix, self.stream)


def sample(arrays: Arrays, threads: int) -> Sample:
    shape = arrays.shape
    gap = RING // (threads * PLACES * STREAM_BLOCK) * STREAM_BLOCK
    of_memory = rate(gap * PLACES * threads, partial(read, address=arrays.ring, gap=gap), threads)
    return Sample(
        got=rate(shape.macs, partial(arrays.run, threads=threads), threads),
        mix=rate(MIX_MACS * TURNS * threads, mixed, threads),
        stream=np.inf if shape.kind == HELD else of_memory / shape.bytes * shape.macs,
    )


def line(shape: Shape, samples: Sequence[Sample]) -> str:
    got, limit, share = (
        statistics.median(each)
        for each in zip(*((s.got, s.mix, s.share) for s in samples), strict=True)
    )
    of_memory = got / shape.macs * shape.bytes
    return (
        f"  {shape.kind:8} {shape.rows:4} tokens  {shape.n} x {shape.blocks * BLOCK}:"
        f" {got / 1e9:6.1f} of {limit / 1e9:5.1f} GMAC/s, {of_memory / 1e9:5.1f} GB/s,"
        f" {100 * share:5.1f} % of the bound (best {100 * max(s.share for s in samples):.1f})"
    )


def shapes(tokens: Sequence[int], kinds: Sequence[str]) -> Iterator[Shape]:
    for kind in kinds:
        for rows in tokens:
            yield Shape(kind, rows, 1152, 768 // BLOCK)
            if kind != PAIRS:
                yield Shape(kind, rows, 768, 1152 // BLOCK)


def numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--tokens", type=numbers, default=[1, 2, 6, 12, 65, 512])
    parser.add_argument("--kinds", nargs="+", default=[HELD, STREAMED, PAIRS])
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args(arguments)
    ring = memory(RING + (8 << 20))
    # As a scale 0x3c3c is near 1: sums that are denormals are slow on some processors.
    ring.data[:] = 0x3C
    arrays = [Arrays(shape, ring.address) for shape in shapes(given.tokens, given.kinds)]
    for threads in given.threads:
        print(f"{threads} threads")
        samples: list[list[Sample]] = [[] for _ in arrays]
        for _ in range(given.rounds):
            for each, into in zip(arrays, samples, strict=True):
                into.append(sample(each, threads))
        for each, those in zip(arrays, samples, strict=True):
            print(line(each.shape, those))


if __name__ == "__main__":
    main()
