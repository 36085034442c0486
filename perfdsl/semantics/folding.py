"""`fold`: a value carried from turn to turn, written out into the successive values it takes."""

from __future__ import annotations

from perfdsl.semantics.arithmetic import Operand, unify
from perfdsl.semantics.gathering import values_of
from perfdsl.semantics.quantities import quantity
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import POISON, Quantity, Value
from perfdsl.syntax import tree

CARRIED = "values of one fold"


def fold(expr: tree.Fold, frame: Frame) -> Value:
    """`fold(u = start for i in 1 .. n: step)`: u_0 = start, u_i = step with u = u_(i-1)."""
    start = quantity(expr.start, frame)
    turns = values_of(expr.over, frame)
    if start is None or turns is None:
        return POISON
    like = _like(expr, start, turns, frame)
    if like is None:
        return POISON
    nodes: list[int] = []
    carried = _typed(start.node, like)
    for turn in turns:
        value = _step(expr, carried, turn, frame)
        if value is None or _unified(expr, carried, value, frame) is None:
            return POISON
        carried = _typed(value.node, like)
        nodes.append(value.node)
    if len(set(nodes)) > 1:
        frame.context.graph.folds[carried.node] = tuple(nodes)
    return carried


def _like(expr: tree.Fold, start: Quantity, turns: list[Value], frame: Frame) -> Quantity | None:
    """Dimension, tag and kinds of what is carried: a plain 0 takes those of the step."""
    if not turns:
        return start
    value = _step(expr, start, turns[0], frame)
    return None if value is None else _unified(expr, start, value, frame)


def _step(expr: tree.Fold, carried: Quantity, turn: Value, frame: Frame) -> Quantity | None:
    return quantity(expr.step, frame.local(**{expr.acc: carried, expr.var: turn}))


def _unified(expr: tree.Fold, carried: Quantity, value: Quantity, frame: Frame) -> Quantity | None:
    both = [Operand(carried, expr.start.span), Operand(value, expr.step.span)]
    return unify(frame.context, both, CARRIED)


def _typed(node: int, like: Quantity) -> Quantity:
    return Quantity(node, like.dim, like.tag, like.kinds)
