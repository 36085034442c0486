"""Analyses: their parameters, and each of their statements as something to be answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from perfdsl.diagnostics import Label, Span, did_you_mean
from perfdsl.semantics.arithmetic import Operand, unify
from perfdsl.semantics.expressions import (
    as_quantity,
    bound_node,
    condition,
    evaluate,
    outermost,
    quantity,
    terms_of,
)
from perfdsl.semantics.fields import from_function, misplaced, value_key
from perfdsl.semantics.graph import Input
from perfdsl.semantics.notes import find, provenance
from perfdsl.semantics.params import binding_of, range_of
from perfdsl.semantics.program import (
    AnalysisProgram,
    AnswerPart,
    ClaimItem,
    Definition,
    Hypothesis,
    ObserveItem,
    RefuseItem,
    ShowItem,
    SolveItem,
)
from perfdsl.semantics.reindex import apply_scenario, frame_under, moved, with_slot
from perfdsl.semantics.scope import Binding, Frame, Module, Naming, World
from perfdsl.semantics.types import read_type
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import (
    POISON,
    Condition,
    Declared,
    Instance,
    Later,
    Quantity,
    Record,
    Value,
)
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr

# Where a claim's computed side must come from: not from numbers written beside the claim.
GROUNDS = {"hardware", "model", "workload", "operator", "format", "observation", "parameter",
           "scenario", "unknown", "data"}  # fmt: skip


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
        if value is not None:
            world = with_slot(world, param.name, value)
    for statement in node.body:
        if isinstance(statement, tree.Resident):
            stay = (statement.role, statement.level[-1], statement.span)
            world = replace(world, resident=(*world.resident, stay))
    for scenario in scenarios:
        if scenario is not None:
            step = apply_scenario(scenario, world, node.head, first, {})
            world = step[0] if step is not None else world
    values = dict(world.slots)
    slots = {name: {name} for name in values}
    frame = Frame(
        top.context, module, world, top, "", "analysis",
        dict(first.bindings), values, slots, analysis=node,
    )  # fmt: skip
    _bind_statements(node, frame)
    return frame


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
            case tree.Unknown():
                _bind_unknown(statement, frame)
            case tree.Observe() if name:
                _bind_late(name, statement, statement.value, frame, observed_value)
            case tree.Solve() if name:
                _bind_late(name, statement, statement.source, frame, _answered)
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
            Unit(statement.type.name if wanted.text.startswith("a quantity") else "", 1.0,
                 wanted.dim, wanted.tag),
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


def _bind_late(
    name: str,
    statement: tree.Observe | tree.Solve,
    expr: tree.Expr,
    frame: Frame,
    make: Callable[[Any, Frame], Value],
) -> None:
    """A name whose value is made from the statement as a whole: an observation, an answer."""
    at = statement.span
    frame.bindings[name] = Binding(
        name, statement.word, expr, at, at, make=lambda inner: make(statement, inner)
    )


# --------------------------------------------------------------------------------- observations


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


def _inputs_of(
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
    world = frame.world
    for item in plain:
        value = evaluate(item.value, frame)
        name = item.name
        if not name and isinstance(value, Instance):
            same = [n for n, v in world.slots.items()
                    if isinstance(v, Instance) and v.sort == value.sort]  # fmt: skip
            name = same[0] if same else ""
        if name:
            world = with_slot(world, name, value)
        elif isinstance(value, Declared):
            world = replace(world, policy=value)
        elif isinstance(value, Instance) and value.sort == "workload":
            world = replace(world, load=value)
    return world, tuple(scenarios)


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
        world, _ = step
    plain = quantity(base, moved(frame, frame, frame_under(frame, world)))
    least = quantity(base, moved(frame, frame, frame_under(frame, replace(world, least=True))))
    return None if plain is None or least is None else (plain, least)


def _observe(statement: tree.Observe, frame: Frame) -> ObserveItem | None:
    value = as_quantity(observed_value(statement, frame), statement.value.span, frame)
    target = quantity(statement.target, frame)
    if value is None or target is None:
        return None
    both = [Operand(target, statement.target.span), Operand(value, statement.value.span)]
    if unify(frame.context, both, "compared") is None:
        return None
    base, items = split(statement.target)
    inputs = _inputs_of(items, frame)
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


# ---------------------------------------------------------------------------------------- solve


def solve_item(statement: tree.Solve, frame: Frame) -> SolveItem | None:
    """The question that a `solve` asks; one for each statement and frame."""
    key = ("solve", statement.span, id(frame))
    known = frame.context.solves.get(key)
    if known is None:
        known = frame.context.solves[key] = _solve(statement, frame)
    return known if isinstance(known, SolveItem) else None


def _solve(statement: tree.Solve, frame: Frame) -> SolveItem | None:
    unknowns = _unknowns(statement, frame)
    if unknowns is None:
        return None
    if isinstance(statement.source, tree.Compare):
        return _relation(statement, statement.source, unknowns, frame)
    base, items = split(statement.source)
    inputs = _inputs_of(items, frame)
    value = quantity(statement.source, frame)
    if value is None or inputs is None:
        return None
    world, scenarios = inputs
    found = _matching(statement, base, world_key(world), scenarios, frame)
    if found is None:
        return None
    observed, subject = found
    target = as_quantity(observed_value(observed, frame), observed.value.span, frame)
    if target is None:
        return None
    item = SolveItem(
        statement.name or ", ".join(statement.unknowns),
        unknowns,
        value.node,
        target.node,
        "==",
        print_expr(statement.source),
        subject,
        None,
        tuple(getattr(s.node, "name", "") for s in scenarios),
        statement.span,
    )
    return _entering(item, statement, frame)


def _unknowns(statement: tree.Solve, frame: Frame) -> tuple[int, ...] | None:
    found = []
    for name in statement.unknowns:
        value = frame.find(name)
        node = value.node if isinstance(value, Quantity) else None
        item = frame.context.graph.nodes[node].data if node is not None else None
        if not isinstance(item, Input) or item.sort != "unknown":
            declared = [s.name for s in frame.analysis.body if isinstance(s, tree.Unknown)] \
                if frame.analysis else []  # fmt: skip
            near = did_you_mean(name, declared)
            help_ = (
                f"did you mean `{near}`?" if near else f"write `unknown {name}: Ratio in 0 .. 1`"
            )
            title = f"`{name}` is not an unknown of this analysis"
            if value != POISON:
                frame.context.report("P502", title, statement.span, help_=help_)
            return None
        assert node is not None
        found.append(node)
    return tuple(found)


def _relation(
    statement: tree.Solve, expr: tree.Compare, unknowns: tuple[int, ...], frame: Frame
) -> SolveItem | None:
    left, right = quantity(expr.left, frame), quantity(expr.right, frame)
    if left is None or right is None:
        return None
    both = [Operand(left, expr.left.span), Operand(right, expr.right.span)]
    if unify(frame.context, both, "compared") is None:
        return None
    name = statement.name or ", ".join(statement.unknowns)
    item = SolveItem(
        name, unknowns, left.node, right.node, expr.op, print_expr(expr), statement.subject,
        None, (), statement.span,
    )  # fmt: skip
    return _entering(item, statement, frame)


def _entering(item: SolveItem, statement: tree.Solve, frame: Frame) -> SolveItem | None:
    """A question whose unknown does not occur in it has no answer worth giving."""
    needed = set(frame.context.graph.needed(item.roots))
    for name, node in zip(statement.unknowns, item.unknowns, strict=True):
        if node not in needed:
            title = f"`{name}` does not occur in what is solved, so nothing can be said about it"
            frame.context.report("P502", title, statement.source.span)
            return None
    return item


def _matching(
    statement: tree.Solve,
    base: tree.Expr,
    key: object,
    scenarios: tuple[Declared, ...],
    frame: Frame,
) -> tuple[tree.Observe, str] | None:
    """The observation of this expression: one subject's, and of no scenario but these."""
    assert frame.analysis is not None
    nodes = [scenario.node for scenario in scenarios]
    found: list[tree.Observe] = []
    others: list[str] = []
    for other in frame.analysis.body:
        if not isinstance(other, tree.Observe):
            continue
        other_base, items = split(other.target)
        others.append(f"`{print_expr(other.target)}` by {other.subject}")
        inputs = _inputs_of(items, frame)
        if other_base != base or inputs is None or world_key(inputs[0]) != key:
            continue
        if any(all(s.node is not n for n in nodes) for s in inputs[1]):
            continue
        if statement.subject in {"", other.subject}:
            found.append(other)
    subjects = list(dict.fromkeys(o.subject for o in found))
    if len(subjects) > 1:
        title = f"{len(subjects)} subjects were observed: {', '.join(subjects)}"
        help_ = f'say which one: `by "{subjects[0]}"`'
        frame.context.report("P503", title, statement.span, help_=help_)
        return None
    if not found:
        title = "nothing was observed of this"
        notes = tuple(f"observed: {name}" for name in dict.fromkeys(others)) or ("no observation",)
        help_ = "write an equation or an inequality, or observe it"
        frame.context.report("P501", title, statement.source.span, notes=notes[:6], help_=help_)
        return None
    return found[0], subjects[0]


