"""Intervals and derivatives: every operation holds what it can be, and what its slope can be."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfdsl.numeric import intervals
from perfdsl.numeric.gradient import gradient
from perfdsl.numeric.intervals import Range, Slope, read_node
from perfdsl.semantics import operations
from perfdsl.semantics.graph import Graph, Input, Node
from perfdsl.semantics.operations import OPERATIONS

# How each operation is called with two arguments: its data. None: it has one argument.
TWO: dict[str, list[Any]] = {
    "sum": [(1, 1), (1, -1)],
    "product": [(1, 1), (1, -1), (-1, -1)],
    "max": [()],
    "min": [()],
    "pow": [None],
    "mod": [None],
    "compare": ["<=", "<", ">=", ">", "==", "!=", "~="],
    "and": [None],
    "or": [None],
}
ONE = ["named", "low", "high", "abs", "sqrt", "exp", "log2", "log10", "floor", "ceil", "not"]
# No argument, no function of numbers, three arguments; tables and firsts in test_tables.py.
APART = {"const", "answer", "select", "table", "first"}
TRUTHS = {"and", "or", "not"}
STEPS = {"floor", "ceil", "mod", "compare", "select", *TRUTHS}

CASES = [(op, data) for op, several in TWO.items() for data in several]
numbers = st.floats(-6, 6).map(lambda x: round(x, 2))


@st.composite
def ranges(draw, values=numbers):
    low, high = sorted((draw(values), draw(values)))
    return Range(low, high)


def apply(op, args, data) -> Any:
    """The value of an operation; None where it has none."""
    return operations.apply(op, args, data)


def inside(range_, share):
    return min(max(range_.low + share * (range_.high - range_.low), range_.low), range_.high)


def contains(range_, number):
    slack = 1e-9 * max(1.0, abs(number))
    return range_.low - slack <= number <= range_.high + slack


def test_every_operation_is_tested_here():
    """An operation that is added without an interval reading fails here."""
    assert set(TWO) | set(ONE) | APART == set(OPERATIONS)


def test_every_operation_has_an_interval_reading():
    """No operation falls through to that of another."""
    for op in set(OPERATIONS) - {"answer", "table", "first"}:
        data = TWO[op][0] if op in TWO else 0.5 if op == "const" else None
        count = 3 if op == "select" else 2 if op in TWO else 0 if op == "const" else 1
        low, at, high = (1.0, 1.0, 1.0) if op in TRUTHS else (0.25, 0.5, 0.75)
        spare = Slope(Range(low, high), Range(1.0, 1.0))
        found = read_node(Node(op, tuple(range(count)), data), [spare] * count)
        at = apply(op, [at] * count, data)
        assert contains(found.value, at), op


@pytest.mark.parametrize("op, data", CASES)
@settings(max_examples=60, derandomize=True, database=None)
@given(ranges(), ranges(), st.floats(0, 1), st.floats(0, 1))
def test_two_arguments(op, data, left, right, s, t):
    """Whatever two arguments are within their ranges, the result is within its own."""
    if op in TRUTHS:
        left, right = (Range(float(r.low > 0), float(r.high > 0)) for r in (left, right))
        s, t = float(s > 0.5), float(t > 0.5)
    found = read_node(
        Node(op, (0, 1), data), [Slope(left, Range(1.0, 1.0)), Slope(right, Range(0.0, 0.0))]
    )
    value = apply(op, [inside(left, s), inside(right, t)], data)
    if value is not None and not math.isnan(value):
        assert contains(found.value, value)


@pytest.mark.parametrize("op", ONE)
@settings(max_examples=60, derandomize=True, database=None)
@given(ranges(), st.floats(0, 1))
def test_one_argument(op, range_, s):
    """The same for the operations of one argument."""
    if op == "not":
        range_, s = Range(float(range_.low > 0), float(range_.high > 0)), float(s > 0.5)
    found = read_node(Node(op, (0,), None), [Slope(range_, Range(1.0, 1.0))])
    value = apply(op, [inside(range_, s)], None)
    if value is not None:
        assert contains(found.value, value)


@settings(max_examples=100, derandomize=True, database=None)
@given(ranges(), ranges(), ranges(), st.floats(0, 1))
def test_select(test, yes, no, s):
    """A branch whose test may turn holds both sides, and no slope is excluded where it jumps."""
    truth = Range(float(test.low > 0), float(test.high > 0))
    one = Range(1.0, 1.0)
    found = read_node(
        Node("select", (0, 1, 2), None), [Slope(truth, one), Slope(yes, one), Slope(no, one)]
    )
    for at in {truth.low, truth.high}:
        assert contains(found.value, apply("select", [at, inside(yes, s), inside(no, s)], None))
    if truth.low != truth.high and not yes.low == yes.high == no.low == no.high:
        assert found.slope == intervals.ANY


@pytest.mark.parametrize("op, data", [c for c in CASES if c[0] not in STEPS])
@settings(max_examples=60, derandomize=True, database=None)
@given(ranges(), ranges(), st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_slopes_of_two_arguments(op, data, left, right, s, t, both):
    """A difference quotient between any two places lies within the derivative's interval."""
    second = Range(1.0, 1.0) if both else Range(0.0, 0.0)
    if both:  # one input is both arguments
        right = left
    elif op == "product" and -1 in data and right.low <= 0 <= right.high:
        return
    found = read_node(Node(op, (0, 1), data), [Slope(left, Range(1.0, 1.0)), Slope(right, second)])
    a, b = inside(left, s), inside(left, t)
    other = inside(right, 0.37)
    if abs(a - b) < 1e-3 or (op == "product" and -1 in data and left.low <= 0 <= left.high):
        return
    values = [apply(op, [x, x if both else other], data) for x in (a, b)]
    if None in values:
        return
    quotient = (values[1] - values[0]) / (b - a)
    slack = 1e-6 * max(1.0, abs(quotient))
    assert found.slope.low - slack <= quotient <= found.slope.high + slack


