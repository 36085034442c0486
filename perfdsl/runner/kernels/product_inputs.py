"""Operands of the int8 product for tests and benchmarks: random ones, and those at the edges.

x, w = random_tokens(rng, rows, blocks), random_weights(rng, n, blocks)
for x, w in adversarial(rng, rows, n, blocks): ...
q8_tiles(x)    what a product is given
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from perfdsl.runner.kernels.product import BLOCK, Q8
from perfdsl.runner.tiling import first_row, tile_count


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
