"""The int8 product against its reference, on every path of this host, each in its own process."""

from pathlib import Path

import numpy as np
import pytest

from perfdsl.runner.kernels.product import Q8, reference
from perfdsl.runner.kernels.product_inputs import adversarial, random_tokens, random_weights
from perfdsl.runner.kernels.target import FORCE, HOST
from perfdsl.runner.packing import FILE_BLOCK, pack, packed_bytes
from perfdsl.runner.shares import product_share
from tests.runner.paths import on_each_other_path, passes_with
from tests.runner.products import in_file, packed, product

CLOSE = 2e-6  # of the largest sum, in float64
SHAPES = [(32, 32), (96, 64), (160, 96), (32, 128), (96, 768), (32, 1152), (64, 3072)]


@pytest.mark.parametrize("n, k", SHAPES)
def test_the_product_is_the_references(n, k):
    rng = np.random.default_rng([n, k])
    w = random_weights(rng, n, k // 32)
    for rows in (*range(1, 18), 65):
        x = random_tokens(rng, rows, k // 32)
        expected = reference(x, w)
        assert np.abs(product(x, w) - expected).max() <= CLOSE * np.abs(expected).max()


@pytest.mark.parametrize("rows", [1, 7, 17])
def test_the_product_is_the_references_at_the_edges_of_the_formats(rows):
    cases = 0
    for x, w in adversarial(np.random.default_rng(rows), rows, 96, 3):
        expected = reference(x, w)
        assert np.abs(product(x, w) - expected).max() <= CLOSE * np.abs(expected).max()
        cases += 1
    assert cases == 9


def test_one_block_is_exact():
    """Scales of one: the int32 sums themselves, which float32 holds up to 2^24."""
    rng = np.random.default_rng(1)
    x, w = random_tokens(rng, 13, 1), random_weights(rng, 64, 1)
    x, w = Q8(x.bytes, np.ones_like(x.scales)), Q8(w.bytes, np.ones_like(w.scales))
    assert np.array_equal(product(x, w), x.bytes.astype(int) @ w.bytes.astype(int).T)


def test_a_tokens_result_depends_neither_on_its_tile_nor_on_its_neighbours_nor_on_threads():
    rng = np.random.default_rng(2)
    x, w = random_tokens(rng, 530, 5), random_weights(rng, 96, 5)  # more than one block of tiles
    together = product(x, w)
    for threads in (2, 3, 4, 7):
        assert np.array_equal(product(x, w, threads), together)
    for rows in range(1, 14):
        first = 3 * rows
        few = Q8(x.bytes[first : first + rows], x.scales[first : first + rows])
        assert np.array_equal(product(few, w), together[first : first + rows])


@pytest.mark.parametrize("scale", [np.nan, np.inf, -np.inf])
def test_scales_that_are_no_numbers_are_found_while_packing(scale):
    w = random_weights(np.random.default_rng(3), 96, 4)
    weights, scales = (np.zeros(size, np.uint8) for size in packed_bytes(96, 4))
    for bad in (0, 5, 17, 383):
        blocks = in_file(w).reshape(-1, FILE_BLOCK)
        for each in {bad, min(bad + 37, 383)}:
            blocks[each, :2] = np.array([scale], np.float16).view(np.uint8)
        found = pack(blocks.ctypes.data, 96, 4, weights.ctypes.data, scales.ctypes.data)
        assert found == bad


def test_packing_puts_each_byte_and_scale_where_the_layout_says():
    w = random_weights(np.random.default_rng(4), 64, 3)
    weights, scales = packed(w)
    strip = HOST.vectors * HOST.lanes
    strips = 64 // strip
    flipped = w.bytes.view(np.uint8) ^ (128 if HOST.unsigned_weights else 0)
    # [strip, row, block, quad, byte] -> [strip, block, quad, row, byte]
    expected = flipped.reshape(strips, strip, 3, 8, 4).transpose(0, 2, 3, 1, 4)
    assert np.array_equal(weights, expected.ravel())
    in_order = w.scales.reshape(strips, strip, 3).transpose(0, 2, 1)
    assert np.array_equal(scales.view(np.float16), in_order.ravel())


def test_rows_that_are_no_panels_are_refused():
    with pytest.raises(ValueError, match="33 rows are no multiple of 32"):
        packed_bytes(33, 1)


def test_shares_of_a_product_cover_it_once():
    for panels, tiles, threads in ((24, 11, 2), (3, 11, 2), (1, 1, 4), (40, 2, 16), (4, 86, 6)):
        done = np.zeros((panels, tiles), int)
        longest = 0
        for thread in range(threads):
            first, last, first_tile, last_tile = product_share(panels, tiles, thread, threads)
            done[first:last, first_tile:last_tile] += 1
            longest = max(longest, (last - first) * (last_tile - first_tile))
        assert (done == 1).all()
        assert longest <= 1.5 * panels * tiles / threads or longest <= 2


@on_each_other_path
def test_the_same_on_each_other_path_that_this_host_has(name):
    passes_with({FORCE: name}, __file__, str(Path(__file__).with_name("test_gate_up.py")))
