"""Laws of formulas on random graphs and programs: equal to numbers, derivatives, and no text."""

import math
import random

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from perfdsl.diagnostics import Source, has_errors
from perfdsl.numeric.evaluate import evaluate
from perfdsl.numeric.gradient import gradient
from perfdsl.pipeline import Options, check_file
from perfdsl.semantics.graph import Graph
from perfdsl.symbolic.derivatives import derivative, elasticity
from perfdsl.symbolic.formulas import Formulas
from perfdsl.symbolic.functions import Cases, Most, Part
from perfdsl.symbolic.quantities import quantities
from tests.answers import ROOT
from tests.graphs import graphs, open_input, tame
from tests.test_symbolic import FILES, drawn_for, program

values = st.tuples(st.integers(1, 64).map(float), *[st.floats(0.5, 64.0)] * 2)


@settings(max_examples=300)
@given(graphs(), values)
def test_a_random_formula_has_the_value_of_its_graph(made, at):
    """Every operation, nested at random, at random values."""
    graph, root, inputs = made
    given_ = dict(zip(inputs, at, strict=True))
    numbers = tame(graph, root, given_)
    formulas = Formulas(graph)
    symbols = {formulas.symbol(node): number for node, number in given_.items()}
    found = formulas.value(formulas.expr(root), symbols)
    assert found == pytest.approx(numbers[root], rel=1e-11, abs=1e-13)


@settings(max_examples=200)
@given(graphs(smooth=True), values)
def test_random_derivatives_are_those_of_sympy_and_of_the_gradient(made, at):
    """Ours, SymPy's `diff`, and reverse mode on the graph agree."""
    graph, root, inputs = made
    given_ = dict(zip(inputs, at, strict=True))
    numbers = tame(graph, root, given_)
    slopes = gradient(graph, root, numbers)
    formulas = Formulas(graph)
    expr = formulas.expr(root)
    symbols = {formulas.symbol(node): number for node, number in given_.items()}
    for node in inputs:
        expected = slopes.get(node, 0.0)
        assume(math.isfinite(expected) and abs(expected) < 1e12)
        size = max(1.0, abs(expected), *(abs(x) for x in slopes.values() if math.isfinite(x)))
        by = formulas.symbol(node)
        for slope in (derivative(expr, by), expr.diff(by)):
            if slope.has(sympy.atan2):
                continue  # |sqrt(log(x))| might be complex for all that SymPy knows
            read = formulas.value(slope, symbols)
            assert read == pytest.approx(expected, rel=1e-8, abs=1e-9 * size), (expr, slope)


def richardson(read, x: float) -> tuple[float, float]:
    """The central difference quotient, extrapolated once; and how far two steps disagree."""
    step = 1e-5 * x
    wide = (read(x + 2 * step) - read(x - 2 * step)) / (4 * step)
    narrow = (read(x + step) - read(x - step)) / (2 * step)
    return (4 * narrow - wide) / 3, abs(narrow - wide)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_derivatives_of_programs_are_difference_quotients(path):
    """Of every quantity shown or defined, by up to four of its symbols, where it has no kink.

    Whole numbers are left out: at them a rounding has its steps.
    """
    whole = program(path)
    graph, formulas = whole.graph, Formulas(whole.graph)
    chance = random.Random(7)  # noqa: S311  no secret
    compared = skipped = 0
    for analysis in whole.analyses:
        for formula in quantities(analysis, formulas):
            if formula.named.sort not in {"show", "let", "claim", "solve"}:
                continue
            given_ = drawn_for(graph, [formula.node], chance)
            symbols = {formulas.symbol(n): v for n, v in given_.items()}
            free = sorted(formula.expr.free_symbols, key=str)
            for by in chance.sample(free, min(4, len(free))):
                number = formulas.nodes[by]

                def read(x, number=number, node=formula.node, given_=given_):
                    numbers = {**given_, number: x}
                    evaluate(graph, graph.needed([node]), numbers, {})
                    return numbers[node]

                expected, doubt = richardson(read, given_[number])
                found = formulas.value(derivative(formula.expr, by), symbols)
                size = abs(expected) + abs(read(given_[number]) / given_[number])
                if doubt > 1e-5 * size or math.isnan(expected):
                    skipped += 1
                    continue
                compared += 1
                assert found == pytest.approx(expected, rel=1e-6, abs=1e-7 * size), formula.name
    assert skipped <= compared / 5


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_derivatives_of_programs_are_those_of_reverse_mode(path):
    """To 1e-9 of the largest term, steps and kinks included."""
    whole = program(path)
    graph, formulas = whole.graph, Formulas(whole.graph)
    chance = random.Random(3)  # noqa: S311  no secret
    for analysis in whole.analyses:
        found = [f for f in quantities(analysis, formulas) if f.named.sort in {"show", "let"}]
        for formula in found:
            given_ = drawn_for(graph, [formula.node], chance)
            numbers = dict(given_)
            evaluate(graph, graph.needed([formula.node]), numbers, {})
            if math.isnan(numbers[formula.node]):
                continue
            slopes = gradient(graph, formula.node, numbers)
            symbols = {formulas.symbol(n): v for n, v in given_.items()}
            for by in sorted(formula.expr.free_symbols, key=str)[:6]:
                x = given_[formulas.nodes[by]]
                scale = abs(numbers[formula.node] / x)
                read = formulas.value(derivative(formula.expr, by), symbols)
                expected = slopes[formulas.nodes[by]]
                assert read == pytest.approx(expected, rel=1e-9, abs=1e-9 * scale), formula.name


