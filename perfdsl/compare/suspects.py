"""Suspects: which single assumption, if it is false, explains what is above its ceiling.

Each is moved as far as the worst of its measurements asks for. Of the probes of the same rounds
some clear it: where the file says what a probe found, an assumption that would have to move away
from there is not what is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from perfdsl.compare.assumptions import Assumption
from perfdsl.compare.ceilings import Bounded, Probed
from perfdsl.diagnostics import Span
from perfdsl.records import dataclass
from perfdsl.solve.answers import Number
from perfdsl.solve.peace import FREE, Front, extent_of, needed
from perfdsl.solve.reading import Reading

# What a probe reaches of a peak or bandwidth, where it reaches it: 15 % are the two humps that
# streams have on shared machines, and the largest disturbance of a probe that is believed.
REACHED = 0.85
# No figure is taken to be wrong by more than that, as long as something nearer explains: a first
# cache of the size of all weights would explain much.
WRONG_BY = 16.0
REACHES = (WRONG_BY, FREE)
# Two moves that differ by less are equally long.
ALIKE = 1.01


@dataclass(frozen=True, slots=True)
class Suspect:
    """An assumption that explains some of what is above its ceiling, if it alone is false.

    needed: what it must be for that, `direction` (at least, at most); likely: what it would be if
    caches kept nothing of what does not fit, None where that is no other value. threads: the cores
    in force for which the values are told. explains: places in the list of excesses; simply: how
    many of them also if caches keep nothing of what does not fit. move: how many times as much or
    as little, at least 1; whole_move: up to the next whole number, where it counts something
    (lanes, instructions). cleared: probes that contradict such a value. counted: it is what the
    program counts, and no figure of the hardware.
    """

    name: str
    stated: Number
    needed: Number
    likely: Number | None
    direction: str
    threads: int
    explains: frozenset[int]
    simply: int
    move: float
    whole_move: float
    cleared: tuple[str, ...]
    counted: bool
    provenance: str
    span: Span


@dataclass(frozen=True, slots=True)
class _Move:
    """How far an assumption goes: `factor` times what is stated, for these places among the
    excesses, the last word at `threads`."""

    factor: float
    threads: int
    explains: frozenset[int]


def suspects_of(
    above: Sequence[Bounded],
    known: Iterable[Assumption],
    witnesses: Sequence[Bounded],
    reading: Reading,
) -> list[Suspect]:
    fronts = [(at, held, held.front) for at, held in enumerate(above)]
    expected = [(at, held, held.likely) for at, held in enumerate(above)]
    found = []
    for each in known:
        moves = (_move(each, fronts, reading, reach) for reach in REACHES)
        move = next((move for move in moves if move is not None), None)
        if move is None:
            continue
        bears = [front for front in expected if front[0] in move.explains]
        likely = _move(each, bears, reading, FREE)
        simply = len(likely.explains) if likely is not None else 0
        if likely is None or simply < len(move.explains):
            likely = move
        found.append((each, _suspect(each, move, likely, simply, witnesses, reading)))
    alone = {each.name: suspect.explains for each, suspect in found if not each.parts}
    return [
        suspect for each, suspect in found
        if not any(alone.get(part, frozenset()) >= suspect.explains for part in each.parts)
    ]  # fmt: skip


def _suspect(
    each: Assumption,
    move: _Move,
    likely: _Move,
    simply: int,
    witnesses: Sequence[Bounded],
    reading: Reading,
) -> Suspect:
    stated = reading.value(each.nodes[move.threads])
    other = stated * likely.factor
    move_by = max(likely.factor, 1 / likely.factor)
    whole = _whole(each, stated, other)
    differs = abs(math.log(likely.factor / move.factor)) > math.log(ALIKE)
    return Suspect(
        each.name,
        each.shown(stated, reading, move.threads),
        each.shown(stated * move.factor, reading, move.threads),
        each.shown(other, reading, move.threads) if differs else None,
        "at least" if move.factor > 1 else "at most",
        move.threads,
        move.explains,
        simply,
        move_by,
        whole,
        _cleared(each, likely.factor, witnesses, reading),
        each.counted,
        each.provenance,
        each.span,
    )


def _whole(each: Assumption, stated: float, other: float) -> float:
    """How many times as much or as little the next whole number is, of what counts something."""
    if each.counts and stated == round(stated):
        other = math.ceil(other) if other > stated else max(1, math.floor(other))
    return max(other / stated, stated / other)


def _move(
    each: Assumption, fronts: Sequence[tuple[int, Bounded, Front]], reading: Reading, reach: float
) -> _Move | None:
    """The smallest move that explains as many as it can; None where it explains nothing.

    fronts: each with its place, the clearest first. What the worst one needs is mostly enough for
    the others, so that most are only looked at. A move up and one down do not go together: the
    direction is that of the clearest.
    """
    factor, threads = 1.0, 0
    explains: list[int] = []
    for at, held, front in fronts:
        node = each.nodes[held.threads]
        if node not in reading.graph.cone(front.node):
            continue
        if explains and _at_peace(each, factor, front, reading):
            explains.append(at)
            continue
        found = needed(front, node, reading, each.allowed(held.threads, reading, reach))
        value = reading.value(node)
        if found is None or found <= 0 or value <= 0:
            continue
        if explains and (found > value) != (factor > 1):
            continue
        factor, threads = found / value, held.threads
        explains.append(at)
    return _Move(factor, threads, frozenset(explains)) if explains else None


def _at_peace(each: Assumption, factor: float, front: Front, reading: Reading) -> bool:
    moved = reading.changed(each.moved(factor, reading))
    return extent_of(moved, front.node, {}).low <= front.goal


# --------------------------------------------------------------------------------- witnesses


def _cleared(
    each: Assumption, factor: float, witnesses: Sequence[Bounded], reading: Reading
) -> tuple[str, ...]:
    """The probes that reach what the file says, and would stay far below it after such a move.

    A probe that is off anyway clears nothing, unless the move puts it further off.
    """
    moved = reading.changed(each.moved(factor, reading))
    found: list[str] = []
    for measured in dict.fromkeys(held.measured for held in witnesses):
        bounds = [held for held in witnesses if held.measured is measured]
        before, after = share_of(bounds, reading), share_of(bounds, moved)
        if after < REACHED and _off(after) > ALIKE * _off(before):
            assert isinstance(measured, Probed)
            found.append(f"{measured.name}, {measured.threads} threads")
    return tuple(found)


def _off(share: float) -> float:
    """How many times too much or too little."""
    return max(share, 1 / share) if share > 0 else math.inf


def share_of(bounds: Sequence[Bounded], reading: Reading) -> float:
    """What a probe reached of what is expected of it."""
    return max(reading.value(held.expected) for held in bounds) / bounds[0].best
