"""Observations: what was measured, under which inputs, and what is predicted for it there."""

from __future__ import annotations

from perfdsl.diagnostics import Span
from perfdsl.records import replace
from perfdsl.semantics.arithmetic import Operand, unify
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.fields import value_key
from perfdsl.semantics.following import caught_up
from perfdsl.semantics.notes import find, provenance
from perfdsl.semantics.program import (
    ObserveItem,
)
from perfdsl.semantics.quantities import as_quantity, quantity
from perfdsl.semantics.reindex import apply_scenario, frame_under, moved, with_slot
from perfdsl.semantics.scope import Binding, Frame, Naming, World
from perfdsl.semantics.values import (
    Declared,
    Instance,
    Quantity,
    Value,
)
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr


def observed_value(statement: tree.Observe, frame: Frame) -> Value:
    """The observed number: an input of its own sort, named by the observation."""
    inner = frame.local()
    inner.sort = "observation"
    name = statement.name or find(statement.notes, "id") or print_expr(statement.target)
    expr = statement.value
    holder = Binding(name, "observe", expr, statement.span, statement.span, notes=statement.notes)
    frame.context.naming.setdefault(expr.span, Naming(holder, name))
    return evaluate(expr, inner)


def split(expr: tree.Expr) -> tuple[tree.Expr, tuple[tree.Argument, ...]]:
    """An expression and the index behind it."""
    if isinstance(expr, tree.Indexed):
        return expr.base, expr.items
    return expr, ()


def inputs_of(
    items: tuple[tree.Argument, ...], frame: Frame
) -> tuple[World, tuple[Declared, ...]] | None:
    """The world that the index makes without its scenarios, and the scenarios."""
    plain: list[tree.Argument] = []
    scenarios: list[Declared] = []
    for item in items:
        value = evaluate(item.value, frame)
        if isinstance(value, Declared) and isinstance(value.node, tree.Scenario):
            scenarios.append(value)
        else:
            plain.append(item)
    world, changed = frame.world, list[str]()
    for item in plain:
        value = evaluate(item.value, frame)
        name = item.name
        if not name and isinstance(value, Instance):
            same = [n for n, v in world.slots.items()
                    if isinstance(v, Instance) and v.sort == value.sort]  # fmt: skip
            name = same[0] if same else ""
        if name:
            world = with_slot(world, name, value)
            changed.append(name)
        elif isinstance(value, Declared):
            world = replace(world, policy=value)
        elif isinstance(value, Instance) and value.sort == "workload":
            world = replace(world, load=value)
    return caught_up(world, changed, frame), tuple(scenarios)


def world_key(world: World) -> object:
    """Equal for worlds with the same inputs."""
    load = value_key(world.load) if world.load is not None else None
    policy = value_key(world.policy) if world.policy is not None else None
    return tuple((n, value_key(v)) for n, v in world.slots.items()), load, policy


def read_under(
    base: tree.Expr, world: World, scenarios: tuple[Declared, ...], frame: Frame, span: Span
) -> tuple[Quantity, Quantity] | None:
    """An expression under a world and scenarios: as predicted, and at the least."""
    for scenario in scenarios:
        step = apply_scenario(scenario, world, span, frame, {})
        if step is None:
            return None
        world = caught_up(*step, frame)
    plain = quantity(base, moved(frame, frame, frame_under(frame, world)))
    least = quantity(base, moved(frame, frame, frame_under(frame, replace(world, least=True))))
    return None if plain is None or least is None else (plain, least)


def observe_item(statement: tree.Observe, frame: Frame) -> ObserveItem | None:
    value = as_quantity(observed_value(statement, frame), statement.value.span, frame)
    target = quantity(statement.target, frame)
    if value is None or target is None:
        return None
    both = [Operand(target, statement.target.span), Operand(value, statement.value.span)]
    if unify(frame.context, both, "compared") is None:
        return None
    graph = frame.context.graph
    for node, span in ((target.node, statement.target.span), (value.node, statement.value.span)):
        if not graph.cases.keys().isdisjoint(graph.cone(node)):
            title = "what is measured is not observed: an observation is held against a prediction"
            sides = f"{print_expr(statement.target)} ~= {print_expr(statement.value)}"
            help_ = f'claim it: `claim "..." {sides}`'
            frame.context.report("P513", title, span, help_=help_)
            return None
    base, items = split(statement.target)
    inputs = inputs_of(items, frame)
    if inputs is None:
        return None
    world, scenarios = inputs
    read = read_under(base, world, scenarios, frame, statement.span)
    source, why = provenance(statement.notes)
    return ObserveItem(
        statement.subject,
        statement.name,
        find(statement.notes, "id"),
        print_expr(statement.target),
        target,
        read[1] if read is not None else target,
        value,
        base,
        world_key(world),
        tuple(s.node for s in scenarios if isinstance(s.node, tree.Scenario)),
        statement.span,
        why if source else "",
    )
