"""Residency and traffic: which bytes cross which level, derived from working sets and capacities.

A working set is what is touched between two uses. For weights, kv and a file's own roles that is
one pass of all of them; for activations it is the largest operator's weights, inputs and outputs.
The innermost level that holds the set serves it, and its bytes cross that level and all inside.
Two readings: streaming (a cyclic pass over more than a cache holds misses every time, LRU), and
least (what no replacement can avoid: the set minus the capacity, on every pass).
"""

from __future__ import annotations

from perfdsl.diagnostics import Label, Span
from perfdsl.records import dataclass, field, replace
from perfdsl.semantics.access import LEVELS, capacity
from perfdsl.semantics.dimensions import base
from perfdsl.semantics.graph import Graph, Residency
from perfdsl.semantics.laws import Law, supplier
from perfdsl.semantics.operators import Flow, Step
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.text import show_number
from perfdsl.semantics.values import POISON, Instance, Quantity, Words

ACTIVATIONS = "activations"
BYTE = base("B")


@dataclass(frozen=True, slots=True)
class Level:
    """A cache or memory of the hardware; room: its capacity as a node, None where it is endless."""

    block: Instance
    room: int | None

    @property
    def name(self) -> str:
        return self.block.name


@dataclass(frozen=True, slots=True)
class Group:
    """Roles that live and die together. size: their working set; total: all bytes they move."""

    name: str
    roles: frozenset[str] | None
    size: int
    total: int
    forced: int = 0


def levels_of(hardware: Instance) -> list[Level]:
    """Caches and memories in the order in which they are written: inner to outer."""
    blocks = [
        value
        for value in hardware.frame.values.values()
        if isinstance(value, Instance) and value.sort in LEVELS
    ]
    found = []
    for block in blocks:
        room = capacity(block)
        found.append(Level(block, room.node if isinstance(room, Quantity) else None))
    return found


def working_sets(steps: list[Step], graph: Graph) -> tuple[Group, Group]:
    """The working set of what is kept between passes, and that of activations."""
    kept: list[int] = []
    kept_total: list[int] = []
    act_total: list[int] = []
    act_sizes: list[int] = []
    act_alone: list[int] = []
    for step in steps:
        touched = _touched(step.flows, graph)
        for role, nodes in touched.items():
            if role != ACTIVATIONS:
                kept.append(graph.product([step.count, nodes]))
        plain = [f for f in step.flows if not f.laws]
        moved = [f.node for f in plain if f.role == ACTIVATIONS]
        others = [f.node for f in plain if f.role != ACTIVATIONS]
        kept_total.extend(graph.product([step.count, node]) for node in others)
        act_total.extend(graph.product([step.count, node]) for node in moved)
        if moved:
            act_sizes.append(graph.total([*others, *moved]))
            act_alone.append(graph.total(moved))
    roles = dict.fromkeys(f.role for s in steps for f in s.flows if f.role != ACTIVATIONS)
    passes = Group(", ".join(roles), None, graph.total(kept), graph.total(kept_total))
    largest = graph.add("max", act_sizes, ()) if len(act_sizes) > 1 else graph.total(act_sizes)
    alone = graph.add("max", act_alone, ()) if len(act_alone) > 1 else graph.total(act_alone)
    acts = Group(ACTIVATIONS, frozenset({ACTIVATIONS}), largest, graph.total(act_total), alone)
    return passes, acts


def _touched(flows: tuple[Flow, ...], graph: Graph) -> dict[str, int]:
    """Distinct bytes of each role in one run: what is read and written back is one place.

    A law says what crosses a level, not what is touched: it adds to no working set.
    """
    ways: dict[str, list[int]] = {}
    for flow in flows:
        if flow.laws:
            continue
        ways.setdefault(flow.role, []).append(flow.node)
    return {
        role: nodes[0] if len(nodes) == 1 else graph.add("max", nodes, ())
        for role, nodes in ways.items()
    }


def role_size(steps: list[Step], role: str, graph: Graph) -> int | None:
    """What is touched of one role between two uses; None if no operator has the role."""
    found = [
        graph.product([step.count, touched[role]])
        for step in steps
        if role in (touched := _touched(step.flows, graph))
    ]
    if found and role == ACTIVATIONS:
        return working_sets(steps, graph)[1].size
    return graph.total(found) if found else None


