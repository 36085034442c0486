"""Closed forms of questions: true where their condition holds, and all of what numbers find."""

import math

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from perfdsl.semantics.dimensions import PURE
from perfdsl.semantics.graph import Graph, Input, Term
from perfdsl.semantics.program import Program, SolveItem
from perfdsl.solve.extent import extent
from perfdsl.solve.reading import Reading
from perfdsl.solve.unknowns import answer_range, answer_value, solve
from perfdsl.symbolic.conditions import holds
from perfdsl.symbolic.formulas import Formulas
from perfdsl.symbolic.inverse import Inverse, inverses
from perfdsl.symbolic.powers import peeled, roots, solved
from perfdsl.symbolic.rational import quotient
from tests.graphs import NOWHERE, UNIT
from tests.test_symbolic import FILES, program


def reading_of(graph: Graph) -> Reading:
    return Reading(graph, answer_value, extent, answer_range)


def valid(found: tuple[Inverse, ...], formulas: Formulas, written: dict) -> list[float]:
    """The closed forms whose condition holds, as numbers."""
    return [
        formulas.value(one.expr, written)
        for one in found
        if one.expr is not None and holds(one.condition, written, inside=formulas.inside)
    ]


def fits_anywhere(found: tuple[Inverse, ...], formulas: Formulas, at: dict) -> bool:
    """Whether a regime in which the unknown has no say holds at these values."""
    return any(
        one.expr is None and holds(one.condition, at, inside=formulas.inside) for one in found
    )


def agree(graph: Graph, item: SolveItem, unknown: int, jumps: tuple[float, ...] = ()) -> None:
    """What is found in closed form and what is found by halving ranges are the same set.

    jumps: where a formula may jump over the other side, so that an answer ends there.
    """
    reading, formulas = reading_of(graph), Formulas(graph)
    formulas.exprs(item.roots)
    written = formulas.best() | {s: reading.value(n) for s, n in formulas.nodes.items()
                                 if s in formulas.answers}  # fmt: skip
    found = inverses(item, unknown, formulas, written)
    symbol = formulas.symbol(unknown)
    answer = solve(reading, item, unknown)
    points = valid(found, formulas, written)
    for point in points:
        if any(math.isclose(point, jump, rel_tol=1e-9) for jump in jumps):
            continue  # on the very edge of a case both of its sides seem to hold
        near = any(part.low - 1e-9 * abs(point) <= point <= part.high + 1e-9 * abs(point)
                   for part in answer.parts)  # fmt: skip
        assert near, (point, answer, found)
    low, high = graph.nodes[unknown].data.within
    for part in answer.parts:
        for end in part:
            at_end = any(math.isclose(end, stop, rel_tol=1e-9) for stop in (low, high, *jumps))
            hit = any(math.isclose(end, point, rel_tol=1e-6) for point in points)
            flat = fits_anywhere(found, formulas, {**written, symbol: end})
            assert hit or at_end or flat, (end, answer, found)
        if part.low < part.high and item.op == "==":
            middle = {**written, symbol: part.low + (part.high - part.low) / 2}
            assert fits_anywhere(found, formulas, middle)


def questions(whole: Program) -> list[tuple[SolveItem, int]]:
    return [(item, unknown) for analysis in whole.analyses for item in analysis.solves
            for unknown in item.unknowns if len(item.unknowns) == 1]  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_closed_forms_are_the_answers(path):
    """Of every question with one unknown in examples and specs: the same points and ends.

    What rests on a time that nobody has measured has neither.
    """
    whole = program(path)
    reading = reading_of(whole.graph)
    for item, unknown in questions(whole):
        missing = any(reading.missing(root) for root in item.roots)
        assert missing == (path.stem == "24_measured")
        if not item.also and not missing:
            agree(whole.graph, item, unknown, keys_of(whole.graph))


def keys_of(graph: Graph) -> tuple[float, ...]:
    """Where the tables of a program may jump."""
    return tuple(key for node in graph.nodes if node.op == "table" for key in node.data.keys)


# ------------------------------------------------------------------------------- random questions

POWERS = [-2, -1, -1, 0, 0, 1, 1, 2]


def free(graph: Graph, name: str, value: float) -> int:
    item = Input(name, value, value, value, PURE, UNIT, NOWHERE, "hardware", True, False, (0, 1e9))
    return graph.add("input", (), item)


@st.composite
def random_questions(draw):
    """A max, min or case of sums of powers of the unknown, with a value or a bound for it."""
    graph = Graph()
    unknown = graph.add("input", (), Input(
        "u", math.nan, 0.05, 20.0, PURE, UNIT, NOWHERE, "unknown", True, False, (0.05, 20.0),
    ))  # fmt: skip
    sizes = st.floats(0.1, 10.0).map(lambda x: round(x, 3))

    def power(k):
        if k < 0:
            return graph.product(
                [free(graph, "a", draw(sizes)), *[unknown] * -k], (1,) + (-1,) * -k
            )
        return graph.product([free(graph, "a", draw(sizes)), *[unknown] * k])

    def term():
        parts = [power(draw(st.sampled_from(POWERS))) for _ in range(draw(st.integers(1, 2)))]
        return graph.total(parts)

    def choice(inner):
        args = [inner() for _ in range(draw(st.integers(2, 3)))]
        if draw(st.booleans()):
            op = draw(st.sampled_from(["max", "max", "min"]))
            return graph.add(op, args, tuple(Term(f"t{i}") for i in range(len(args))))
        edges.append(draw(sizes))
        test = graph.add("compare", (unknown, free(graph, "edge", edges[-1])), "<=")
        return graph.add("select", (test, *args[:2]))

    edges: list[float] = []
    nested = draw(st.booleans())
    left = choice(lambda: choice(term) if nested else term())
    at = draw(st.floats(0.1, 15.0))
    assume(all(abs(at - edge) > 1e-6 for edge in edges))
    right = free(graph, "seen", reading_of(graph).changed({unknown: at}).value(left))
    op = draw(st.sampled_from(["==", "==", "<=", ">="]))
    item = SolveItem("q", (unknown,), left, right, op, "", "", None, (), NOWHERE)
    return graph, item, unknown, tuple(edges)


