"""Diagnosis: what is above its ceiling, and which figure, if it is false, explains all of it.

Each excess is a conflict: one of a smallest set of assumptions must be false (`solve.peace`). Over
all of them the question is the other way round: an assumption that takes part in every conflict,
moved far enough for the worst, explains them all. Probes of the same rounds tell suspects apart in
two ways. What contradicts the file by itself is an excess like any other, with few assumptions
under it: a clock above the file's accuses the clock alone. And what a probe found as it is stated
is cleared. Of several that are left the one with the smallest move comes first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

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
from perfdsl.compare.explanations import explanations_of, order, ranked
from perfdsl.compare.suspects import ALIKE, REACHED, REACHES, Suspect, suspects_of
from perfdsl.records import dataclass
from perfdsl.solve.extent import extent
from perfdsl.solve.peace import extent_of, smallest
from perfdsl.solve.reading import Reading
from perfdsl.solve.unknowns import answer_range, answer_value

# Bounds fall when a figure rises, so that the best corner of a box is mostly the first one tried.
BOXES = 24


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
    found = suspects_of(above, known, witnesses, reading)
    explanations = explanations_of(sorted(found, key=order), len(above))
    suspects = ranked(found, explanations)
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
        found = smallest(held.front, reading, ranges, BOXES)
        if found:
            return tuple(names[node] for node in found)
    return ()


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
