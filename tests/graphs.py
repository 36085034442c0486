"""Random graphs: formulas of every operation over a few inputs, and values at which they are tame.

Tame: no difference of nearly equal numbers, no rounding near a step, nothing huge or tiny. There
floats are exact to many digits, so that two readings can be compared.
"""

import math

from hypothesis import assume
from hypothesis import strategies as st

from perfdsl.diagnostics import Source, Span
from perfdsl.numeric.evaluate import evaluate
from perfdsl.semantics.dimensions import PURE, base
from perfdsl.semantics.graph import Graph, Input, Table
from perfdsl.semantics.units import Unit

NOWHERE = Span(Source("random", ""), 0, 0)
DIGITS = "1 2 3 0.5 7 36.8 1e-3 1_000 0.1".split()
UNIT = Unit("", 1.0, PURE)


def open_input(graph: Graph, name: str, *, whole: bool = False) -> int:
    """A parameter between 1/2 and 64, whole or not."""
    item = Input(
        name, 4.0, 4.0, 4.0, base("B"), UNIT, NOWHERE, "hardware", True, whole, (0.5, 64.0)
    )
    return graph.add("input", (), item)


def literal(graph: Graph, digits: str) -> int:
    value = float(digits.replace("_", ""))
    return graph.add(
        "input",
        (),
        Input(digits, value, value, value, PURE, UNIT, NOWHERE, "analysis", digits=digits),
    )


ONE_ARG = ["sqrt", "log2", "log10", "exp", "abs", "floor", "ceil", "named", "low", "high"]
TABLES = [
    Table("step", (0.0, 2.0, 8.0), (1.0, 3.0, 2.0), "step", True),
    Table("line", (0.5, 2.0, 8.0), (1.0, 3.0, 2.5), "linear", True),
    Table("curve", (0.5, 2.0, 8.0), (1.0, 3.0, 9.0), "loglog", True),
]


@st.composite
def graphs(draw, smooth: bool = False):
    """A graph, its root, and its open inputs. smooth: without steps, tables and cases."""
    graph = Graph()
    inputs = [open_input(graph, f"x{i}", whole=i == 0 and not smooth) for i in range(3)]
    nodes = [*inputs, *(literal(graph, draw(st.sampled_from(DIGITS))) for _ in range(2))]
    for _ in range(draw(st.integers(2, 12))):
        nodes.append(_node(draw, graph, nodes, smooth))
    return graph, nodes[-1], inputs


def _node(draw, graph, nodes, smooth):
    pick = st.sampled_from(nodes)
    args = draw(st.lists(pick, min_size=2, max_size=4))
    signs = tuple(draw(st.sampled_from([1, 1, -1])) for _ in args)
    ops = ["sum", "sum", "product", "product", "max", "min", "pow", *ONE_ARG[:5]]
    op = draw(
        st.sampled_from(ops if smooth else [*ops, *ONE_ARG, "mod", "select", "table", "first"])
    )
    match op:
        case "sum" | "product":
            return graph.add(op, args, signs)
        case "max" | "min":
            return graph.add(op, args, ())
        case "pow":
            return graph.add("pow", (args[0], graph.const(draw(st.sampled_from([2, 3, -1, 0.5])))))
        case "mod":
            return graph.add("mod", args[:2])
        case "select":
            return graph.add("select", (_test(draw, graph, pick), *args[:2]))
        case "table":
            return graph.add("table", args[:1], draw(st.sampled_from(TABLES)))
        case "first":
            tests = [_test(draw, graph, pick) for _ in range(2)]
            return graph.add("first", (*tests, graph.const(1.0)), (1.0, 2.0, 0.25))
        case _:
            return graph.add(op, args[:1])


def _test(draw, graph, pick):
    relation = draw(st.sampled_from(["<=", ">=", "<", ">"]))
    test = graph.add("compare", (draw(pick), draw(pick)), relation)
    match draw(st.integers(0, 3)):
        case 0:
            return graph.add("not", (test,))
        case 1:
            return graph.add("and", (test, graph.add("compare", (draw(pick), draw(pick)), ">")))
        case 2:
            return graph.add("or", (test, graph.add("compare", (draw(pick), draw(pick)), "<")))
        case _:
            return test


def tame(graph: Graph, root: int, given: dict[int, float]) -> dict[int, float]:
    """Every number of the root at the given inputs; gives up on values that are not tame."""
    values = dict(given)
    order = graph.needed([root])
    evaluate(graph, order, values, {})
    for number in order:
        node = graph.nodes[number]
        args = [values[arg] for arg in node.args]
        assume(math.isfinite(values[number]) and abs(values[number]) < 1e9)
        if node.op == "sum":
            assume(abs(values[number]) > 1e-3 * sum(map(abs, args)))
        if node.op in {"max", "min", "compare"}:
            apart = [
                abs(a - b) > 1e-6 * (abs(a) + abs(b)) for a in args for b in args if a is not b
            ]
            assume(all(apart))
        if node.op in {"floor", "ceil"}:
            assume(abs(args[0] - round(args[0])) > 1e-6 or args[0] == 0)
        if node.op == "mod":
            share = args[0] / args[1]
            assume(abs(share - round(share)) > 1e-6)
        if node.op == "sqrt" or (node.op == "pow" and args[1] == 0.5):
            assume(args[0] > 1e-3)
        if node.op == "table":
            assume(all(abs(args[0] - key) > 1e-6 for key in node.data.keys))
    return values
