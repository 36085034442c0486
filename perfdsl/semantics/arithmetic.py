"""Sums, products and comparisons of quantities: dimensions, tags, kinds, and what to say."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from perfdsl.diagnostics import Label, Severity, Span
from perfdsl.semantics.dimensions import PURE, WORK, Dimension, base
from perfdsl.semantics.scope import Context
from perfdsl.semantics.values import Kinds, Quantity

MAX_EXPONENT = 64

NAMES = {"op": "operations", "MAC": "multiply-adds", "FLOP": "floating-point operations"}
BRIDGES = {
    frozenset({"op", "MAC"}): "2 op/MAC",
    frozenset({"FLOP", "MAC"}): "2 FLOP/MAC",
    frozenset({"op", "FLOP"}): "1 op/FLOP",
}


def bridge_value(above: str, below: str) -> float:
    """How many `above` one `below` is: 2 for op and MAC, 0.5 for MAC and op."""
    number, unit = BRIDGES[frozenset({above, below})].split()
    return float(number) if unit == f"{above}/{below}" else 1 / float(number)


class Operand(NamedTuple):
    """A quantity and the place where it stands."""

    value: Quantity
    span: Span


def shown(value: Quantity) -> str:
    """The dimension of a quantity as a message shows it, kinds and tags included."""
    kinds = f"[{', '.join(sorted(value.kinds))}]" if value.kinds is not None else ""
    if value.dim is None:
        return "0"
    return f"{value.dim if value.dim != PURE or not value.tag else value.tag}{kinds}"


def unify(context: Context, operands: list[Operand], doing: str) -> Quantity | None:
    """The common dimension, tag and kinds of operands that are added, compared or chosen between.

    doing: "added", "compared", as the message says it. None: reported.
    """
    first = next((o for o in operands if o.value.dim is not None), operands[0])
    tagged = next((o for o in operands if o.value.tag), None)
    kinds: Kinds = None
    for operand in operands:
        if operand.value.dim is None:
            continue
        if operand.value.dim != first.value.dim:
            _differ(context, first, operand, doing)
            return None
        if tagged is not None and operand.value.tag not in {"", tagged.value.tag}:
            _tags_differ(context, tagged, operand, doing)
            return None
        merged = intersect(kinds, operand.value.kinds)
        if merged is not None and not merged:
            _kinds_differ(context, first, operand, doing)
            return None
        kinds = merged
    dim = first.value.dim
    return Quantity(-1, dim, tagged.value.tag if tagged else "", kinds)


def intersect(left: Kinds, right: Kinds) -> Kinds:
    """The kinds that both have; None stands for all."""
    if left is None or right is None:
        return right if left is None else left
    return left & right


def _labels(first: Operand) -> tuple[Label, ...]:
    return (Label(first.span, shown(first.value)),)


def _of_one(left: Dimension, right: Dimension, part: str) -> tuple[str, str]:
    """What to say where one side alone is for each core or device, or has their number in it."""
    side = left if dict(left.exponents).get(part) else right
    if dict(side.exponents).get(part, 0) > 0:
        title = f"one of these still has {part}s in it: their number was multiplied with its unit"
        return title, f"`count(x)` is the bare number of {part}s: multiply by that"
    if side * base(part) == base("s"):
        title = f"a time was divided by {part}s, so it is no time any more"
        return title, f"`count(x)` is the bare number of {part}s: divide by that"
    title = f"a value of one {part} stands beside a total"
    return title, f"multiply the value of one {part} by the number of {part}s"


def _differ(context: Context, first: Operand, second: Operand, doing: str) -> None:
    left, right = first.value.dimension, second.value.dimension
    notes = (f"{shown(first.value)} and {shown(second.value)} are {doing}",)
    bridge = bridge_of(left / right)
    if bridge is not None:
        other, text = bridge
        title = f"{NAMES[_work(left)]} and {NAMES[_work(right)]} are {doing}"
        help_ = f"count both in one unit: multiply the {other} by `{text}`"
        context.report(
            "P203",
            title,
            second.span,
            shown(second.value),
            why=_labels(first),
            notes=notes,
            help_=help_,
        )
        return
    code, title, help_ = "P202", f"{_what(left)} and {_what(right)} cannot be {doing}", ""
    part = next((p for p in ("core", "device") if base(p) in {left / right, right / left}), "")
    if part and PURE not in {left, right}:
        code, (title, help_) = "P207", _of_one(left, right, part)
    elif PURE in {left, right} and (first if left == PURE else second).value.literal:
        unit = right if left == PURE else left
        code, title = "P210", f"a number without a unit stands where {_what(unit)} is needed"
        help_ = f"write a unit behind the number, such as `{unit}`"
    context.report(
        code,
        title,
        second.span,
        shown(second.value),
        why=_labels(first),
        notes=notes,
        help_=help_,
    )


def warn_of_prefixes(context: Context, left: Operand, right: Operand) -> None:
    """GB beside GiB in one comparison: right, and rarely what was meant."""
    nodes = context.graph.nodes
    units = []
    for operand in (left, right):
        item = nodes[operand.value.node]
        if item.op != "input" or "B" not in item.data.dim.names:
            return
        units.append(item.data.unit.text)
    binary = [re.search(r"\b[KMGTPE]i(B|bit)", unit) is not None for unit in units]
    decimal = [re.search(r"\b[kMGTPE](B|bit)", unit) is not None for unit in units]
    if binary[0] != binary[1] and decimal[0] != decimal[1]:
        powers = [1024 if each else 1000 for each in binary]
        context.report(
            "P213",
            f"`{units[0]}` is compared with `{units[1]}`: "
            f"powers of {powers[0]} with powers of {powers[1]}",
            right.span,
            units[1],
            why=(Label(left.span, units[0]),),
            help_="write both sides with prefixes of one kind",
            severity=Severity.WARNING,
        )


def _tags_differ(context: Context, first: Operand, second: Operand, doing: str) -> None:
    title = f"{first.value.tag}s and {second.value.tag}s are {doing}"
    context.report(
        "P205",
        title,
        second.span,
        second.value.tag,
        why=(Label(first.span, first.value.tag),),
        help_="`count(x)` is the bare number of a count",
    )


def _kinds_differ(context: Context, first: Operand, second: Operand, doing: str) -> None:
    title = f"{_kinds(first)} and {_kinds(second)} are {doing}"
    context.report(
        "P209",
        title,
        second.span,
        shown(second.value),
        why=_labels(first),
        help_="`total(work, 2 op/MAC)` adds over kinds; `any_kind(x)` forgets the kind",
    )


def _kinds(operand: Operand) -> str:
    kinds = operand.value.kinds
    return f"{', '.join(sorted(kinds))} work" if kinds else "work of any kind"


def _what(dim: Dimension) -> str:
    return "a number" if dim == PURE else f"a quantity in {dim}"


def _work(dim: Dimension) -> str:
    return next(iter(sorted(dim.names & WORK)), "op")


def bridge_of(ratio: Dimension) -> tuple[str, str] | None:
    """If two dimensions differ by how work is counted: whose side to multiply, and by what."""
    for pair, text in BRIDGES.items():
        left, right = sorted(pair)
        for sign in (1, -1):
            if ratio == (base(left) / base(right)) ** sign:
                return NAMES["MAC" if "MAC" in pair else "FLOP"], text
    return None


def multiply(context: Context, operands: list[Operand], powers: tuple[int, ...]) -> Quantity | None:
    """The product of the operands, those with power -1 below the line."""
    dim = PURE
    kinds: Kinds = None
    first_kinds: Operand | None = None
    for operand, power in zip(operands, powers, strict=True):
        dim = dim * operand.value.dimension if power > 0 else dim / operand.value.dimension
        if operand.value.kinds is None or not operand.value.counts_work:
            continue
        merged = intersect(kinds, operand.value.kinds)
        if merged is not None and not merged and first_kinds is not None:
            _kinds_multiplied(context, first_kinds, operand, power)
            return None
        kinds, first_kinds = merged, first_kinds or operand
    if dim.counts_work and _mixed_counting(dim) and all(_over_and_under(operands, powers)):
        _counting_multiplied(context, operands, powers, dim)
        return None
    node = context.graph.product([o.value.node for o in operands], powers)
    if any(o.value.dim is None for o, power in zip(operands, powers, strict=True) if power > 0):
        return Quantity(node, None, literal=False)
    kept = kinds if dim.counts_work else None
    literal = all(o.value.literal for o in operands)
    return Quantity(node, dim, _surviving_tag(operands, powers), kept, literal)


def _surviving_tag(operands: list[Operand], powers: tuple[int, ...]) -> str:
    """A tag survives a product with literal numbers; any other product drops it."""
    tagged = [i for i, o in enumerate(operands) if not o.value.literal]
    if len(tagged) == 1 and powers[tagged[0]] > 0:
        return operands[tagged[0]].value.tag
    return ""


def _mixed_counting(dim: Dimension) -> bool:
    """s*op/MAC: work over a rate that counts otherwise. A bridge itself (op/MAC) is fine."""
    work = {name: dim.exponent(name) for name in WORK if dim.exponent(name)}
    if len(work) < 2 or len(dim.names) == len(work):
        return False
    return min(work.values()) < 0 < max(work.values())


def _counting_multiplied(
    context: Context,
    operands: list[Operand],
    powers: tuple[int, ...],
    dim: Dimension,
) -> None:
    above, below = _over_and_under(operands, powers)
    top, bottom = above[0], below[-1]
    up, down = _work(top.value.dimension), _work(bottom.value.dimension)
    bridge = BRIDGES.get(frozenset({up, down}), "")
    rest = dim / (base(up) / base(down))
    article = {"MAC": "a multiply-add", "op": "an operation", "FLOP": "a FLOP"}[down]
    kind = "rate" if bottom.value.dimension.exponent("s") < 0 else "count"
    title = f"this divides {NAMES[up]} by {article} {kind}"
    if rest == base("s"):
        title += ", so it is not a time"
    context.report(
        "P203",
        title,
        bottom.span,
        shown(bottom.value),
        why=(Label(top.span, shown(top.value)),),
        notes=(f"expected {rest}, found {dim}",),
        help_=_bridge_help(up, down, bridge, kind),
    )


def _over_and_under(
    operands: list[Operand], powers: tuple[int, ...]
) -> tuple[list[Operand], list[Operand]]:
    """The operands that bring work above the line, and those that bring it below."""
    pairs = list(zip(operands, powers, strict=True))
    above = [o for o, p in pairs if _has_work(o, p, 1) and not _has_work(o, p, -1)]
    below = [o for o, p in pairs if _has_work(o, p, -1) and not _has_work(o, p, 1)]
    return above, below


def _bridge_help(up: str, down: str, bridge: str, kind: str) -> str:
    if down == "MAC":
        return f"one MAC is two {up}: multiply the {kind} by `{bridge}`, or count the work in MAC"
    return f"multiply the work by `{bridge}`"


def _has_work(operand: Operand, power: int, sign: int) -> bool:
    dim = operand.value.dimension
    return any(dim.exponent(name) * power * sign > 0 for name in WORK)


def _kinds_multiplied(context: Context, first: Operand, second: Operand, power: int) -> None:
    title = f"{_kinds(first)} meets a rate for {_kinds(second).removesuffix(' work')}"
    if power > 0:
        title = f"{_kinds(first)} and {_kinds(second)} are multiplied"
    context.report(
        "P209",
        title,
        second.span,
        shown(second.value),
        why=_labels(first),
        help_="use a port that serves this kind; `any_kind(x)` forgets the kind",
    )


def power(context: Context, left: Operand, exponent: float | None, right: Operand) -> Quantity:
    """Left ^ right; a base with a dimension needs a constant exponent."""
    graph = context.graph
    dim = left.value.dimension
    if exponent is None:
        if dim != PURE:
            title = "the exponent of a quantity with a unit must be a plain number"
            context.report("P204", title, right.span, why=(Label(left.span, shown(left.value)),))
        return Quantity(graph.add("pow", (left.value.node, right.value.node)))
    node = graph.add("pow", (left.value.node, graph.const(exponent)))
    raised = dim ** Fraction(exponent).limit_denominator(64)
    kinds = left.value.kinds if raised.counts_work else None
    return Quantity(node, raised, "", kinds)
