"""The benchmark: rounds in which everybody has a turn, so that all see the same minutes.

Each round times each case once: the runner, each peer, the peaks, the stream, one after another and
each after a silence. The order rotates from round to round: nobody is always first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

from perfdsl.measure.candidates import CandidateError, Timed
from perfdsl.measure.disturbance import Counters, Disturbance, between, counters
from perfdsl.measure.inputs import texts
from perfdsl.measure.results import BESIDE, OURS, Case, Round, Series
from perfdsl.measure.timing import NANO, Stopwatch
from perfdsl.measure.work import work
from perfdsl.records import dataclass
from perfdsl.runner.config import Config


class Probe(Protocol):
    """A limit of this machine: rates a second by name, each as often as it was measured."""

    @property
    def name(self) -> str: ...

    def rates(self, threads: int, watch: Stopwatch) -> Mapping[str, Sequence[float]]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured; beside: tokens of the one text that many texts are compared with."""

    cases: Sequence[Case]
    rounds: int
    watch: Stopwatch
    beside: int


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody's turn is about to begin, in the round of this number (from 0)."""

    round: int
    case: Case
    name: str


class Bench:
    """Everybody who takes turns. A candidate that fails is left out from then on: `failed`."""

    def __init__(
        self, plan: Plan, config: Config, candidates: Sequence[Timed], probes: Sequence[Probe]
    ) -> None:
        self.plan = plan
        self.config = config
        self.candidates = {each.name: each for each in candidates}
        self.probes = {each.name: each for each in probes}
        self.failed: dict[str, CandidateError] = {}
        self._rounds: dict[Case, list[Round]] = {case: [] for case in plan.cases}
        self._began = self._counters()

    @property
    def steps(self) -> int:
        """How many turns there are in all."""
        each = len(self.candidates) + len(self.probes)
        many = sum(case.texts > 1 for case in self.plan.cases)
        return self.plan.rounds * (len(self.plan.cases) * each + many)

    def run(self) -> Iterator[Step]:
        """All rounds, all cases; what is given back tells whose turn it is."""
        for number in range(self.plan.rounds):
            for case in self.plan.cases:
                yield from self._round(number, case)

    def series(self) -> tuple[Series, ...]:
        """What was measured so far: whole rounds only."""
        disturbance = between(self._began, self._counters())
        return tuple(
            self._series(case, rounds, disturbance)
            for case, rounds in self._rounds.items()
            if rounds
        )

    def _round(self, number: int, case: Case) -> Iterator[Step]:
        timed = self._timed(case)
        order = rotated([*timed, *self.probes], number)
        samples: dict[str, tuple[int, ...]] = {}
        rates: dict[str, tuple[float, ...]] = {}
        for name in order:
            yield Step(number, case, name)
            if name in self.probes:
                found = self.probes[name].rates(case.threads, self.plan.watch)
                rates |= {kind: tuple(each) for kind, each in found.items()}
            elif name not in self.failed and (times := self._times(name, timed[name])):
                samples[name] = tuple(times)
        self._rounds[case].append(Round(order=tuple(order), samples=samples, rates=rates))

    def _timed(self, case: Case) -> dict[str, Callable[[], list[int]]]:
        watch, vocabulary = self.plan.watch, self.config.vocab
        ids = texts(case.texts, case.tokens, vocabulary)
        found: dict[str, Callable[[], list[int]]] = {
            name: partial(each.samples, ids, case.threads, watch)
            for name, each in self.candidates.items()
        }
        if case.texts > 1:
            one = texts(1, self.plan.beside, vocabulary)
            found[BESIDE] = partial(self.candidates[OURS].samples, one, case.threads, watch)
        return found

    def _times(self, name: str, samples: Callable[[], list[int]]) -> list[int]:
        try:
            return samples()
        except CandidateError as error:
            if name in {OURS, BESIDE}:  # there is nothing to compare with
                raise
            self.failed[name] = error
            return []

    def _series(self, case: Case, rounds: list[Round], disturbance: Disturbance) -> Series:
        return Series(
            case=case,
            work=work(self.config, [case.tokens] * case.texts),
            rounds=tuple(rounds),
            disturbance=(disturbance,),
            beside=self.plan.beside if case.texts > 1 else 0,
        )

    def _counters(self) -> Counters:
        own = [number for each in self.candidates.values() for number in each.processes]
        return counters(self.plan.watch.clock() * NANO, own)


Taking = TypeVar("Taking")


def rotated(turns: Sequence[Taking], number: int) -> list[Taking]:
    """The turns, if there are any, begun a place further in each round."""
    first = number % max(1, len(turns))
    return [*turns[first:], *turns[:first]]
