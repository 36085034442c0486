"""Runs: a model or operator on a hardware under a policy: `predict` and `ceiling`."""

from __future__ import annotations

from collections.abc import Callable, Sized
from functools import partial

from perfdsl.diagnostics import Label, Severity, Span
from perfdsl.records import replace
from perfdsl.semantics.dimensions import base
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.fields import value_key
from perfdsl.semantics.graph import Graph
from perfdsl.semantics.laws import Law
from perfdsl.semantics.links import check_sends
from perfdsl.semantics.models import steps_of
from perfdsl.semantics.operators import (
    Flow,
    Step,
    Work,
    applied_step,
)
from perfdsl.semantics.parts import Part, Run, level_of, link_of, part_of
from perfdsl.semantics.quantities import as_quantity
from perfdsl.semantics.run_arguments import predicted_of
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.sends import added
from perfdsl.semantics.traffic import (
    derive,
    levels_of,
    role_size,
    starts_cold,
    working_sets,
)
from perfdsl.semantics.values import (
    POISON,
    Applied,
    Declared,
    Instance,
    Later,
    Quantity,
    Record,
    Value,
    Words,
)
from perfdsl.syntax import tree

S, BYTE = base("s"), base("B")

# What a run tells of the whole, and what of a part is for policies alone.
WHOLE = ("compute", "work", "bytes", "read", "write", "intensity", "sent", "received", "messages",
         "links")  # fmt: skip
INNER = {"levels", "links"}


def predict(expr: tree.Call, frame: Frame, least: bool) -> Value:
    """`predict(net, on: cpu, under: ecm)`: time, compute, work, bytes, each level, ops."""
    args = predicted_of(expr, frame)
    if args is None:
        return POISON
    target, hardware, policy = args
    least = least or frame.world.least
    context, world = frame.context, frame.world
    context.read(world.load_slot)
    context.read(world.policy_slot)
    load = value_key(world.load) if world.load is not None else None
    key: tuple[object, ...] = ("run", value_key(target), value_key(hardware), id(policy.node), load,
           world.resident, least)  # fmt: skip
    if isinstance(target, Applied):
        key = (*key, id(target))
    known = context.instances.get(key)
    if known is None:
        known = context.instances[key] = _run(target, hardware, policy, least, expr, frame)
    return known


def steps_for(target: Instance | Applied, frame: Frame) -> list[Step]:
    """The steps of a model, or the one of an operator."""
    if isinstance(target, Applied):
        frame.context.lost += frame.context.has_gaps(target.origin.node.span)
        return [applied_step(target, "", frame)]
    return steps_of(target, frame)


def _warn_of_no_memory(
    steps: list[Step], hardware: Instance, levels: Sized, expr: tree.Call, frame: Frame
) -> None:
    """Bytes that no level moves take no time, which is rarely what was meant."""
    node = hardware.origin.node
    if levels or frame.context.has_gaps(node.span) or not any(step.flows for step in steps):
        return
    assert isinstance(node, tree.Declaration)
    title = f"`{hardware.name}` has no memory: what is read and written takes no time"
    why = (Label(expr.span, "predicted here"),)
    help_ = "write `memory dram { bandwidth = 60 GB/s }`"
    frame.context.report(
        "P406", title, node.head, why=why, help_=help_, severity=Severity.WARNING, follows=True
    )


def _run(
    target: Instance | Applied,
    hardware: Instance,
    policy: Declared,
    least: bool,
    expr: tree.Call,
    frame: Frame,
) -> Value:
    before, lost = len(frame.context.problems), frame.context.lost
    frame.context.applying.append(expr.span)
    steps = steps_for(target, frame)
    frame.context.applying.pop()
    frame.context.lost += frame.context.has_gaps(hardware.origin.node.span)
    levels = levels_of(hardware)
    _warn_of_no_memory(steps, hardware, levels, expr, frame)
    cold = starts_cold(frame.world.load)
    traffic = derive(steps, levels, least, cold, frame)
    run = Run(steps, hardware, levels, traffic, policy, least, frame, expr.span)
    whole = part_of(run, summed(steps, run.graph))
    # Asked for at once, so that what no port serves is reported wherever the run is mentioned.
    check_sends(steps, hardware, frame)
    for name in ("compute", "levels", "links"):
        whole[name]
    broken = len(frame.context.problems) > before or frame.context.lost > lost
    makers: dict[str, Callable[[], Value]] = {
        "time": lambda: _time(run, whole),
        **{name: partial(whole.__getitem__, name) for name in WHOLE if name in whole},
        "ops": lambda: _table(run),
        "working_set": lambda: _sets(run),
        "hardware": lambda: hardware,
        **{level.name: partial(level_of, whole, at) for at, level in enumerate(levels)},
        **{link.name: partial(link_of, whole, link.name) for link in run.links},
    }
    what = "the ceiling" if least else "the prediction"
    if broken:
        # What it would be called is known, so that a misspelt name is still told; no value is.
        sent = (send.link for step in steps for send in step.sends)
        return Record(what, dict.fromkeys([*makers, *WHOLE, *sent], POISON))
    return Record(what, Later(makers))