def test_a_derivative_of_a_maximum_is_cases_over_who_attains_it():
    """And an elasticity is the power of a parameter."""
    x, y = sympy.Symbol("x", positive=True), sympy.Symbol("y", positive=True)
    expr = Most(x**2, 3 * y)
    assert isinstance(expr.diff(x), Cases)
    assert expr.diff(x) == derivative(expr, x)
    assert expr.diff(x).values == (2 * x, sympy.S.Zero)
    assert elasticity(5 * x**3 / y, x) == 3
    assert elasticity(5 * x**3 / y, y) == -1
    part = Part(7, x)
    assert derivative(part * x, x) == (part * x).diff(x)


# ---------------------------------------------------------------------------------- large ones


def test_what_nests_too_deep_is_named_and_still_has_its_value():
    """Two thousand nested roots and quotients: SymPy could neither build nor print them."""
    graph = Graph()
    x, y = open_input(graph, "x"), open_input(graph, "y")
    node = x
    for i in range(1000):
        node = graph.add("sqrt", (graph.total([node, y]),))
        node = graph.ratio(graph.total([node, x] if i % 2 else [node, y]), y)
    formulas = Formulas(graph)
    expr = formulas.expr(node)
    assert formulas.parts
    assert len(str(expr)) < 10_000
    assert sympy.latex(formulas.inside[next(iter(formulas.parts))])
    numbers = {x: 3.0, y: 5.0}
    evaluate(graph, graph.needed([node]), numbers, {})
    symbols = {formulas.symbol(n): numbers[n] for n in (x, y)}
    assert formulas.value(expr, symbols) == pytest.approx(numbers[node], rel=1e-12)
    slopes = gradient(graph, node, numbers)
    read = formulas.value(derivative(expr, formulas.symbol(x)), symbols)
    assert read == pytest.approx(slopes[x], rel=1e-9)


def test_a_chain_of_sums_stays_one_sum():
    """Three thousand definitions, each the one before plus a parameter, come to one product."""
    graph = Graph()
    x, y = open_input(graph, "x"), open_input(graph, "y")
    node = x
    for _ in range(3000):
        node = graph.total([node, y])
    formulas = Formulas(graph)
    assert formulas.expr(node) == formulas.symbol(x) + 3000 * formulas.symbol(y)


def test_numbers_too_long_to_write_down_are_not_written_down():
    """A tower of powers of a literal stays a name, and its value is that of floats."""
    graph = Graph()
    node = open_input(graph, "x")
    number = graph.const(3.0)
    for _ in range(12):
        number = graph.add("pow", (number, graph.const(64.0)))
    root = graph.product([node, number])
    formulas = Formulas(graph)
    assert len(str(formulas.expr(root))) < 100
    rounded = graph.add("floor", (graph.add("exp", (graph.add("exp", (graph.const(60.0),)),)),))
    assert len(str(formulas.expr(rounded))) < 100


# -------------------------------------------------------------------------------- hostile names

HOSTILE = """perf 1
hardware E { port I { serves fp32; peak = 3 MAC/s }; memory oo { bandwidth = 2 B/s } }
operator S(lambda: Count, pi: Count = 3, µ: Count = 2) {
  work fp32 = lambda * pi * µ * 1 MAC
  read zoo = lambda * 4 B
}
## __import__("os").system("touch pwned")
analysis Symbol(N = E) {
  let exec = predict(S(lambda: 7), on: N)
  let __class__ = exec.time * 2
  let Integer = max(sympify: __class__, eval: exec.time)
  show Integer as "__import__('os').system('touch pwned')"
  claim "exit()" Integer bound by sympify  @id("os.system('touch pwned')")
}
"""


def test_no_text_of_a_program_reaches_sympy(monkeypatch, tmp_path):
    """Names that are Python or SymPy in disguise: symbols are s0, s1, ...; nothing is parsed."""

    def refuse(*args, **_):
        raise AssertionError(f"SymPy was asked to read {args}")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sympy.parsing.sympy_parser.parse_expr", refuse)
    found = check_file(Source("hostile.perf", HOSTILE), ROOT, Options())
    assert not has_errors(found.problems)
    formulas = Formulas(found.graph)
    (analysis,) = found.analyses
    for formula in quantities(analysis, formulas):
        for symbol in formula.expr.free_symbols:
            assert symbol.name[0] == "s"
            assert symbol.name[1:].isdigit()
            assert derivative(formula.expr, symbol) is not None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["x", "__import__('os')", "1"])
def test_a_function_of_ours_takes_no_text(text):
    """SymPy's own functions would run it."""
    with pytest.raises(TypeError):
        Most(text, 1)
