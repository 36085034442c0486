"""The operations `table` and `first`: values, intervals, derivatives, and inverses of tables."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfdsl.numeric.gradient import gradient
from perfdsl.numeric.intervals import ANY, NONE, ONE, UNIT, ZERO, Range, Slope, read_node
from perfdsl.semantics import operations
from perfdsl.semantics.graph import Graph, Input, Node, Table
from perfdsl.solve.breakpoints import pieces
from perfdsl.solve.extent import extent
from perfdsl.solve.reading import Reading
from perfdsl.solve.sets import Formula, below, zeros
from perfdsl.solve.slice import slice_of

MODES = ["step", "linear", "loglog"]
HUNDRED = settings(max_examples=100, derandomize=True, database=None)
MORE = settings(max_examples=300, derandomize=True, database=None)


@st.composite
def tables(draw, mode=None, most=8):
    """A table with a few rows; rows may repeat a value."""
    mode = mode or draw(st.sampled_from(MODES))
    count = draw(st.integers(1 if mode == "step" else 2, most))
    keys = draw(
        st.lists(st.integers(1, 400), min_size=count, max_size=count, unique=True).map(sorted)
    )
    values = draw(st.lists(st.integers(1, 40), min_size=count, max_size=count))
    return Table("t", tuple(k / 4 for k in keys), tuple(v / 8 for v in values), mode,
                 draw(st.booleans()))  # fmt: skip


def oracle(table, x):
    """The value of a table by NumPy; None outside its keys."""
    keys, values = np.array(table.keys), np.array(table.values)
    if not table.clamp and (x < keys[0] or (table.mode != "step" and x > keys[-1])):
        return None
    if table.mode == "step":
        return float(values[max(np.searchsorted(keys, x, side="right") - 1, 0)])
    if table.mode == "linear":
        return float(np.interp(x, keys, values))
    return float(np.exp(np.interp(np.log(x), np.log(keys), np.log(values))))


places = st.one_of(st.integers(1, 420).map(lambda k: k / 4), st.floats(0.01, 110))


@HUNDRED
@given(tables(), places)
def test_values_against_numpy(table, x):
    """Steps, straight lines and power laws are what NumPy makes of the same rows."""
    found, wanted = apply("table", [x], table), oracle(table, x)
    assert (found is None) == (wanted is None)
    if wanted is not None:
        assert math.isclose(found, wanted, rel_tol=1e-12)


@HUNDRED
@given(tables())
def test_a_key_has_its_own_value(table):
    """At each key stands exactly what the row says, whatever rounding does in between."""
    for key, value in zip(table.keys, table.values, strict=True):
        assert apply("table", [key], table) == value


@pytest.mark.parametrize("mode", MODES)
def test_extreme_rows(mode):
    """Keys near the ends of floats neither overflow nor divide by zero."""
    near = math.nextafter(1e300, math.inf)
    for keys in [(1e-300, 1e300), (1e300, near), (5e-324, 1.0)]:
        table = Table("t", keys, (1e-300, 1e300), mode)
        for x in (*keys, (keys[0] + keys[1]) / 2):
            assert 1e-300 <= apply("table", [x], table) <= 1e300
    wide = Table("t", (-1.7e308, 1.7e308), (0.0, 1.0), "linear")
    assert apply("table", [0.0], wide) == 0.5
    assert apply("table", [math.nan], wide) is None


def apply(op, args, data) -> Any:
    """The value of an operation; None where it has none."""
    return operations.apply(op, args, data)


# -------------------------------------------------------------------------------------- intervals


@MORE
@given(tables(), places, places, st.floats(0, 1), st.floats(0, 1))
def test_intervals_hold_values_and_slopes(table, a, b, s, t):
    """Whatever the key within a range, value and difference quotient are within the bounds."""
    low, high = sorted((a, b))
    found = read_node(Node("table", (0,), table), [Slope(Range(low, high), ONE)])
    one, two = (min(low + share * (high - low), high) for share in (s, t))
    values = [apply("table", [x], table) for x in (one, two)]
    if None in values:
        assert found.value in (ANY, NONE)
        return
    slack = 1e-12 * max(values)
    assert all(found.value.low - slack <= v <= found.value.high + slack for v in values)
    if abs(one - two) > 1e-6:
        quotient = (values[1] - values[0]) / (two - one)
        slack = 1e-6 * max(1.0, abs(quotient))
        assert found.slope.low - slack <= quotient <= found.slope.high + slack


@HUNDRED
@given(tables(), places, places)
def test_intervals_are_sharp(table, a, b):
    """The bounds are attained: at an end of the range, or at a key inside."""
    low, high = sorted((a, b))
    found = read_node(Node("table", (0,), table), [Slope(Range(low, high), ONE)]).value
    if found in (ANY, NONE):
        return
    met = [
        apply("table", [x], table) for x in (low, high, *(k for k in table.keys if low < k < high))
    ]
    assert (found.low, found.high) == (min(met), max(met))


def test_slopes_of_steps_and_pieces():
    """A single piece has its own slope; a jump has none that is excluded on its side."""
    step = Table("t", (0.0, 4.0, 8.0), (0.2, 0.5, 0.4), "step")

    def slope(table, low, high):
        return read_node(Node("table", (0,), table), [Slope(Range(low, high), ONE)]).slope

    assert slope(step, 0.0, 3.9) == ZERO
    assert slope(step, 0.0, 4.0) == Range(0.0, math.inf)
    assert slope(step, 5.0, 9.0) == Range(-math.inf, 0.0)
    assert slope(step, 0.0, 9.0) == ANY
    line = Table("t", (0.0, 4.0, 8.0), (0.0, 2.0, 0.0), "linear", clamp=True)
    assert slope(line, 0.0, 4.0) == Range(0.5, 0.5)
    assert slope(line, 1.0, 5.0) == Range(-0.5, 0.5)
    assert slope(line, 7.0, 9.0) == Range(-0.5, 0.0)
    assert slope(line, 9.0, 99.0) == ZERO


def test_outside_the_keys_is_no_value():
    """All outside: nothing, through every operation. Partly: anything. Clamped: the end's value."""
    table = Table("t", (1.0, 2.0), (5.0, 7.0), "linear")

    def read(range_, rows=table):
        return read_node(Node("table", (0,), rows), [Slope(range_, ONE)])

    outside = read(Range(3.0, 4.0))
    assert outside.value == NONE == read(Range(0.0, 0.5)).value
    assert read(Range(1.5, 4.0)).value == ANY == read(Range(0.0, 9.0)).value
    clamped = Table("t", table.keys, table.values, "linear", clamp=True)
    assert read(Range(3.0, 4.0), clamped) == Slope(Range(7.0, 7.0), ZERO)
    known = Slope(Range(0.0, 1.0), ONE)
    for op, data in [("sum", (1, 1)), ("product", (1, -1)), ("max", ()), ("min", ())]:
        for args in ([outside, known], [known, outside]):
            assert read_node(Node(op, (0, 1), data), args).value == NONE
    assert read_node(Node("compare", (0, 1), "<="), [outside, known]).value == ZERO
    assert read_node(Node("compare", (0, 1), "!="), [outside, known]).value == ONE