def _answered(statement: tree.Solve, frame: Frame) -> Value:
    item = solve_item(statement, frame)
    if item is None:
        return POISON
    each = {
        name: _answer(item, node, frame)
        for name, node in zip(statement.unknowns, item.unknowns, strict=True)
    }
    if len(each) == 1:
        return next(iter(each.values()))
    return Record(f"the answer `{item.name}`", dict(each))


def _answer(item: SolveItem, unknown: int, frame: Frame) -> Record:
    graph = frame.context.graph
    source = graph.nodes[unknown].data
    assert isinstance(source, Input)

    def part(which: str) -> Value:
        node = graph.add("answer", item.roots, AnswerPart(item, unknown, which))
        return Quantity(node, source.dim, source.unit.tag)

    makers = {which: partial(part, which) for which in ("value", "min", "max")}
    return Record(f"the answer `{item.name}`", Later(makers))


# --------------------------------------------------------------------------------------- claims


def _claim(statement: tree.Claim, frame: Frame) -> ClaimItem | None:
    if statement.over is not None:
        title = "a claim over rows of data is read, but not evaluated yet"
        frame.context.report("P008", title, statement.span)
        return None
    match statement.value:
        case tree.Compare():
            item = _compare_claim(statement, statement.value, frame)
        case tree.BoundBy():
            item = _bound_claim(statement, statement.value, frame)
        case _:
            item = _condition_claim(statement, frame)
    if item is not None and not _grounded(item, frame):
        title = "the computed side depends on no model, hardware, workload or observation"
        help_ = "a claim tests what the files say: use their names instead of numbers"
        frame.context.report("P601", title, statement.value.span, help_=help_)
        return None
    return item


