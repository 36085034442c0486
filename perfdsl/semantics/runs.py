"""Runs: a model or operator on a hardware under a policy: `predict` and `ceiling`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from perfdsl.diagnostics import Span
from perfdsl.semantics.dimensions import base
from perfdsl.semantics.expressions import as_quantity, evaluate
from perfdsl.semantics.fields import value_key
from perfdsl.semantics.graph import Graph, Term
from perfdsl.semantics.models import steps_of
from perfdsl.semantics.operators import (
    ANY,
    Flow,
    Step,
    Work,
    applied_step,
    bytes_record,
    step_fields,
    work_record,
)
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.traffic import (
    Level,
    Traffic,
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
    Sequence,
    Value,
    Words,
    describe,
)
from perfdsl.syntax import tree

S, BYTE = base("s"), base("B")


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What a prediction is made of; `least` is the ceiling: efficiencies 1, least traffic."""

    steps: list[Step]
    hardware: Instance
    levels: list[Level]
    traffic: Traffic
    policy: Declared
    least: bool
    frame: Frame
    span: Span
    unserved: set[tuple[str, str]] = field(default_factory=set)

    @property
    def graph(self) -> Graph:
        return self.frame.context.graph


def predict(expr: tree.Call, frame: Frame, least: bool) -> Value:
    """`predict(net, on: cpu, under: ecm)`: time, compute, work, bytes, each level, ops."""
    args = _arguments(expr, frame)
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


def _arguments(
    expr: tree.Call, frame: Frame
) -> tuple[Instance | Applied, Instance, Declared] | None:
    report = frame.context.report
    given: dict[str, tuple[Value, Span]] = {}
    for position, arg in enumerate(expr.args):
        name = arg.name or ("model", "on", "under")[min(position, 2)]
        if name not in {"model", "on", "under"}:
            title = f"there is no argument `{name}` here"
            report("P106", title, arg.span, help_="write `predict(net, on: cpu, under: roofline)`")
            return None
        given[name] = (evaluate(arg.value, frame), arg.value.span)
    for name in ("model", "on"):
        if name not in given:
            what = "a model or an operator" if name == "model" else "a hardware: `on: cpu`"
            report("P304", f"this also needs {what}", expr.span)
            return None
    if any(value == POISON for value, _ in given.values()):
        return None
    target, hardware = given["model"], given["on"]
    good_target = isinstance(target[0], Applied) or (
        isinstance(target[0], Instance) and target[0].sort == "model"
    )
    if not good_target:
        report("P302", f"a model or an operator is needed, not {describe(target[0])}", target[1])
        return None
    if not isinstance(hardware[0], Instance) or hardware[0].sort != "hardware":
        report("P302", f"`on` needs a hardware, not {describe(hardware[0])}", hardware[1])
        return None
    policy = given["under"][0] if "under" in given else frame.world.policy
    if policy is None:
        policy = frame.find("roofline")
    if not isinstance(policy, Declared) or not isinstance(policy.node, tree.Policy):
        where = given["under"][1] if "under" in given else expr.span
        report("P302", "`under` needs a policy", where, help_="roofline, ecm and serial are known")
        return None
    assert isinstance(target[0], Instance | Applied)
    return target[0], hardware[0], policy


def steps_for(target: Instance | Applied, frame: Frame) -> list[Step]:
    """The steps of a model, or the one of an operator."""
    if isinstance(target, Applied):
        return [applied_step(target, "", frame)]
    return steps_of(target, frame)


def _run(
    target: Instance | Applied,
    hardware: Instance,
    policy: Declared,
    least: bool,
    expr: tree.Call,
    frame: Frame,
) -> Value:
    before = len(frame.context.problems)
    steps = steps_for(target, frame)
    levels = levels_of(hardware)
    cold = starts_cold(frame.world.load)
    traffic = derive(steps, levels, least, cold, frame)
    run = Run(steps, hardware, levels, traffic, policy, least, frame, expr.span)
    whole = _part(run, _summed(steps, run.graph))
    for step in steps:
        _part(run, step)
    if len(frame.context.problems) > before:
        return POISON
    makers: dict[str, Callable[[], Value]] = {
        "time": lambda: _time(run, whole),
        "compute": lambda: whole["compute"],
        "work": lambda: whole["work"],
        "bytes": lambda: whole["bytes"],
        "intensity": lambda: whole.get("intensity", POISON),
        "ops": lambda: _table(run),
        "working_set": lambda: _sets(run),
        "hardware": lambda: hardware,
        **{name: partial(_given, value) for name, value in _named(whole["levels"])},
    }
    what = "the ceiling" if least else "the prediction"
    return Record(what, Later(makers))