# ---------------------------------------------------------------------------------------- first


@HUNDRED
@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, math.nan]), st.integers(0, 9)), max_size=9))
def test_first_is_the_first_that_holds(pairs):
    """The value is that of a loop which stops at the first condition that holds."""
    wanted = next((float(c) for holds, c in pairs if holds == 1), None)
    found = apply("first", [h for h, _ in pairs], tuple(float(c) for _, c in pairs))
    assert found == wanted


@HUNDRED
@given(st.lists(st.tuples(st.sampled_from([ZERO, ONE, UNIT]), st.integers(0, 9)), max_size=7),
       st.lists(st.booleans(), min_size=7, max_size=7))  # fmt: skip
def test_first_over_conditions_that_may_turn(pairs, choices):
    """Whatever the undecided conditions turn out to be, the value is within the bounds."""
    data = tuple(float(c) for _, c in pairs)
    found = read_node(Node("first", (), data), [Slope(test, ZERO) for test, _ in pairs])
    truths = [
        test.high if choice else test.low
        for (test, _), choice in zip(pairs, choices[: len(pairs)], strict=True)
    ]
    value = apply("first", truths, data)
    if value is None:
        assert found.value in (ANY, NONE)
    else:
        assert found.value.low <= value <= found.value.high
        assert found.slope == ANY or found.value.low == found.value.high


