"""Formulas: every quantity of a program as one SymPy expression, equal to its numeric reading."""

import math
import random
from pathlib import Path

import pytest
import sympy

from perfdsl.diagnostics import Source, has_errors
from perfdsl.numeric.evaluate import evaluate
from perfdsl.pipeline import Options, check_file, open_file
from perfdsl.semantics.graph import Graph, Input
from perfdsl.semantics.program import Program
from perfdsl.semantics.values import Quantity
from perfdsl.symbolic.dimension import dimension, without
from perfdsl.symbolic.formulas import Formulas, is_open
from perfdsl.symbolic.quantities import quantities
from perfdsl.symbolic.terms import size_of
from tests.answers import ROOT

FILES = sorted((ROOT / "examples").rglob("*.perf")) + sorted(
    (ROOT / "specs" / "analyses").glob("*.perf")
)


def program(path: Path) -> Program:
    source = open_file(path, Options().limits)
    assert isinstance(source, Source)
    return check_file(source, path.parent, Options())


def drawn(source: Input, chance: random.Random) -> float:
    """A value that an input might have: within its range, whole where only that makes sense."""
    low, high = source.within or (source.low, source.high)
    if source.sort in {"unknown", "measurement"} and source.within is None:
        low, high = 0.1, 1e3
    elif source.within is None and source.sure:
        low, high = sorted((source.value * 0.5, source.value * 2))
    drawn = chance.uniform(low, high)
    return float(max(math.ceil(low), round(drawn))) if source.whole else drawn


def drawn_for(graph: Graph, nodes: list[int], chance: random.Random) -> dict[int, float]:
    found = {}
    for number in graph.needed(nodes):
        node = graph.nodes[number]
        if node.op == "input" and is_open(node.data):
            found[number] = drawn(node.data, chance)
        elif node.op == "answer":
            found[number] = chance.uniform(0.1, 1.0)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_formula_has_the_value_of_its_numeric_reading(path):
    """Every quantity of every program, at random values of all that can be set, to 1e-12."""
    whole = program(path)
    graph, formulas = whole.graph, Formulas(whole.graph)
    for analysis in whole.analyses:
        found = quantities(analysis, formulas)
        nodes = [formula.node for formula in found]
        for seed in range(5):
            given = drawn_for(graph, nodes, random.Random(seed))  # noqa: S311  no secret
            numbers = dict(given)
            special = {"answer": lambda n, given=given: given[n]}
            evaluate(graph, graph.needed(nodes), numbers, special)
            symbols = {formulas.symbol(n): v for n, v in given.items()}
            for formula in found:
                read = formulas.value(formula.expr, symbols)
                expected = pytest.approx(numbers[formula.node], rel=1e-12, nan_ok=True)
                assert read == expected, formula.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_formula_holds_a_rounded_number(path):
    """Numbers are the fractions that their authors wrote; no Float stands anywhere."""
    found = program(path)
    formulas = Formulas(found.graph)
    for analysis in found.analyses:
        for formula in quantities(analysis, formulas):
            assert not formula.expr.atoms(sympy.Float)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_formula_has_the_dimension_that_was_checked(path):
    """From its symbols alone, units of literals included; counted things are bare numbers."""
    found = program(path)
    formulas = Formulas(found.graph, with_units=True)
    for analysis in found.analyses:
        counted = analysis.frame.module.units.counted
        for formula in quantities(analysis, formulas):
            dim = dimension(formula.expr, formulas, counted)
            assert dim in {None, without(formula.dim, counted)}, formula.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_formulas_are_as_sympy_would_have_made_them(path):
    """Sums and products that were put together without SymPy's constructors are equal to theirs."""
    found = program(path)
    formulas = Formulas(found.graph)
    for analysis in found.analyses:
        for formula in quantities(analysis, formulas):
            if size_of(formula.expr) < 2_000:
                assert rebuilt(formula.expr) == formula.expr


def rebuilt(expr: sympy.Expr) -> sympy.Expr:
    """The same expression by the constructors that merge and sort."""
    return expr.func(*map(rebuilt, expr.args)) if expr.args else expr


LITERALS = {
    "4.5 GHz": sympy.Integer(4_500_000_000),
    "83.2 GB/s": sympy.Integer(83_200_000_000),
    "36.8 %": sympy.Rational(46, 125),
    "0.3 ns": sympy.Rational(3, 10**10),
    "3.7 us": sympy.Rational(37, 10**7),
    "1.5 Gbit": sympy.Integer(187_500_000),
    "7 third": sympy.Rational(7, 3),
    "3 B/third^2": 27,
    "1e-3 s": sympy.Rational(1, 1000),
}


@pytest.mark.parametrize("literal", LITERALS)
def test_a_literal_is_the_fraction_that_was_written(literal):
    """Prefixes and units are exact, a third of a second included."""
    text = f"perf 1\nunit third = 1 s / 3\nanalysis a {{ let x = {literal}\n  show x }}\n"
    found = check_file(Source("a.perf", text), ROOT, Options())
    assert not has_errors(found.problems)
    (show,) = found.analyses[0].shows
    assert isinstance(show.value, Quantity)
    assert Formulas(found.graph).written(show.value.node) == LITERALS[literal]
