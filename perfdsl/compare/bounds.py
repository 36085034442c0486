"""Bounds: the least time of operators together, one for each port and level that they use.

A time was measured of operators together (a phase, a call); so is the bound. One for the operators
of a group as if they were a model: their work on each port, and their bytes across each level. Of
what they read again in every pass a cache can keep at most its capacity, whichever operators it
belongs to: single operators may all be served by the cache, and all of them together not. A port's
or level's time is a bound by itself, whatever overlaps; `compute`, which adds the ports up, is one
only if kinds of work take turns.

A probe is an operator, too: so many multiply-adds in registers, or so many bytes read again and
again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from perfdsl.compare.phases import plain
from perfdsl.diagnostics import Source
from perfdsl.records import dataclass, field, replace
from perfdsl.semantics.dimensions import PURE, base
from perfdsl.semantics.following import caught_up
from perfdsl.semantics.graph import Graph, Input
from perfdsl.semantics.models import steps_of
from perfdsl.semantics.operators import Flow, Step, Work
from perfdsl.semantics.parts import Run, part_of, serving
from perfdsl.semantics.program import AnalysisProgram
from perfdsl.semantics.reindex import frame_under, with_slot
from perfdsl.semantics.runs import summed
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.traffic import ACTIVATIONS, derive, levels_of
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import Declared, Instance, Kind, Quantity, Record, Sequence, Value
from perfdsl.syntax import tree
from perfdsl.syntax.parser import parse

MAC = base("MAC")
# The sort of inputs that stand for what a program counts; what no oracle counts of it.
SPEC = "spec"
ACTIVATIONS_MOVED = "bytes[activations]"
# The kinds of bounds: see `Bound`.
Sort = Literal["clock", "port", "level", "compute"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What a measurement was made with. cold: every core had read so much else before that nothing
    of the weights was left in any cache."""

    texts: int
    tokens: int
    threads: int
    cold: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """node: seconds that something takes at least, because of one port, level, or the clock."""

    sort: Sort
    resource: str
    node: int


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A checked analysis, and the parameters of it that hold the model, hardware and workload.

    doubted: inputs of value 1, by name, that what the program counts is multiplied by, so that it
    can be doubted: all bytes of activations, and each operator's work unless an oracle counted it.
    """

    analysis: AnalysisProgram
    net: str
    cpu: str
    load: str
    doubted: Mapping[str, int]
    machines: dict[int, Instance] = field(default_factory=dict)

    @property
    def graph(self) -> Graph:
        return self.analysis.frame.context.graph

    def hardware(self, threads: int) -> Instance:
        """The hardware with so many cores in force: the same one each time, so that its figures are
        the same nodes under every measurement."""
        if threads not in self.machines:
            made = self._changed(self.cpu, f"cores = {threads} core")
            assert isinstance(made, Instance)
            self.machines[threads] = made
        return self.machines[threads]

    def at(self, setup: Setup) -> Frame:
        """The analysis' frame under a setup: cores of the hardware, tokens and texts."""
        root = self.analysis.frame
        load = f"tokens = {setup.tokens} token; batch = {setup.texts} sequence"
        world = with_slot(root.world, self.cpu, self.hardware(setup.threads))
        world = with_slot(world, self.load, self._changed(self.load, load))
        return frame_under(root, caught_up(world, [self.cpu, self.load], root))

    def _changed(self, name: str, change: str) -> Value:
        """A parameter of the analysis with some of its fields replaced."""
        root = self.analysis.frame
        text = f"let x = {name} with {{ {change} }}"
        (let,) = parse(Source("the measurement", text)).file.body
        assert isinstance(let, tree.Let)
        return root.context.evaluate(let.value, root)


def subject(
    analysis: AnalysisProgram, net: str, cpu: str, load: str, counted: Iterable[str] = ()
) -> Subject:
    """net, cpu, load: names of the analysis' parameters. counted: operators (as `phases.plain` has
    them) whose work an oracle has counted, and found to be what the program says."""
    of = Subject(analysis, net, cpu, load, {})
    sure = frozenset(counted)
    steps = [step for step in operators(of, Setup(1, 1, 1)) if plain(step.name) not in sure]
    names = {ACTIVATIONS_MOVED: None}
    names |= {_work_of(step, work): None for step in steps for work in step.work}
    made = {name: _factor(name, analysis) for name in names}
    return Subject(analysis, net, cpu, load, made, of.machines)


def _factor(name: str, analysis: AnalysisProgram) -> int:
    source = Input(name, 1.0, 1.0, 1.0, PURE, Unit("", 1.0, PURE), analysis.span, SPEC, named=True,
                   within=(0.0, 1.0))  # fmt: skip
    return analysis.frame.context.graph.add("input", (), source)


def _work_of(step: Step, work: Work) -> str:
    return f"{plain(step.name)}.work[{work.kind}]"


