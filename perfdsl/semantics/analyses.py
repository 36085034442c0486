"""Analyses: their parameters, and each of their statements as something to be answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perfdsl.diagnostics import Label, Span
from perfdsl.records import replace
from perfdsl.semantics.alone import check_function
from perfdsl.semantics.arithmetic import Operand, unify
from perfdsl.semantics.claims import claim_item
from perfdsl.semantics.data import bind_data, used_data
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.fields import from_function
from perfdsl.semantics.fitting import fit_item, fitted, over_rows
from perfdsl.semantics.following import caught_up
from perfdsl.semantics.graph import Input
from perfdsl.semantics.notes import find
from perfdsl.semantics.observations import observe_item, observed_value
from perfdsl.semantics.params import binding_of, range_of
from perfdsl.semantics.places import misplaced, without_let
from perfdsl.semantics.program import (
    AnalysisProgram,
    Definition,
    RefuseItem,
)
from perfdsl.semantics.questions import answered, hypotheses, solve_item
from perfdsl.semantics.reindex import apply_scenario, with_slot
from perfdsl.semantics.scope import Binding, Frame, Module, World, mentioned
from perfdsl.semantics.showing import show_item
from perfdsl.semantics.tables import bind_table
from perfdsl.semantics.types import Type, read_type
from perfdsl.semantics.units import Unit
from perfdsl.semantics.unmet import nodes_of, report_unmet
from perfdsl.semantics.values import (
    POISON,
    Declared,
    Quantity,
    Value,
)
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr


def open_frame(
    node: tree.Analysis,
    module: Module,
    policy: Value | None,
    scenarios: tuple[Declared | None, ...],
) -> Frame:
    """The frame of an analysis under its parameters' defaults, its statements bound by name."""
    top = module.top()
    first = Frame(top.context, module, World(), top, "", "parameter", analysis=node)
    world = World(policy=policy)
    for param in node.params:
        if param.name in first.bindings:
            top.context.report("P102", f"two parameters are called `{param.name}`", param.span)
            continue
        if param.default is None:
            title = f"`{param.name}` of an analysis needs a default"
            help_ = f"write `{param.name} = ...`"
            top.context.report("P304", title, param.span, help_=help_)
            first.values[param.name] = POISON
            continue
        first.bindings[param.name] = binding_of(param.name, param, param.default)
    for param in node.params:
        value = first.own(param.name)
        if value is not None and not (isinstance(value, Quantity) and _follows(param, node)):
            world = with_slot(world, param.name, value)
    for statement in node.body:
        if isinstance(statement, tree.Resident):
            stay = (statement.role, statement.level[-1], statement.span)
            world = replace(world, resident=(*world.resident, stay))
    for scenario in scenarios:
        if scenario is not None:
            step = apply_scenario(scenario, world, node.head, first, {})
            if step is not None:
                world = caught_up(*step, first)
    values = dict(world.slots)
    slots = {name: {name} for name in values}
    frame = Frame(
        top.context, module, world, top, "", "analysis",
        dict(first.bindings), values, slots, analysis=node,
    )  # fmt: skip
    _bind_statements(node, frame)
    return frame


def _follows(param: tree.Param, node: tree.Analysis) -> bool:
    """Whether a default is computed from other parameters: then it is read again with them."""
    others = {other.name for other in node.params} - {param.name}
    return param.default is not None and not others.isdisjoint(mentioned([param.default]))


def _bind_statements(node: tree.Analysis, frame: Frame) -> None:
    first: dict[str, Span] = {param.name: param.span for param in node.params}
    for statement in node.body:
        name = _name_of(statement)
        if name and name in first:
            why = (Label(first[name], "the first one"),)
            title = f"`{name}` is defined twice"
            frame.context.report("P102", title, statement.span, why=why)
            continue
        if name:
            first[name] = statement.span
        match statement:
            case tree.Let():
                frame.bindings[name] = binding_of(name, statement, statement.value)
            case tree.Function():
                from_function(statement, frame)
            case tree.Table():
                bind_table(statement, frame)
            case tree.Unknown():
                _bind_unknown(statement, frame)
            case tree.DataRows() | tree.DataFile():
                bind_data(statement, frame)
            case tree.Observe() if name:
                _bind_late(name, statement, statement.value, frame, observed_value)
            case tree.Solve() if name:
                _bind_late(name, statement, statement.source, frame, answered)
            case tree.Fit():
                _bind_late(name, statement, over_rows(statement), frame, fitted)
            case tree.Assign(path=(_,)):
                without_let(statement, "in an analysis", frame)
            case _:
                pass


def _name_of(statement: tree.Statement) -> str:
    match statement:
        case tree.Let() | tree.Function() | tree.Unknown() | tree.Observe() | tree.Solve():
            return statement.name
        case tree.Table() | tree.DataRows() | tree.DataFile() | tree.Fit():
            return statement.name
        case _:
            return ""


