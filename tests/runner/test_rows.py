"""Kernels that work on rows against their references, on every path of this host."""

from itertools import pairwise

import numpy as np
import pytest

from perfdsl.runner.kernels import embedding, geglu, norms, pooling, quantise
from perfdsl.runner.kernels.product import Q8
from perfdsl.runner.kernels.product_inputs import q8_tiles
from perfdsl.runner.kernels.target import FORCE
from perfdsl.runner.tiling import first_row, tile_count
from tests.runner.paths import on_each_other_path, passes_with

ROWS, WIDTHS = [*range(1, 18)], [32, 96, 768, 1152]
EPS = 1e-6
GUARD = 64  # bytes behind what a kernel writes, which it must leave alone
CLOSE = 1e-6


def at(array):
    return array.ctypes.data


def guarded(size, kind=np.uint8):
    """An array with bytes behind it, and a check that they are as they were."""
    memory = np.full(size * np.dtype(kind).itemsize + GUARD, 0xA5, np.uint8)

    def check():
        assert (memory[-GUARD:] == 0xA5).all()

    return memory[:-GUARD].view(kind), check


def in_tiles(rows, columns, fill, cuts=()):
    """q8 tiles that `fill(first, last, address)` writes in shares that end at `cuts`."""
    buffer, check = guarded(rows * columns // 32 * 40)
    ends = [0, *cuts, rows]
    for first, last in pairwise(ends):
        fill(first, last, at(buffer))
    check()
    return buffer


def same(found, wanted):
    return all(map(np.array_equal, found, wanted))


def quantised(values, cuts=()):
    rows, columns = values.shape

    def fill(first, last, out):
        quantise.quantise_rows(at(values), columns // 32, rows, first, last, out)

    return in_tiles(rows, columns, fill, cuts)


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("rows", ROWS)
def test_quantising_is_the_references_to_the_bit(rows, columns):
    for values in quantise.adversarial(np.random.default_rng([rows, columns]), rows, columns):
        assert values.dtype == np.float32
        expected = quantise.quantised(values)
        tiles = quantised(values)
        assert np.array_equal(tiles, q8_tiles(Q8(expected.bytes, expected.scales)))
        assert same(quantise.untiled(tiles, rows, columns), expected)


def test_a_byte_is_off_by_half_a_step_at_most():
    for values in quantise.adversarial(np.random.default_rng(1), 5, 96):
        q = quantise.quantised(values)
        steps = q.scales.astype(float).repeat(32, 1)
        assert (np.abs(q.bytes * steps - values) <= steps * 0.50001 + quantise.SMALLEST).all()


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_seen_in_the_scale_of_its_block_alone(odd):
    values = np.random.default_rng(2).normal(size=(7, 96)).astype(np.float32)
    expected = quantise.quantised(values)
    for column in (0, 31, 32, 60, 95):
        bad = values.copy()
        bad[4, column] = odd
        scales = quantise.untiled(quantised(bad), 7, 96).scales
        where = np.zeros((7, 3), bool)
        where[4, column // 32] = True
        assert np.array_equal(~np.isfinite(scales), where)
        assert np.array_equal(scales[~where], expected.scales[~where])


def inputs_of_norms(rows, columns):
    rng = np.random.default_rng([rows, columns, 3])
    after, before = (1 + 0.1 * rng.normal(size=(2, columns))).astype(np.float32)
    for branch in quantise.adversarial(rng, rows, columns):
        small = np.clip(branch, -1e15, 1e15)  # whose squares are finite
        yield small, after, rng.normal(size=(rows, columns)).astype(np.float32), before


def wide(array):
    return array.astype(np.float64)


def close_as_bytes(tiles, expected):
    assert_close_as_bytes(quantise.untiled(tiles, *expected.shape), expected, 1e-25)


def assert_close_as_bytes(found, expected, slack):
    """Off by half a step, and by rounding."""
    rows, _ = expected.shape
    steps = np.abs(expected).reshape(rows, -1, 32).max(2).repeat(32, 1) / 127
    values = found.bytes * found.scales.astype(float).repeat(32, 1)
    assert (np.abs(values - expected) <= 0.5001 * steps + slack).all()


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("rows", [1, 2, 5, 7, 12, 17])
def test_the_first_norm_is_quantised(rows, columns):
    blocks = columns // 32
    for values, _, _, before in inputs_of_norms(rows, columns):
        tiles, check = guarded(rows * blocks * 40)
        norms.norm_rows(at(values), at(before), blocks, EPS, rows, 0, rows, at(tiles))
        check()
        close_as_bytes(tiles, norms.normed(wide(values), wide(before), EPS))


def added(branch, after, x, before, cuts=()):
    """What `add_norm_rows` leaves: the stream and the q8 tiles."""
    x = x.copy()
    rows, columns = x.shape
    scratch, check = guarded(norms.scratch_bytes(columns))

    def fill(first, last, out):
        norms.add_norm_rows(
            at(branch), at(after), at(x), at(before), columns // 32, EPS, rows, first, last, out,
            at(scratch),
        )  # fmt: skip
        check()

    return x, in_tiles(rows, columns, fill, cuts)


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("rows", [1, 2, 5, 7, 12, 17])
def test_a_branch_is_normalised_added_and_the_next_norm_quantised(rows, columns):
    for branch, after, x, before in inputs_of_norms(rows, columns):
        stream = norms.added(wide(branch), wide(x), wide(after), EPS)
        found, tiles = added(branch, after, x, before)
        assert np.abs(found - stream).max() <= CLOSE * np.abs(stream).max()
        close_as_bytes(tiles, norms.normed(stream, wide(before), EPS))


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_last_norm_stays_float32(columns):
    for branch, after, x, before in inputs_of_norms(3, columns):
        stream = norms.added(wide(branch), wide(x), wide(after), EPS)
        expected = norms.normed(stream, wide(before), EPS)
        out, check = guarded(x.size, np.float32)
        norms.add_norm_last(
            at(branch), at(after), at(x), at(before), columns // 32, EPS, 0, 3, at(out)
        )
        check()
        assert np.abs(x - stream).max() <= CLOSE * np.abs(stream).max()
        assert np.abs(out.reshape(x.shape) - expected).max() <= CLOSE * np.abs(expected).max()


def test_a_rows_result_depends_neither_on_its_tile_nor_on_its_share():
    rng = np.random.default_rng(4)
    branch, x = rng.normal(size=(2, 29, 160)).astype(np.float32)
    after, before = rng.normal(size=(2, 160)).astype(np.float32)
    stream, tiles = added(branch, after, x, before)
    values = quantise.untiled(tiles, 29, 160)
    for cuts in ((5,), (1, 2, 28), (13, 13)):
        again, again_tiles = added(branch, after, x, before, cuts)
        assert np.array_equal(again, stream)
        assert np.array_equal(again_tiles, tiles)
    for rows in range(1, 14):
        part = slice(rows, 2 * rows)
        few, few_tiles = added(branch[part].copy(), after, x[part].copy(), before)
        assert np.array_equal(few, stream[part])
        wanted = [each[part] for each in values]
        assert same(quantise.untiled(few_tiles, rows, 160), wanted)


def gated(gate, up, blocks=1, block=0, cuts=()):
    """q8 tiles of which `geglu_tiles` fills one block, in shares of tiles that end at `cuts`."""
    rows = len(gate)
    out, check = guarded(rows * blocks * 40)
    before = out.copy()
    for first, last in pairwise([0, *cuts, tile_count(rows)]):
        part = slice(first_row(rows, first), first_row(rows, last))
        mine, ups = gate[part].copy(), up[part].copy()
        geglu.geglu_tiles(at(mine), at(ups), rows, first, last, block, blocks, at(out))
    check()
    others = np.arange(blocks) != block
    found = [quantise.untiled(each, rows, 32 * blocks) for each in (out, before)]
    for now, then in zip(*found, strict=True):
        sizes = (rows, blocks, -1)
        assert np.array_equal(now.reshape(sizes)[:, others], then.reshape(sizes)[:, others])
    whole, scales, corrections = found[0]
    return quantise.Quantised(
        whole.reshape(rows, blocks, 32)[:, block],
        scales[:, block : block + 1],
        corrections[:, block : block + 1],
    )


@pytest.mark.parametrize("rows", ROWS)
def test_geglu_of_a_panel_is_one_block_of_the_next_products_input(rows):
    rng = np.random.default_rng(rows)
    for any_up in quantise.adversarial(rng, rows, 32):
        gate = (3 * rng.normal(size=(rows, 32))).astype(np.float32)
        up = np.clip(any_up, -1e30, 1e30).astype(np.float32)
        found = gated(gate, up, 3, rows % 3)
        slack = 2e-6 * np.abs(wide(up)).max(1, keepdims=True)  # gelu's own, times up
        expected = geglu.geglu(wide(gate), wide(up))
        assert_close_as_bytes(found, expected, slack + 1e-25)
        assert np.array_equal(found.corrections[:, 0], -128 * found.bytes.sum(1, dtype=np.int32))


def test_a_tokens_geglu_depends_neither_on_its_tile_nor_on_its_share():
    rng = np.random.default_rng(9)
    gate, up = (3 * rng.normal(size=(2, 40, 32))).astype(np.float32)
    whole = gated(gate, up)
    for cuts in ((1,), (2, 3, 5)):
        assert same(gated(gate, up, cuts=cuts), whole)
    for rows in range(1, 14):
        part = slice(rows, 2 * rows)
        assert same(gated(gate[part], up[part]), [each[part] for each in whole])


def test_gelu_is_within_a_millionth_everywhere():
    """One number a block, so that its scale is gelu's size over 127, whatever the number."""
    rng = np.random.default_rng(5)
    numbers = np.concatenate(
        [np.linspace(-12, 12, 20001), rng.normal(size=3000) * 3, [0, 1e-30, -1e-30, 1e30, -1e30]]
    ).astype(np.float32)
    gate = np.zeros((numbers.size, 32), np.float32)
    gate[:, 11] = numbers
    whole, scales, _ = gated(gate, np.ones_like(gate))
    found = whole[:, 11] * wide(scales[:, 0])
    expected = geglu.gelu(wide(numbers))
    assert (np.abs(found - expected) <= 1e-6 * np.maximum(1, np.abs(expected))).all()


def test_gelu_of_infinities_is_their_limit_and_nan_stays_nan():
    gate = np.zeros((4, 32), np.float32)
    gate[:, 7] = np.array([np.inf, -np.inf, np.nan, np.finfo(np.float32).max])
    scales = gated(gate, np.ones_like(gate)).scales[:, 0]
    assert np.isposinf(scales[0])
    assert scales[1] == 0
    assert np.isnan(scales[2])
    assert scales[3] == pytest.approx(np.finfo(np.float32).max / 127, rel=1e-6)


def table_of(rng, vocab, blocks):
    table = rng.integers(0, 256, (vocab, blocks, 34)).astype(np.uint8)
    scales = 2.0 ** rng.uniform(-26, 16, (vocab, blocks)) * rng.choice([-1, 1], (vocab, blocks))
    table[:, :, :2] = (
        np.clip(scales, -65504, 65504).astype(np.float16).view(np.uint8).reshape(vocab, blocks, 2)
    )
    return table


def embedded(table, ids, first=0, last=None):
    blocks = table.shape[1]
    x, check = guarded(len(ids) * blocks * 32, np.float32)
    touched = np.zeros(len(table), np.uint8)
    last = len(ids) if last is None else last
    wrong = embedding.embed_rows(at(table), blocks, at(ids), first, last, at(x), at(touched))
    check()
    return wrong, x.reshape(len(ids), -1), touched


@pytest.mark.parametrize("blocks", [1, 3, 24])
def test_rows_of_the_table_are_embedded(blocks):
    rng = np.random.default_rng(blocks)
    table = table_of(rng, 50, blocks)
    ids = rng.integers(0, 50, 17).astype(np.int32)
    wrong, x, _ = embedded(table, ids)
    assert wrong == -1
    expected = embedding.embedded(table, ids)
    assert (np.abs(x - expected) <= 2e-7 * np.abs(expected)).all()


@pytest.mark.parametrize("scale", [np.inf, -np.inf, np.nan])
def test_a_scale_that_is_no_number_is_reported_by_the_first_row_that_uses_it(scale):
    table = table_of(np.random.default_rng(6), 9, 3)
    table[4, 2, :2] = np.array([scale], np.float16).view(np.uint8)
    ids = np.array([0, 8, 4, 3, 4], np.int32)
    assert embedded(table, ids)[0] == 2
    assert embedded(table, ids, first=3)[0] == 4
    assert embedded(table, ids, last=2)[0] == -1
    assert embedded(table, np.array([0, 1, 2, 3, 5, 6, 7, 8], np.int32))[0] == -1


def test_means_are_taken_over_each_text_in_any_shares():
    rng = np.random.default_rng(7)
    hidden = rng.normal(size=(300, 96)).astype(np.float32)
    starts = np.array([0, 1, 13, 30, 300])
    out, check = guarded(4 * 96, np.float32)
    pooling.pool_rows(at(hidden), 3, at(starts), 0, 12, at(out))
    check()
    whole = out.copy()
    assert np.abs(out.reshape(4, 96) - pooling.pooled(hidden.astype(float), starts)).max() < CLOSE
    for first, last in ((7, 12), (0, 1), (1, 7)):
        pooling.pool_rows(at(hidden), 3, at(starts), first, last, at(out))
    assert np.array_equal(out, whole)
    alone = np.empty(96, np.float32)
    text = hidden[13:30].copy()
    pooling.pool_rows(at(text), 3, at(np.array([0, 17])), 0, 3, at(alone))
    assert np.array_equal(alone, whole.reshape(4, 96)[2])


@pytest.mark.parametrize("columns, dim", [(32, 32), (96, 32), (768, 768), (768, 512), (768, 128)])
def test_vectors_have_length_one_whatever_their_size(columns, dim):
    vectors = np.random.default_rng(8).normal(size=(6, columns)).astype(np.float32)
    vectors[1] = 0
    vectors[2] *= np.float32(1e37)
    vectors[3] *= np.float32(1e-41)
    vectors[4, : dim - 1] = 0
    vectors[5] = np.finfo(np.float32).max
    out, check = guarded(6 * dim, np.float32)
    pooling.unit_rows(at(vectors), columns // 32, dim // 32, 0, 6, at(out))
    check()
    found = out.reshape(6, dim)
    assert np.abs(found - pooling.unit(vectors.astype(float), dim)).max() < CLOSE
    lengths = np.linalg.norm(found.astype(float), axis=1)
    assert np.abs(lengths - [1, 0, 1, 1, 1, 1]).max() < CLOSE


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_vector_with_what_is_no_number_does_not_become_one(odd):
    vectors = np.ones((1, 64), np.float32)
    vectors[0, 40] = odd
    out = np.zeros((1, 64), np.float32)
    assert pooling.unit_rows(at(vectors), 2, 2, 0, 1, at(out)) == 0
    assert np.isnan(out).any()


def test_the_first_vector_with_what_is_no_number_is_told():
    vectors = np.ones((5, 64), np.float32)
    vectors[3, 40] = vectors[4, 0] = np.inf
    out = np.zeros((5, 64), np.float32)
    assert pooling.unit_rows(at(vectors), 2, 2, 0, 3, at(out)) == -1
    assert pooling.unit_rows(at(vectors), 2, 2, 1, 5, at(out)) == 3
    assert pooling.unit_rows(at(vectors), 2, 1, 1, 4, at(out)) == -1  # not in what is kept


@on_each_other_path
def test_the_same_on_each_other_path_that_this_host_has(name):
    passes_with({FORCE: name}, __file__)
