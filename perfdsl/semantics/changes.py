"""Overlays: an instance with some fields replaced, each by a value of the same dimension."""

from __future__ import annotations

from perfdsl.diagnostics import Span
from perfdsl.semantics.access import instance_field
from perfdsl.semantics.arithmetic import shown
from perfdsl.semantics.fields import instantiate
from perfdsl.semantics.params import is_named, named
from perfdsl.semantics.places import misplaced
from perfdsl.semantics.possible import possible
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.types import Type, fits, require
from perfdsl.semantics.values import (
    POISON,
    Instance,
    Quantity,
    Record,
    Value,
    describe,
)
from perfdsl.syntax import tree


def overlaid(base_: Instance, changes: tuple[tree.Statement, ...], frame: Frame) -> Value:
    """`cpu with { l3.size = 16 MiB }`: an instance with some fields replaced."""
    found: dict[tuple[str, ...], Value] = dict(base_.changes)
    for change in changes:
        if not isinstance(change, tree.Assign):
            misplaced(change, "with", frame)
            return POISON
        value = new_value(base_, change.path, change.value, frame)
        path_span = change.span
        checked = replacement(base_, change.path, value, change.value.span, path_span, frame)
        if checked == POISON:
            return POISON
        found[change.path] = checked
    return instantiate(base_.origin, base_.given, found, base_.frame.world)


def new_value(target: Instance, path: tuple[str, ...], expr: tree.Expr, frame: Frame) -> Value:
    """What is to stand in a field; for a parameter that holds a role or a kind it is a name."""
    node = target.origin.node
    if isinstance(node, tree.Parametrised) and isinstance(expr, tree.Name):
        for param in node.params:
            if (param.name,) == path and is_named(param):
                return named(param, expr.id, frame)
    return frame.context.evaluate(expr, frame)


def replacement(
    target: Instance,
    path: tuple[str, ...],
    value: Value,
    span: Span,
    at: Span,
    frame: Frame,
) -> Value:
    """A new value for an existing field, of the dimension of the old one."""
    holder: Value = target
    for name in path[:-1]:
        holder = instance_field(holder, name, at, frame) if isinstance(holder, Instance) else holder
        if holder == POISON:
            return POISON
    if not isinstance(holder, Instance):
        title = f"`{'.'.join(path)}` is no field of the {target.sort} `{target.name}`"
        return frame.context.report("P106", title, at)
    old = instance_field(holder, path[-1], _name_span(at, path), frame)
    if POISON in (old, value):
        return POISON
    what = f"`{'.'.join(path)}`"
    if isinstance(old, Quantity):
        wanted = Type("Quantity", old.dimension, old.tag, text=shown(old))
        value = require(value, wanted, span, frame, what)
        value = possible(value, holder.sort, path[-1], span, frame)
        if isinstance(value, Quantity):
            return Quantity(value.node, old.dim or value.dim, old.tag, old.kinds, False, value.term)
        return value
    if isinstance(old, Instance) and old.sort == "format" and isinstance(value, Record):
        return value if fits(value, Type("Format")) else POISON  # A stand-in for a format.
    if type(old) is not type(value) or (
        isinstance(old, Instance) and isinstance(value, Instance) and old.sort != value.sort
    ):
        return frame.context.report("P302", f"{what} is {describe(old)}", span, describe(value))
    return value


def _name_span(at: Span, path: tuple[str, ...]) -> Span:
    return Span(at.source, at.start, at.start + len(".".join(path)))
