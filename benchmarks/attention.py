"""Attention alone, for the shape of the full model: time, rate, share of the pair product's peak.

usage: python benchmarks/attention.py [TOKENS...] [--rounds N]

Times are of one thread and one layer, the least of the rounds; rates count useful multiply-adds,
2 * pairs * d_head. The peak is measured in the same run: independent sums, nothing loaded.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import numpy as np

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels import attention, heads, query_shares, rope, tally
from perfdsl.runner.kernels.dots import dot_pairs
from perfdsl.runner.kernels.elements import PAIRS, kind
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.quantise import BLOCK, BYTES
from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.kernels.vector import Emitter, Value

HEADS, KV_HEADS, D_HEAD, REACH = 3, 1, 256, 256
SUMS = 24 if HOST.registers == 32 else 12


def _independent(e: Emitter, steps: Value, out: Value) -> None:
    one = e.load(out, kind=e.vector(kind(e)))

    def step(_: Value, sums: list[Value]) -> list[Value]:
        return [dot_pairs(e, total, one, one) for total in sums]

    e.store(reduce(e.add, e.loop(steps, [e.f32(n) for n in range(SUMS)], step)), out)


_chains = intrinsic_of(_independent, "ii")


@kernel
def _peak(steps: int, out: int) -> None:
    _chains(steps, out)


@kernel
def _pack(times: int, layer: Any) -> None:
    for _ in range(times):
        heads.pack_heads(0, 1, *layer)


@kernel
def _attend(times: int, layer: Any) -> None:
    for _ in range(times):
        attention.attend(0, 1, *layer)


def least(rounds: int, times: int, work: Callable[[int], object]) -> float:
    """Seconds of one of so many repetitions: the least of the rounds."""
    found = float("inf")
    for _ in range(rounds):
        begin = time.perf_counter()
        work(times)
        found = min(found, (time.perf_counter() - begin) / times)
    return found


class Layer:
    """One text of so many tokens, packed."""

    def __init__(self, tokens: int) -> None:
        rng = np.random.default_rng(1)
        self.tokens = tokens
        rows = np.array([0, tokens], np.int64)
        slots = np.array([0, -(-tokens // 32) * 32], np.int64)
        self.texts = rows, slots, HEADS, KV_HEADS, D_HEAD
        size = attention.scratch_bytes(tokens, HEADS, KV_HEADS, D_HEAD)
        elements = KV_HEADS * D_HEAD // PAIRS * 4
        self.qkv, self.weights, self.table, self.q, self.k, self.v, self.out, self.scratch = (
            _lines(bytes_)
            for bytes_ in (
                tokens * (HEADS + 2 * KV_HEADS) * D_HEAD * 4, 2 * D_HEAD * 4, tokens * D_HEAD * 4,
                tokens * HEADS * D_HEAD // PAIRS * 4, slots[1] * elements, slots[1] * elements,
                tokens * HEADS * D_HEAD // BLOCK * BYTES, size,
            )
        )  # fmt: skip
        for array, values in (
            (self.qkv, rng.standard_normal(self.qkv.size // 4)),
            (self.weights, 1.4 * np.ones(2 * D_HEAD)),
            (self.table, rope.turns(tokens, D_HEAD, 1e4).ravel()),
        ):
            array.view(np.float32)[:] = values
        self.tally = np.zeros(tally.WORDS, np.int64)

    def pack(self, times: int) -> None:
        weights = self.weights.ctypes.data
        rest = (weights, weights + 4 * D_HEAD, 1e-6, *_at(self.table, self.q, self.k, self.v))
        _pack(times, (*_at(self.qkv), *self.texts, *rest, *_at(self.scratch)))

    def attend(self, reach: int, times: int) -> None:
        parts = np.array([0, self.tokens], np.int64)
        rest = (reach, parts, *_at(self.out), 0, *_at(self.scratch, self.tally))
        _attend(times, (*_at(self.q, self.k, self.v), *self.texts, *rest))

    def pairs(self, reach: int) -> int:
        fixed = self.tokens * query_shares.FIXED
        return query_shares.cost_before(self.tokens, self.tokens, reach) - fixed


def _lines(size: int) -> Any:
    """So many bytes, beginning on a cache line."""
    memory = np.zeros(size + 64, np.uint8)
    first = -memory.ctypes.data % 64
    return memory[first : first + size]


def _at(*arrays: Any) -> tuple[int, ...]:
    return tuple(array.ctypes.data for array in arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokens", nargs="*", type=int, default=[1, 12, 65, 256, 512, 2048])
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    out = np.zeros(64, np.float32)
    _peak(1, *_at(out))
    seconds = least(given.rounds, 60_000, lambda times: _peak(times, *_at(out)))
    peak = SUMS * HOST.lanes * PAIRS / seconds
    print(f"{HOST.name}: peak {peak / 1e9:.0f} GMAC/s")
    for tokens in given.tokens:
        layer = Layer(tokens)
        layer.pack(1)
        layer.attend(REACH, 1)
        times = max(1, 20_000 // (tokens + tokens**2 // 20))
        line = f"{tokens:5} tokens: pack {1e6 * least(given.rounds, times, layer.pack):8.2f} us"
        for name, reach in (("window", REACH), ("full", 1 << 40)):
            taken = least(given.rounds, times, partial(layer.attend, reach))
            rate = 2 * HEADS * layer.pairs(reach) * D_HEAD / taken
            line += f"; {name} {1e6 * taken:8.1f} us, {rate / 1e9:4.0f} GMAC/s {rate / peak:4.0%}"
        print(line)


if __name__ == "__main__":
    main()
