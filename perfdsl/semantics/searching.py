"""`smallest` and `largest`: the least and greatest value for which a condition holds."""

from __future__ import annotations

from functools import partial

from perfdsl.semantics.arithmetic import Operand, unify
from perfdsl.semantics.gathering import Gatherer, item_term, values_of
from perfdsl.semantics.graph import Graph, Search, Term
from perfdsl.semantics.quantities import condition, quantity
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import POISON, Quantity, Value
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr


def _search(op: str, expr: tree.Gather, frame: Frame) -> Value:
    """The min or max of the bodies whose condition holds; the conditions may depend on anything."""
    turns = values_of(expr.over, frame)
    if turns is None:
        return POISON
    graph = frame.context.graph
    operands, tests, terms = [], [], []
    inner = frame
    for turn in turns:
        inner = frame.local(**{expr.var: turn})
        test = graph.const(1.0)
        if expr.cond is not None:
            found = condition(expr.cond, inner)
            if found is None:
                return POISON
            test = found.node
        value = quantity(expr.body, inner)
        if value is None:
            return POISON
        operands.append(Operand(value, expr.body.span))
        tests.append(test)
        terms.append(item_term(expr, inner, value))
    like = unify(frame.context, operands, "compared") if operands else Quantity(-1, None)
    if like is None:
        return POISON
    node = _found(op, [o.value.node for o in operands], tests, terms, graph)
    if expr.cond is not None or not operands:
        graph.searches.setdefault(node, _asked(expr, tests, turns, inner))
    return Quantity(node, like.dim, like.tag, like.kinds)


def _found(op: str, nodes: list[int], tests: list[int], terms: list[Term], graph: Graph) -> int:
    if all(graph.nodes[node].op == "const" for node in nodes):
        return _first(op, nodes, tests, graph)
    return _extreme(op, nodes, tests, terms, graph)


def _first(op: str, nodes: list[int], tests: list[int], graph: Graph) -> int:
    """Numbers are tried in their order: the first that passes is it."""
    order = sorted(range(len(nodes)), key=lambda i: graph.nodes[nodes[i]].data)
    tried: list[tuple[int, float]] = []
    for i in order if op == "min" else reversed(order):
        test = graph.nodes[tests[i]]
        if test.op == "const" and not test.data:
            continue
        tried.append((tests[i], graph.nodes[nodes[i]].data))
        if test.op == "const":
            break
    if len(tried) == 1 and graph.nodes[tried[0][0]].op == "const":
        return graph.const(tried[0][1])
    return graph.add("first", [test for test, _ in tried], tuple(value for _, value in tried))


def _extreme(op: str, nodes: list[int], tests: list[int], terms: list[Term], graph: Graph) -> int:
    """Min or max over all, where what does not pass is replaced by what cannot win."""
    one = graph.const(1.0)
    names = tuple(terms)
    if all(test == one for test in tests):
        return graph.most(nodes, names, op)
    loser = graph.most(nodes, names, "max" if op == "min" else "min")
    able = [
        node if test == one else graph.add("select", (test, node, loser))
        for node, test in zip(nodes, tests, strict=True)
    ]
    best = graph.most(able, names, op)
    some = tests[0] if len(tests) == 1 else graph.add("or", tests)
    return graph.add("select", (some, best, graph.add("first", (), ())))


def _asked(expr: tree.Gather, tests: list[int], turns: list[Value], last: Frame) -> Search:
    """What is to be told where nothing passes: the range, and what is compared at its end."""
    sides: list[Quantity | None] = []
    if isinstance(expr.cond, tree.Compare) and turns:
        sides = [quantity(side, last) for side in (expr.cond.left, expr.cond.right)]
    known = tuple((side.node, side.dimension) for side in sides if side is not None)
    at = turns[-1] if turns else None
    name = ""
    if isinstance(at, Quantity):
        name = f"{expr.var} = {last.context.graph.number(at.node):g}"
    span = expr.over.span if expr.cond is None or not turns else expr.cond.span
    text = "" if expr.cond is None else print_expr(expr.cond)
    return Search(span, tuple(tests), f"`{print_expr(expr.over)}`", text, name, known)


SEARCHES: dict[str, Gatherer] = {
    "smallest": partial(_search, "min"),
    "largest": partial(_search, "max"),
}
