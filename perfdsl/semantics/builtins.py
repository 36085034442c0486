"""The functions of the language: one row each in the tables at the end."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import partial

from perfdsl.diagnostics import Label
from perfdsl.semantics.access import capacity
from perfdsl.semantics.arithmetic import BRIDGES, Operand, shown, unify
from perfdsl.semantics.data import kept_rows
from perfdsl.semantics.dimensions import PURE, WORK, Dimension, base
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.folding import fold
from perfdsl.semantics.gathering import GATHERERS, most
from perfdsl.semantics.graph import Graph, Residency, Term
from perfdsl.semantics.measured import measured
from perfdsl.semantics.models import steps_of
from perfdsl.semantics.operators import abstract, applied_record, pure
from perfdsl.semantics.quantities import of_nothing, quantity
from perfdsl.semantics.runs import predict
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.searching import SEARCHES
from perfdsl.semantics.traffic import role_size
from perfdsl.semantics.values import (
    POISON,
    Builtin,
    Condition,
    Data,
    Instance,
    Nothing,
    Quantity,
    Record,
    Role,
    Value,
    Words,
    describe,
)
from perfdsl.syntax import tree

Function = Callable[[tree.Call, Frame], Value]
BYTE = base("B")


def _one(expr: tree.Call, frame: Frame, count: int = 1) -> list[Quantity] | None:
    """The quantities of a call with exactly `count` unnamed arguments; None: reported."""
    name = expr.func.id if isinstance(expr.func, tree.Name) else "this"
    if len(expr.args) != count or any(arg.name for arg in expr.args):
        plural = "argument" if count == 1 else "arguments"
        title = f"`{name}` takes {count} {plural}"
        frame.context.report("P301", title, expr.span)
        return None
    found = [quantity(arg.value, frame) for arg in expr.args]
    good = [value for value in found if value is not None]
    return good if len(good) == count else None


# ------------------------------------------------------------------------- max, min, rounding


def _extreme(op: str, expr: tree.Call, frame: Frame) -> Value:
    """`max(a, b)`, `max(a: x, b: y)`: the arguments keep their names for `bound by`."""
    operands, terms = [], []
    for arg in expr.args:
        value = quantity(arg.value, frame)
        if value is None:
            return POISON
        if of_nothing(arg.value, value) and len(expr.args) > 1:
            continue
        operands.append(Operand(value, arg.value.span))
        terms.append(_term(arg.name, arg.value, value))
    if not operands and expr.args:
        return Quantity(frame.context.graph.const(0.0), None)
    if not operands:
        return frame.context.report("P301", f"`{op}` needs at least one value", expr.span)
    return most(op, operands, terms, frame)


def _term(name: str, expr: tree.Expr, value: Quantity) -> Term:
    if name:
        return Term(name, value.term.family)
    if value.term.name:
        return value.term
    match expr:
        case tree.Name(id=id_):
            return Term(id_)
        case tree.Field(base=tree.Name(id=id_), name=field) if field == "time":
            return Term(id_)
        case tree.Field(name=field):
            return Term(field)
        case _:
            return Term("")


def _same_unit(op: str, expr: tree.Call, frame: Frame) -> Value:
    """abs, low, high: the unit stays."""
    found = _one(expr, frame)
    if found is None:
        return POISON
    value = found[0]
    node = frame.context.graph.add(op, (value.node,))
    return Quantity(node, value.dim, value.tag, value.kinds)


def _whole(op: str, expr: tree.Call, frame: Frame) -> Value:
    """floor, ceil: of a count, whatever it counts; of anything else the unit would decide."""
    found = _one(expr, frame)
    if found is None:
        return POISON
    value = found[0]
    counted = frame.module.units.counted
    if not value.dimension.names <= counted:
        title = f"`{op}` rounds a count, and this has a unit that could be another one"
        help_ = f"divide by the unit first: `{op}(x / (1 {value.dimension}))`"
        report = frame.context.report
        return report("P208", title, expr.span, shown(value), help_=help_)
    node = frame.context.graph.add(op, (value.node,))
    return Quantity(node, value.dim, value.tag, value.kinds)


def _sqrt(expr: tree.Call, frame: Frame) -> Value:
    found = _one(expr, frame)
    if found is None:
        return POISON
    value = found[0]
    node = frame.context.graph.add("sqrt", (value.node,))
    return Quantity(node, value.dimension ** Fraction(1, 2))


def _pure(op: str, expr: tree.Call, frame: Frame) -> Value:
    """exp, log2, log10: of a number without a unit."""
    found = _one(expr, frame)
    if found is None:
        return POISON
    value = pure(found[0], expr.args[0].span, f"the argument of `{op}`", frame)
    return POISON if value is None else Quantity(frame.context.graph.add(op, (value.node,)))


def _mod(expr: tree.Call, frame: Frame) -> Value:
    found = _one(expr, frame, 2)
    if found is None:
        return POISON
    left, right = found
    both = [Operand(q, arg.value.span) for q, arg in zip(found, expr.args, strict=True)]
    if right.dimension == PURE and not right.tag:
        both = both[:1]
    like = unify(frame.context, both, "divided with remainder")
    if like is None:
        return POISON
    graph = frame.context.graph
    turn, size = graph.nodes[left.node], graph.number(right.node)
    if turn.op == "const" and size:
        # The index of a class of turns: what is left over is a number, whatever the turn.
        return Quantity(graph.const(turn.data % size), left.dim, left.tag)
    return Quantity(graph.add("mod", (left.node, right.node)), left.dim, left.tag)


# ------------------------------------------------------------------------------ counts, kinds


def _count(expr: tree.Call, frame: Frame) -> Value:
    """`count(65 token)`: the bare number of a pure count; `count(runs)`: how many rows."""
    if len(expr.args) == 1 and not expr.args[0].name:
        whole = evaluate(expr.args[0].value, frame)
        if isinstance(whole, Data):
            return kept_rows(whole, len(whole.rows), whole.span, frame)
    found = _one(expr, frame)
    if found is None:
        return POISON
    value = found[0]
    names = value.dimension.names
    if len(names) > 1 or not names <= frame.module.units.counted:
        title = "`count` takes a pure count: token, core, layer, ..."
        return frame.context.report("P208", title, expr.span, shown(value))
    return Quantity(value.node)


def _any_kind(expr: tree.Call, frame: Frame) -> Value:
    found = _one(expr, frame)
    if found is None:
        return POISON
    return Quantity(found[0].node, found[0].dim, found[0].tag)


def _total(expr: tree.Call, frame: Frame) -> Value:
    """`total(run.work, 2 op/MAC)`: over kinds and units, by the bridges that are given."""
    report = frame.context.report
    if not expr.args:
        return report("P301", "`total` needs work, and bridges such as `2 op/MAC`", expr.span)
    work = evaluate(expr.args[0].value, frame)
    bridges = [quantity(arg.value, frame) for arg in expr.args[1:]]
    if work == POISON or None in bridges:
        return POISON
    if not isinstance(work, Record) or not work.rows:
        return report("P302", f"`total` adds work by kind, not {describe(work)}", expr.args[0].span)
    parts = work.parts
    given = [bridge for bridge in bridges if bridge is not None]
    target = _target({dim for dim, _ in parts}, given)
    nodes: list[int] = []
    for dim, node in parts:
        if dim == target:
            nodes.append(node)
            continue
        bridge = next((b for b in given if dim * b.dimension == target), None)
        if bridge is None:
            known = BRIDGES.get(frozenset({str(dim), str(target)}), "")
            title = f"work in {dim} and in {target} needs a bridge"
            return report("P203", title, expr.span, help_=f"add `{known}` to the arguments")
        nodes.append(frame.context.graph.product([node, bridge.node]))
    return Quantity(frame.context.graph.total(nodes), target)


def _target(found: set[Dimension], bridges: list[Quantity]) -> Dimension:
    """The unit that everything is added in: what the bridges lead to."""
    for bridge in bridges:
        for name in WORK:
            if bridge.dimension.exponent(name) == 1:
                return base(name)
    return next(iter(sorted(found, key=str)), base("op"))


# ----------------------------------------------------------------------------------- residency


def _fits(expr: tree.Call, frame: Frame) -> Value:
    """`fits(net.weights, cpu.l3)`: whether one pass of a role (or so many bytes) stays there."""
    report = frame.context.report
    if len(expr.args) != 2:
        return report("P301", "`fits` takes bytes (or net.ROLE) and a level", expr.span)
    level = evaluate(expr.args[1].value, frame)
    if level == POISON:
        return POISON
    if not isinstance(level, Instance) or level.sort not in {"cache", "memory"}:
        title = f"the second argument is a cache or memory, not {describe(level)}"
        return report("P302", title, expr.args[1].span)
    room = capacity(level)
    gaps = room is None and frame.context.has_gaps(level.origin.node.span)
    if room == POISON or gaps:
        return POISON
    if not isinstance(room, Quantity):
        return report("P406", f"`{level.name}` has no size", expr.args[1].span)
    sized = _sized(expr.args[0], frame)
    if sized is None:
        return POISON
    role, size = sized
    graph = frame.context.graph
    node = graph.add("compare", (size, room.node), "<=")
    each = level.frame.own("size")
    one_size = each.node if isinstance(each, Quantity) else -1
    graph.residencies[node] = Residency(role, level.name, (level.name,), size, room.node, one_size)
    return Condition(node)


def _sized(arg: tree.Argument, frame: Frame) -> tuple[str, int] | None:
    """The role and working set that the first argument of `fits` names."""
    expr = arg.value
    if isinstance(expr, tree.Field):
        owner = evaluate(expr.base, frame)
        if isinstance(owner, Instance) and owner.sort == "model":
            frame.context.read(frame.world.load_slot)
            lost = frame.context.lost
            steps = steps_of(owner, frame)
            if frame.context.lost > lost:
                return None
            size = role_size(steps, expr.name, frame.context.graph)
            if size is not None:
                return expr.name, size
            laws = [f.laws[0] for s in steps for f in s.flows if f.laws and f.role == expr.name]
            if laws:
                title = f"`{expr.name}` has no working set: a law says what crosses each level"
                why = (Label(laws[0].span, "its law"),)
                frame.context.report("P408", title, expr.span, why=why)
                return None
            roles = dict.fromkeys(f.role for s in steps for f in s.flows)
            title = f"no operator of `{owner.name}` moves `{expr.name}`"
            known = ", ".join(roles)
            help_ = f"roles: {known}"
            frame.context.report("P106", title, expr.span, help_=help_, missing=expr.name,
                                 follows=True)  # fmt: skip
            return None
    value = quantity(expr, frame)
    if value is None:
        return None
    if value.dim != BYTE:
        frame.context.report("P202", "`fits` compares bytes", expr.span, shown(value))
        return None
    return "these bytes", value.node


FUNCTIONS: dict[str, Function] = {
    "max": partial(_extreme, "max"),
    "min": partial(_extreme, "min"),
    "abs": partial(_same_unit, "abs"),
    "low": partial(_same_unit, "low"),
    "high": partial(_same_unit, "high"),
    "floor": partial(_whole, "floor"),
    "ceil": partial(_whole, "ceil"),
    "sqrt": _sqrt,
    "exp": partial(_pure, "exp"),
    "log2": partial(_pure, "log2"),
    "log10": partial(_pure, "log10"),
    "mod": _mod,
    "count": _count,
    "any_kind": _any_kind,
    "total": _total,
    "fits": _fits,
    "predict": partial(predict, least=False),
    "ceiling": partial(predict, least=True),
    "measured": measured,
}


# Doors for modules that stand below this one.
INTERNAL: dict[str, Callable[..., Value]] = {
    "abstract": abstract,
    "applied": applied_record,
    "fold": fold,
}


def words(graph: Graph) -> dict[str, Value]:
    """The names that the language itself knows."""
    found: dict[str, Value] = {
        name: Builtin(name) for name in {**FUNCTIONS, **GATHERERS, **SEARCHES}
    }
    found["none"] = Nothing()
    found["true"] = Condition(graph.const(1.0))
    found["false"] = Condition(graph.const(0.0))
    found["cold"] = Words("cold")
    found["repeated"] = Words("repeated")
    for role in ("weights", "activations", "kv"):
        found[role] = Role(role)
    return found
