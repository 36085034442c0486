"""Suspects: which single assumption, if it is false, explains everything that is above its ceiling.

Each excess is a conflict: one of a smallest set of assumptions must be false (`solve.peace`). Over
all of them the question is the other way round: an assumption that takes part in every conflict,
moved far enough for the worst, explains them all. Probes of the same rounds tell suspects apart in
two ways. What contradicts the file by itself is an excess like any other, with few assumptions
under it: a clock above the file's accuses the clock alone. And where the file says what a probe
found, an assumption that would have to move away from there is cleared. Of several that are left
the one with the smallest move comes first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations

from perfdsl.compare.assumptions import Assumption, assumptions
from perfdsl.compare.bounds import Subject
from perfdsl.compare.ceilings import (
    Bounded,
    Excess,
    Probed,
    Timed,
    exceeded,
    excess_of,
    held_probes,
    held_times,
    lucky,
    with_expected,
)
from perfdsl.diagnostics import Span
from perfdsl.records import dataclass
from perfdsl.solve.answers import Number
from perfdsl.solve.extent import extent
from perfdsl.solve.peace import FREE, Front, extent_of, needed, smallest
from perfdsl.solve.reading import Reading
from perfdsl.solve.unknowns import answer_range, answer_value

# What a probe reaches of a peak or bandwidth, where it reaches it: 15 % are the two humps that
# streams have on shared machines, and the largest disturbance of a probe that is believed.
REACHED = 0.85
# No figure is taken to be wrong by more than that, as long as something nearer explains: a first
# cache of the size of all weights would explain much.
WRONG_BY = 16.0
REACHES = (WRONG_BY, FREE)
# Two moves that differ by less are equally long.
ALIKE = 1.01
# What comes in whole numbers.
COUNTED = frozenset({"instr", "MAC", "op", "FLOP", "core", "device"})
# More at once are no explanation.
MOST = 3


@dataclass(frozen=True, slots=True)
class Suspect:
    """An assumption that explains some of what is above its ceiling, if it alone is false.

    needed: what it must be for that, `direction` (at least, at most); likely: what it would be if
    caches kept nothing of what does not fit, None where that is no other value. threads: the cores
    in force for which the values are told. explains: places in the list of excesses. move: how many
    times as much or as little, at least 1; whole_move: up to the next whole number, where it counts
    something (lanes, instructions). cleared: probes that contradict such a value.
    """

    name: str
    stated: Number
    needed: Number
    likely: Number | None
    direction: str
    threads: int
    explains: frozenset[int]
    move: float
    whole_move: float
    cleared: tuple[str, ...]
    provenance: str
    span: Span


@dataclass(frozen=True, slots=True)
class Doubt:
    """A probe that stays far below what the file says: `share` of it. That contradicts nothing,
    since somebody else may have used the machine."""

    what: str
    threads: int
    share: float


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """excesses: the clearest first. conflicts: smallest sets of assumptions of which one must be
    false, each once. suspects: the likeliest first. explanations: names that together explain
    everything, as few as can be, the likeliest first; empty where nothing does."""

    excesses: tuple[Excess, ...]
    conflicts: tuple[tuple[str, ...], ...]
    suspects: tuple[Suspect, ...]
    explanations: tuple[tuple[str, ...], ...]
    doubts: tuple[Doubt, ...]

    @property
    def accused(self) -> tuple[Suspect, ...]:
        """The suspects of the first explanation."""
        names = self.explanations[0] if self.explanations else ()
        return tuple(each for each in self.suspects if each.name in names)

    @property
    def alike(self) -> tuple[str, ...]:
        """Suspects that nothing measured can tell from the accused one."""
        if len(self.accused) != 1:
            return ()
        (first,) = self.accused
        others = [e for e in self.suspects if e.name != first.name and e.explains == first.explains]
        near = [
            e
            for e in others
            if not e.cleared and abs(math.log(e.move / first.move)) < math.log(ALIKE)
        ]
        return tuple(each.name for each in near)


def diagnose(of: Subject, times: Sequence[Timed], probes: Sequence[Probed]) -> Diagnosis:
    """What is above its ceiling, and what explains it."""
    reading = Reading(of.graph, answer_value, extent, answer_range)
    witnesses = with_expected(of, held_probes(of, probes))
    above = with_expected(of, exceeded([*held_times(of, times), *witnesses], reading))
    told = {id(each.measured) for each in above}
    above += [each for each in lucky(witnesses, reading) if id(each.measured) not in told]
    threads = {each.setup.threads for each in times} | {each.threads for each in probes}
    known = assumptions(of, threads) if above else ()
    conflicts = [_conflict(each, known, reading) for each in above]
    found = _suspects(above, known, witnesses, reading)
    explanations = _explanations(sorted(found, key=_order), len(above))
    suspects = _ranked(found, explanations)
    return Diagnosis(
        tuple(
            excess_of(each, reading, conflict)
            for each, conflict in zip(above, conflicts, strict=True)
        ),
        tuple(dict.fromkeys(conflicts)),
        suspects,
        explanations,
        tuple(_doubts(probes, witnesses, reading)),
    )


def _conflict(held: Bounded, known: Iterable[Assumption], reading: Reading) -> tuple[str, ...]:
    """The names of a smallest set of assumptions of which one must be false."""
    cone = set(reading.graph.cone(held.bound.node))
    here = [each for each in known if each.nodes[held.threads] in cone and not each.parts]
    names = {each.nodes[held.threads]: each.name for each in here}
    for reach in REACHES:
        ranges = {a.nodes[held.threads]: a.allowed(held.threads, reading, reach) for a in here}
        found = smallest(held.front, reading, ranges)
        if found:
            return tuple(names[node] for node in found)
    return ()


# ---------------------------------------------------------------------------------- suspects


@dataclass(frozen=True, slots=True)
class _Move:
    """How far an assumption goes: `factor` times what is stated, for these places among the
    excesses, the last word at `threads`."""

    factor: float
    threads: int
    explains: frozenset[int]


def _suspects(
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
        if likely is None or len(likely.explains) < len(move.explains):
            likely = move
        found.append((each, _suspect(each, move, likely, witnesses, reading)))
    alone = {each.name: suspect.explains for each, suspect in found if not each.parts}
    return [
        suspect for each, suspect in found
        if not any(alone.get(part, frozenset()) >= suspect.explains for part in each.parts)
    ]  # fmt: skip


def _suspect(
    each: Assumption, move: _Move, likely: _Move, witnesses: Sequence[Bounded], reading: Reading
) -> Suspect:
    stated = reading.value(each.nodes[move.threads])
    other = stated * likely.factor
    move_by = max(likely.factor, 1 / likely.factor)
    whole = _whole(each, stated, other) if other > stated else move_by
    differs = abs(math.log(likely.factor / move.factor)) > math.log(ALIKE)
    return Suspect(
        each.name,
        each.shown(stated, reading, move.threads),
        each.shown(stated * move.factor, reading, move.threads),
        each.shown(other, reading, move.threads) if differs else None,
        "at least" if move.factor > 1 else "at most",
        move.threads,
        move.explains,
        move_by,
        whole,
        _cleared(each, likely.factor, witnesses, reading),
        each.provenance,
        each.span,
    )


def _whole(each: Assumption, stated: float, other: float) -> float:
    """How many times as much the next whole number is, of what counts something."""
    names = {name for name, power in each.quantity.dimension.exponents if power > 0}
    counts = each.quantity.tag or (names and names <= COUNTED)
    return math.ceil(other) / stated if counts and stated == round(stated) else other / stated


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
        before, after = _share(bounds, reading), _share(bounds, moved)
        worse = abs(math.log(after)) > abs(math.log(before)) + math.log(ALIKE)
        if after < REACHED and worse:
            assert isinstance(measured, Probed)
            found.append(f"{measured.name}, {measured.threads} threads")
    return tuple(found)


def _share(bounds: Sequence[Bounded], reading: Reading) -> float:
    """What a probe reached of what is expected of it."""
    return max(reading.value(held.expected) for held in bounds) / bounds[0].best


def _doubts(
    probes: Iterable[Probed], witnesses: Sequence[Bounded], reading: Reading
) -> Iterable[Doubt]:
    for probe in probes:
        bounds = [held for held in witnesses if held.measured is probe]
        if not bounds:
            continue
        expected = max(extent_of(reading, held.expected, {}).low for held in bounds)
        share = expected / bounds[0].seconds.low
        if share < REACHED:
            yield Doubt(probe.name, probe.threads, share)


# ----------------------------------------------------------------------------------- ranking


# What is said of a figure, the least trusted first.
TRUST = ("assumed", "", "source", "spec", "measured")


def _ranked(
    suspects: Iterable[Suspect], explanations: Sequence[Sequence[str]]
) -> tuple[Suspect, ...]:
    """The accused; then those that no probe clears, that explain more, that move less."""
    accused = explanations[0] if explanations else ()
    return tuple(sorted(suspects, key=lambda each: (each.name not in accused, _order(each))))


def _order(each: Suspect) -> tuple[bool, int, int, int, float]:
    trust = TRUST.index(each.provenance) if each.provenance in TRUST else 1
    steps = round(math.log(each.whole_move) / math.log(ALIKE))
    # Of two counts the larger comes first: it can be wrong by less than the other.
    counted = -each.stated.shown if each.whole_move != each.move else 0.0
    return bool(each.cleared), -len(each.explains), steps, trust, counted


def _explanations(suspects: Sequence[Suspect], count: int) -> tuple[tuple[str, ...], ...]:
    """As few suspects as explain all excesses together; first without those that are cleared."""
    everything = frozenset(range(count))
    for pool in ([s for s in suspects if not s.cleared], list(suspects)):
        for size in range(1, MOST + 1):
            found = [
                each for each in combinations(pool, size)
                if frozenset[int]().union(*(s.explains for s in each)) == everything
            ]  # fmt: skip
            if found and count:
                best = sorted(found, key=_total)
                return tuple(tuple(s.name for s in each) for each in best)
    return ()


def _total(together: Sequence[Suspect]) -> tuple[int, int]:
    """To sort by; suspects come in order, and stay so where nothing tells them apart."""
    steps = sum(round(math.log(each.whole_move) / math.log(ALIKE)) for each in together)
    return sum(bool(each.cleared) for each in together), steps