@dataclass(frozen=True, slots=True)
class Traffic:
    """The share of a group's bytes that crosses each level, as nodes between 0 and 1.

    laws: the bytes of each law at each level, once they were read.
    """

    levels: tuple[Level, ...]
    passes: tuple[int, ...]
    activations: tuple[int, ...]
    laws: dict[tuple[object, int], int] = field(default_factory=dict)

    def crossing(self, flows: tuple[Flow, ...], level: int, way: str, graph: Graph) -> int:
        """Bytes of these flows in one direction that cross a level."""
        parts: list[int] = []
        for flow in flows:
            if flow.direction != way:
                continue
            if flow.laws:
                parts.extend(self._supplied(law, level) for law in flow.laws)
                continue
            shares = self.activations if flow.role == ACTIVATIONS else self.passes
            parts.append(graph.product([flow.node, shares[level]]))
        return graph.total(parts)

    def _supplied(self, law: Law, at: int) -> int:
        """The bytes that a law lets a level supply."""
        context = law.frame.context
        node = self.laws.get((law.key, at))
        if node is None:
            node = self.laws[law.key, at] = self._read(law, at)
        return context.graph.product([law.factor, node])

    def _read(self, law: Law, at: int) -> int:
        """The bytes of a law at a level; one that is wrong at one level is not tried at others."""
        context = law.frame.context
        wrong = ("wrong", id(law.statement))
        node = None
        if wrong not in context.instances:
            node = law.at(supplier([level.block for level in self.levels], at, context))
        if node is None:
            context.instances[wrong] = POISON
            context.lost += 1
        return context.graph.const(0.0) if node is None else node

    def placed(self, step: Step, graph: Graph) -> Step:
        """The step with its laws read at the outermost level: what comes from the memory."""
        if not self.levels or not any(flow.laws for flow in step.flows):
            return step
        last = len(self.levels) - 1
        return replace(step, flows=tuple(
            Flow(f.direction, f.role, graph.total([self._supplied(law, last) for law in f.laws]))
            if f.laws else f for f in step.flows
        ))  # fmt: skip


def derive(
    steps: list[Step], levels: list[Level], least: bool, cold: bool, frame: Frame
) -> Traffic:
    """Which share of the bytes crosses which level."""
    graph = frame.context.graph
    _keeps_to_its_law(steps, frame)
    passes, acts = working_sets(steps, graph)
    shares: list[tuple[int, ...]] = []
    for group in (passes, acts):
        declared = _declared(group, levels, frame)
        one_group: list[int] = []
        for at in range(len(levels)):
            if group is passes and cold:
                one_group.append(graph.const(1.0))
            elif declared is not None:
                one_group.append(graph.const(1.0 if at <= declared else 0.0))
            else:
                one_group.append(_share(group, levels, at, least, graph))
        shares.append(tuple(one_group))
    return Traffic(tuple(levels), shares[0], shares[1])


def _share(group: Group, levels: list[Level], at: int, least: bool, graph: Graph) -> int:
    """The share of a group's bytes that crosses level `at`: all of it, unless a level inside holds
    the working set; at the least, what cannot stay inside."""
    inside = [(level.name, level.room) for level in levels[:at] if level.room is not None]
    one = graph.const(1.0)
    if not inside:
        return one
    rooms = [room for _, room in inside]
    room = rooms[-1] if len(rooms) == 1 else graph.add("max", rooms, ())
    size = group.forced if least and group.forced else group.size
    stays = graph.add("compare", (size, room), "<=")
    names = tuple(name for name, _ in inside)
    each = levels[at - 1].block.frame.own("size")
    one_size = each.node if isinstance(each, Quantity) else -1
    graph.residencies[stays] = Residency(group.name, levels[at].name, names, size, room, one_size)
    zero = graph.const(0.0)
    if not least:
        return graph.add("select", (stays, zero, one))
    beyond = graph.ratio(graph.total([size, room], (1, -1)), group.total)
    return graph.add("select", (stays, zero, beyond))


def _declared(group: Group, levels: list[Level], frame: Frame) -> int | None:
    """The level in which a `resident` statement keeps the group; reported if it cannot."""
    graph = frame.context.graph
    names = [level.name for level in levels]
    for role, name, span in frame.world.resident:
        if (role == ACTIVATIONS) != (group.name == ACTIVATIONS):
            continue
        if name not in names:
            title = f"the hardware has no cache or memory `{name}`"
            help_ = f"it has: {', '.join(names)}"
            frame.context.report("P106", title, span, help_=help_, follows=True)
            continue
        at = names.index(name)
        room = levels[at].room
        size, space = graph.number(group.size), room and graph.number(room)
        if size is not None and space is not None and size > space:
            _too_small(role, levels[at], size, space, span, frame)
            continue
        return at
    return None


def _keeps_to_its_law(steps: list[Step], frame: Frame) -> None:
    """Report a role that is declared to stay somewhere, though it has a law."""
    laws = {flow.role: flow.laws[0] for step in steps for flow in step.flows if flow.laws}
    for role, _, span in frame.world.resident:
        if role in laws:
            title = f"where `{role}` stays is what its law says, not `resident`"
            why = (Label(laws[role].span, "its law"),)
            frame.context.report("P408", title, span, why=why)


def _too_small(
    role: str, level: Level, size: float, space: float, span: Span, frame: Frame
) -> None:
    missing = show_number(size - space, BYTE)
    title = f"{role} cannot stay in {level.name}: one pass touches {show_number(size, BYTE)}"
    home = level.block.frame
    binding = home.bindings.get("size")
    why = (Label(binding.span, "its size"),) if binding is not None else ()
    notes = (
        f"{level.name} holds {show_number(space, BYTE)} in all",
        f"at least {missing} must come from further out on every pass, whatever the replacement",
    )
    help_ = f'claim it instead: `claim "..." fits(net.{role}, cpu.{level.name})`'
    frame.context.report("P404", title, span, why=why, notes=notes, help_=help_)


def starts_cold(load: object) -> bool:
    """Whether the workload in force is a first pass: `start = cold`."""
    if not isinstance(load, Instance):
        return False
    start = load.frame.own("start")
    if start is None or start == POISON:
        return False
    if isinstance(start, Words):
        return start.text == "cold"
    return False
