"""The pair product and the softmax as each target gets them, compiled here and counted."""

import pytest

from perfdsl.runner.kernels import operands, softmax
from perfdsl.runner.kernels.pairs import VECTORS, Operands, emit_tile, rows_at_once
from perfdsl.runner.kernels.target import TARGETS
from perfdsl.runner.kernels.vector import Emitter
from tests.runner.machine_code import assembly, counted, innermost, on_stack

DOTS = {
    "avx512-vnni": "vdpbf16ps",
    "avx-vnni": "vfmadd231ps",
    "avx2": "vfmadd231ps",
    "neon": "fmla",
    "portable": "mulps",
}


@pytest.mark.parametrize("name", DOTS)
def test_a_step_of_the_largest_tile_is_its_dot_products_and_their_loads(name):
    """Sums stay in registers; an element is loaded once for all vectors of its row."""
    target = TARGETS[name]
    rows = rows_at_once(target)

    def emit(e: Emitter, *addresses):
        emit_tile(e, rows, VECTORS, Operands(*addresses))

    code = innermost(assembly(emit, "i" * 7, target))
    products = counted(code)[DOTS[name]]
    steps, rest = divmod(products, rows * VECTORS)  # LLVM may write several into one round
    assert (steps >= 1, rest) == (True, 0)
    assert on_stack(code) == []
    if name != "portable":  # which has no instruction that loads and repeats
        assert len(code) - products <= steps * (rows + VECTORS) + 8


@pytest.mark.parametrize("name", DOTS)
def test_nothing_is_called(name):
    """A power, a root or a rounding that a target lacks would be a call for each lane."""
    for emit, arguments in (
        (softmax.emit_weigh, "iiii"),
        (softmax.emit_hide, "iiiii"),
        (operands.emit_query, "iiiiii"),
        (operands.emit_keys, "iiiiiiii"),
        (operands.emit_values, "iiiiii"),
    ):
        lines = assembly(emit, arguments, TARGETS[name])
        instructions = [line.strip() for line in lines if line.startswith("\t")]
        assert not {"call", "callq", "bl"} & set(counted(instructions))
