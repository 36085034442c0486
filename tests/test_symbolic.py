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
from perfdsl.semantics.program import AnalysisProgram, Program
from perfdsl.semantics.values import Condition, Quantity, Record, Value
from perfdsl.symbolic.formulas import Formulas, is_open
from perfdsl.symbolic.values import value
from tests.answers import ROOT

FILES = sorted((ROOT / "examples").rglob("*.perf")) + sorted(
    (ROOT / "specs" / "analyses").glob("*.perf")
)


def program(path: Path) -> Program:
    source = open_file(path, Options().limits)
    assert isinstance(source, Source)
    return check_file(source, path.parent, Options())


def of_value(found: Value, depth: int = 2) -> list[int]:
    """The nodes of a value; of a record, those of its fields and rows."""
    match found:
        case Quantity() | Condition():
            return [found.node]
        case Record() if depth:
            inner = [*dict(found.fields).values(), *dict(found.rows).values()]
            inner += [found.default] if found.default is not None else []
            return [node for part in inner for node in of_value(part, depth - 1)]
        case _:
            return []


def roots(analysis: AnalysisProgram) -> list[int]:
    values = [s.value for s in analysis.shows] + [d.value for d in analysis.definitions]
    found = [node for v in values for node in of_value(v)]
    found += [node for c in analysis.claims for node in (c.left, c.right) if node >= 0]
    found += [o.target.node for o in analysis.observations]
    return list(dict.fromkeys(found + [n for s in analysis.solves for n in s.roots]))


def drawn(source: Input, chance: random.Random) -> float:
    """A value that an input might have: within its range, whole where only that makes sense."""
    low, high = source.within or (source.low, source.high)
    if source.sort == "unknown" and source.within is None:
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
    found = program(path)
    graph, formulas = found.graph, Formulas(found.graph)
    for analysis in found.analyses:
        nodes = roots(analysis)
        exprs = formulas.exprs(nodes)
        for seed in range(5):
            given = drawn_for(graph, nodes, random.Random(seed))  # noqa: S311  no secret
            numbers = dict(given)
            special = {"answer": lambda n, given=given: given[n]}
            evaluate(graph, graph.needed(nodes), numbers, special)
            symbols = {formulas.symbol(n): v for n, v in given.items()}
            for node, expr in zip(nodes, exprs, strict=True):
                assert value(expr, symbols) == pytest.approx(numbers[node], rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_formula_holds_a_rounded_number(path):
    """Numbers are the fractions that their authors wrote; no Float stands anywhere."""
    found = program(path)
    formulas = Formulas(found.graph)
    for analysis in found.analyses:
        for expr in formulas.exprs(roots(analysis)):
            assert not expr.atoms(sympy.Float)


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
