"""Conditions and choices: comparisons, logic, `bound by`, `if` and `case`."""

from __future__ import annotations

from perfdsl.diagnostics import Span, did_you_mean
from perfdsl.semantics import operations
from perfdsl.semantics.arithmetic import Operand, unify, warn_of_prefixes
from perfdsl.semantics.binding import bound, terms_of
from perfdsl.semantics.quantities import as_quantity, condition, quantity
from perfdsl.semantics.scope import Frame, free_names, parts
from perfdsl.semantics.values import (
    POISON,
    Condition,
    Kind,
    Nothing,
    Quantity,
    Role,
    Value,
    Words,
)
from perfdsl.syntax import tree


def read_compare(expr: tree.Compare, frame: Frame) -> Value:
    left, right = (
        frame.context.evaluate(expr.left, frame),
        frame.context.evaluate(expr.right, frame),
    )
    if POISON in (left, right):
        return POISON
    sides = (left, right)
    if expr.op in {"==", "!="} and any(isinstance(s, Words | Nothing | Role | Kind) for s in sides):
        same = left == right
        return Condition(frame.context.graph.const(float(same == (expr.op == "=="))))
    one = as_quantity(left, expr.left.span, frame)
    two = as_quantity(right, expr.right.span, frame)
    if one is None or two is None:
        return POISON
    both = [Operand(one, expr.left.span), Operand(two, expr.right.span)]
    if unify(frame.context, both, "compared") is None:
        return POISON
    warn_of_prefixes(frame.context, *both)
    decided = _constant(one, frame), _constant(two, frame)
    if decided[0] is not None and decided[1] is not None:
        # `mod(l, 6) == 5` in a class of turns: equal classes then become one step.
        holds = operations.compare(expr.op, decided[0], decided[1])
        return Condition(frame.context.graph.const(float(holds)))
    return Condition(frame.context.graph.add("compare", (one.node, two.node), expr.op))


def _constant(value: Quantity, frame: Frame) -> float | None:
    """The number of an index of a `repeat`, or one written in place; None for what has a name."""
    item = frame.context.graph.nodes[value.node]
    if item.op == "const":
        return float(item.data)
    return item.data.value if item.op == "input" and not item.data.named else None


def read_logic(expr: tree.Logic, frame: Frame) -> Value:
    found = [condition(part, frame) for part in expr.parts]
    nodes = [c.node for c in found if c is not None]
    if len(nodes) < len(found):
        return POISON
    return Condition(frame.context.graph.add(expr.op, nodes))


def read_not(expr: tree.Not, frame: Frame) -> Value:
    inner = condition(expr.part, frame)
    return POISON if inner is None else Condition(frame.context.graph.add("not", (inner.node,)))


def read_bound_by(expr: tree.BoundBy, frame: Frame) -> Value:
    value = quantity(expr.left, frame)
    if value is None:
        return POISON
    node = bound(frame.context.graph, value.node, expr.name)
    if node is not None:
        return Condition(node)
    terms = [term.name for term in terms_of(frame.context.graph, value.node)]
    title = f"`{expr.name}` is no term of this"
    help_ = f"its terms: {', '.join(dict.fromkeys(terms))}"
    if not terms:
        title = "nothing binds this: it is no max or min of named terms"
        help_ = "name what competes, as in `max(compute: a, dram: b)`"
    return frame.context.report("P603", title, expr.span, help_=help_, follows=True)


def _names_known(expr: tree.Expr, frame: Frame) -> None:
    """What is not meant is not read, but a name in it may be misspelt (a role may be any word)."""
    if expr.span in frame.context.skipped:
        return
    frame.context.skipped.add(expr.span)
    for name in free_names(expr):
        if frame.find(name) is None and did_you_mean(name, frame.names()):
            frame.context.evaluate(_place_of(name, expr), frame)


def _place_of(name: str, expr: tree.Expr) -> tree.Expr:
    """Where a name stands in an expression."""
    todo: list[tree.Node] = [expr]
    while todo:
        node = todo.pop()
        if isinstance(node, tree.Name) and node.id == name:
            return node
        todo.extend(parts(node))
    return tree.Name(name, span=expr.span)


def read_if(expr: tree.If, frame: Frame) -> Value:
    test = condition(expr.cond, frame)
    if test is not None and frame.context.graph.nodes[test.node].op == "const":
        # `if window == none then ... else window / 2`: what is not meant need not make sense.
        holds = bool(frame.context.graph.number(test.node))
        taken, other = (expr.yes, expr.no) if holds else (expr.no, expr.yes)
        _names_known(other, frame)
        return frame.context.evaluate(taken, frame)
    yes, no = frame.context.evaluate(expr.yes, frame), frame.context.evaluate(expr.no, frame)
    if test is None:
        return POISON
    return choose(test, (yes, expr.yes.span), (no, expr.no.span), frame)


def choose(test: Condition, yes: tuple[Value, Span], no: tuple[Value, Span], frame: Frame) -> Value:
    """`yes` where the test holds, else `no`; `none` is allowed where a number decides it now."""
    decided = frame.context.graph.number(test.node)
    if decided is not None and not (isinstance(yes[0], Quantity) and isinstance(no[0], Quantity)):
        return yes[0] if decided else no[0]
    one, two = as_quantity(*yes, frame), as_quantity(*no, frame)
    if one is None or two is None:
        return POISON
    both = [Operand(one, yes[1]), Operand(two, no[1])]
    like = unify(frame.context, both, "chosen between")
    if like is None:
        return POISON
    graph = frame.context.graph
    node = graph.add("select", (test.node, one.node, two.node))
    if graph.nodes[test.node].op == "const":  # `window == none`: no input can change it
        node = one.node if decided else two.node
    return Quantity(node, like.dim, like.tag, like.kinds)


def read_case(expr: tree.Case, frame: Frame) -> Value:
    value, span = frame.context.evaluate(expr.other, frame), expr.other.span
    for arm in reversed(expr.arms):
        test = condition(arm.cond, frame)
        yes = frame.context.evaluate(arm.value, frame)
        if test is None or POISON in (yes, value):
            return POISON
        value = choose(test, (yes, arm.value.span), (value, span), frame)
    return value
