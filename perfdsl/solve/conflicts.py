"""Contradictions: observations and assumptions that cannot all hold, found and made smallest.

An observation contradicts what is assumed if even the least that the assumptions allow (no
replacement moves fewer bytes, efficiencies are 1) is more than what was measured. The set is made
smallest by deletion, and each one that stays is moved alone to where peace begins (see `peace`).
"""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.numeric.intervals import Range
from perfdsl.records import dataclass
from perfdsl.semantics.dimensions import PURE, base
from perfdsl.semantics.graph import Definition, Input
from perfdsl.semantics.program import AnalysisProgram, Hypothesis, ObserveItem
from perfdsl.solve.answers import Conflict, Member, Number, Pair
from perfdsl.solve.numbers import in_unit, number, of_input
from perfdsl.solve.peace import FREE, Front, extent_of, needed, range_for, slack, smallest
from perfdsl.solve.reading import Reading


@dataclass(frozen=True, slots=True)
class Case:
    """One observation under one hypothesis, and what it contradicts."""

    item: ObserveItem
    hypothesis: Hypothesis
    front: Front


def conflicts(program: AnalysisProgram, reading: Reading) -> tuple[Conflict, ...]:
    """Every independent conflict of an analysis."""
    found: list[Conflict] = []
    blamed: set[ObserveItem] = set()
    for hypothesis in sorted(program.hypotheses, key=lambda h: len(h.scenarios)):
        for case in _cases(hypothesis, reading):
            if case.item not in blamed:
                blamed.add(case.item)
                found.append(_conflict(case, reading))
    found.extend(_disagreements(program, reading))
    return tuple(found)


# -------------------------------------------------------------------------------------- finding


def _cases(hypothesis: Hypothesis, reading: Reading) -> Iterator[Case]:
    for item, target, least in hypothesis.cases:
        observed = reading.bounds(item.value.node)
        unknown = any(_is_unknown(reading, n) for n in reading.vague(target.node))
        bounded = target.dim == base("s") and (
            least.node != target.node or _of_a_run(reading, least.node)
        )
        if unknown or bounded:
            low = extent_of(reading, least.node, {})
            if observed.high < low.low - slack(low.low):
                yield Case(item, hypothesis, Front(least.node, "below", observed))
                continue
        if unknown:
            high = extent_of(reading, target.node, {})
            if observed.low > high.high + slack(high.high):
                yield Case(item, hypothesis, Front(target.node, "above", observed))


def _of_a_run(reading: Reading, node: int) -> bool:
    """Whether a time is made of what a run takes for its work and its bytes: a ceiling."""
    nodes = (reading.graph.nodes[number] for number in reading.graph.cone(node))
    return any(t.family for n in nodes if n.op == "max" and n.data for t in n.data)


def _is_unknown(reading: Reading, node: int) -> bool:
    source = reading.graph.nodes[node].data
    return isinstance(source, Input) and source.sort == "unknown"


# -------------------------------------------------------------------------- the smallest set


def soft_nodes(reading: Reading, node: int) -> list[int]:
    """What somebody assumed, and what a scenario sets: statements that could be false."""
    found = []
    for number_ in reading.graph.cone(node):
        data = reading.graph.nodes[number_].data
        if isinstance(data, Input) and data.sort == "unknown":
            continue
        if isinstance(data, Input | Definition) and (
            data.provenance == "assumed" or data.sort == "scenario"
        ):
            found.append(number_)
    return found


def _conflict(case: Case, reading: Reading) -> Conflict:
    reach = extent_of(reading, case.front.node, {})
    limit = reach.low if case.front.side == "below" else reach.high
    soft = soft_nodes(reading, case.front.node)
    inside = smallest(case.front, reading, {n: range_for(reading, n) for n in soft})
    outside = [n for n in soft if n not in inside]
    alone = {node: _member(case, node, reading) for node in (*inside, *outside)}
    members = [_observation_member(case, limit, reading), *(alone[node] for node in inside)]
    others = [alone[node] for node in outside if alone[node].needed is not None]
    observed = _number(case.item, case.front.observed.low, case.front.observed, reading)
    word = "faster" if case.front.side == "below" else "slower"
    title = f"{case.item.subject} was {word} than what is assumed allows"
    return Conflict(
        title,
        case.item.subject,
        case.hypothesis.scenarios,
        observed,
        _number(case.item, limit, None, reading),
        "at least" if case.front.side == "below" else "at most",
        tuple(members),
        tuple(others),
        tuple(_pairs(case, alone, outside, reading)),
    )