def operators(of: Subject, setup: Setup) -> tuple[Step, ...]:
    """The model's operators; a name occurs twice where turns of a `repeat` differ."""
    frame = of.at(setup)
    net = frame.find(of.net)
    assert isinstance(net, Instance)
    return tuple(_doubtful(step, of) for step in steps_of(net, frame))


def _doubtful(step: Step, of: Subject) -> Step:
    """The step with what nobody has counted open to doubt."""
    graph, doubted = of.graph, of.doubted
    work = tuple(
        replace(item, node=graph.product([item.node, doubted[name]])) if name in doubted else item
        for item in step.work
        for name in (_work_of(step, item),)
    )
    moved = doubted.get(ACTIVATIONS_MOVED)
    flows = tuple(
        replace(flow, node=graph.product([flow.node, moved]))
        if moved is not None and flow.role == ACTIVATIONS and not flow.laws else flow
        for flow in step.flows
    )  # fmt: skip
    return replace(step, work=work, flows=flows)


def least_times(
    of: Subject, steps: Iterable[Step], setup: Setup, *, streaming: bool = False
) -> tuple[Bound, ...]:
    """What these operators take at least together; streaming: where a cache keeps nothing of what
    does not fit into it as a whole, which is no bound but what is to be expected."""
    together = list(steps)
    frame = of.at(setup)
    hardware = frame.find(of.cpu)
    policy = frame.find("roofline")
    assert isinstance(hardware, Instance)
    assert isinstance(policy, Declared)
    levels = levels_of(hardware)
    traffic = derive(together, levels, not streaming, setup.cold, frame)
    run = Run(together, hardware, levels, traffic, policy, True, frame, of.analysis.span)
    whole = summed(together, run.graph)
    part = part_of(run, whole)
    ports = list(_port_times(run, whole))
    found = [*ports, *_levels(part["levels"], of.graph)]
    compute = part["compute"]
    if len(ports) > 1 and isinstance(compute, Quantity):
        found.append(Bound("compute", " and ".join(port.resource for port in ports), compute.node))
    return tuple(found)


def _port_times(run: Run, step: Step) -> Iterable[Bound]:
    """The time of each port for the work of which it is the fastest.

    Work that several ports serve is divided by the largest of their rates, whichever that is: a
    choice between them, as the language's own `ports` have it, has no bound above zero where two
    uncertain rates may change places.
    """
    times: dict[str, list[int]] = {}
    for work in step.work:
        rates = dict(serving(run, work))
        if rates:
            name = max(rates, key=lambda each: run.graph.number(rates[each]) or 0.0)
            fastest = run.graph.most(list(rates.values()), ())
            times.setdefault(name, []).append(run.graph.ratio(work.node, fastest))
    for name, nodes in times.items():
        time = run.graph.total(nodes)
        if run.graph.number(time) != 0:
            yield Bound("port", name, time)


def _levels(value: Value, graph: Graph) -> Iterable[Bound]:
    """The time of each level, without those that take none."""
    assert isinstance(value, Sequence)
    for name, item in zip(value.names, value.items, strict=True):
        assert isinstance(item, Record)
        time = item.fields["time"]
        if isinstance(time, Quantity) and graph.number(time.node) != 0:
            yield Bound("level", name, time.node)


# -------------------------------------------------------------------------------------- probes


def reading_pass(of: Subject, size: int) -> Step:
    """One pass over so many bytes that are read again and again."""
    flow = Flow("read", "buffer", of.graph.const(float(size)))
    return _probe(of, "stream", (), (flow,))


def multiply_add(of: Subject, kind: str) -> Step:
    """One multiply-add of a kind, in registers."""
    return _probe(of, kind, (Work(kind, MAC, of.graph.const(1.0)),), ())


def _probe(of: Subject, name: str, work: tuple[Work, ...], flows: tuple[Flow, ...]) -> Step:
    one = of.graph.const(1.0)
    return Step(name, name, one, "", work, flows, (), of.analysis.span)


def serves(of: Subject, kind: str) -> bool:
    """Whether the hardware has a port for multiply-adds of a kind."""
    hardware = of.hardware(1)
    for block in list(hardware.frame.values.values()):
        if isinstance(block, Instance) and block.sort == "port":
            kinds, peak = block.frame.own("serves"), block.frame.own("peak")
            every = not isinstance(kinds, Sequence) or Kind(kind) in kinds.items
            if every and isinstance(peak, Quantity) and peak.dimension == MAC / base("s"):
                return True
    return False


def cycle(of: Subject, threads: int) -> Bound | None:
    """The time of one cycle; None where the hardware states no clock."""
    clock = of.hardware(threads).frame.own("clock")
    if not isinstance(clock, Quantity):
        return None
    return Bound("clock", "clock", of.graph.ratio(of.graph.const(1.0), clock.node))
