"""Operators: what one application works (by kind) and moves (by role and direction)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from perfdsl.diagnostics import Span
from perfdsl.records import dataclass, field
from perfdsl.semantics.arithmetic import shown
from perfdsl.semantics.dimensions import PURE, Dimension, base
from perfdsl.semantics.graph import STAND_IN, Graph, Input
from perfdsl.semantics.laws import Law, as_bytes, law_of
from perfdsl.semantics.possible import not_negative
from perfdsl.semantics.quantities import as_quantity, quantity
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.sends import MESSAGES, RECEIVED, SENT, Send, sends_of, sent_record
from perfdsl.semantics.templates import Sketch, sketch
from perfdsl.semantics.types import Type
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import (
    POISON,
    Applied,
    AtLevel,
    Condition,
    Instance,
    Key,
    Kind,
    LinkName,
    Quantity,
    Record,
    Role,
    Value,
    Words,
)
from perfdsl.syntax import tree

BYTE = base("B")
# Work and bytes of this kind or role are served by every port, or counted for no one in particular.
ANY = "any"


@dataclass(frozen=True, slots=True)
class Work:
    """Work of one kind, counted in one unit (op, MAC or FLOP)."""

    kind: str
    unit: Dimension
    node: int
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Flow:
    """Bytes of one role, read or written; where there are laws they say what crosses each level,
    and the node is 0."""

    direction: str
    role: str
    node: int
    laws: tuple[Law, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One operator of a model: how often it runs, and what one run of it works and moves.

    index: which turns of a `repeat` it stands for, such as `l mod 6 = 5`.
    """

    name: str
    operator: str
    count: int
    index: str
    work: tuple[Work, ...]
    flows: tuple[Flow, ...]
    sends: tuple[Send, ...]
    span: Span


class Counts(NamedTuple):
    """What one application of an operator works, moves and sends."""

    work: tuple[Work, ...]
    flows: tuple[Flow, ...]
    sends: tuple[Send, ...]


def counts_of(body: tuple[tree.Statement, ...], frame: Frame) -> Counts:
    """What the statements of an operator (or of `use { ... }`) say; mistakes are reported."""
    work: list[Work] = []
    flows: list[Flow] = []
    for statement in body:
        match statement:
            case tree.Work():
                work.extend(_work(statement, frame))
            case tree.Flow():
                flows.extend(_flow(statement, frame))
            case _:
                pass
    sends = sends_of([s for s in body if isinstance(s, tree.Send)], frame)
    graph = frame.context.graph
    found = _lost(frame) if sends is None else sends
    return Counts(_merged_work(work, graph), _merged_flows(flows, graph), tuple(found))


def _lost(frame: Frame) -> list[Any]:
    """No work or bytes, because of a mistake that was reported: what is made of it says nothing."""
    frame.context.lost += 1
    return []


def _work(statement: tree.Work, frame: Frame) -> list[Work]:
    named = frame.find(statement.kind)
    kind = named.name if isinstance(named, Kind) else statement.kind
    value = quantity(statement.value, frame)
    if value is None:
        return _lost(frame)
    if value.dim is None:
        return []
    if value.dimension.exponents not in {((name, 1),) for name in ("op", "MAC", "FLOP")}:
        title = "work is counted in op, MAC or FLOP"
        help_ = "multiply the count by `1 MAC` or `1 op`" if value.dim == PURE else ""
        notes = (f"found {value.dimension}",)
        span = statement.value.span
        frame.context.report("P202", title, span, shown(value), notes=notes, help_=help_)
        return _lost(frame)
    if value.kinds is not None and kind not in {*value.kinds, ANY}:
        title = f"this is {', '.join(sorted(value.kinds))} work, not {kind}"
        frame.context.report("P209", title, statement.value.span, shown(value))
        return _lost(frame)
    if not not_negative(value, "this work is", statement.value, frame):
        return _lost(frame)
    return [Work(kind, value.dimension, value.node, statement.span)]


def _flow(statement: tree.Flow, frame: Frame) -> list[Flow]:
    role = frame.find(statement.role)
    name = role.name if isinstance(role, Role) else statement.role
    if statement.supplier:
        law = law_of(statement, frame)
        if law is None:
            return _lost(frame)
        return [Flow(statement.direction, name, frame.context.graph.const(0.0), (law,))]
    value = as_bytes(frame.context.evaluate(statement.value, frame), statement, frame)
    if value is None or not not_negative(value, "these bytes are", statement.value, frame):
        return _lost(frame)
    return [] if value.dim is None else [Flow(statement.direction, name, value.node)]


