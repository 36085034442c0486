"""gate, up and GeGLU in one: against float64, and against its parts, to the bit."""

import numpy as np
import pytest

from perfdsl.runner.kernels import geglu, quantise
from perfdsl.runner.kernels.gate_up import GROUP, SCRATCH, gate_up
from perfdsl.runner.kernels.product import Q8, reference
from perfdsl.runner.kernels.product_inputs import q8_tiles
from perfdsl.runner.shares import product_share
from perfdsl.runner.tiling import TOKENS, tile_count
from tests.runner.products import packed, product

MANY = 2 * GROUP * TOKENS + 5  # rows of three groups of tiles


def quantised(rng, rows, columns, spread, kind):
    q = quantise.quantised(rng.normal(0, spread, (rows, columns)).astype(np.float32))
    return Q8(q.bytes, q.scales.astype(kind))


def operands(rows, columns, features):
    rng = np.random.default_rng([rows, columns, features])
    x = quantised(rng, rows, columns, 1, np.float32)
    gate, up = (quantised(rng, features, columns, columns**-0.5, np.float16) for _ in range(2))
    return x, gate, up


def run(x, gate, up, threads=1):
    streams_of = packed(gate), packed(up)
    (gate_at, gate_scales), (up_at, up_scales) = (
        [stream.ctypes.data for stream in streams] for streams in streams_of
    )
    blocks = gate.rows // 32
    tiles, out = q8_tiles(x), np.zeros(x.rows * blocks * 40 + 64, np.uint8)
    out[-64:] = 0xA5
    scratch, counts = np.zeros(SCRATCH, np.uint8), np.zeros(16, np.int64)
    for thread in range(threads):
        first, last, first_tile, last_tile = product_share(
            blocks, tile_count(x.rows), thread, threads
        )
        gate_up(
            gate_at, gate_scales, up_at, up_scales, first, last, x.blocks, tiles.ctypes.data,
            x.rows, first_tile, last_tile, out.ctypes.data, blocks, scratch.ctypes.data, 0, 0,
            counts.ctypes.data,
        )  # fmt: skip
    assert (out[-64:] == 0xA5).all()
    return quantise.untiled(out[:-64], x.rows, gate.rows)


@pytest.mark.parametrize("rows", [1, 2, 7, 12, 65, MANY])
@pytest.mark.parametrize("columns, features", [(96, 128), (768, 64)])
def test_it_is_geglu_of_both_products_off_by_half_a_step(rows, columns, features):
    x, gate, up = operands(rows, columns, features)
    found = run(x, gate, up)
    expected = geglu.geglu(reference(x, gate), reference(x, up))
    steps = found.scales.astype(float).repeat(32, 1)
    assert (np.abs(found.bytes * steps - expected) <= 0.5 * steps + 2e-6).all()
    greatest = np.abs(expected).reshape(rows, -1, 32).max(2)
    np.testing.assert_allclose(found.scales * 127, greatest, rtol=1e-4, atol=2e-6)


def test_it_is_its_parts_to_the_bit():
    x, gate, up = operands(MANY, 96, 128)
    gates, ups = (np.ascontiguousarray(product(x, each)) for each in (gate, up))
    found = run(x, gate, up)
    for row in range(MANY):
        for block in range(4):
            here, also = (each[row, 32 * block :].ctypes.data for each in (gates, ups))
            one = np.zeros(40, np.uint8)
            geglu.geglu_tiles(here, also, 1, 0, 1, 0, 1, one.ctypes.data)
            single = quantise.untiled(one, 1, 32)
            assert np.array_equal(found.bytes[row, 32 * block : 32 * block + 32], single.bytes[0])
            assert found.scales[row, block] == single.scales[0, 0]
            assert found.corrections[row, block] == single.corrections[0, 0]


def test_threads_and_neighbours_change_nothing():
    x, gate, up = operands(MANY, 96, 128)
    together = run(x, gate, up)
    for threads in (2, 3, 5):
        assert all(map(np.array_equal, run(x, gate, up, threads), together))
    few = run(Q8(x.bytes[10:14], x.scales[10:14]), gate, up)
    assert all(np.array_equal(some, all_[10:14]) for some, all_ in zip(few, together, strict=True))