@pytest.mark.parametrize("op", [op for op in ONE if op not in STEPS])
@settings(max_examples=60, derandomize=True, database=None)
@given(ranges(), st.floats(0, 1), st.floats(0, 1))
def test_slopes_of_one_argument(op, range_, s, t):
    """The same for the operations of one argument."""
    found = read_node(Node(op, (0,), None), [Slope(range_, Range(1.0, 1.0))])
    a, b = inside(range_, s), inside(range_, t)
    values = [apply(op, [x], None) for x in (a, b)]
    if None in values or abs(a - b) < 1e-3:
        return
    quotient = (values[1] - values[0]) / (b - a)
    slack = 1e-6 * max(1.0, abs(quotient))
    assert found.slope.low - slack <= quotient <= found.slope.high + slack


@pytest.mark.parametrize("power", [-3, -2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 4])
@settings(max_examples=40, derandomize=True, database=None)
@given(ranges(), st.floats(0, 1), st.floats(0, 1))
def test_constant_powers(power, base, s, t):
    """Powers of a range, also through zero and with negative exponents, with their slopes."""
    one, zero = Range(1.0, 1.0), Range(0.0, 0.0)
    found = read_node(
        Node("pow", (0, 1), None),
        [Slope(base, one), Slope(Range(float(power), float(power)), zero)],
    )
    a, b = inside(base, s), inside(base, t)
    values = [apply("pow", [x, float(power)], None) for x in (a, b)]
    if None in values:
        return
    assert all(contains(found.value, v) for v in values)
    if abs(a - b) > 1e-3 and not (power < 0 and base.low <= 0 <= base.high):
        quotient = (values[1] - values[0]) / (b - a)
        slack = 1e-6 * max(1.0, abs(quotient))
        assert found.slope.low - slack <= quotient <= found.slope.high + slack


@pytest.mark.parametrize(
    "op, data, left, right, wanted",
    [
        ("sum", (1, -1), (1, 2), (5, 7), (-6, -3)),
        ("product", (1, 1), (-1, 2), (-3, 5), (-6, 10)),
        ("product", (1, -1), (1, 2), (4, 8), (1 / 8, 1 / 2)),
        ("product", (1, -1), (1, 2), (0, 4), (1 / 4, math.inf)),
        ("product", (1, -1), (1, 2), (-1, 4), (-math.inf, math.inf)),
        ("max", (), (1, 5), (2, 3), (2, 5)),
        ("min", (), (1, 5), (2, 3), (1, 3)),
        ("compare", "<=", (1, 2), (2, 3), (1, 1)),
        ("compare", "<", (1, 2), (2, 3), (0, 1)),
        ("compare", "<", (2, 3), (1, 2), (0, 0)),
        ("compare", "==", (1, 1), (1, 1), (1, 1)),
        ("mod", None, (5, 6), (4, 4), (1, 2)),
    ],
)
def test_sharp_results(op, data, left, right, wanted):
    """The bounds are the smallest that hold, not merely some that do."""
    zero = Range(0.0, 0.0)
    found = read_node(
        Node(op, (0, 1), data), [Slope(Range(*left), zero), Slope(Range(*right), zero)]
    )
    assert found.value == wanted
    # A condition that may turn within the ranges jumps there: no slope is excluded.
    turns = op in {"compare", "and", "or"} and found.value.low != found.value.high
    assert found.slope == (Range(-math.inf, math.inf) if turns else zero)