@settings(max_examples=200)
@given(random_questions())
def test_closed_forms_of_random_questions_are_the_answers(made):
    """Sums of two powers in maxima, minima and cases: what SciPy would seek, in closed form.

    Where a sum has more powers than have a formula, there is no closed form to compare.
    """
    graph, item, unknown, edges = made
    formulas = Formulas(graph)
    left, right = formulas.exprs([item.left, item.right])
    symbol = formulas.symbol(unknown)
    seen = sum(1 for part in sympy.preorder_traversal(left) if part.is_Add)
    powers = {p for part in sympy.preorder_traversal(left) if part.is_Add
              for p in quotient(part - right, symbol).above}  # fmt: skip
    assume(not seen or len(powers) <= 2)
    agree(graph, item, unknown, edges)


# -------------------------------------------------------------------------------------- by hand

u, a, b, c = (sympy.Symbol(name, positive=True) for name in "uabc")


def test_a_root_substituted_back_gives_the_other_side():
    """Symbolically: linear, power, root, rational and quadratic ones."""
    for gap in (a * u - b, a / u - b, a * u**3 - b, a * sympy.sqrt(u) - b, a / (u + b) - c,
                a * u**2 + b * u - c, a / u + b - c, a * u + b / u - c):  # fmt: skip
        found = roots(quotient(gap, u).above, u)
        assert found
        for root in found:
            assert sympy.simplify(gap.xreplace({u: root})) == 0


def test_what_is_around_the_unknown_is_undone():
    """Powers that are no fractions, exponentials and logarithms have one inverse."""
    power = sympy.log(7) / sympy.log(3)
    for left in (a * u**power + b, a * sympy.exp(u * b), b + a * sympy.log(u * c)):
        inner, other = peeled(left, c, u)
        (root,) = roots(quotient(inner + other, u).above, u)
        values = {a: 1.3, b: 0.7, c: 2.9}
        assert left.xreplace({u: root}).evalf(subs=values) == pytest.approx(2.9, rel=1e-12)


def test_a_condition_is_solved_for_the_unknown_where_signs_are_known():
    """`a >= b/u` is `u >= b/a`; where a sign is open it stays as it was written."""
    from perfdsl.symbolic.opaque import AtLeast, AtMost

    assert solved(AtLeast(a, b / u), u) == AtLeast(u, b / a)
    assert solved(AtLeast(a, b * u), u) == AtMost(u, a / b)
    open_sign = sympy.Symbol("d", real=True)
    assert solved(AtLeast(open_sign * u, b), u) == AtLeast(open_sign * u, b)


def test_a_memory_bound_answer_is_any_value_above_a_bound():
    """The classic mistake of root finders: in closed form it is a condition, not a point."""
    graph = Graph()
    unknown = graph.add("input", (), Input(
        "u", math.nan, 0.0, 1.0, PURE, UNIT, NOWHERE, "unknown", True, False, (0.0, 1.0),
    ))  # fmt: skip
    work, stream, seen = (free(graph, n, v) for n, v in (("w", 1.0), ("s", 4.0), ("t", 4.0)))
    terms = (Term("compute"), Term("dram"))
    left = graph.add("max", (graph.ratio(work, unknown), stream), terms)
    item = SolveItem("q", (unknown,), left, seen, "==", "", "", None, (), NOWHERE)
    formulas = Formulas(graph)
    compute, memory = inverses(item, unknown, formulas, {})
    w, s, t, e = (formulas.symbol(n) for n in (work, stream, seen, unknown))
    assert (compute.names, compute.expr) == (("compute",), w / t)
    assert (memory.names, memory.expr) == (("dram",), None)
    at = {w: 1.0, s: 4.0, t: 4.0}
    assert holds(memory.condition, {**at, e: 0.25})
    assert not holds(memory.condition, {**at, e: 0.2})
    (part,) = solve(reading_of(graph), item, unknown).parts
    assert part == pytest.approx((0.25, 1.0), rel=1e-9)


def test_a_question_too_deep_for_a_closed_form_has_none():
    """What SymPy sees as a part with a name is not solved, and does no harm."""
    graph = Graph()
    unknown = graph.add("input", (), Input(
        "u", math.nan, 0.1, 9.0, PURE, UNIT, NOWHERE, "unknown", True, False, (0.1, 9.0),
    ))  # fmt: skip
    node, b_ = unknown, free(graph, "b", 2.0)
    for _ in range(100):
        node = graph.add("sqrt", (graph.add("max", (graph.total([node, b_]), b_), ()),))
    seen = free(graph, "t", reading_of(graph).changed({unknown: 3.0}).value(node))
    item = SolveItem("q", (unknown,), node, seen, "==", "", "", None, (), NOWHERE)
    formulas = Formulas(graph)
    formulas.exprs(item.roots)
    found = inverses(item, unknown, formulas, formulas.best())
    assert all(one.expr is None for one in found)
    assert not fits_anywhere(found, formulas, formulas.best() | {formulas.symbol(unknown): 3.0})
    assert solve(reading_of(graph), item, unknown).parts
