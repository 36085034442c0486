"""What a step takes on a hardware: compute time by port, bytes and time of each level and link."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from perfdsl.diagnostics import Span
from perfdsl.records import dataclass, field
from perfdsl.semantics.dimensions import base
from perfdsl.semantics.graph import Graph, Term
from perfdsl.semantics.links import link_record, links_of
from perfdsl.semantics.operators import (
    ANY,
    Step,
    Work,
    step_fields,
)
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.times import effective, time_of
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
    def links(self) -> list[Instance]:
        return links_of(self.hardware)

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
            "links": lambda: _links(run, step),
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


def _links(run: Run, step: Step) -> Sequence:
    links = run.links
    items = tuple(link_record(link, step, run.least, run.frame) for link in links)
    what = f"list of links of `{run.hardware.name}`"
    return Sequence(items, what, tuple(link.name for link in links))


def level_of(part: Part, at: int) -> Value:
    """One level of a part."""
    levels = part["levels"]
    assert isinstance(levels, Sequence)
    return levels.items[at]


def link_of(part: Part, name: str) -> Value:
    """One link of a part."""
    links = part["links"]
    assert isinstance(links, Sequence)
    return links.items[links.names.index(name)]


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
        rates = dict(serving(run, work))
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
    return [rate for _, rate in serving(run, work)]


def serving(run: Run, work: Work) -> list[tuple[str, int]]:
    """The ports that serve work of this kind in this unit, each with its rate."""
    found = []
    for block in _blocks(run.hardware, "port"):
        peak = block.frame.own("peak")
        if not isinstance(peak, Quantity) or peak.dim != work.unit / S:
            continue
        if work.kind == ANY or peak.kinds is None or work.kind in peak.kinds:
            rate = peak.node if run.least else effective(block, peak.node, run.graph)
            found.append((block.name, rate))
    return found


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
    moved = {"read": read, "write": write, "bytes": total}
    time = time_of(level.block, moved, [], run.least, run.frame)
    fields: dict[str, Value] = {"name": Words(level.name), **moved, "time": time}
    return Record(f"the level `{level.name}`", fields, instance=level.block)
