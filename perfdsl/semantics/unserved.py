"""Work that no port serves: blamed where it is counted, if a port nearly does, or where it runs."""

from __future__ import annotations

from typing import NamedTuple

from perfdsl.diagnostics import Label, Span, did_you_mean
from perfdsl.semantics.arithmetic import BRIDGES
from perfdsl.semantics.dimensions import base
from perfdsl.semantics.operators import Step, Work
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import POISON, Instance, Quantity

S = base("s")


class Port(NamedTuple):
    """What a port serves, counted in which unit, and where its peak is written."""

    name: str
    kinds: tuple[str, ...]
    unit: str
    span: Span

    def serves(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds


def report_unserved(
    work: Work, steps: list[Step], hardware: Instance, span: Span, frame: Frame
) -> None:
    """One message for work of a kind and unit that nothing on this hardware serves."""
    ports = _ports(hardware)
    if ports is None:
        return
    written = work.span is not None and work.span.source.name == frame.module.source.name
    if written and work.span is not None and _at_the_work(work, work.span, ports, hardware, frame):
        return
    title = f"no port of `{hardware.name}` serves {work.kind} work counted in {work.unit}"
    told = [f"{p.name} serves {', '.join(p.kinds) or 'all kinds'} in {p.unit}/s" for p in ports]
    notes = (f"needed by {_users(work, steps)}", *(told or ["it has no port at all"]))
    help_ = "add a port, or let one serve this kind"
    for unit, bridge in _other_units(work, ports):
        help_ = f"a port serves this kind in {unit}: count both in one unit, by `{bridge}`"
    frame.context.report("P402", title, span, notes=notes, help_=help_, follows=True)


def _ports(hardware: Instance) -> list[Port] | None:
    """The ports of a hardware; None where a mistake in one was reported."""
    found = []
    for block in hardware.frame.values.values():
        if not isinstance(block, Instance) or block.sort != "port":
            continue
        peak = block.frame.own("peak")
        if peak == POISON or peak is None:
            return None
        if isinstance(peak, Quantity):
            binding = block.frame.bindings.get("peak")
            place = binding.expr.span if binding else hardware.origin.node.span
            kinds = tuple(sorted(peak.kinds or ()))
            found.append(Port(block.name, kinds, str(peak.dimension * S), place))
    return found


def _users(work: Work, steps: list[Step]) -> str:
    users = [s for s in steps if any(w.kind == work.kind and w.unit == work.unit for w in s.work)]
    return ", ".join(f"`{s.name}`" for s in users[:4]) + (" ..." if len(users) > 4 else "")


def _at_the_work(
    work: Work, span: Span, ports: list[Port], hardware: Instance, frame: Frame
) -> bool:
    """The kind is served in another unit, or a kind of nearly this name is served."""
    report = frame.context.report
    for unit, bridge in _other_units(work, ports):
        port = next(port for port in ports if port.unit == unit and port.serves(work.kind))
        title = f"this {work.kind} work is counted in {work.unit}, and no port serves it so"
        why = (Label(port.span, f"`{hardware.name}` serves {work.kind} in {unit}/s"),)
        help_ = f"count both in one unit; the bridge is `{bridge}`"
        report("P402", title, span, why=why, help_=help_, follows=True)
        return True
    kinds = {kind: port.span for port in ports for kind in port.kinds}
    near = did_you_mean(work.kind, kinds) if work.kind not in kinds else None
    if near is None:
        return False
    title = f"no port of `{hardware.name}` serves work of the kind `{work.kind}`"
    why = (Label(kinds[near], f"this one serves {near}"),)
    report("P402", title, span, why=why, help_=f"did you mean `{near}`?", follows=True)
    return True


def _other_units(work: Work, ports: list[Port]) -> list[tuple[str, str]]:
    """Units in which some port serves this kind of work, each with the bridge to it."""
    bridges = [
        (port.unit, BRIDGES.get(frozenset({port.unit, str(work.unit)})))
        for port in ports
        if port.serves(work.kind)
    ]
    return [(unit, bridge) for unit, bridge in bridges if bridge is not None]
