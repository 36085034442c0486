"""The innermost loop of the int8 product as each target gets it, compiled here and counted."""

import pytest

from perfdsl.runner.kernels.product import ALL, HALF, NOTHING, QUADS, asks_of, emit_tile
from perfdsl.runner.kernels.target import TARGETS
from perfdsl.runner.kernels.vector import Emitter
from tests.runner.machine_code import assembly, counted, innermost, on_stack

# The dot instruction (of the three that stand for it, the one that multiplies bytes), the
# multiply-add, the prefetch into L1.
EXPECTED = {
    "avx512-vnni": ("vpdpbusd", "vfmadd231ps", "prefetcht0"),
    "avx-vnni": ("vpdpbusd", "vfmadd231ps", "prefetcht0"),
    "avx2": ("vpmaddubsw", "vfmadd231ps", "prefetcht0"),
    "neon": ("sdot", "fmla", "prfm"),
}


def of(target, tokens, ask=NOTHING):
    def emit(e: Emitter, *arguments):
        emit_tile(e, tokens, ask, *arguments)

    return innermost(assembly(emit, "iiiiiiiii", target))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_block_has_the_dot_products_of_its_shape_and_nothing_is_spilled(name):
    target = TARGETS[name]
    dot, fma, prefetch = EXPECTED[name]
    for tokens in range(1, target.tokens + 1):
        code = of(target, tokens)
        count = counted(code)
        results = tokens * target.vectors
        assert count[dot] == QUADS * results
        assert count[fma] == results
        assert count[prefetch] == 0
        assert on_stack(code) == []


@pytest.mark.parametrize("name", [name for name in EXPECTED if ALL in asks_of(TARGETS[name])])
def test_a_tile_asks_for_each_line_of_a_block_or_for_every_second_one(name):
    target = TARGETS[name]
    *_, prefetch = EXPECTED[name]
    lines = target.vectors * target.lanes * 32 // 64
    for ask, expected in ((HALF, lines // 2), (ALL, lines)):
        code = of(target, target.tokens, ask)
        assert counted(code)[prefetch] == expected + 1  # and one for the scales
        assert on_stack(code) == []


def test_the_portable_path_calls_no_function():
    code = of(TARGETS["portable"], 4)
    assert counted(code)["callq"] == 0
    assert len(code) > QUADS * 4 * TARGETS["portable"].vectors