def _merged_work(work: list[Work], graph: Graph) -> tuple[Work, ...]:
    parts: dict[tuple[str, Dimension], list[int]] = {}
    spans = {(item.kind, item.unit): item.span for item in reversed(work)}
    for item in work:
        parts.setdefault((item.kind, item.unit), []).append(item.node)
    return tuple(
        Work(kind, unit, graph.total(nodes), spans[kind, unit])
        for (kind, unit), nodes in parts.items()
    )


def _merged_flows(flows: list[Flow], graph: Graph) -> tuple[Flow, ...]:
    parts: dict[tuple[str, str], list[int]] = {}
    laws: dict[tuple[str, str], tuple[Law, ...]] = {}
    for item in flows:
        way = item.direction, item.role
        if item.laws:
            laws[way] = (*laws.get(way, ()), *item.laws)
        else:
            parts.setdefault(way, []).append(item.node)
    plain = tuple(Flow(*way, graph.total(nodes)) for way, nodes in parts.items())
    return plain + tuple(Flow(*way, graph.const(0.0), found) for way, found in laws.items())


# ------------------------------------------------------------------- an operator on its own


def applied_step(value: Applied, name: str, frame: Frame) -> Step:
    """The one step of an applied operator."""
    node = value.origin.node
    assert isinstance(node, tree.Operator)
    key = ("moved", value.frame)
    counts = frame.context.remembered(key, lambda: _counted(node, value.frame))
    one = frame.context.graph.const(1.0)
    return Step(name or value.name, value.name, one, "", *counts, node.head)


def _counted(node: tree.Operator, frame: Frame) -> Counts:
    return _filled_in(node, frame) or _read(node, frame)


def _filled_in(node: tree.Operator, frame: Frame) -> Counts | None:
    """The counts of an operator that was made from a template, as made from its counts."""
    context = frame.context
    if frame not in context.filled:
        return None
    home, given = context.filled[frame]
    if home.frame not in context.sketches:
        found = sketch(lambda: _read(node, home.frame), _nodes_of, given, context)
        context.sketches[home.frame] = found
    known: Sketch[Counts] | None = context.sketches[home.frame]
    nodes = known.filled(given, context) if known is not None else None
    if known is None or nodes is None:
        return None
    work, flows, _ = known.made
    return Counts(
        tuple(Work(w.kind, w.unit, nodes.get(w.node, w.node), w.span) for w in work),
        tuple(Flow(f.direction, f.role, nodes.get(f.node, f.node)) for f in flows),
        (),
    )


def _nodes_of(counts: Counts) -> list[int]:
    return [w.node for w in counts.work] + [f.node for f in counts.flows]


def _read(node: tree.Operator, frame: Frame) -> Counts:
    frame.context.working.append(node)
    try:
        return counts_of(node.body, frame)
    finally:
        frame.context.working.pop()


def applied_record(value: Applied, frame: Frame) -> Value:
    """The fields of an applied operator: work, bytes, intensity, and its own definitions."""
    lost = frame.context.lost
    step = applied_step(value, "", frame)
    if frame.context.lost > lost or frame.context.has_gaps(value.origin.node.span):
        return POISON
    node = value.origin.node
    assert isinstance(node, tree.Operator)
    own = Instance("operator", value.name, value.origin, value.frame, {}, {}, Key())
    fields = step_fields(step, frame.context.graph)
    return Record(f"the operator `{value.name}`", fields, instance=own)


def step_fields(step: Step, graph: Graph) -> dict[str, Value]:
    """work, bytes, read, write and intensity of one run of a step."""
    work, total = work_record(step.work), bytes_record(step.flows, graph)
    fields: dict[str, Value] = {
        "name": Words(step.name),
        "count": Quantity(step.count),
        "index": Words(step.index),
        "work": work,
        "bytes": total,
        "read": bytes_record([f for f in step.flows if f.direction == "read"], graph),
        "write": bytes_record([f for f in step.flows if f.direction == "write"], graph),
        **{part: sent_record(step.sends, part, graph) for part in (SENT, RECEIVED, MESSAGES)},
    }
    if isinstance(work.default, Quantity) and isinstance(total.default, Quantity):
        node = graph.ratio(work.default.node, total.default.node)
        dim = work.default.dimension / BYTE
        fields["intensity"] = Quantity(node, dim, "", work.default.kinds)
    elif isinstance(total.default, AtLevel):
        fields["intensity"] = total.default
    return fields


