"""Models: their operators in order, with how often each one runs.

Identical turns of a `repeat` stay one step times their number. Where the body asks only for
`mod(l, 6)`, there are six classes of turns, each counted by a formula, so that the number of
layers may be anything, even unknown. Only a body that uses its index otherwise is unrolled.
"""

from __future__ import annotations

import math

from perfdsl.diagnostics import Label, Span
from perfdsl.records import dataclass, replace
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.fields import bind_load, under, value_key
from perfdsl.semantics.graph import STAND_IN
from perfdsl.semantics.operators import Counts, Step, applied_step, counts_of
from perfdsl.semantics.places import misplaced
from perfdsl.semantics.scope import Frame, parts
from perfdsl.semantics.values import POISON, Applied, Instance, Interval, Quantity
from perfdsl.syntax import tree

MAX_TURNS = 1_000_000
MAX_UNROLLED = 20_000
LARGEST_MODULUS = 64


@dataclass(slots=True)
class Shapes:
    """What each named use takes and gives for a row, so that `of` can hold them together."""

    outputs: dict[str, tuple[Quantity, Span]]
    names: dict[str, Span]


def steps_of(model: Instance, frame: Frame) -> list[Step]:
    """The steps of a model under the workload in force; mistakes are reported.

    They depend on nothing else of the world: scenarios of the hardware share them.
    """
    context = frame.context
    load = frame.world.load
    key = (value_key(model), value_key(load) if load is not None else None)
    if key not in context.steps:
        before = len(context.problems), context.lost
        steps = _all_steps(model, frame)
        if (len(context.problems), context.lost) != before:
            return steps
        context.steps[key] = tuple(steps)
    return list(context.steps[key])


def _all_steps(model: Instance, frame: Frame) -> list[Step]:
    made = under(model, frame.world)
    bind_load(made.frame)
    node = made.origin.node
    assert isinstance(node, tree.Model)
    frame.context.lost += frame.context.has_gaps(node.span)
    one = frame.context.graph.const(1.0)
    return _steps(node.body, made.frame, one, "", Shapes({}, {}))


def _steps(
    body: tuple[tree.Statement, ...], frame: Frame, count: int, index: str, shapes: Shapes
) -> list[Step]:
    found: list[Step] = []
    _named_twice(body, frame)
    for statement in body:
        match statement:
            case tree.Use():
                found.extend(_use(statement, frame, count, index, shapes))
            case tree.Repeat():
                found.extend(_repeat(statement, frame, count, index, shapes))
            case tree.Let() | tree.Function() | tree.Assign():
                pass
            case _:
                misplaced(statement, "model", frame)
    return found


# ---------------------------------------------------------------------------------------- use


def _named_twice(body: tuple[tree.Statement, ...], frame: Frame) -> None:
    """`use ... as x` twice in one block; without `as` each goes by its operator's name."""
    first: dict[str, Span] = {}
    for statement in body:
        if isinstance(statement, tree.Use) and statement.name:
            if statement.name in first:
                title = f"two operators of this block are called `{statement.name}`"
                why = (Label(first[statement.name], "the first one"),)
                frame.context.report("P102", title, statement.span, why=why)
            first.setdefault(statement.name, statement.span)


def _use(statement: tree.Use, frame: Frame, count: int, index: str, shapes: Shapes) -> list[Step]:
    if isinstance(statement.what, tree.Inline):
        counts = counts_of(statement.what.body, frame)
        name = statement.name or "(unnamed)"
        return [Step(name, "", count, index, *counts, statement.span)]
    value = _applied(statement.what, frame)
    if not isinstance(value, Applied):
        frame.context.lost += 1
        shapes.names.setdefault(statement.name or statement.what.path[-1], statement.span)
        return []
    name = statement.name or value.name
    _meet(statement, value, name, frame, shapes)
    step = applied_step(value, name, frame)
    frame.context.lost += frame.context.has_gaps(value.origin.node.span)
    moves = step.work, step.flows, step.sends
    return [Step(name, step.operator, count, index, *moves, statement.span)]


def _applied(what: tree.Applied, frame: Frame) -> object:
    place = Span(what.span.source, what.span.start, what.span.start + len(what.path[0]))
    func: tree.Expr = tree.Name(what.path[0], span=place)
    for name in what.path[1:]:
        func = tree.Field(func, name, span=what.span)
    value = evaluate(tree.Call(func, what.args, span=what.span), frame)
    if value != POISON and not isinstance(value, Applied):
        frame.context.report("P302", "`use` needs an operator", what.span)
    return value


