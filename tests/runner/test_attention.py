"""Packing of heads and attention against float64, and their independence of tiles and threads."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from perfdsl.runner.kernels import attention, heads, operands, query_shares, rope, softmax, tally
from perfdsl.runner.kernels.elements import PAIRS, rounded
from perfdsl.runner.kernels.quantise import BLOCK, BYTES, untiled
from perfdsl.runner.kernels.target import COUNT, FORCE
from tests.runner.paths import on_each_other_path, passes_with, python_with

EPS = 1e-6
EVERYTHING = 1 << 40
NOTHING = 2.0**-100  # below it a block of results is 0; bf16 has few bits below 2^-126


class Shape(NamedTuple):
    heads: int = 3
    kv_heads: int = 1
    d_head: int = 64
    reach: int = 8
    theta: float = 10000.0


class Result(NamedTuple):
    q: np.ndarray  # (rows, heads, d_head), as packed
    k: np.ndarray  # (rows, kv_heads, d_head)
    v: np.ndarray
    bytes_: np.ndarray  # (rows, heads * d_head)
    scales: np.ndarray  # (rows, heads * d_head / 32)
    corrections: np.ndarray
    tally: np.ndarray


class Case(NamedTuple):
    """Texts of these lengths, their rows of q | k | v, and the weights of the norms."""

    shape: Shape
    lengths: list
    qkv: np.ndarray
    weights: np.ndarray  # (2, d_head)

    @property
    def starts(self):
        return np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)

    @property
    def slots(self):
        blocks = -(-np.array(self.lengths) // 32) * 32
        return np.concatenate([[0], np.cumsum(blocks)]).astype(np.int64)

    @property
    def table(self):
        return rope.turns(max(self.lengths), self.shape.d_head, self.shape.theta)


def _case(shape, lengths, seed=1, weight=1.4):
    rng = np.random.default_rng(seed)
    columns = (shape.heads + 2 * shape.kv_heads) * shape.d_head
    qkv = rng.standard_normal((sum(lengths), columns)).astype(np.float32)
    weights = (weight * (1 + 0.1 * rng.standard_normal((2, shape.d_head)))).astype(np.float32)
    return Case(shape, list(lengths), qkv, weights)


def _at(array):
    return array.ctypes.data


def _run(case, threads=1):
    """Both kernels, one thread's share after the other; buffers hold what must not be read."""
    shape, starts, slots, table = case.shape, case.starts, case.slots, case.table
    kv_size = slots[-1] * shape.kv_heads * shape.d_head // PAIRS
    q = np.full(starts[-1] * shape.heads * shape.d_head // PAIRS, 0x7FC07FC0, np.uint32)
    k, v = (np.full(kv_size, 0x7FC07FC0, np.uint32) for _ in range(2))
    sizes = shape.heads, shape.kv_heads, shape.d_head
    room = attention.scratch_bytes(max(case.lengths), *sizes)
    scratch = np.full(room, 255, np.uint8)
    blocks = shape.heads * shape.d_head // BLOCK
    out = np.zeros(starts[-1] * blocks * BYTES, np.uint8)
    counts = np.zeros(tally.WORDS, np.int64)
    whole = np.array([0, starts[-1]], np.int64)  # one part: tiles of all rows
    weights = _at(case.weights), _at(case.weights) + 4 * shape.d_head
    for thread in range(threads):
        heads.pack_heads(
            thread, threads, _at(case.qkv), starts, slots, *sizes, *weights, EPS,
            _at(table), _at(q), _at(k), _at(v), _at(scratch),
        )  # fmt: skip
    for thread in range(threads):
        attention.attend(
            thread, threads, _at(q), _at(k), _at(v), starts, slots, *sizes, shape.reach, whole,
            _at(out), blocks * BYTES, _at(scratch), _at(counts),
        )  # fmt: skip
    held = operands.unpacked(q, k, v, starts, slots, *sizes)
    return Result(*held, *untiled(out, starts[-1], shape.heads * shape.d_head), counts)


def _texts(case):
    return [slice(a, b) for a, b in zip(case.starts, case.starts[1:], strict=False)]


def _excess(got, expected, allowed):
    """How far the worst entry is beyond what it may be off."""
    return float((np.abs(got - expected) - allowed).max())


def _unsure(q, k, v, reach, expected):
    """What float32 scores, off by some of their last places, may make of the results.

    A weight that lies between two bf16 numbers may then be rounded to the other one.
    """
    tokens, count, _ = q.shape
    visible = np.abs(np.arange(tokens)[:, None] - np.arange(tokens)) <= reach
    unsure = np.empty(expected.shape)
    for head in range(count):
        kv = head * k.shape[1] // count
        exact_q, keys, values = (
            each.astype(np.float64) for each in (q[:, head], k[:, kv], v[:, kv])
        )
        off = 5e-6 + 4e-7 * (np.abs(exact_q) @ np.abs(keys).T).max(axis=1, keepdims=True)
        scores = np.where(visible, exact_q @ keys.T, softmax.HIDDEN)
        weights = np.exp2(scores - scores.max(axis=1, keepdims=True))
        above, below = (rounded(weights * (1 + sign * off)).astype(np.float64) for sign in (1, -1))
        either = above - below
        moved = np.abs(expected[:, head]) * either.sum(axis=1, keepdims=True)
        spread = either @ np.abs(values) + moved
        unsure[:, head] = spread / below.sum(axis=1, keepdims=True) + 1e-6 * np.abs(values).max()
    return unsure


def _check(case, result):
    """Operands are the rounded exact ones; the output is exact attention of what was packed."""
    shape = case.shape
    n, m = shape.heads * shape.d_head, shape.kv_heads * shape.d_head
    scale = heads.query_scale(shape.d_head)
    for text in _texts(case):
        q, k, v = np.split(case.qkv[text], [n, n + m], axis=1)
        q, k, v = (each.reshape(len(each), -1, shape.d_head) for each in (q, k, v))
        exact_q = rope.reference(q, case.weights[0], EPS, case.table) * scale
        exact_k = rope.reference(k, case.weights[1], EPS, case.table)
        half = 2.0**-8 if PAIRS == 2 else 0  # of the last place of a bf16 number
        for got, exact in ((result.q[text], exact_q), (result.k[text], exact_k)):
            limit = half * np.abs(exact) + NOTHING
            assert _excess(got, exact, limit) <= 1e-6 * np.abs(exact).max()
        assert np.array_equal(result.v[text], rounded(v))
        packed = result.q[text], result.k[text], result.v[text]
        expected = attention.reference(*packed, shape.reach, rounded)
        unsure = _unsure(*packed, shape.reach, expected).reshape(len(q), -1)
        expected = expected.reshape(len(q), -1)
        scales = np.repeat(result.scales[text], BLOCK, axis=1).astype(np.float64)
        got = result.bytes_[text] * scales
        assert _excess(got, expected, 0.5 * scales * (1 + 1e-5) + unsure) <= NOTHING
        greatest = np.abs(expected.reshape(len(q), -1, BLOCK)).max(axis=2)
        limit = unsure.reshape(len(q), -1, BLOCK).max(axis=2) + 1e-6 * greatest
        assert _excess(result.scales[text] * 127.0, greatest, limit) <= NOTHING
    sums = result.bytes_.reshape(len(result.bytes_), -1, BLOCK).sum(axis=2, dtype=np.int64)
    assert np.array_equal(result.corrections, -128 * sums)


SHAPES = [
    Shape(),
    Shape(heads=3, kv_heads=1, d_head=32, reach=8),
    Shape(heads=3, kv_heads=1, d_head=256, reach=256),
    Shape(heads=2, kv_heads=2, d_head=32, reach=EVERYTHING),
    Shape(heads=6, kv_heads=2, d_head=64, reach=5),
    Shape(heads=1, kv_heads=1, d_head=64, reach=EVERYTHING),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_attention_is_exact_but_for_roundings(shape):
    case = _case(shape, [*range(1, 18), 31, 32, 33, 65])
    _check(case, _run(case))


@pytest.mark.parametrize("tokens", [255, 256, 257, 258, 600, 2048])
def test_the_window_ends_at_its_reach(tokens):
    case = _case(Shape(d_head=32, reach=256), [tokens])
    _check(case, _run(case, threads=2))


def test_a_long_text_sees_all_of_itself():
    case = _case(Shape(d_head=32, reach=EVERYTHING), [2048])
    _check(case, _run(case, threads=2))


def test_attention_is_near_to_that_of_unrounded_operands():
    """Loosely, but with nothing in common: queries, keys, values and weights in float64."""
    case = _case(Shape(d_head=256, reach=256), [300])
    q, k, v = (
        part.reshape(300, -1, 256).astype(np.float64)
        for part in np.split(case.qkv, [3 * 256, 4 * 256], axis=1)
    )
    q, k = (
        rope.reference(x, w, EPS, case.table) for x, w in zip((q, k), case.weights, strict=True)
    )
    scores = np.einsum("thd,jd->htj", q, k[:, 0]) / 16
    distance = np.abs(np.arange(300)[:, None] - np.arange(300))
    scores[:, distance > 256] = -np.inf
    weights = np.exp(scores - scores.max(axis=2, keepdims=True))
    expected = np.einsum("htj,jd->thd", weights / weights.sum(axis=2, keepdims=True), v[:, 0])
    result = _run(case)
    got = (result.bytes_.reshape(300, -1, BLOCK) * result.scales[:, :, None]).reshape(300, 3, 256)
    cosines = (got * expected).sum(axis=2)
    cosines /= np.linalg.norm(got, axis=2) * np.linalg.norm(expected, axis=2)
    assert cosines.min() > 1 - 2e-4


@pytest.mark.parametrize("name", ["huge", "equal", "one-hot", "zero", "denormal", "tiny values"])
def test_adversarial_rows(name):
    case = _case(Shape(reach=EVERYTHING), [1, 2, 17, 40, 64])
    n, m = 3 * 64, 64
    queries, keys, values = np.split(case.qkv, [n, n + m], axis=1)
    match name:
        case "huge":  # scores of +-100,000
            case.weights[:] *= 100
            case.qkv[:] *= 1e15
        case "equal":
            case.weights[1] = 0
        case "one-hot":  # each token sees itself alone
            case.weights[:] *= 12
            queries[:] = np.tile(keys, 3)
        case "zero":
            keys[::2] = 0
            values[1::3] = 0
        case "denormal":
            case.qkv[:] *= 1e-41
        case "tiny values":
            values *= 1e-37
        case _:
            raise AssertionError(name)
    result = _run(case)
    _check(case, result)
    assert np.all(np.isfinite(result.scales))


@pytest.mark.parametrize("shape", SHAPES[1:4], ids=str)
def test_bits_depend_neither_on_threads_nor_on_the_batch(shape):
    """Each text alone, on one thread, has the bits that it has among others on 2, 3 or 7."""
    case = _case(shape, [12, 1, 65, 300, 33, 2])
    alone = []
    for text in _texts(case):
        rows = case.qkv[text]
        alone.append(_run(case._replace(lengths=[len(rows)], qkv=rows)))
    bytes_ = np.concatenate([each.bytes_ for each in alone])
    scales = np.concatenate([each.scales for each in alone])
    for threads in (1, 2, 3, 7):
        together = _run(case, threads)
        assert np.array_equal(together.bytes_, bytes_)
        assert np.array_equal(together.scales, scales)


@pytest.mark.parametrize("reach", [1, 8, 256, EVERYTHING])
def test_shares_cover_all_queries_once_and_cost_nearly_the_same(reach):
    """A share is off by less than two queries; costs are those of the keys that are seen."""
    for tokens in (1, 12, 65, 258, 600):
        position = np.arange(tokens)
        seen = (np.abs(position[:, None] - position) <= reach).sum(axis=1)
        costs = np.concatenate([[0], np.cumsum(seen + query_shares.FIXED)])
        got = [query_shares.cost_before(n, tokens, reach) for n in range(tokens + 1)]
        assert np.array_equal(got, costs)
        for threads in (1, 2, 5):
            wanted = [costs[-1] * thread // threads for thread in range(threads + 1)]
            cuts = [query_shares.token_at(cost, tokens, reach) for cost in wanted]
            assert (cuts[0], cuts[-1]) == (0, tokens)
            most = costs[-1] / threads + max(seen) + query_shares.FIXED
            assert np.all(np.diff(costs[cuts]) <= most)


COUNTING = """
import sys
sys.path.insert(0, sys.argv[1])
import test_attention as t
for tokens in (1, 12, 257, 258, 600):
    shape = t.Shape(d_head=32, reach=256)
    tallied = t._run(t._case(shape, [tokens]), 2).tally
    print(tokens, tallied[t.tally.PAIRS], tallied[t.tally.EXECUTED])
"""


def test_the_oracle_counts_pairs_in_the_window_and_executed_multiply_adds():
    here = Path(__file__).resolve()
    told = python_with({COUNT: "1"}, "-c", COUNTING, str(here.parent))
    rows = [[int(word) for word in line.split()] for line in told.splitlines()]
    assert [row[0] for row in rows] == [1, 12, 257, 258, 600]
    for tokens, pairs, executed in rows:
        outside = max(0, tokens - 257)
        assert pairs == 3 * (tokens**2 - outside * (outside + 1))
        useful = 2 * pairs * 32
        assert useful <= executed
        if tokens > 200:  # what is computed in vain: keys of blocks of 32 at the edges of a tile
            assert executed <= 1.25 * useful
    assert rows[3][1] == 3 * (258**2 - 2)


@on_each_other_path
def test_the_same_on_each_other_path_that_this_host_has(name):
    passes_with({FORCE: name}, __file__)
