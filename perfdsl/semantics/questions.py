"""Questions: what a `solve` asks, which observations answer it, and what is assumed meanwhile."""

from __future__ import annotations

from functools import partial

from perfdsl.diagnostics import did_you_mean
from perfdsl.semantics.arithmetic import Operand, unify
from perfdsl.semantics.graph import Input
from perfdsl.semantics.observations import inputs_of, observed_value, read_under, split, world_key
from perfdsl.semantics.program import (
    AnswerPart,
    Hypothesis,
    ObserveItem,
    SolveItem,
)
from perfdsl.semantics.quantities import as_quantity, quantity
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import (
    POISON,
    Declared,
    Later,
    Quantity,
    Record,
    Value,
)
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr


def solve_item(statement: tree.Solve, frame: Frame) -> SolveItem | None:
    """The question that a `solve` asks; one for each statement and frame."""
    key = ("solve", statement.span, id(frame))
    known = frame.context.solves.get(key)
    if known is None:
        known = frame.context.solves[key] = _solve(statement, frame)
    return known if isinstance(known, SolveItem) else None


def _solve(statement: tree.Solve, frame: Frame) -> SolveItem | None:
    unknowns = unknowns_of(statement, frame)
    if unknowns is None:
        return None
    if isinstance(statement.source, tree.Compare):
        return _relation(statement, statement.source, unknowns, frame)
    base, items = split(statement.source)
    inputs = inputs_of(items, frame)
    value = quantity(statement.source, frame)
    if value is None or inputs is None:
        return None
    world, scenarios = inputs
    found = _matching(statement, base, world_key(world), scenarios, frame)
    if found is None:
        return None
    observed, subject = found
    each = [as_quantity(observed_value(o, frame), o.value.span, frame) for o in observed]
    targets = [value for value in each if value is not None]
    if not targets:
        return None
    item = SolveItem(
        statement.name or ", ".join(statement.unknowns),
        unknowns,
        value.node,
        targets[0].node,
        "==",
        print_expr(statement.source),
        subject,
        None,
        tuple(getattr(s.node, "name", "") for s in scenarios),
        statement.span,
        tuple(target.node for target in targets[1:]),
        value.dimension,
    )
    return _entering(item, statement, frame)


def unknowns_of(statement: tree.Solve | tree.Fit, frame: Frame) -> tuple[int, ...] | None:
    """The inputs that a solve or fit asks for; None: reported."""
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
            if value != POISON and name not in frame.context.doubtful:
                frame.context.report("P502", title, statement.span, help_=help_, missing=name)
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
        None, (), statement.span, dim=left.dim or right.dimension,
    )  # fmt: skip
    return _entering(item, statement, frame)


def _entering(item: SolveItem, statement: tree.Solve, frame: Frame) -> SolveItem | None:
    """A question whose unknown does not occur in it has no answer worth giving."""
    needed = set(frame.context.graph.needed(item.roots))
    for name, node in zip(statement.unknowns, item.unknowns, strict=True):
        if node not in needed:
            title = f"`{name}` does not occur in what is solved, so nothing can be said about it"
            frame.context.report("P502", title, statement.source.span, follows=True)
            return None
    return item


def _matching(
    statement: tree.Solve,
    base: tree.Expr,
    key: object,
    scenarios: tuple[Declared, ...],
    frame: Frame,
) -> tuple[list[tree.Observe], str] | None:
    """The observations of this expression: one subject's, and of no scenario but these."""
    assert frame.analysis is not None
    nodes = [scenario.node for scenario in scenarios]
    found: list[tree.Observe] = []
    others: list[str] = []
    for other in frame.analysis.body:
        if not isinstance(other, tree.Observe):
            continue
        other_base, items = split(other.target)
        others.append(f"`{print_expr(other.target)}` by {other.subject}")
        inputs = inputs_of(items, frame)
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
    if not found and frame.context.has_gaps(frame.analysis.span):
        return None
    if not found:
        title = "nothing was observed of this"
        notes = tuple(f"observed: {name}" for name in dict.fromkeys(others)) or ("no observation",)
        help_ = "write an equation or an inequality, or observe it"
        place = statement.source.span
        frame.context.report("P501", title, place, notes=notes[:6], help_=help_, follows=True)
        return None
    return found, subjects[0]


def answered(statement: tree.Solve, frame: Frame) -> Value:
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


# ---------------------------------------------------------------------------------- hypotheses


def hypotheses(
    node: tree.Analysis, observations: list[ObserveItem], frame: Frame
) -> tuple[Hypothesis, ...]:
    """What is assumed of each subject: nothing, and each set of scenarios that a solve names."""
    found: dict[tuple[str, tuple[object, ...]], Hypothesis] = {}
    for statement in node.body:
        if not isinstance(statement, tree.Solve) or isinstance(statement.source, tree.Compare):
            continue
        _, items = split(statement.source)
        inputs = inputs_of(items, frame)
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
            inputs = inputs_of(items, frame)
            if inputs is None:
                return None
            world, own = inputs
            more = tuple(s for s in scenarios if all(s.node is not o.node for o in own))
            return read_under(base, world, (*own, *more), frame, item.span)
    return None
