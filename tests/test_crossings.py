"""Crossovers: at each, the two terms of the maximum are equal in the numeric reading."""

import math

import pytest

from perfdsl.diagnostics import Source, has_errors
from perfdsl.pipeline import Options, check_file
from perfdsl.present.formula_pages import page
from perfdsl.present.style import Theme
from perfdsl.semantics.binding import heart, rivals
from perfdsl.semantics.graph import Graph
from perfdsl.semantics.program import Program
from perfdsl.solve.extent import extent
from perfdsl.solve.reading import Reading
from perfdsl.solve.unknowns import answer_range, answer_value
from perfdsl.symbolic.crossings import ALIKE, APART, STILL, Crossing, crossings
from perfdsl.symbolic.formulas import Formulas
from perfdsl.symbolic.quantities import quantities
from tests.answers import ROOT
from tests.test_symbolic import FILES, program


def terms_of(graph: Graph, node: int) -> dict[str, int]:
    """The named terms of a maximum by their nodes, those of a maximum inside included."""
    found: dict[str, int] = {}
    for arg, term in rivals(graph, heart(graph, node)):
        inner = terms_of(graph, arg) if graph.nodes[heart(graph, arg)].op == "max" else {}
        found |= inner or {term.name: arg}
    return found


def all_of(whole: Program) -> list[tuple[Crossing, int, Formulas]]:
    found = []
    for analysis in whole.analyses:
        formulas = Formulas(whole.graph)
        nodes = {f.name: f.node for f in quantities(analysis, formulas)}
        made = crossings(analysis, formulas, formulas.best())
        found += [(one, nodes[one.of], formulas) for one in made]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_at_a_crossover_both_terms_are_equal(path):
    """Read numerically with the parameter at the value of the formula."""
    whole = program(path)
    reading = Reading(whole.graph, answer_value, extent, answer_range)
    for one, node, formulas in all_of(whole):
        number = formulas.nodes[one.parameter]
        terms = terms_of(whole.graph, node)
        for form in one.forms:
            at = formulas.value(form.expr, formulas.best())
            if math.isnan(at):
                continue  # another unknown has no value
            there = reading.changed({number: at})
            left, right = there.value(terms[one.left]), there.value(terms[one.right])
            assert left == pytest.approx(right, rel=1e-9), (one.of, one.parameter)
        if one.why == STILL:
            moved = reading.changed({number: 2 * whole.graph.nodes[number].data.value})
            for name in (one.left, one.right):
                before, after = reading.value(terms[name]), moved.value(terms[name])
                assert before == pytest.approx(after, rel=1e-12, nan_ok=True)


def test_the_first_program_has_its_ridges_in_tokens_cores_and_clock():
    """Where arithmetic of the published model takes as long as streaming its weights."""
    whole = program(ROOT / "specs" / "analyses" / "theoretical_ceiling.perf")
    found: dict[tuple[str, str], float] = {}
    for one, _, formulas in all_of(whole):
        name = formulas.inputs[one.parameter].name.rsplit(".")[-1]
        if one.of in {"run.time", "12 tokens, one core"} and one.forms:
            found.setdefault((one.of, name), formulas.value(one.forms[0].expr, formulas.best()))
    assert found["run.time", "tokens"] == pytest.approx(44.149, abs=1e-3)
    assert found["12 tokens, one core", "tokens"] == pytest.approx(3.678, abs=1e-3)
    assert found["run.time", "cores"] == pytest.approx(3.2624, abs=1e-4)
    assert found["run.time", "clock"] == pytest.approx(1.2234e9, rel=1e-4)


ROOFLINE = """perf 1
hardware chip {
  cores = 4 core
  clock = 2 GHz
  port fma { serves fp32; peak = cores * clock * 8 MAC/(cycle*core) }
  cache l2 { size = 1 kB; bandwidth = cores * clock * 16 B/(cycle*core) }
  memory dram { bandwidth = 40 GB/s }
}
workload batch { tokens = 8 token; depth = 1000 }
operator layer(n: Count = load.rows) {
  work fp32 = n * load.depth^2 * 1 MAC
  read weights = load.depth^2 * 4 B
}
model net { use layer() }
analysis a(load = batch, net = net, cpu = chip) {
  let run = predict(net, on: cpu)
  show run.time
}
"""


def test_the_ridge_of_a_product_is_the_balance_of_the_machine():
    """By hand: tokens * depth^2 / peak = depth^2 * 4 B / bandwidth."""
    whole = check_file(Source("a.perf", ROOFLINE), ROOT, Options())
    assert not has_errors(whole.problems), whole.problems
    found = {}
    for one, _, formulas in all_of(whole):
        name = formulas.inputs[one.parameter].name
        found[one.left, one.right, name.rsplit(".")[-1]] = one
    value = formulas.value
    at = formulas.best()
    ridge = found["compute", "dram", "tokens"]
    assert value(ridge.forms[0].expr, at) == pytest.approx(4 * 64 / 40)
    assert found["compute", "dram", "depth"].why == ALIKE
    # 3.2 tokens a MAC and byte: at most one of the two forms of the clock is in force.
    clock = found["compute", "dram", "clock"].forms[0]
    assert value(clock.expr, at) == pytest.approx(8 * 40e9 / (4 * 4 * 8))
    assert found["compute", "l2", "clock"].why == ALIKE
    assert found["l2", "dram", "tokens"].why == STILL
    assert APART not in {one.why for one in found.values()}


def test_the_page_of_a_maximum_tells_where_its_terms_take_over():
    """By each parameter: the formula where it is short, and the number with its unit."""
    path = ROOT / "examples" / "21_crossover.perf"
    shown = page(program(path), "time", Theme(color=False, width=100), math.inf)
    assert isinstance(shown, str)
    assert "takes over" in shown
    lines = [line.strip() for line in shown.splitlines()]
    assert "compute = dram at 6.4" in lines
    assert any(line.startswith("cpu.clock = ") for line in lines)
