"""A value and what it is made of: every name below it with its formula, value and source."""

from __future__ import annotations

import math
from collections.abc import Iterator

from perfdsl.diagnostics import Span
from perfdsl.present import figures, words
from perfdsl.present.style import Row, Theme, hanging, padded, width_of
from perfdsl.records import dataclass
from perfdsl.semantics.graph import Definition, Input
from perfdsl.semantics.program import AnalysisProgram, Program
from perfdsl.semantics.units import Unit
from perfdsl.semantics.values import Condition, Quantity, Value, describe
from perfdsl.solve.answers import NOT_MEASURED, Number
from perfdsl.solve.extent import extent
from perfdsl.solve.numbers import in_unit, number, of_input
from perfdsl.solve.reading import Reading
from perfdsl.solve.unknowns import answer_range, answer_value

LONGEST_NAME = 30


@dataclass(frozen=True, slots=True)
class Root:
    """Where a derivation starts: a name, its formula as written, and its node."""

    name: str
    formula: str
    value: Value
    span: Span
    unit: Unit | None = None


def names(program: Program) -> list[str]:
    """Every name that has a derivation."""
    found = [d.name for a in program.analyses for d in a.definitions]
    found += [claim.id or claim.title for a in program.analyses for claim in a.claims]
    for items in program.settable.values():
        found += [item.path for item in items]
    return list(dict.fromkeys(name for name in found if name))


def roots(program: Program, name: str) -> list[Root]:
    """What a name means: a `let`, a claim by its id or title, or a path such as cpu.clock."""
    found: dict[Span, Root] = {}
    for analysis in program.analyses:
        for root in in_analysis(program, analysis):
            if name in {root.name, f"{analysis.name}.{root.name}"}:
                found.setdefault(root.span, root)
    return list(found.values())


def in_analysis(program: Program, analysis: AnalysisProgram) -> Iterator[Root]:
    for item in analysis.definitions:
        yield Root(item.name, item.formula, item.value, item.span)
    for claim in analysis.claims:
        for name in (claim.id, claim.title):
            if name:
                unit = claim.published.unit if claim.published is not None else None
                yield Root(name, claim.formula, claim.value, claim.span, unit)
    for field in program.settable.get(analysis.name, ()):
        value = field.frame.own(field.path.rpartition(".")[2])
        if value is not None:
            yield Root(field.path, field.span.text, value, field.span)


# ---------------------------------------------------------------------------------------- rows


def rows(program: Program, root: Root, theme: Theme) -> Iterator[Row]:
    """The name with its formula and value, then what it is made of, each name once."""
    yield (root.name, "bold"), (f"  {words.place(root.span)}", "dim")
    yield from hanging((("  ", ""),), root.formula, theme)
    node = _node(root.value)
    if node is None:
        yield from hanging((("  = ", ""),), describe(root.value), theme)
        return
    reading = reading_of(program)
    yield ("  = ", ""), (_value(reading, root, node), "bold"), (_dimension(root.value), "dim")
    parts = [part for part in _parts(reading, node) if part.span != root.span]
    if parts:
        yield ()
        yield (("made of", "dim"),)
    yield from _part_rows(parts, theme)


def _value(reading: Reading, root: Root, node: int) -> str:
    if not isinstance(root.value, Quantity):
        truth = "yes" if reading.value(node) else "no"
        return NOT_MEASURED if reading.missing(node) else truth
    value, bounds, missing = reading.value(node), reading.bounds(node), reading.missing(node)
    if root.unit is not None:
        return _told(in_unit(value, root.unit, bounds, missing=missing))
    return _told(number(value, root.value.dimension, bounds, root.value.tag, missing=missing))


def _dimension(value: Value) -> str:
    known = isinstance(value, Quantity) and value.dimension.exponents
    return f"  (dimension {value.dimension})" if known and isinstance(value, Quantity) else ""


def reading_of(program: Program, deadline: float = math.inf) -> Reading:
    """The numbers of a program as it was written."""
    return Reading(program.graph, answer_value, extent, answer_range, deadline=deadline)


def _node(value: Value) -> int | None:
    return value.node if isinstance(value, Quantity | Condition) else None


@dataclass(frozen=True, slots=True)
class Part:
    """One named value or written number of a derivation."""

    name: str
    value: Number
    source: str
    why: str
    span: Span
    formula: str


def _parts(reading: Reading, root: int) -> list[Part]:
    """The named ones from the root down; a number without a name is part of a formula."""
    found: dict[tuple[str, Span], Part] = {}
    for at in reversed(reading.graph.needed([root])):
        data = reading.graph.nodes[at].data
        if isinstance(data, Input) and data.named:
            part = Part(data.name, of_input(data), data.provenance, data.why, data.span, "")
        elif isinstance(data, Definition) and data.name:
            value = number(reading.value(at), data.dim, missing=reading.missing(at))
            part = Part(data.name, value, data.provenance, data.why, data.span, _formula(data.span))
        else:
            continue
        found.setdefault((part.name, part.span), part)
    return list(found.values())


def _part_rows(parts: list[Part], theme: Theme) -> Iterator[Row]:
    """Name, value and place on one line; formula and source below."""
    longest = min(LONGEST_NAME, max((width_of(part.name) for part in parts), default=0))
    room = max((width_of(_told(part.value)) for part in parts), default=0)
    for part in parts:
        yield (
            ("  ", ""),
            (padded(part.name, longest), ""),
            ("  ", ""),
            (padded(_told(part.value), room, right=True), "bold"),
            ("  " + words.place(part.span), "dim"),
        )
        for text in (part.formula, ": ".join(filter(None, (part.source, part.why)))):
            if text:
                yield from hanging(((" " * 6, ""),), text, theme, "dim")


def _formula(span: Span) -> str:
    """What stands behind the `=` of a definition, without its notes."""
    return " ".join(span.text.partition("=")[2].partition("@")[0].split())


def _told(value: Number) -> str:
    spread = figures.spread(value)
    return f"{figures.amount(value)} ({spread})" if spread else figures.amount(value)


def overview(program: Program, analysis: AnalysisProgram, theme: Theme) -> Iterator[Row]:
    """Every `let` of an analysis with its formula and value."""
    reading = reading_of(program)
    items = analysis.definitions
    longest = min(LONGEST_NAME, max((width_of(item.name) for item in items), default=0))
    for item in items:
        lead = (("  ", ""), (padded(item.name, longest), ""), ("  ", ""))
        yield from hanging(lead, f"{_short(reading, item.value)} = {item.formula}", theme)


def _short(reading: Reading, value: Value) -> str:
    if isinstance(value, Quantity):
        missing = reading.missing(value.node)
        best = reading.value(value.node)
        return _told(number(best, value.dimension, None, value.tag, missing=missing))
    return describe(value)
