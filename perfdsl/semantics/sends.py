"""`send LINK = bytes`: what an operator sends over a link, which a run looks up by its name.

`send over = n * 4 B` states bytes that leave, and counts one message; `send over.messages = k` says
how many messages they are, `send over.received = ...` what arrives in the meantime. Bytes are those
of the whole (B) or those of each device (B/device), and the link's rate says which it carries.
"""

from __future__ import annotations

from perfdsl.diagnostics import Edit, Fix, Label, Span, did_you_mean
from perfdsl.records import dataclass, field
from perfdsl.semantics.arithmetic import shown
from perfdsl.semantics.dimensions import PURE, Dimension, base
from perfdsl.semantics.graph import Graph
from perfdsl.semantics.possible import not_negative
from perfdsl.semantics.quantities import as_quantity
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import POISON, LinkName, Quantity, Record, Value
from perfdsl.syntax import tree

BYTE, DEVICE = base("B"), base("device")
OF_EACH = BYTE / DEVICE
SENT, RECEIVED, MESSAGES = "sent", "received", "messages"
_SAID = {SENT: "these bytes are", RECEIVED: "these bytes are", MESSAGES: "these messages are"}


@dataclass(frozen=True, slots=True)
class Send:
    """What is sent over one link: bytes that leave and arrive, and messages, as nodes.

    dim: B, or B/device. span: where the link is named. at: where the bytes are stated.
    """

    link: str
    dim: Dimension
    sent: int
    received: int
    messages: int
    span: Span = field(compare=False)
    at: Span = field(compare=False)


@dataclass(slots=True)
class _Stated:
    """The statements about one link, one behind the other."""

    name: LinkName
    sent: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)
    first: Quantity | None = None
    at: Span | None = None


def sends_of(statements: list[tree.Send], frame: Frame) -> list[Send] | None:
    """What the `send` statements of an operator say, by link; None: reported."""
    links: dict[str, _Stated] = {}
    good = True
    for statement in statements:
        name = _named(statement, frame)
        if name is None:
            return None
        stated = links.setdefault(name.name, _Stated(name))
        good = _state(statement, stated, frame) and good
    graph = frame.context.graph
    return [_made(s, graph) for s in links.values() if s.first is not None] if good else None


def _named(statement: tree.Send, frame: Frame) -> LinkName | None:
    """The link that a statement names: its own word, or what a parameter of it was given."""
    word = statement.link[0]
    known = frame.find(word)
    if known == POISON:
        return None
    return known if isinstance(known, LinkName) else LinkName(word, _place(statement, 0))


def _place(statement: tree.Send, at: int) -> Span:
    """Where a word of the path stands: `send`, spaces, then the path."""
    whole = statement.span
    start = whole.start + whole.text.index(statement.link[0], len(statement.word))
    for word in statement.link[:at]:
        start += len(word) + 1
    return Span(whole.source, start, start + len(statement.link[at]))


def _state(statement: tree.Send, stated: _Stated, frame: Frame) -> bool:
    """Add one statement to those about its link; False: reported."""
    part = statement.link[1] if len(statement.link) > 1 else SENT
    if part not in {SENT, RECEIVED, MESSAGES} or len(statement.link) > 2:
        return _no_part(statement, frame)
    span = statement.value.span
    value = as_quantity(frame.context.evaluate(statement.value, frame), span, frame)
    if value is None or not not_negative(value, _SAID[part], statement.value, frame):
        return False
    if part == MESSAGES:
        stated.messages.append(value.node)
        return _is_count(value, span, frame)
    if value.dim is None:
        return True
    if not _is_bytes(value, span, frame) or not _alike(value, span, stated, frame):
        return False
    (stated.sent if part == SENT else stated.received).append(value.node)
    return True


def _no_part(statement: tree.Send, frame: Frame) -> bool:
    word = statement.link[-1]
    near = did_you_mean(word, [SENT, RECEIVED, MESSAGES])
    help_ = f"did you mean `{near}`?" if near else f"there are: {RECEIVED}, {MESSAGES}"
    place = _place(statement, len(statement.link) - 1)
    fix = Fix(f"write `{near}`", (Edit(place, near),), safe=True) if near else None
    title = f"what is sent over a link has no `{word}`"
    frame.context.report("P106", title, place, help_=help_, fix=fix)
    return False


def _is_count(value: Quantity, span: Span, frame: Frame) -> bool:
    if value.dimension == PURE:
        return True
    title = "`messages` is a number"
    notes = (f"found {value.dimension}",)
    frame.context.report("P202", title, span, shown(value), notes=notes)
    return False


def _is_bytes(value: Quantity, span: Span, frame: Frame) -> bool:
    if value.dim in {BYTE, OF_EACH}:
        return True
    help_ = "multiply the count by the bytes of one, such as `4 B`" if value.dim == PURE else ""
    notes = (f"expected B, or B/device for what each device sends, found {value.dimension}",)
    title = "`send` is a number of bytes"
    frame.context.report("P202", title, span, shown(value), notes=notes, help_=help_)
    return False


def _alike(value: Quantity, span: Span, stated: _Stated, frame: Frame) -> bool:
    """Whether all bytes over one link are those of the whole, or all those of each device."""
    if stated.first is None or stated.at is None:
        stated.first, stated.at = value, span
        return True
    if value.dim == stated.first.dim:
        return True
    title = f"bytes of each device and bytes of all are sent over `{stated.name.name}`"
    why = (Label(stated.at, shown(stated.first)),)
    frame.context.report("P207", title, span, shown(value), why=why)
    return False


def _made(stated: _Stated, graph: Graph) -> Send:
    """Without a word on messages, each statement of what is sent is one."""
    assert stated.first is not None
    assert stated.at is not None
    messages = stated.messages or [graph.const(max(1, len(stated.sent)))]
    return Send(
        stated.name.name,
        stated.first.dimension,
        graph.total(stated.sent),
        graph.total(stated.received),
        graph.total(messages),
        stated.name.span,
        stated.at,
    )


def added(sends: list[tuple[int, Send]], graph: Graph) -> tuple[Send, ...]:
    """All that is sent, by link and dimension; each with how often, a node."""
    groups: dict[tuple[str, Dimension], list[tuple[int, Send]]] = {}
    for count, send in sends:
        groups.setdefault((send.link, send.dim), []).append((count, send))
    found = []
    for (link, dim), items in groups.items():
        sent, received, messages = (
            graph.total([graph.product([count, getattr(send, name)]) for count, send in items])
            for name in (SENT, RECEIVED, MESSAGES)
        )
        first = items[0][1]
        found.append(Send(link, dim, sent, received, messages, first.span, first.at))
    return tuple(found)


def sent_record(sends: tuple[Send, ...], name: str, graph: Graph) -> Record:
    """Bytes sent or received, or messages, by link: `x.sent[nvlink]`; the whole is their sum."""
    dims = {send.dim for send in sends}
    dim = PURE if name == MESSAGES else next(iter(dims), BYTE)
    rows: dict[str, Value] = {send.link: Quantity(getattr(send, name), dim) for send in sends}
    total = Quantity(graph.total([getattr(send, name) for send in sends]), dim)
    alike = len(dims) < 2 or name == MESSAGES
    return Record(f"{name} by link", {}, rows, total if alike else None)
