"""Calls of a `fn`: its arguments bound, its body read, no call inside itself."""

from __future__ import annotations

from perfdsl.diagnostics import Label, Span
from perfdsl.semantics.params import bind, binding_of, returned
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import (
    POISON,
    FunctionValue,
    Value,
    exact,
)
from perfdsl.syntax import tree

MAX_CALLS = 64


def call_function(func: FunctionValue, expr: tree.Call, frame: Frame) -> Value:
    context = frame.context
    if any(node is func.node for node in context.calling):
        return _recursion(func, expr, frame)
    if len(context.calling) >= MAX_CALLS:
        title = f"functions call each other more than {MAX_CALLS} deep"
        if ("deep",) not in context.seen:
            context.report("P703", title, expr.span)
        context.seen.add(("deep",))
        return POISON
    if not context.spend(1, expr.span):
        return POISON
    what = f"`{func.node.name}`"
    values = bind(func.node.params, expr.args, expr.span, frame, func.frame, what)
    if values is None:
        return POISON
    given = tuple((name, exact(value)) for name, value in values.items())
    return context.remembered((func, given), lambda: _called(func, values, expr))


def _called(func: FunctionValue, values: dict[str, Value], expr: tree.Call) -> Value:
    context = func.frame.context
    inner = func.frame.local(**values)
    for param in func.node.params:
        if param.name not in values and param.default is not None:
            inner.bindings[param.name] = binding_of(param.name, param, param.default)
    context.calling.append(func.node)
    try:
        value = context.evaluate(func.node.value, inner)
    except RecursionError:
        title = "this needs too many things inside each other"
        value = context.report("P703", title, expr.span)
    finally:
        context.calling.pop()
    return returned(value, func)


def _recursion(func: FunctionValue, expr: tree.Call, frame: Frame) -> Value:
    """Report a function that is being called already: once for all that call each other."""
    context = frame.context
    start = next(i for i, node in enumerate(context.calling) if node is func.node)
    cycle = context.calling[start:]
    key = ("recursion", frozenset(node.span for node in cycle))
    if key in context.seen:
        return POISON
    context.seen.add(key)
    names = [node.name for node in cycle]
    title = f"`{names[0]}` calls itself"
    if len(names) > 1:
        title = f"these functions call each other: {' -> '.join([*names, names[0]])}"
    why = tuple(Label(_head_of(node), f"`{node.name}` begins here") for node in cycle[:6])
    return context.report("P401", title, expr.span, why=why, help_="there is no recursion")


def _head_of(node: tree.Function) -> Span:
    """`fn name` of a function."""
    at = node.span
    return Span(at.source, at.start, at.start + at.text.index(node.name) + len(node.name))
