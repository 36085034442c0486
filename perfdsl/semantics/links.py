"""Links of a hardware: what a run sends over each, and the time that it takes.

A link takes latency * messages + bytes / bandwidth, or what its own `time` says of `sent`,
`received`, `bytes` (both together) and `messages`; without anything to send it takes none. Its rate
is that of the whole (B/s) or of each device (B/(s*device)); what is sent must say the same.
"""

from __future__ import annotations

from perfdsl.diagnostics import Edit, Fix, Label, did_you_mean
from perfdsl.semantics.access import head_of
from perfdsl.semantics.dimensions import Dimension, base
from perfdsl.semantics.graph import Term
from perfdsl.semantics.operators import Step
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.sends import BYTE, MESSAGES, OF_EACH, RECEIVED, SENT, Send
from perfdsl.semantics.times import time_of
from perfdsl.semantics.values import Instance, Quantity, Record, Value, Words
from perfdsl.syntax import tree

S = base("s")


def links_of(hardware: Instance) -> list[Instance]:
    """The links in the order in which they are written."""
    values = hardware.frame.values.values()
    return [v for v in values if isinstance(v, Instance) and v.sort == "link"]


def carries(link: Instance) -> Dimension:
    """What a link moves: B/device where a rate of it is one device's, else B."""
    for name in link.frame.bindings:
        value = None if name == "time" else link.frame.own(name)
        if isinstance(value, Quantity) and value.dim == OF_EACH / S:
            return OF_EACH
    return BYTE


def link_record(link: Instance, step: Step, least: bool, frame: Frame) -> Record:
    """A link as policies and questions see it: what is sent over it, and the time that takes."""
    graph = frame.context.graph
    zero = graph.const(0.0)
    dim = carries(link)
    send = next((s for s in step.sends if s.link == link.name and s.dim == dim), None)
    nodes = (zero, zero, zero) if send is None else (send.sent, send.received, send.messages)
    sent, received = Quantity(nodes[0], dim), Quantity(nodes[1], dim)
    moved = {
        SENT: sent,
        RECEIVED: received,
        "bytes": sent if nodes[1] == zero else Quantity(graph.total([*nodes[:2]]), dim),
        MESSAGES: Quantity(nodes[2]),
    }
    time = Quantity(zero, S, term=Term(link.name, link.sort))
    if send is not None:
        time = time_of(link, moved, _waiting(link, nodes[2]), least, frame)
    fields: dict[str, Value] = {"name": Words(link.name), **moved, "time": time}
    return Record(f"the link `{link.name}`", fields, instance=link)


def _waiting(link: Instance, messages: int) -> list[int]:
    latency = link.frame.own("latency")
    if not isinstance(latency, Quantity):
        return []
    return [link.frame.context.graph.product([messages, latency.node])]


# ---------------------------------------------------------------------- what cannot be sent


def check_sends(steps: list[Step], hardware: Instance, frame: Frame) -> None:
    """Report what is sent over a link that there is not, or over one that carries other bytes."""
    links = {link.name: link for link in links_of(hardware)}
    for step in steps:
        for send in step.sends:
            if send.link not in links:
                _no_link(send, hardware, list(links), frame)
                frame.context.lost += 1
            elif send.dim != carries(links[send.link]):
                _other_bytes(send, links[send.link], frame)
                frame.context.lost += 1


def _no_link(send: Send, hardware: Instance, names: list[str], frame: Frame) -> None:
    if frame.context.has_gaps(hardware.origin.node.span):
        return
    near = did_you_mean(send.link, names)
    help_ = f"did you mean `{near}`?" if near else f"it has: {', '.join(names)}"
    if not names:
        help_ = f"add `link {send.link} {{ bandwidth = ... }}` to it"
    fix = Fix(f"write `{near}`", (Edit(send.span, near),), safe=True) if near else None
    node = hardware.origin.node
    assert isinstance(node, tree.Hardware)
    why = (Label(node.head, "the hardware"),)
    title = f"the hardware `{hardware.name}` has no link `{send.link}`"
    report = frame.context.report
    report("P106", title, send.span, why=why, help_=help_, fix=fix, missing=send.link)


def _other_bytes(send: Send, link: Instance, frame: Frame) -> None:
    """Bytes of each device on a rate of all, or the other way round: the rate is the place to edit
    where the bytes are the library's."""
    binding = link.frame.bindings.get("bandwidth")
    rate = binding.expr.span if binding is not None else head_of(link)
    title = f"each device sends over `{link.name}`, and its rate is that of all together"
    help_ = "write the rate of each device, such as `50 GB/(s*device)`"
    place, why = rate, Label(send.span, "what each device sends: B/device")
    if send.dim == BYTE:
        title = f"this is what all together send, and `{link.name}` has the rate of each device"
        help_ = "what each device sends is in B/device"
        place, why = send.at, Label(rate, f"{OF_EACH / S}")
    frame.context.report("P207", title, place, why=(why,), help_=help_, follows=True)