def _given(value: Value) -> Value:
    return value


def _named(levels: Value) -> list[tuple[str, Value]]:
    """The levels of a part by their names."""
    assert isinstance(levels, Sequence)
    return list(zip(levels.names, levels.items, strict=True))


def _summed(steps: list[Step], graph: Graph) -> Step:
    """All steps as one: what the whole model works and moves."""
    work: dict[tuple[str, object], list[int]] = {}
    flows: dict[tuple[str, str], list[int]] = {}
    units = {}
    for step in steps:
        for item in step.work:
            units[str(item.unit)] = item.unit
            part = graph.product([step.count, item.node])
            work.setdefault((item.kind, str(item.unit)), []).append(part)
        for flow in step.flows:
            part = graph.product([step.count, flow.node])
            flows.setdefault((flow.direction, flow.role), []).append(part)
    one = graph.const(1.0)
    all_work = tuple(Work(k, units[str(u)], graph.total(n)) for (k, u), n in work.items())
    all_flows = tuple(Flow(way, role, graph.total(n)) for (way, role), n in flows.items())
    span = steps[0].span if steps else Span.__new__(Span)
    return Step("all", "", one, "", all_work, all_flows, span)


Part = dict[str, Value]


def _part(run: Run, step: Step) -> Part:
    """compute, levels, work and bytes of a step (or of all of them)."""
    compute = _compute(run, step)
    levels = tuple(_level(run, step, at) for at in range(len(run.levels)))
    names = tuple(level.name for level in run.levels)
    part: Part = {
        "compute": compute,
        "levels": Sequence(levels, "list of levels", names),
        "work": work_record(step.work),
        "bytes": bytes_record(step.flows, run.graph),
    }
    fields = step_fields(step, run.graph)
    if "intensity" in fields:
        part["intensity"] = fields["intensity"]
    return part


# ------------------------------------------------------------------------------------- compute


def _compute(run: Run, step: Step) -> Quantity:
    """The time of the work: the sum over kinds and units, each on its fastest port."""
    times = [_work_time(run, item) for item in step.work]
    node = run.graph.total([time for time in times if time is not None])
    return Quantity(node, S, "", None, False, Term("compute", "compute"))


def _work_time(run: Run, work: Work) -> int | None:
    peaks = _ports(run, work)
    if not peaks:
        _no_port(run, work)
        return None
    rate = peaks[0] if len(peaks) == 1 else run.graph.add("max", peaks, ())
    return run.graph.ratio(work.node, rate)


def _ports(run: Run, work: Work) -> list[int]:
    """The rates of the ports that serve work of this kind in this unit."""
    found = []
    for block in _blocks(run.hardware, "port"):
        peak = block.frame.own("peak")
        if not isinstance(peak, Quantity) or peak.dim != work.unit / S:
            continue
        if work.kind == ANY or peak.kinds is None or work.kind in peak.kinds:
            found.append(peak.node if run.least else _effective(block, peak.node, run.graph))
    return found


def _effective(block: Instance, rate: int, graph: Graph) -> int:
    efficiency = block.frame.own("efficiency")
    return graph.product([rate, efficiency.node]) if isinstance(efficiency, Quantity) else rate


def _blocks(hardware: Instance, sort: str) -> list[Instance]:
    values = hardware.frame.values.values()
    return [v for v in values if isinstance(v, Instance) and v.sort == sort]