def _grounded(item: ClaimItem, frame: Frame) -> bool:
    """Whether the computed side rests on something declared elsewhere."""
    graph = frame.context.graph
    roots = (
        [item.left] if item.published is not None or item.other is None else [item.left, item.right]
    )
    needed = graph.needed(roots)
    if any(graph.nodes[number].op == "answer" for number in needed):
        return True
    return any(source.sort in GROUNDS for source in graph.inputs(roots))


def _item(statement: tree.Claim, frame: Frame, **parts: object) -> ClaimItem:
    base: dict[str, object] = {
        "title": statement.title,
        "id": find(statement.notes, "id"),
        "expects": statement.expects,
        "op": "",
        "right": -1,
        "other": None,
        "published": None,
        "within": None,
        "rounding": False,
        "term": "",
        "formula": print_expr(statement.value),
        "span": statement.span,
        "frame": frame,
    }
    return ClaimItem(**{**base, **parts})  # type: ignore[arg-type]


def _compare_claim(statement: tree.Claim, expr: tree.Compare, frame: Frame) -> ClaimItem | None:
    beside = frame.local()
    beside.sort = "claim"
    swapped = _is_literal(expr.left) and not _is_literal(expr.right)
    first, second = (expr.right, expr.left) if swapped else (expr.left, expr.right)
    left = quantity(first, beside if _is_literal(first) else frame)
    right = quantity(second, beside if _is_literal(second) else frame)
    if left is None or right is None:
        if condition(expr, frame) is None:
            return None
        return _condition_claim(statement, frame)
    both = [Operand(left, first.span), Operand(right, second.span)]
    if unify(frame.context, both, "compared") is None:
        return None
    within, rounding = _tolerance(statement, frame)
    source = frame.context.graph.nodes[right.node].data
    published = source if _is_literal(second) and isinstance(source, Input) else None
    op = MIRROR.get(expr.op, expr.op) if swapped else expr.op
    return _item(
        statement, frame, sort="compare", op=op, left=left.node, right=right.node,
        value=left, other=right, published=published, within=within, rounding=rounding,
    )  # fmt: skip


