"""`smallest` and `largest`: the least and greatest value for which a condition holds."""

from __future__ import annotations

from functools import partial

from perfdsl.semantics.arithmetic import Operand, unify
from perfdsl.semantics.filters import settled
from perfdsl.semantics.gathering import Gatherer, item_term, values_of
from perfdsl.semantics.graph import Graph, Search, Term
from perfdsl.semantics.quantities import condition, quantity
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import POISON, Quantity, Value
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr

# Operations that have a value wherever their arguments have one.
PLAIN = frozenset({"const", "input", "named", "sum", "max", "min", "abs", "floor", "ceil"})


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
            test = _decided(found.node, turn, graph)
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


def _decided(test: int, turn: Value, graph: Graph) -> int:
    """A filter of a list is decided now where no reading can turn it, as in `max(... if ...)`; that
    of a range of numbers stays a formula."""
    if isinstance(turn, Quantity) or not settled(test, graph):
        return test
    return graph.const(graph.number(test) or 0.0)


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
    """Min or max over all, where what does not pass is replaced by what changes nothing."""
    zero, one = graph.const(0.0), graph.const(1.0)
    turns = [turn for turn in zip(nodes, tests, terms, strict=True) if turn[1] != zero]
    nothing = graph.add("first", (), ())
    if not turns:
        return nothing
    idle = _idle(op, [(node, test) for node, test, _ in turns], graph)
    able = [
        node if test == one else graph.add("select", (test, node, idle)) for node, test, _ in turns
    ]
    best = graph.most(able, tuple(term for *_, term in turns), op)
    asked = [test for _, test, _ in turns]
    if one in asked:
        return best
    some = asked[0] if len(asked) == 1 else graph.add("or", asked)
    return graph.add("select", (some, best, nothing))


def _idle(op: str, turns: list[tuple[int, int]], graph: Graph) -> int:
    """What stands for an item that does not pass: a value that no smallest (largest) one beats.

    An item that passes in any case; else the largest (smallest) of all, whose bounds are sharp;
    else, where an item that does not pass may have no value, the first that passes.
    """
    sure = next((node for node, test in turns if test == graph.const(1.0)), None)
    if sure is not None:
        return sure
    nodes = [node for node, _ in turns]
    if _always_there(nodes, graph):
        return graph.most(nodes, (), "max" if op == "min" else "min")
    found = graph.add("first", (), ())
    for node, test in reversed(turns):
        found = graph.add("select", (test, node, found))
    return found


def _always_there(nodes: list[int], graph: Graph) -> bool:
    """Whether the nodes have values whatever their inputs are: they only add and multiply."""
    below = [graph.nodes[number] for number in graph.needed(nodes)]
    return all(
        item.op in PLAIN or (item.op == "product" and all(power > 0 for power in item.data))
        for item in below
    )


def _asked(expr: tree.Gather, tests: list[int], turns: list[Value], last: Frame) -> Search:
    """What is to be told where nothing passes: the range, and what is compared at its end."""
    sides: list[Value] = []
    if isinstance(expr.cond, tree.Compare) and turns:
        both = (expr.cond.left, expr.cond.right)
        sides = [last.context.evaluate(side, last) for side in both]
    known = tuple((side.node, side.dimension) for side in sides if isinstance(side, Quantity))
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