def _number(item: ObserveItem, value: float, bounds: Range | None, reading: Reading) -> Number:
    source = reading.graph.nodes[item.value.node].data
    if isinstance(source, Input):
        return in_unit(value, source.unit, bounds)
    return number(value, item.value.dimension, bounds)


def _observation_member(case: Case, limit: float, reading: Reading) -> Member:
    item = case.item
    best = reading.value(item.value.node)
    return Member(
        item.name or item.formula,
        item.span.text,
        _number(item, best, case.front.observed, reading),
        _number(item, limit, None, reading),
        "at least" if case.front.side == "below" else "at most",
        True,
        None,
        False,
        item.span,
    )


def _member(
    case: Case, node: int, reading: Reading, fixed: dict[int, float] | None = None
) -> Member:
    """An assumption, and what it alone would have to be."""
    data = reading.graph.nodes[node].data
    allowed = range_for(reading, node)
    found = needed(case.front, node, reading.changed(fixed or {}), allowed)
    good = found is not None
    if found is None:
        value = reading.value(node)
        wide = Range(min(value / FREE, allowed.low), max(value * FREE, allowed.high))
        found = needed(case.front, node, reading.changed(fixed or {}), wide)
    value = reading.value(node)
    direction = "at least" if found is not None and found > value else "at most"
    declared = None
    if data.within is not None:
        declared = (_as_number(data, data.within[0]), _as_number(data, data.within[1]))
    return Member(
        data.name,
        data.span.text,
        _as_number(data, value),
        None if found is None else _as_number(data, found),
        direction,
        good,
        declared,
        _counted(data),
        data.span,
    )


def _counted(data: Input | Definition) -> bool:
    if isinstance(data, Definition):
        return False
    return data.whole or bool(data.unit.tag) or (data.dim != PURE and data.dim.names <= COUNTS)


COUNTS = frozenset({"core", "token", "device", "instr", "transfer"})


def _as_number(data: Input | Definition, value: float) -> Number:
    if isinstance(data, Input):
        return of_input(data, value)
    return number(value, data.dim)


def _pairs(
    case: Case, alone: dict[int, Member], outside: list[int], reading: Reading
) -> Iterator[Pair]:
    """An assumption that cannot make peace alone, at its better end, together with another."""
    for node in outside:
        data = reading.graph.nodes[node].data
        if data.within is None:
            continue
        end = _better_end(case, node, reading)
        if end is None:
            continue
        for other, before in alone.items():
            member = _member(case, other, reading, {node: end}) if other != node else before
            if member.needed is not None and member.allowed and member.needed != before.needed:
                yield Pair(
                    data.name, _as_number(data, end), member.name, member.needed, member.direction
                )


def _better_end(case: Case, node: int, reading: Reading) -> float | None:
    """The end of an assumption's range that brings the observation nearer."""
    here = extent_of(reading, case.front.node, {})
    gaps: dict[float, float] = {}
    for end in range_for(reading, node):
        found = extent_of(reading.changed({node: end}), case.front.node, {})
        gaps[end] = found.low - here.low if case.front.side == "below" else here.high - found.high
    best = min(gaps, key=lambda end: gaps[end])
    return best if gaps[best] < 0 else None


# ------------------------------------------------------------- observations that disagree


def _disagreements(program: AnalysisProgram, reading: Reading) -> Iterator[Conflict]:
    """Two values observed of one quantity by one subject, further apart than they allow."""
    for at, first in enumerate(program.observations):
        for second in program.observations[at + 1 :]:
            same = first.target.node == second.target.node or (
                first.base == second.base and first.world_key == second.world_key
            )
            if first.subject != second.subject or not same or first.scenarios != second.scenarios:
                continue
            one, two = reading.bounds(first.value.node), reading.bounds(second.value.node)
            if one.high < two.low or two.high < one.low:
                yield _disagreement(first, second, one, two, reading)


def _disagreement(
    first: ObserveItem, second: ObserveItem, one: Range, two: Range, reading: Reading
) -> Conflict:
    members = tuple(
        Member(
            item.name or item.formula,
            item.span.text,
            _number(item, reading.value(item.value.node), own, reading),
            _number(item, other.low if own.high < other.low else other.high, None, reading),
            "at least" if own.high < other.low else "at most",
            True,
            None,
            False,
            item.span,
        )
        for item, own, other in ((first, one, two), (second, two, one))
    )
    title = f"{first.subject} was observed twice, with values that exclude each other"
    observed = _number(first, reading.value(first.value.node), one, reading)
    reachable = _number(second, reading.value(second.value.node), two, reading)
    return Conflict(title, first.subject, (), observed, reachable, "equal to", members, (), ())