MIRROR = {"<=": ">=", ">=": "<=", "<": ">", ">": "<"}


def _is_literal(expr: tree.Expr) -> bool:
    match expr:
        case tree.Number():
            return True
        case tree.Negative(part=inner) | tree.PlusMinus(centre=inner) | tree.Noted(value=inner):
            return _is_literal(inner)
        case _:
            return False


def _tolerance(statement: tree.Claim, frame: Frame) -> tuple[float | None, bool]:
    """`within 5 %`, `within rounding`."""
    if statement.within is None:
        return None, False
    if isinstance(statement.within, tree.Name) and statement.within.id == "rounding":
        return None, True
    value = quantity(statement.within, frame)
    if value is None:
        return None, False
    number = frame.context.graph.number(value.node)
    if value.dimension.exponents or number is None or number < 0:
        title = "`within` is relative: a number or %"
        help_ = "an absolute tolerance stands on the right: `~= 5 ms +- 0.1 ms`"
        frame.context.report("P302", title, statement.within.span, help_=help_)
        return None, False
    return number, False


def _bound_claim(statement: tree.Claim, expr: tree.BoundBy, frame: Frame) -> ClaimItem | None:
    value = quantity(expr.left, frame)
    if value is None:
        return None
    node = bound_node(value.node, expr.name, frame)
    if node is None:
        evaluate(expr, frame)
        return None
    top = outermost(value.node, frame)
    assert top is not None
    family = any(term.family == expr.name for term in terms_of(top, frame))
    return _item(
        statement, frame, sort="bound", left=node, right=top, value=Condition(node),
        term=expr.name, op="family" if family else "name",
    )  # fmt: skip


def _condition_claim(statement: tree.Claim, frame: Frame) -> ClaimItem | None:
    test = condition(statement.value, frame)
    if test is None:
        return None
    return _item(statement, frame, sort="condition", left=test.node, value=test)


# ------------------------------------------------------------------------------- the statements


def _refuse(statement: tree.Refuse, frame: Frame) -> RefuseItem:
    """Check an expression alone: what it says is kept apart from the messages of the file."""
    context = frame.context
    problems, seen = context.problems, context.seen
    context.problems, context.seen = [], set()
    try:
        evaluate(statement.value, frame.local())
        found = tuple(context.problems)
    finally:
        context.problems, context.seen = problems, seen
    formula = print_expr(statement.value)
    return RefuseItem(statement.code, statement.title, found, formula, statement.span)


def _show(statement: tree.Show, frame: Frame) -> ShowItem | None:
    value = evaluate(statement.value, frame)
    if value == POISON:
        return None
    if statement.unit and not _in_unit(statement, value, frame):
        return None
    text = print_expr(statement.value)
    return ShowItem(
        statement.title, text, value, statement.unit, statement.columns, statement.span, frame
    )


