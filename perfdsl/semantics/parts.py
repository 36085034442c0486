"""What a step takes on a hardware: compute time by port, and bytes and time of each level."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from perfdsl.diagnostics import Span
from perfdsl.records import dataclass, field
from perfdsl.semantics.dimensions import base
from perfdsl.semantics.expressions import evaluate
from perfdsl.semantics.graph import Graph, Term
from perfdsl.semantics.operators import (
    ANY,
    Step,
    Work,
    step_fields,
)
from perfdsl.semantics.quantities import as_quantity
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.traffic import (
    Level,
    Traffic,
)
from perfdsl.semantics.unserved import report_unserved
from perfdsl.semantics.values import (
    Declared,
    Instance,
    Later,
    Quantity,
    Record,
    Sequence,
    Value,
    Words,
)

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


Part = Mapping[str, Value]


def part_of(run: Run, step: Step) -> Part:
    """compute, levels, ports, work and bytes of a step (or of all of them), each when asked for."""
    return Later(
        {
            "compute": lambda: _compute(run, step),
            "levels": lambda: _levels(run, step),
            "ports": lambda: _port_records(run, step),
            **{name: partial(_given, v) for name, v in _fields(run, step).items()},
        }
    )


def _fields(run: Run, step: Step) -> dict[str, Value]:
    return step_fields(run.traffic.placed(step, run.graph), run.graph)


def _given(value: Value) -> Value:
    return value


def _levels(run: Run, step: Step) -> Sequence:
    items = tuple(_level(run, step, at) for at in range(len(run.levels)))
    what = f"list of levels of `{run.hardware.name}`"
    return Sequence(items, what, tuple(level.name for level in run.levels))


def level_of(part: Part, at: int) -> Value:
    """One level of a part."""
    levels = part["levels"]
    assert isinstance(levels, Sequence)
    return levels.items[at]


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


def _port_records(run: Run, step: Step) -> Sequence:
    """Each port with the time of the work for which it is the fastest."""
    graph = run.graph
    blocks = _blocks(run.hardware, "port")
    times: dict[str, list[int]] = {block.name: [] for block in blocks}
    for work in step.work:
        rates = dict(_serving(run, work))
        fastest = graph.add("max", rates.values(), ()) if len(rates) > 1 else None
        for name, rate in rates.items():
            time = graph.ratio(work.node, rate)
            if fastest is not None:
                wins = graph.add("compare", (rate, fastest), ">=")
                time = graph.add("select", (wins, time, graph.const(0.0)))
            times[name].append(time)
    items = tuple(_port_record(block, graph.total(times[block.name])) for block in blocks)
    return Sequence(items, "list of ports", tuple(block.name for block in blocks))


def _port_record(block: Instance, time: int) -> Record:
    value = Quantity(time, S, term=Term(block.name, "compute"))
    fields: dict[str, Value] = {"name": Words(block.name), "time": value}
    return Record(f"the port `{block.name}`", fields, instance=block)


def _ports(run: Run, work: Work) -> list[int]:
    """The rates of the ports that serve work of this kind in this unit."""
    return [rate for _, rate in _serving(run, work)]


def _serving(run: Run, work: Work) -> list[tuple[str, int]]:
    """The ports that serve work of this kind in this unit, each with its rate."""
    found = []
    for block in _blocks(run.hardware, "port"):
        peak = block.frame.own("peak")
        if not isinstance(peak, Quantity) or peak.dim != work.unit / S:
            continue
        if work.kind == ANY or peak.kinds is None or work.kind in peak.kinds:
            rate = peak.node if run.least else _effective(block, peak.node, run.graph)
            found.append((block.name, rate))
    return found


def _effective(block: Instance, rate: int, graph: Graph) -> int:
    efficiency = block.frame.own("efficiency")
    return graph.product([rate, efficiency.node]) if isinstance(efficiency, Quantity) else rate


def _blocks(hardware: Instance, sort: str) -> list[Instance]:
    values = hardware.frame.values.values()
    return [v for v in values if isinstance(v, Instance) and v.sort == sort]


def _no_port(run: Run, work: Work) -> None:
    gaps = run.frame.context.has_gaps(run.hardware.origin.node.span)
    if gaps or (work.kind, str(work.unit)) in run.unserved:
        return
    run.unserved.add((work.kind, str(work.unit)))
    report_unserved(work, run.steps, run.hardware, run.span, run.frame)


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
        if run.least:
            # A ceiling is what the level would take if nothing were lost, by its own rule, too.
            names["efficiency"] = Quantity(graph.const(1.0))
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
