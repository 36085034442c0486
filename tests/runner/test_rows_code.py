"""Kernels on rows as each target gets them, compiled here and counted."""

import re

import pytest

from perfdsl.runner.kernels import embedding, geglu, norms, pooling, quantise
from perfdsl.runner.kernels.target import TARGETS
from tests.runner.machine_code import assembly, counted, innermost, on_stack

# Multiply-add, multiplication, division.
EXPECTED = {
    "avx512-vnni": ("vfmadd213ps", "vmulps", "vdivps"),
    "avx-vnni": ("vfmadd213ps", "vmulps", "vdivps"),
    "avx2": ("vfmadd213ps", "vmulps", "vdivps"),
    "neon": ("fmla", "fmul", "fdiv"),
}
KERNELS = {
    "quantise": (quantise._row, "iiiii"),
    "first norm": (norms._start, "iiifiii"),
    "norms, branch": (norms._branch, "iifi"),
    "norms, stream": (norms._stream, "iiiifi"),
    "norms, scales": (norms._scales, "iiiiiiii"),
    "norms, bytes": (norms._bytes, "iiiii"),
    "last norm": (norms._end, "iiiiifi"),
    "geglu, numbers": (geglu._activate, "iii"),
    "geglu, scales": (geglu._scales, "iii"),
    "geglu, bytes": (geglu._bytes, "iii"),
    "mean": (pooling._mean, "iiii"),
    "unit": (pooling._unit, "iii"),
    "embedding": (embedding._row, "iifi"),
}


def instructions(lines):
    return [line.strip() for line in lines if re.match(r"\t[a-z{]", line)]


@pytest.mark.parametrize("name", EXPECTED)
def test_gelu_times_up_is_one_division_and_eight_products_a_vector(name):
    """Five of them with a sum: one for the exponent, four for the power of two."""
    fma, multiply, divide = EXPECTED[name]
    code = innermost(assembly(geglu._activate, "iii", TARGETS[name]))
    count = counted(code)
    vectors = count[divide]
    assert vectors > 0
    assert vectors % (32 // TARGETS[name].lanes) == 0  # whole rows, however far it is unrolled
    assert count[fma] == 5 * vectors
    assert count[multiply] == 3 * vectors
    if name != "neon":  # its vectors are so short that a row of them does not fit
        assert on_stack(code) == []


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_is_called_on_any_target(name, kernel):
    code = instructions(assembly(*KERNELS[kernel], TARGETS[name]))
    count = counted(code)
    assert len(code) > 20
    assert [each for each in count if each in {"callq", "call", "bl", "blr"}] == []


@pytest.mark.parametrize("name", EXPECTED)
def test_four_blocks_share_their_divisions(name):
    def four(e, values, out):
        steps = range(0, 128, 4 * e.lanes)
        blocks = [[e.load(values, 128 * i + at) for at in steps] for i in range(4)]
        scales, factors = quantise.emit_scales(e, blocks)
        e.store(scales, out)
        e.store(factors, out, 16)

    *_, divide = EXPECTED[name]
    assert counted(instructions(assembly(four, "ii", TARGETS[name])))[divide] == 2
