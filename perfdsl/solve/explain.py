"""Why a published figure differs: the one edit of its own derivation that accounts for the gap.

A bridge, count, prefix or block scale that occurs in the formula (or is missing from it by
dimension) is removed or inserted, and the figure computed anew. At most 6 %, and at most a quarter
of the gap (in logarithms), may be left over, and the best edit must be twice as good as the next:
a number is never tried on the ratio alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from perfdsl.diagnostics import Span
from perfdsl.records import dataclass
from perfdsl.semantics.arithmetic import bridge_value
from perfdsl.semantics.dimensions import WORK, Dimension, base
from perfdsl.semantics.graph import Input
from perfdsl.semantics.scope import Module
from perfdsl.semantics.text import plain, show_number
from perfdsl.semantics.units import Unit
from perfdsl.solve.answers import Explanation
from perfdsl.solve.numbers import in_unit
from perfdsl.solve.reading import Reading

LEFT_OVER = 0.06
PART_OF_GAP = 0.25
BETTER = 2.0
LARGEST_COUNT = 1_000_000
THOUSAND = 1000.0
SMALLEST_TERM = 1 / 4


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of the derivation: in words, and the figure that it gives."""

    words: str
    value: float
    span: Span | None


def explain(
    reading: Reading, node: int, published: float, unit: Unit, module: Module
) -> Explanation:
    """The edit that accounts for the gap between a node and its published value."""
    computed = reading.value(node)
    notes = residency_notes(reading, [node])
    nothing = Explanation("", None, 0.0, notes)
    if not (computed > 0 and published > 0):
        return nothing
    gap = abs(math.log(computed / published))
    edits = [e for e in _edits(reading, node, unit, module) if _differs(e, computed)]
    edits = [e for e in edits if e.value > 0 and math.isfinite(e.value)]
    ranked = sorted(edits, key=lambda e: abs(math.log(e.value / published)))
    if not ranked:
        return nothing
    best = ranked[0]
    left = abs(math.log(best.value / published))
    if abs(best.value / published - 1) > LEFT_OVER or left > PART_OF_GAP * gap:
        return nothing
    others = [edit.value for edit in ranked[1:]] + list(_without_a_term(reading, node))
    if any(abs(math.log(v / published)) < max(BETTER * left, 1e-9) for v in others if v > 0):
        return nothing
    value = in_unit(best.value, unit)
    return Explanation(best.words, value, best.value / published - 1, notes, best.span)


def _without_a_term(reading: Reading, node: int) -> Iterator[float]:
    """The figure with a large term of one of its sums forgotten: no mistake that is named here, but
    one that a bridge must not be taken for (K counted, V forgotten)."""
    for number in reading.graph.cone(node):
        item = reading.graph.nodes[number]
        total = reading.value(number)
        if item.op != "sum" or number in reading.given or not total:
            continue
        for arg, sign in zip(item.args, item.data, strict=True):
            part = sign * reading.value(arg)
            if SMALLEST_TERM <= part / total <= 1 - SMALLEST_TERM:
                yield reading.changed({number: total - part}).value(node)


def _differs(edit: Edit, computed: float) -> bool:
    return abs(edit.value - computed) > 1e-9 * abs(computed)


def _edits(reading: Reading, node: int, unit: Unit, module: Module) -> Iterator[Edit]:
    """Every edit of the derivation, each with what it gives."""
    for number in reading.graph.cone(node):
        item = reading.graph.nodes[number]
        # A cell of data was measured: no one way of counting is at fault in one row alone.
        if item.op != "input" or number in reading.given or item.data.sort in {"unknown", "data"}:
            continue
        source = item.data
        for words, value in _of_input(source, reading, module):
            yield Edit(words, reading.changed({number: value}).value(node), source.span)
    yield from _of_published(reading, node, unit, module)
    yield from _inserted(reading, node, unit)


def _of_input(source: Input, reading: Reading, module: Module) -> Iterator[tuple[str, float]]:
    """What may have been left out or misread of one input: words and its value then."""
    text = _written(source)
    if is_bridge(source.dim):
        if source.value != 1:
            yield f"the bridge `{text}` is left out", 1.0
        return
    if _is_count(source, module):
        yield f"the count {text} is left out", 1.0
    if source.sort == "format" and source.name.endswith(".bytes"):
        payload = _payload(source, reading)
        if payload is not None and payload < source.value:
            name = source.name.removesuffix(".bytes")
            yield f"the block scales of {name} are left out ({_ratio(source, payload)})", payload
    other = _other_prefix(source.unit, module)
    if other is not None:
        value = source.value * other.factor / source.unit.factor
        yield f"`{text}` is read as {other.text}", value


def _written(source: Input) -> str:
    """`2 channel (cpu.dram.channels)`: the number as written, and its name."""
    digits = source.digits or plain(source.value / source.unit.factor)
    text = f"{digits} {source.unit.text or source.unit.tag}".strip()
    if is_bridge(source.dim) or not source.named:
        return text
    return f"{text} ({source.name})"


