"""Contradictions: observations and assumptions that cannot all hold, found and made smallest.

An observation contradicts what is assumed if even the least that the assumptions allow (no
replacement moves fewer bytes, efficiencies are 1) is more than what was measured. The set is made
smallest by deletion: an assumption whose freedom changes nothing is left out. Then each one that
stays is moved alone, to where peace begins.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from operator import ge

from perfdsl.numeric.intervals import Range
from perfdsl.records import dataclass
from perfdsl.semantics.dimensions import PURE, base
from perfdsl.semantics.graph import Definition, Input
from perfdsl.semantics.program import AnalysisProgram, Hypothesis, ObserveItem
from perfdsl.solve.answers import Conflict, Member, Number, Pair
from perfdsl.solve.extent import Point, extent, reached
from perfdsl.solve.numbers import in_unit, number, of_input
from perfdsl.solve.reading import Reading
from perfdsl.solve.sets import crossing
from perfdsl.solve.slice import Slice, slice_of
from perfdsl.solve.unknowns import domain

# How far an assumption without a declared range is moved to look for peace.
FREE = 1e6
SLACK = 1e-9
STEPS = 100


@dataclass(frozen=True, slots=True)
class Case:
    """One observation under one hypothesis.

    side: "below" if what was measured is less than `node` can be, "above" if it is more.
    """

    item: ObserveItem
    hypothesis: Hypothesis
    node: int
    side: str
    observed: Range


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
            if observed.high < low.low - _slack(low.low):
                yield Case(item, hypothesis, least.node, "below", observed)
                continue
        if unknown:
            high = extent_of(reading, target.node, {})
            if observed.low > high.high + _slack(high.high):
                yield Case(item, hypothesis, target.node, "above", observed)


def _slack(value: float) -> float:
    return SLACK * abs(value) if math.isfinite(value) else 0.0


def _of_a_run(reading: Reading, node: int) -> bool:
    """Whether a time is made of what a run takes for its work and its bytes: a ceiling."""
    nodes = (reading.graph.nodes[number] for number in reading.graph.cone(node))
    return any(t.family for n in nodes if n.op == "max" and n.data for t in n.data)


def _is_unknown(reading: Reading, node: int) -> bool:
    source = reading.graph.nodes[node].data
    return isinstance(source, Input) and source.sort == "unknown"


def extent_of(reading: Reading, node: int, freed: dict[int, Range]) -> Range:
    """What a node can be while unknowns, uncertain inputs and freed assumptions run freely."""
    return extent(reading, node, _box(reading, node, freed))


def _box(reading: Reading, node: int, freed: dict[int, Range]) -> dict[int, Range]:
    """The ranges of everything in a node that is not one number, and of what is freed."""
    box = dict(freed)
    for number_ in reading.vague(node):
        if number_ not in box:
            source = reading.graph.nodes[number_].data
            unknown = isinstance(source, Input) and source.sort == "unknown"
            box[number_] = domain(source) if unknown else reading.range_of(number_)
    return box


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


def range_for(reading: Reading, node: int) -> Range:
    """Where an assumption may be moved: its declared range, else a million times up and down."""
    data = reading.graph.nodes[node].data
    if data.within is not None:
        return Range(*data.within)
    value = reading.value(node)
    ends = sorted((value / FREE, value * FREE))
    return Range(ends[0], ends[1])


def _front(case: Case, reading: Reading, moving: Iterable[int]) -> Slice:
    """What stands against the observation, as a function of what may move: the less, the better."""
    root = case.node
    if case.side == "above":
        root = reading.graph.total([root], (-1,))
    return slice_of(reading, (root,), moving)


def _peace(case: Case, front: Slice, box: dict[int, Range]) -> Point | None:
    """A point of a box at which the observation is within reach."""
    return reached(front, box, _goal(case))


def _goal(case: Case) -> float:
    """What a front may be at most, for the observation to be within reach."""
    if case.side == "below":
        return case.observed.high + _slack(case.observed.high)
    return _slack(case.observed.low) - case.observed.low


def smallest(case: Case, reading: Reading) -> list[int]:
    """The assumptions of a smallest set that conflicts with the observation (deletion filter)."""
    freed: dict[int, Range] = {}
    needed: list[int] = []
    for node in soft_nodes(reading, case.node):
        tried = {**freed, node: range_for(reading, node)}
        box = _box(reading, case.node, tried)
        if _peace(case, _front(case, reading, box), box) is not None:
            needed.append(node)
        else:
            freed = tried
    return needed


def _conflict(case: Case, reading: Reading) -> Conflict:
    reach = extent_of(reading, case.node, {})
    limit = reach.low if case.side == "below" else reach.high
    inside = smallest(case, reading)
    outside = [n for n in soft_nodes(reading, case.node) if n not in inside]
    alone = {node: _member(case, node, reading) for node in (*inside, *outside)}
    members = [_observation_member(case, limit, reading), *(alone[node] for node in inside)]
    others = [alone[node] for node in outside if alone[node].needed is not None]
    observed = _number(case.item, case.observed.low, case.observed, reading)
    word = "faster" if case.side == "below" else "slower"
    title = f"{case.item.subject} was {word} than what is assumed allows"
    return Conflict(
        title,
        case.item.subject,
        case.hypothesis.scenarios,
        observed,
        _number(case.item, limit, None, reading),
        "at least" if case.side == "below" else "at most",
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
        _number(item, best, case.observed, reading),
        _number(item, limit, None, reading),
        "at least" if case.side == "below" else "at most",
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
    found = _needed(case, node, reading.changed(fixed or {}), allowed)
    good = found is not None
    if found is None:
        value = reading.value(node)
        wide = Range(min(value / FREE, allowed.low), max(value * FREE, allowed.high))
        found = _needed(case, node, reading.changed(fixed or {}), wide)
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


def _needed(case: Case, node: int, reading: Reading, allowed: Range) -> float | None:
    """The value nearest to the present one at which there is peace; None if there is none."""
    value = reading.value(node)
    best: float | None = None
    for end in (allowed.low, allowed.high):
        if end == value:
            continue
        found = _towards(case, node, value, end, reading)
        if found is not None and (best is None or _far(found, value) < _far(best, value)):
            best = found
    return best


def _far(found: float, value: float) -> float:
    return abs(math.log(found / value)) if found > 0 and value > 0 else abs(found - value)


def _towards(case: Case, node: int, start: float, end: float, reading: Reading) -> float | None:
    """The first point of peace on the way from the present value to an end of the range.

    Where everything else stays at a point of peace, one variable is left, and the border is the
    root of a formula. It is the border if there is no other peace just before it; else on from
    there.
    """
    box = _box(reading, case.node, {node: Range(end, end)})
    front = _front(case, reading, box)
    peace, point = end, _peace(case, front, box)
    if point is None:
        return None
    for _ in range(STEPS):
        war, peace = _border(front, _goal(case), node, point, Range(start, peace))
        point = None if war == start else _peace(case, front, {**box, node: Range(war, war)})
        if point is None:
            break
        peace = war
    return peace


def _border(front: Slice, goal: float, node: int, point: Point, way: Range) -> tuple[float, float]:
    """The neighbours on a way (from low, upwards or downwards) between which a front comes down to
    a goal."""
    up = 1.0 if way.low < way.high else -1.0

    def gap(u: float) -> float:
        return goal - front.at({**point, node: up * u})[front.roots[0]]

    found = crossing(gap, Range(up * way.low, up * way.high), ge)
    return up * found.low, up * found.high


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
    here = extent_of(reading, case.node, {})
    gaps: dict[float, float] = {}
    for end in range_for(reading, node):
        found = extent_of(reading.changed({node: end}), case.node, {})
        gaps[end] = found.low - here.low if case.side == "below" else here.high - found.high
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