# ------------------------------------------------------------------------------------ derivatives


@HUNDRED
@given(tables(), st.floats(0.3, 100))
def test_gradients_against_finite_differences(table, x):
    """Away from the keys, the derivative is the limit of difference quotients."""
    step = 1e-6 * x
    values = [apply("table", [at], table) for at in (x - step, x, x + step)]
    if None in values or any(abs(x - key) <= 2 * step for key in table.keys):
        return
    graph, root, unknown = of(table)
    slope = gradient(graph, root, {unknown: x, root: values[1]})[unknown]
    wanted = (values[2] - values[0]) / (2 * step)
    assert math.isclose(slope, wanted, rel_tol=1e-4, abs_tol=1e-6)


# --------------------------------------------------------------------------------------- inverses


def of(table):
    """A graph of one table over one input: graph, root, input."""
    graph = Graph()
    nothing: Any = None  # neither dimension nor unit nor place matters to numbers
    source = Input("x", math.nan, -math.inf, math.inf, nothing, nothing, nothing, "unknown")
    unknown = graph.add("input", (), source)
    return graph, graph.add("table", (unknown,), table), unknown


def reading_of(graph):
    def never(*_):
        raise AssertionError("no answers here")

    return Reading(graph, never, extent, never)


def formula_of(table, goal):
    graph, root, unknown = of(table)
    part = slice_of(reading_of(graph), (root,), (unknown,))

    def at(u):
        value = part.at({unknown: u})[root]
        return value - goal, max(abs(value), abs(goal))

    def over(low, high):
        found = part.over({unknown: Range(low, high)}, unknown)[root]
        if found.value == NONE:
            return found
        return Slope(Range(found.value.low - goal, found.value.high - goal), found.slope)

    return Formula(at, over, [], lambda within: pieces(part, unknown, within))


@MORE
@given(tables(), st.integers(1, 42))
def test_inverses_against_a_scan(table, goal):
    """Where a table has a value: exactly the rows and crossings that a walk over the rows finds."""
    goal /= 8
    formula = formula_of(table, goal)
    found = zeros(formula, Range(0.125, 128.0))
    assert not formula.unsearched
    grid = [k / 16 for k in range(2, 2048)]
    for x in grid:
        value = apply("table", [x], table)
        fits = value is not None and abs(value - goal) <= 1e-12 * goal
        slack = 0.0 if table.mode == "step" else 1e-9 * x
        inside = any(p.low - slack <= x <= p.high + slack for p in found)
        near = value is not None and abs(value - goal) < 1e-8
        assert fits == inside or (inside and near), (x, value, found)
    for a, b in zip(table.keys, table.keys[1:], strict=False):
        ends = [apply("table", [k], table) - goal for k in (a, b)]
        if table.mode != "step" and ends[0] * ends[1] < 0:
            assert sum(a < p.low < b for p in found) == 1


@MORE
@given(tables(), st.integers(1, 42), st.booleans())
def test_where_a_table_is_at_most_something(table, goal, strict):
    """Inequalities through a table, against every sixteenth; a step ends just before its key."""
    goal /= 8
    formula = formula_of(table, goal)
    found = below(formula, Range(0.125, 128.0), strict=strict)
    for x in (k / 16 for k in range(2, 2048)):
        value = apply("table", [x], table)
        holds = value is not None and (value < goal if strict else value <= goal)
        inside = any(p.low <= x <= p.high for p in found)
        near = value is not None and abs(value - goal) < 1e-9
        # Touching parts are one: a single place in between is not told.
        assert holds == inside or near or any(x in p for p in found), (x, value, found)
    for part in found:
        if table.mode == "step" and part.high < 127:
            assert math.nextafter(part.high, math.inf) in table.keys