def _bind_unknown(statement: tree.Unknown, frame: Frame) -> None:
    """An unknown is an input without a value, between the ends of its range."""
    context = frame.context
    wanted = read_type(statement.type, frame)
    if wanted is None or wanted.sort != "Quantity":
        if wanted is not None:
            title = "an unknown is a quantity: a unit, Ratio or Count"
            context.report("P302", title, statement.type.span)
        frame.values[statement.name] = POISON
        return
    within = range_of(statement.within, frame)
    if statement.within is not None:
        ends = evaluate(statement.within, frame)
        low = getattr(ends, "low", None)
        if isinstance(low, Quantity):
            like = Quantity(low.node, wanted.dim, wanted.tag)
            both = [Operand(like, statement.type.span), Operand(low, statement.within.span)]
            if unify(context, both, "compared") is None:
                frame.values[statement.name] = POISON
                return
    low_end, high_end = within if within is not None else (float("-inf"), float("inf"))
    node = context.inputs.get(statement.span)
    if node is None:
        item = Input(
            statement.name, float("nan"), low_end, high_end, wanted.dim,
            _unit_of(statement.type, wanted, frame),
            statement.span, "unknown", named=True, whole=wanted.whole, within=within,
        )  # fmt: skip
        node = context.inputs[statement.span] = context.graph.add("input", (), item)
    holder = tree.Name(statement.name, span=statement.span)
    frame.bindings[statement.name] = Binding(
        statement.name,
        "unknown",
        holder,
        statement.span,
        statement.span,
        make=lambda _: Quantity(node, wanted.dim, wanted.tag),
    )


def _unit_of(written: tree.Type, wanted: Type, frame: Frame) -> Unit:
    """The unit in which an unknown is declared; a ratio or count has none."""
    if not wanted.text.startswith("a quantity"):
        return Unit("", 1.0, wanted.dim, wanted.tag)
    unit = frame.module.units.parse(written.name)
    factor = unit.factor if isinstance(unit, Unit) else 1.0
    return Unit(written.name, factor, wanted.dim, wanted.tag)


def _bind_late(
    name: str,
    statement: tree.Observe | tree.Solve | tree.Fit,
    expr: tree.Expr,
    frame: Frame,
    make: Callable[[Any, Frame], Value],
) -> None:
    """A name whose value is made from the statement as a whole: an observation, an answer."""
    at = statement.span
    frame.bindings[name] = Binding(
        name, statement.word, expr, at, at, make=lambda inner: make(statement, inner)
    )


# ------------------------------------------------------------------------------- the statements


def _refuse(statement: tree.Refuse, frame: Frame) -> RefuseItem:
    """Check an expression alone: what it says is kept apart from the messages of the file."""
    context = frame.context
    problems, seen = context.problems, context.seen
    context.problems, context.seen = [], set()
    try:
        value = evaluate(statement.value, frame.local())
        report_unmet(nodes_of(value), context)
        found = tuple(context.problems)
    finally:
        context.problems, context.seen = problems, seen
    formula = print_expr(statement.value)
    id_ = find(statement.notes, "id")
    return RefuseItem(statement.code, statement.title, id_, found, formula, statement.span)


def _others(node: tree.Analysis, statement: tree.Statement) -> list[tree.Statement]:
    return [other for other in node.body if other is not statement]


def read_analysis(
    node: tree.Analysis,
    module: Module,
    policy: Value | None,
    scenarios: tuple[Declared | None, ...] = (),
) -> AnalysisProgram:
    """An analysis, every statement of it checked."""
    frame = open_frame(node, module, policy, scenarios)
    frame.context.asking = frame
    shows, claims, refusals, observations, solves, fits = [], [], [], [], [], []
    for name in list(frame.bindings):
        frame.own(name)
    for statement in node.body:
        match statement:
            case tree.Show():
                shows.append(show_item(statement, frame))
            case tree.Claim():
                claims.append(claim_item(statement, frame))
            case tree.Refuse():
                refusals.append(_refuse(statement, frame))
            case tree.Observe():
                observations.append(observe_item(statement, frame))
            case tree.Solve():
                solves.append(solve_item(statement, frame))
            case tree.Function() if statement.name not in mentioned(_others(node, statement)):
                check_function(statement, frame)
            case tree.Let() | tree.Function() | tree.Table() | tree.Unknown() | tree.Resident():
                pass
            case tree.Assign(path=(_,)):
                pass
            case tree.DataRows() | tree.DataFile():
                pass
            case tree.Fit():
                fits.append(fit_item(statement, frame))
            case _:
                misplaced(statement, "analysis", frame)
    kept = [item for item in observations if item is not None]
    definitions = tuple(
        Definition(s.name, print_expr(s.value), frame.values.get(s.name, POISON), s.doc, s.span)
        for s in node.body
        if isinstance(s, tree.Let)
    )
    unknowns = tuple(
        value.node
        for s in node.body
        if isinstance(s, tree.Unknown) and isinstance(value := frame.values.get(s.name), Quantity)
    )
    return AnalysisProgram(
        node.name,
        node.doc,
        frame,
        tuple(item for item in shows if item is not None),
        tuple(item for item in claims if item is not None),
        tuple(refusals),
        tuple(kept),
        tuple(item for item in solves if item is not None),
        hypotheses(node, kept, frame),
        definitions,
        unknowns,
        node.span,
        used_data(node, frame),
        tuple(item for item in fits if item is not None),
    )