@pytest.mark.parametrize("op", ["max", "min"])
@pytest.mark.parametrize("args", [(1.0, math.nan), (math.nan, 1.0)])
def test_a_missing_value_is_never_dropped(op, args):
    """The largest of a number and nothing is nothing, whichever stands first."""
    assert math.isnan(apply(op, list(args), ()))


# --------------------------------------------------------------------------------------- gradients


def leaf(graph, name, value):
    nothing: Any = None  # neither dimension nor unit nor place matters to numbers
    source = Input(name, value, value, value, nothing, nothing, nothing, "hardware")
    return graph.add("input", (), source)


@st.composite
def graphs(draw):
    """A random graph over three inputs, with its inputs, root and values."""
    graph = Graph()
    inputs = [leaf(graph, n, draw(st.floats(0.5, 4).map(lambda x: round(x, 3)))) for n in "abc"]
    nodes = list(inputs)
    for _ in range(draw(st.integers(2, 10))):
        op = draw(st.sampled_from([*ONE[:8], "sum", "product", "max", "min", "pow"]))
        a, b = draw(st.sampled_from(nodes)), draw(st.sampled_from(nodes))
        if op in TWO:
            nodes.append(graph.add(op, (a, b), draw(st.sampled_from(TWO[op]))))
        else:
            nodes.append(graph.add(op, (a,), None))
    return graph, inputs, nodes[-1]


def values_of(graph, root, given_):
    values = dict(given_)
    for number in graph.needed([root]):
        node = graph.nodes[number]
        if number not in values:
            parts = [values[arg] for arg in node.args]
            values[number] = math.nan if None in parts else apply(node.op, parts, node.data)
            if values[number] is None:
                values[number] = math.nan
    return values


@settings(max_examples=300, derandomize=True, database=None)
@given(graphs())
def test_gradients_against_finite_differences(case):
    """The derivative by each input is the limit of difference quotients, away from kinks."""
    graph, inputs, root = case
    here = {n: graph.nodes[n].data.value for n in inputs}
    values = values_of(graph, root, here)
    if not all(math.isfinite(v) and abs(v) < 1e6 for v in values.values()):
        return
    slopes = gradient(graph, root, values)
    for number in inputs:
        step = 1e-6
        up, down = (
            values_of(graph, root, {**here, number: here[number] + sign * step})[root]
            for sign in (1, -1)
        )
        if not (math.isfinite(up) and math.isfinite(down)):
            continue
        right, left = (up - values[root]) / step, (values[root] - down) / step
        size = max(1.0, abs(right), abs(left), abs(values[root]))
        if abs(right - left) > 1e-3 * size:
            continue  # a kink, or a steep place
        wanted = (up - down) / (2 * step)
        assert math.isclose(slopes.get(number, 0.0), wanted, rel_tol=2e-3, abs_tol=2e-3 * size)


@settings(max_examples=150, derandomize=True, database=None)
@given(graphs(), st.floats(0.01, 0.5), st.floats(0, 1), st.floats(0, 1))
def test_whole_formulas_stay_within_their_intervals(case, width, s, t):
    """A random formula over ranges: value and derivative stay within what intervals say."""
    graph, inputs, root = case
    box = {n: Range(graph.nodes[n].data.value, graph.nodes[n].data.value + width) for n in inputs}
    by = inputs[0]
    found = {n: Slope(r, Range(1.0, 1.0) if n == by else Range(0.0, 0.0)) for n, r in box.items()}
    for number in graph.needed([root]):
        if number not in found:
            node = graph.nodes[number]
            found[number] = read_node(node, [found[arg] for arg in node.args])
    point = {n: inside(r, s) for n, r in box.items()}
    other = {**point, by: inside(box[by], t)}
    first, second = (values_of(graph, root, p)[root] for p in (point, other))
    if not (math.isfinite(first) and math.isfinite(second)) or abs(first) > 1e9:
        return
    assert contains(found[root].value, first)
    if abs(other[by] - point[by]) > 1e-3:
        quotient = (second - first) / (other[by] - point[by])
        slack = 1e-5 * max(1.0, abs(quotient), abs(first))
        assert found[root].slope.low - slack <= quotient <= found[root].slope.high + slack