def _no_port(run: Run, work: Work) -> None:
    if (work.kind, str(work.unit)) in run.unserved:
        return
    run.unserved.add((work.kind, str(work.unit)))
    ports = []
    for block in _blocks(run.hardware, "port"):
        peak = block.frame.own("peak")
        if peak == POISON or peak is None:
            return
        if isinstance(peak, Quantity):
            kinds = ", ".join(sorted(peak.kinds)) if peak.kinds else "all kinds"
            ports.append(f"{block.name} serves {kinds} in {peak.dimension}")
    users = [
        s for s in run.steps if any(w.kind == work.kind and w.unit == work.unit for w in s.work)
    ]
    names = ", ".join(f"`{s.name}`" for s in users[:4]) + (" ..." if len(users) > 4 else "")
    title = f"no port of `{run.hardware.name}` serves {work.kind} work counted in {work.unit}"
    notes = (f"needed by {names}", *(ports or ("it has no port at all",)))
    help_ = "add a port, or let one serve this kind"
    run.frame.context.report("P402", title, run.span, notes=notes, help_=help_)


# -------------------------------------------------------------------------------------- levels


def _level(run: Run, step: Step, at: int) -> Record:
    """A level as policies and questions see it: bytes that cross it, and the time they take."""
    graph, level = run.graph, run.levels[at]
    read = Quantity(run.traffic.crossing(step.flows, at, "read", graph), BYTE)
    write = Quantity(run.traffic.crossing(step.flows, at, "write", graph), BYTE)
    total = Quantity(graph.total([read.node, write.node]), BYTE)
    fields: dict[str, Value] = {
        "name": Words(level.name),
        "read": read,
        "write": write,
        "bytes": total,
        "time": _level_time(run, level, read, write, total),
    }
    return Record(f"the level `{level.name}`", fields, instance=level.block)


def _level_time(
    run: Run, level: Level, read: Quantity, write: Quantity, total: Quantity
) -> Quantity:
    """The level's own rule, or bytes / bandwidth; a level without a bandwidth takes no time."""
    graph, block = run.graph, level.block
    term = Term(level.name, block.sort)
    bandwidth = block.frame.own("bandwidth")
    rate = None
    if isinstance(bandwidth, Quantity):
        node = bandwidth.node if run.least else _effective(block, bandwidth.node, graph)
        rate = Quantity(node, BYTE / S)
    rule = block.frame.bindings.get("time")
    if rule is not None:
        names: dict[str, Value] = {"read": read, "write": write, "bytes": total}
        if rate is not None:
            names["bandwidth"] = rate
        value = as_quantity(
            evaluate(rule.expr, block.frame.local(**names)), rule.expr.span, run.frame
        )
        if value is None:
            return Quantity(graph.const(0.0), S, term=term)
        if value.dim not in {S, None}:
            title = "`time` of a level is a time"
            notes = (f"expected s, found {value.dimension}",)
            run.frame.context.report("P202", title, rule.expr.span, notes=notes)
        return Quantity(value.node, S, term=term)
    if rate is None:
        return Quantity(graph.const(0.0), S, term=term)
    return Quantity(graph.ratio(total.node, rate.node), S, term=term)


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
        value = _under_policy(run, _part(run, step))
        if isinstance(value, Quantity):
            parts.append(graph.product([step.count, value.node]))
    return Quantity(graph.total(parts), S)


def _under_policy(run: Run, part: Part) -> Value:
    node = run.policy.node
    assert isinstance(node, tree.Policy)
    top = run.policy.module.top()
    inner = top.local(compute=part["compute"], levels=part["levels"], links=Sequence(()))
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
    part = _part(run, step)
    levels = part["levels"]
    fields = {
        **step_fields(step, run.graph),
        "name": Words(name),
        "compute": part["compute"],
        **dict(_named(levels)),
    }
    makers: dict[str, Callable[[], Value]] = {k: partial(_given, v) for k, v in fields.items()}
    makers["time"] = lambda: _under_policy(run, part)
    makers["share"] = lambda: _share(run, step, part)
    return Record(f"the operator `{name}`", Later(makers))


def _share(run: Run, step: Step, part: Part) -> Value:
    """The part of the time of all operators that this one takes, all its runs together."""
    graph = run.graph
    own = _under_policy(run, part)
    if not isinstance(own, Quantity):
        return POISON
    all_times = []
    for other in run.steps:
        value = _under_policy(run, _part(run, other))
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