def _meet(statement: tree.Use, value: Applied, name: str, frame: Frame, shapes: Shapes) -> None:
    """`use a(...) of b`: what b gives for a row is what a takes."""
    takes, gives = value.frame.own("input"), value.frame.own("output")
    if statement.source:
        _of(statement, takes, name, frame, shapes)
    if isinstance(gives, Quantity):
        shapes.outputs[name] = (gives, statement.span)
    shapes.names.setdefault(name, statement.span)


def _of(statement: tree.Use, takes: object, name: str, frame: Frame, shapes: Shapes) -> None:
    report = frame.context.report
    if statement.source not in shapes.names and statement.source in frame.module.doubtful:
        return
    if statement.source not in shapes.names:
        known = ", ".join(shapes.names) or "none yet"
        title = f"no `use` above is called `{statement.source}`"
        help_ = f"above stand: {known}"
        report("P101", title, statement.span, help_=help_, missing=statement.source)
        return
    source = shapes.outputs.get(statement.source)
    if source is None or not isinstance(takes, Quantity):
        return
    number = frame.context.graph.number
    have, want = number(source[0].node), number(takes.node)
    if have is not None and want is not None and have != want:
        title = f"`{name}` takes rows of {want:g}, and `{statement.source}` gives rows of {have:g}"
        why = (Label(source[1], f"gives {have:g} values a row"),)
        report("P407", title, statement.span, f"takes {want:g} values a row", why=why)


# ------------------------------------------------------------------------------------- repeat


def _repeat(
    statement: tree.Repeat, frame: Frame, count: int, index: str, shapes: Shapes
) -> list[Step]:
    ends = evaluate(statement.over, frame)
    if not isinstance(ends, Interval):
        return []
    found: list[Step] = []
    _named_twice(statement.body, frame)
    for inner in statement.body:
        one = replace(statement, body=(inner,))
        found.extend(_repeated(one, ends, frame, count, index, shapes))
    return found


def _repeated(
    statement: tree.Repeat, ends: Interval, frame: Frame, count: int, index: str, shapes: Shapes
) -> list[Step]:
    """The steps of one statement under a repeat."""
    moduli = _moduli(statement.body, statement.var, frame)
    if moduli is None:
        return _unrolled(statement, ends, frame, count, index, shapes)
    graph = frame.context.graph
    classes = math.lcm(*moduli) if moduli else 1
    if classes > MAX_UNROLLED:
        return _unrolled(statement, ends, frame, count, index, shapes)
    if not frame.context.spend(classes, statement.over.span) or _runs_backwards(
        statement, ends, frame
    ):
        return []
    found: list[Step] = []
    for residue in range(classes):
        turns = graph.product([count, _turns(ends, residue, classes, frame)])
        turn = Quantity(graph.const(residue), ends.low.dim, ends.low.tag)
        inner = frame.local(**{statement.var: turn})
        label = f"{statement.var} mod {classes} = {residue}" if classes > 1 else ""
        found.extend(_steps(statement.body, inner, turns, _join(index, label), shapes))
    return merged(found, frame)


def _runs_backwards(statement: tree.Repeat, ends: Interval, frame: Frame) -> bool:
    """Whether a range ends before it begins, and not just where it begins; True: reported."""
    turns = frame.context.graph.number(_turns(ends, 0, 1, frame))
    if turns is None or turns >= 0:
        return False
    title = f"this runs {turns:.0f} times: its range ends before it begins"
    frame.context.report("P306", title, statement.over.span)
    frame.context.lost += 1
    return True


def _join(outer: str, inner: str) -> str:
    return ", ".join(part for part in (outer, inner) if part)


def _turns(ends: Interval, residue: int, classes: int, frame: Frame) -> int:
    """How many l in low .. high have l mod classes = residue, as a formula."""
    graph = frame.context.graph
    low, high = ends.low.node, ends.high.node
    one = graph.const(1.0)
    if not ends.open:
        high = graph.total([high, one])
    if classes == 1:
        start_at_zero = graph.nodes[low].op == "const" and graph.nodes[low].data == 0
        return high if start_at_zero else graph.total([high, low], (1, -1))
    shift = graph.const(float(classes - 1 - residue))
    size = graph.const(float(classes))

    def below(node: int) -> int:
        return graph.add("floor", (graph.ratio(graph.total([node, shift]), size),))

    return graph.total([below(high), below(low)], (1, -1))