def is_bridge(dim: Dimension) -> bool:
    """op/MAC and its like: a way of counting over another."""
    exponents = sorted(e for _, e in dim.exponents)
    return dim.names <= WORK and exponents == [-1, 1]


def _is_count(source: Input, module: Module) -> bool:
    names = module.units.counted | WORK | {"cycle"}
    whole = source.value == round(source.value) and 1 < source.value <= LARGEST_COUNT
    return whole and source.dim.names <= names and source.unit.factor == 1


def _payload(source: Input, reading: Reading) -> float | None:
    """The bytes of a block without its scales: as many whole bits for each value as fit."""
    wanted = source.name.removesuffix(".bytes") + ".block"
    for node in reading.graph.nodes:
        if node.op == "input" and node.data.name == wanted and node.data.sort == "format":
            block = float(node.data.value)
            bits = math.floor(source.value * 8 / block)
            return bits * block / 8
    return None


def _ratio(source: Input, payload: float) -> str:
    return f"{plain(source.value)}/{plain(payload)}"


def _other_prefix(unit: Unit, module: Module) -> Unit | None:
    """MiB for MB, and MB for MiB."""
    if "B" not in unit.dim.names and "bit" not in unit.text:
        return None
    for letter in "kMGTPE":
        binary = ("K" if letter == "k" else letter) + "i"
        for name in ("B", "bit"):
            for old, new in ((letter + name, binary + name), (binary + name, letter + name)):
                if unit.text == old or unit.text.startswith(old + "/"):
                    found = module.units.parse(new + unit.text.removeprefix(old))
                    # kB is the decimal one; KiB its binary neighbour.
                    if isinstance(found, Unit):
                        return found
    return None


def _of_published(reading: Reading, node: int, unit: Unit, module: Module) -> Iterator[Edit]:
    """The published figure's own unit, misread: then the computed one looks different in it."""
    value = reading.value(node)
    other = _other_prefix(unit, module)
    if other is not None:
        words = f"the published figure means {other.text}, not {unit.text}"
        yield Edit(words, value * unit.factor / other.factor, None)
    if unit.prefix or unit.factor != 1:
        yield Edit("the prefix is one too small", value / THOUSAND, None)
        yield Edit("the prefix is one too large", value * THOUSAND, None)


def _inserted(reading: Reading, node: int, unit: Unit) -> Iterator[Edit]:
    """What is missing by dimension: a count for `1/core`, a bridge for multiply-adds."""
    value = reading.value(node)
    exponent = unit.dim.exponent("MAC")
    if exponent:
        words = "multiply-adds are counted as operations: `2 op/MAC` is inserted"
        yield Edit(words, value * bridge_value("op", "MAC") ** float(exponent), None)
    for name, power in unit.dim.exponents:
        if power >= 0:
            continue
        for item in reading.graph.nodes:
            if item.op != "input" or not item.data.named or not item.data.value > 1:
                continue
            if item.data.sort == "data":
                continue
            if item.data.dim.exponents == ((name, 1),) and name not in WORK | {"s", "B", "cycle"}:
                words = f"the count {_written(item.data)} is multiplied in"
                yield Edit(words, value * item.data.value ** float(-power), item.data.span)


# ----------------------------------------------------------------------------------- residency


def residency_notes(reading: Reading, roots: list[int]) -> tuple[str, ...]:
    """For every residency that decides these nodes and does not hold: the numbers."""
    graph = reading.graph
    found: dict[tuple[str, float], str] = {}
    for number in graph.needed(roots):
        question = graph.residencies.get(number)
        if question is None or reading.value(number) or not _decides(number, roots, reading):
            continue
        size, room = reading.value(question.size), reading.value(question.room)
        each = reading.value(question.each) if question.each >= 0 else room
        what = "the weights" if question.role == "weights" else f"the bytes of {question.role}"
        inside = question.inside[-1]
        bytes_ = graph_dim()
        parts = f"{_binary(room)} in all"
        if each and round(room / each) > 1:
            parts += f", {round(room / each)} x {_binary(each)}"
        found[(what, size)] = (
            f"{what} ({show_number(size, bytes_)} in one pass) do not stay in {inside} ({parts}): "
            f"at least {show_number(size - room, bytes_, 3)} must come from further out on every "
            "pass, whatever the replacement, and all of it under LRU"
        )
    return tuple(found.values())


def _decides(condition: int, roots: list[int], reading: Reading) -> bool:
    """Whether the roots would have other values if the condition held."""
    other = reading.changed({condition: 1.0})
    return any(other.value(root) != reading.value(root) for root in roots)


def graph_dim() -> Dimension:
    return base("B")


def _binary(size: float) -> str:
    """Capacities are powers of two: 64 MiB, 32 KiB."""
    step = 0
    while size >= 1024 and step < 4:
        size, step = size / 1024, step + 1
    return f"{plain(size)} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[step]}"