def _in_unit(statement: tree.Show, value: Value, frame: Frame) -> bool:
    """Whether the value can be shown in the unit that is asked for."""
    unit = frame.module.units.parse(statement.unit)
    shown = value.default if isinstance(value, Record) else value
    if isinstance(value, Record) and "value" in value.fields:
        shown = value.fields["value"]
    if not isinstance(unit, Unit):
        near = f"did you mean `{unit.instead}`?" if unit.instead else ""
        frame.context.report(unit.code, unit.title, statement.span, help_=near)
        return False
    if isinstance(shown, Quantity) and shown.dimension != unit.dim:
        title = f"this cannot be shown in `{statement.unit}`"
        notes = (f"it is {shown.dimension}, and `{statement.unit}` is {unit.dim}",)
        frame.context.report("P202", title, statement.span, notes=notes)
        return False
    return True


def read_analysis(
    node: tree.Analysis,
    module: Module,
    policy: Value | None,
    scenarios: tuple[Declared | None, ...] = (),
) -> AnalysisProgram:
    """An analysis, every statement of it checked."""
    frame = open_frame(node, module, policy, scenarios)
    shows, claims, refusals, observations, solves = [], [], [], [], []
    for name in list(frame.bindings):
        frame.own(name)
    for statement in node.body:
        match statement:
            case tree.Show():
                shows.append(_show(statement, frame))
            case tree.Claim():
                claims.append(_claim(statement, frame))
            case tree.Refuse():
                refusals.append(_refuse(statement, frame))
            case tree.Observe():
                observations.append(_observe(statement, frame))
            case tree.Solve():
                solves.append(solve_item(statement, frame))
            case tree.Let() | tree.Function() | tree.Unknown() | tree.Resident():
                pass
            case tree.Table() | tree.DataRows() | tree.DataFile() | tree.Fit():
                title = f"`{statement.word}` is read, but not evaluated yet"
                frame.context.report("P008", title, statement.span)
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
        _hypotheses(node, kept, frame),
        definitions,
        unknowns,
        node.span,
    )


def _hypotheses(
    node: tree.Analysis, observations: list[ObserveItem], frame: Frame
) -> tuple[Hypothesis, ...]:
    """What is assumed of each subject: nothing, and each set of scenarios that a solve names."""
    found: dict[tuple[str, tuple[object, ...]], Hypothesis] = {}
    for statement in node.body:
        if not isinstance(statement, tree.Solve) or isinstance(statement.source, tree.Compare):
            continue
        _, items = split(statement.source)
        inputs = _inputs_of(items, frame)
        item = solve_item(statement, frame)
        if inputs is None or item is None:
            continue
        key = (item.subject, tuple(s.node for s in inputs[1]))
        if key not in found:
            found[key] = _hypothesis(item.subject, inputs[1], observations, frame)
    for observed in observations:
        key = (observed.subject, ())
        if key not in found:
            found[key] = _hypothesis(observed.subject, (), observations, frame)
    return tuple(found.values())


def _hypothesis(
    subject: str,
    scenarios: tuple[Declared, ...],
    observations: list[ObserveItem],
    frame: Frame,
) -> Hypothesis:
    cases = []
    for item in observations:
        if item.subject != subject:
            continue
        case = _case(item, scenarios, frame)
        if case is not None:
            cases.append((item, *case))
    names = tuple(str(getattr(s.node, "name", "")) for s in scenarios)
    return Hypothesis(subject, names, tuple(cases))


def _case(
    item: ObserveItem, scenarios: tuple[Declared, ...], frame: Frame
) -> tuple[Quantity, Quantity] | None:
    """An observation's target under the scenarios of a hypothesis and its own."""
    assert frame.analysis is not None
    for statement in frame.analysis.body:
        if isinstance(statement, tree.Observe) and statement.span == item.span:
            base, items = split(statement.target)
            inputs = _inputs_of(items, frame)
            if inputs is None:
                return None
            world, own = inputs
            more = tuple(s for s in scenarios if all(s.node is not o.node for o in own))
            return read_under(base, world, (*own, *more), frame, item.span)
    return None
