"""The emitter's instructions against NumPy, on every path of this host, each in its own process."""

import numpy as np
import pytest

from perfdsl.runner.kernels.dots import dot_i8, dot_pairs
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.target import (
    FORCE,
    HOST,
    TARGETS,
    UnknownTargetError,
    choose,
)
from perfdsl.runner.kernels.vector import Emitter
from tests.runner.paths import on_each_other_path, passes_with


def _bf16(values):
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def _from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _run(emit, *arrays):
    """Compile `emit` as a Numba function of array addresses, and run it."""
    from numba import njit

    kernel = intrinsic_of(lambda e, *args: emit(e, *args[: len(arrays)]), "iii")
    addresses = [array.ctypes.data for array in arrays]
    given = (*addresses, *[0] * (3 - len(addresses)))

    @njit
    def call(a, b, c):
        kernel(a, b, c)

    call(*given)


def test_exp2_is_within_two_units_in_the_last_place_and_zero_far_below():
    values = np.linspace(-130, 20, HOST.lanes * 4000, dtype=np.float32)
    out = np.empty_like(values)

    def emit(e: Emitter, a, o):
        def one(i, _):
            here = e.scaled(i, 4 * e.lanes)
            e.store(e.exp2(e.load(a, here)), o, here)
            return []

        e.loop(e.i64(4000), [], one)

    _run(emit, values, out)
    normal = values >= -126
    assert np.abs(out[normal] / np.exp2(values[normal].astype(np.float64)) - 1).max() < 2**-22
    assert np.all(out[~normal] == 0)


def _dot_i8(e: Emitter, t, w, x):
    e.store(dot_i8(e, e.load_i32(t), e.load_i32(w), e.load_i32(x)), t)


def test_dot_of_bytes_is_exact_with_the_largest_bytes_too():
    lanes = HOST.lanes
    rng = np.random.default_rng(5)
    for extreme in (False, True):
        weights, inputs = rng.integers(-127, 128, (2, 4 * lanes))
        if extreme:
            weights, inputs = np.sign(weights) * 127, np.full(4 * lanes, 127)
        total = rng.integers(-1000, 1000, lanes).astype(np.int32)
        expected = total + (weights * inputs).reshape(lanes, 4).sum(1)
        if HOST.unsigned_weights:
            total -= (128 * inputs.reshape(lanes, 4).sum(1)).astype(np.int32)
        stored = (weights + 128 * HOST.unsigned_weights).astype(np.uint8)
        _run(_dot_i8, total, stored, inputs.astype(np.int8))
        assert np.array_equal(total, expected)


def _dot_pairs(e: Emitter, t, a, b):
    e.store(dot_pairs(e, e.load(t), e.load(a), e.load(b)), t)


def test_dot_of_pairs_is_two_products_and_a_sum():
    lanes, pairs = HOST.lanes, HOST.pairs
    rng = np.random.default_rng(6)
    a, b = (rng.normal(size=lanes * pairs).astype(np.float32) for _ in range(2))
    given = [_bf16(each) if pairs == 2 else each for each in (a, b)]
    exact = [_from_bf16(each) if pairs == 2 else each for each in given]
    total = np.zeros(lanes, np.float32)
    _run(_dot_pairs, total, *given)
    expected = (exact[0].astype(np.float64) * exact[1]).reshape(lanes, pairs).sum(1)
    np.testing.assert_allclose(total, expected, rtol=1e-5, atol=1e-6)


def test_bf16_is_rounded_to_the_nearest_even_neighbour():
    values = np.array([1.0, 1.00390625, 1.01171875, -3.3, 1e-20, 65504.0, 0.0, 7.1] * 2, np.float32)
    values = values[: HOST.lanes].copy()
    out = np.zeros(HOST.lanes, np.uint16)
    _run(lambda e, a, o: e.store(e.to_bf16(e.load(a)), o), values, out)
    assert np.array_equal(out, _bf16(values))


def test_sums_maxima_and_rounding():
    lanes = HOST.lanes
    values = np.random.default_rng(7).normal(size=lanes).astype(np.float32) * 1000
    out, whole = np.zeros(2, np.float32), np.zeros(lanes, np.int32)

    def emit(e: Emitter, a, o, w):
        loaded = e.load(a)
        e.store(e.sum_of(loaded), o)
        e.store(e.greatest_of(loaded), o, 4)
        e.store(e.rounded(loaded), w)

    _run(emit, values, out, whole)
    assert out[0] == pytest.approx(values.sum(dtype=np.float64), rel=1e-5)
    assert out[1] == values.max()
    assert np.array_equal(whole, np.rint(values).astype(np.int32))


@on_each_other_path
def test_the_same_on_each_other_path_that_this_host_has(name):
    passes_with({FORCE: name}, __file__)


def test_a_path_that_does_not_exist_or_cannot_run_is_told():
    with pytest.raises(UnknownTargetError, match="there is no instruction set 'sse9'"):
        choose("sse9", frozenset())
    with pytest.raises(UnknownTargetError, match="lacks avx2, fma, f16c"):
        choose("avx2", frozenset())
    assert choose("", frozenset()).name == "portable"
    assert not choose("", frozenset(TARGETS["avx512-vnni"].needs)).bf16