def summed(steps: list[Step], graph: Graph) -> Step:
    """All steps as one: what the whole model works and moves."""
    work: dict[tuple[str, object], list[int]] = {}
    flows: dict[tuple[str, str], list[int]] = {}
    laws: dict[tuple[str, str], tuple[Law, ...]] = {}
    units = {}
    for step in steps:
        for item in step.work:
            units[str(item.unit)] = item.unit
            part = graph.product([step.count, item.node])
            work.setdefault((item.kind, str(item.unit)), []).append(part)
        for flow in step.flows:
            way = flow.direction, flow.role
            if flow.laws:
                laws[way] = (
                    *laws.get(way, ()),
                    *(_times(law, step.count, graph) for law in flow.laws),
                )
                continue
            flows.setdefault(way, []).append(graph.product([step.count, flow.node]))
    one = graph.const(1.0)
    spans = {(w.kind, str(w.unit)): w.span for s in reversed(steps) for w in s.work}
    all_work = tuple(
        Work(k, units[str(u)], graph.total(n), spans.get((k, str(u)))) for (k, u), n in work.items()
    )
    all_flows = tuple(Flow(way, role, graph.total(n)) for (way, role), n in flows.items())
    all_flows += tuple(Flow(*way, graph.const(0.0), found) for way, found in laws.items())
    span = steps[0].span if steps else Span.__new__(Span)
    sends = added([(step.count, send) for step in steps for send in step.sends], graph)
    return Step("all", "", one, "", all_work, all_flows, sends, span)


def _times(law: Law, count: int, graph: Graph) -> Law:
    return replace(law, factor=graph.product([law.factor, count]))


# -------------------------------------------------------------------------------------- policy


def _time(run: Run, whole: Part) -> Value:
    """The time under the policy: of the totals, or the sum over the operators."""
    node = run.policy.node
    assert isinstance(node, tree.Policy)
    if node.per == "model":
        return _under_policy(run, whole)
    graph = run.graph
    parts = []
    for step in run.steps:
        value = _under_policy(run, part_of(run, step))
        if not isinstance(value, Quantity):
            return POISON
        parts.append(graph.product([step.count, value.node]))
    return Quantity(graph.total(parts), S)


def _under_policy(run: Run, part: Part) -> Value:
    node = run.policy.node
    assert isinstance(node, tree.Policy)
    top = run.policy.module.top()
    inner = top.local(
        compute=part["compute"],
        levels=part["levels"],
        ports=part["ports"],
        links=part["links"],
    )
    value = as_quantity(evaluate(node.value, inner), node.value.span, run.frame)
    if value is None:
        return POISON
    if value.dim not in {S, None}:
        title = "a policy gives a time"
        notes = (f"expected s, found {value.dimension}",)
        return run.frame.context.report("P202", title, node.value.span, notes=notes)
    return Quantity(value.node, S, "", None, False, value.term)


# --------------------------------------------------------------------------------- the op table


def _table(run: Run) -> Value:
    """One row an operator: one run of it; `count` says how often it runs."""
    rows: dict[str, Value] = {}
    names = [step.name for step in run.steps]
    for step in run.steps:
        name = step.name
        if names.count(name) > 1:
            name = f"{name} ({step.index})" if step.index else f"{name} #{len(rows) + 1}"
        rows[name] = _row(run, step, name)
    return Record("the table of operators", {}, rows)


def _row(run: Run, step: Step, name: str) -> Record:
    part = part_of(run, step)
    makers: dict[str, Callable[[], Value]] = {
        **{key: partial(part.__getitem__, key) for key in part if key not in INNER},
        **{level.name: partial(level_of, part, at) for at, level in enumerate(run.levels)},
        **{link.name: partial(link_of, part, link.name) for link in run.links},
        "name": lambda: Words(name),
        "time": lambda: _under_policy(run, part),
        "share": lambda: _share(run, step, part),
    }
    return Record(f"the operator `{name}`", Later(makers))


def _share(run: Run, step: Step, part: Part) -> Value:
    """The part of the time of all operators that this one takes, all its runs together."""
    graph = run.graph
    own = _under_policy(run, part)
    if not isinstance(own, Quantity):
        return POISON
    all_times = []
    for other in run.steps:
        value = _under_policy(run, part_of(run, other))
        if isinstance(value, Quantity):
            all_times.append(graph.product([other.count, value.node]))
    mine = graph.product([step.count, own.node])
    return Quantity(graph.ratio(mine, graph.total(all_times)))


def _sets(run: Run) -> Value:
    passes, acts = working_sets(run.steps, run.graph)
    roles = dict.fromkeys(f.role for s in run.steps for f in s.flows)
    rows: dict[str, Value] = {}
    for role in roles:
        if role == "activations":
            rows[role] = Quantity(acts.size, BYTE)
        elif (size := role_size(run.steps, role, run.graph)) is not None:
            rows[role] = Quantity(size, BYTE)
    return Record("working sets by role", {}, rows, Quantity(passes.size, BYTE))