def _moduli(body: tuple[tree.Statement, ...], var: str, frame: Frame) -> list[int] | None:
    """The constants c of the body's mod(var, c); None where it uses its index otherwise."""
    found: set[int] = set()
    todo: list[tree.Node] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, tree.Name) and node.id == var:
            return None
        if isinstance(node, tree.Repeat) and node.var == var:
            todo.append(node.over)
            continue
        modulus = _mod_of(node, var, frame)
        if modulus is not None:
            found.add(modulus)
            continue
        todo.extend(parts(node))
    return sorted(found)


def _mod_of(node: tree.Node, var: str, frame: Frame) -> int | None:
    """The c of `mod(var, c)`, a small whole number that is written or has a name."""
    match node:
        case tree.Call(
            func=tree.Name(id="mod"),
            args=(tree.Argument(value=tree.Name(id=name)), tree.Argument(value=divisor)),
        ) if name == var and isinstance(divisor, tree.Number | tree.Name):
            value = evaluate(divisor, frame)
            number = frame.context.graph.number(value.node) if isinstance(value, Quantity) else None
            if number is not None and number == round(number) and 1 <= number <= LARGEST_MODULUS:
                return round(number)
    return None


def _unrolled(
    statement: tree.Repeat, ends: Interval, frame: Frame, count: int, index: str, shapes: Shapes
) -> list[Step]:
    limits = turns_of(ends, statement.over.span, frame)
    if limits is None:
        return []
    found: list[Step] = []
    graph = frame.context.graph
    for turn in range(*limits):
        value = Quantity(graph.const(turn), ends.low.dim, ends.low.tag)
        inner = frame.local(**{statement.var: value})
        label = _join(index, f"{statement.var} = {turn}")
        found.extend(_steps(statement.body, inner, count, label, shapes))
    return merged(found, frame)


def turns_of(ends: Interval, span: Span, frame: Frame) -> tuple[int, int] | None:
    """The whole numbers of a range, as for Python's range; None: reported."""
    number = frame.context.graph.number
    low, high = number(ends.low.node), number(ends.high.node)
    if (low is None or high is None) and _stands_in(ends, frame):
        # A body that is checked on its own is read for one turn.
        first = round(low) if low is not None else 0
        return first, first + 1
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        title = "the ends of this range must be numbers, since what runs over it uses its index"
        frame.context.report("P505", title, span)
        return None
    if low != round(low):
        frame.context.report("P305", "a range runs over whole numbers", span)
        return None
    first, last = round(low), math.ceil(high) if ends.open else math.floor(high) + 1
    if last - first > MAX_TURNS:
        turns = f"{last - first:,}" if last - first < 10**15 else f"{float(last - first):.3g}"
        title = f"this runs {turns} times; the limit is {MAX_TURNS:,}"
        frame.context.report("P706", title, span)
        return None
    if last - first > MAX_UNROLLED:
        title = (
            f"this runs {last - first:,} times, each with its own formula: at most {MAX_UNROLLED:,}"
        )
        frame.context.report("P706", title, span)
        return None
    if not frame.context.spend(max(last - first, 0), span):
        return None
    return first, max(first, last)


def _stands_in(ends: Interval, frame: Frame) -> bool:
    """Whether the ends of a range wait for a parameter that is not given yet."""
    inputs = frame.context.graph.inputs([ends.low.node, ends.high.node])
    return any(source.sort == STAND_IN for source in inputs)


# -------------------------------------------------------------------------------------- merging


def merged(steps: list[Step], frame: Frame) -> list[Step]:
    """Steps that do the same under one name become one, counted together, in their order."""
    graph = frame.context.graph
    groups: dict[tuple[str, Counts], list[Step]] = {}
    for step in steps:
        what = step.name, Counts(step.work, step.flows, step.sends)
        groups.setdefault(what, []).append(step)
    found = []
    for same in groups.values():
        if len(same) == 1:
            found.append(same[0])
            continue
        count = graph.total([step.count for step in same])
        found.append(replace(same[0], count=count, index=_indices(same)))
    return found


def _indices(same: list[Step]) -> str:
    """The turns that merged steps stand for: `l mod 6 = 0, 1, 2, 3, 4`."""
    names = [step.index for step in same if step.index]
    if len(names) < len(same):
        return ""
    head, _, _ = names[0].rpartition("=")
    if all(name.rpartition("=")[0] == head for name in names):
        values = [name.rpartition("=")[2].strip() for name in names]
        return f"{head}= {', '.join(values)}" if len(values) <= 8 else f"{head}= {values[0]} ..."
    return ""