def work_record(work: tuple[Work, ...] | list[Work]) -> Record:
    """Work by kind: `x.work[int8]`, and by unit where a kind has two: `x.work[fp32][MAC]`.

    The whole is a quantity only if there is one kind, counted in one unit.
    """
    units: dict[str, dict[str, Value]] = {}
    for item in work:
        value = Quantity(item.node, item.unit, "", kinds_of(item.kind))
        units.setdefault(item.kind, {})[str(item.unit)] = value
    rows = {kind: _of_kind(kind, parts) for kind, parts in units.items()}
    default = next(iter(rows.values())) if len(work) == 1 else None
    parts = tuple((item.unit, item.node) for item in work)
    return Record("work of several kinds or units", {}, rows, default, parts=parts)


def _of_kind(kind: str, units: dict[str, Value]) -> Value:
    """Work of one kind: a quantity, or one for each unit in which it is counted."""
    if len(units) == 1:
        return next(iter(units.values()))
    parts = tuple((v.dimension, v.node) for v in units.values() if isinstance(v, Quantity))
    return Record(f"{kind} work, counted in several units", {}, units, parts=parts)


def kinds_of(kind: str) -> frozenset[str] | None:
    return None if kind == ANY else frozenset({kind})


def bytes_record(flows: tuple[Flow, ...] | list[Flow], graph: Graph) -> Record:
    """Bytes by role: `x.bytes[weights]`; the whole is their sum."""
    parts: dict[str, list[int]] = {}
    for flow in flows:
        parts.setdefault(flow.role, []).append(flow.node)
    rows: dict[str, Value] = {
        role: Quantity(graph.total(nodes), BYTE) for role, nodes in parts.items()
    }
    lawful = [AtLevel(flow.role, flow.laws[0].span) for flow in flows if flow.laws]
    rows.update((item.role, item) for item in lawful)
    total = Quantity(graph.total([flow.node for flow in flows]), BYTE)
    return Record("bytes by role", {}, rows, lawful[0] if lawful else total)


# ------------------------------------------------------------------------- stand-ins


def abstract(wanted: Type, param: tree.Param, frame: Frame) -> Value:
    """A stand-in for a parameter without a value, so that a body can be checked on its own."""
    match wanted.sort:
        case "Quantity":
            unit = Unit("", 1.0, wanted.dim, wanted.tag)
            nan = float("nan")
            item = Input(
                param.name, nan, nan, nan, wanted.dim, unit, param.span, STAND_IN, named=True
            )
            return Quantity(frame.context.graph.add("input", (), item), wanted.dim, wanted.tag)
        case "Format":
            return _abstract_format(param, frame)
        case "Role":
            return Role(param.name)
        case "Kind":
            return Kind(param.name)
        case "Link":
            return LinkName(param.name, param.span)
        case "Label":
            return Words("")
        case "Bool":
            nan = float("nan")
            item = Input(
                param.name, nan, nan, nan, PURE, Unit("", 1.0, PURE), param.span, STAND_IN,
                named=True,
            )  # fmt: skip
            return Condition(frame.context.graph.add("input", (), item))
        case _:
            return POISON


def _abstract_format(param: tree.Param, frame: Frame) -> Value:
    number = Type("Quantity")
    size = Type("Quantity", BYTE)
    fields: Mapping[str, Value] = {
        "block": abstract(number, param, frame),
        "bytes": abstract(size, param, frame),
        "value": abstract(size, param, frame),
    }
    return Record(f"the format `{param.name}`", fields)


def pure(value: Value, span: Span, what: str, frame: Frame) -> Quantity | None:
    """A number without a unit; None: reported."""
    number = as_quantity(value, span, frame)
    if number is not None and number.dimension != PURE:
        title = f"{what} is a number without a unit"
        help_ = f"divide by a quantity in {number.dimension} first"
        if number.dimension.names <= frame.module.units.counted:
            help_ = "`count(x)` is the bare number of a count"
        frame.context.report("P208", title, span, shown(number), help_=help_)
        return None
    return number
