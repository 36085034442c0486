"""A validation's lengths, some of them fitted and the others predicted, for each number of threads.

What a calibrated model says of the lengths that it has not seen, group by group, beside what was
measured there; what each policy would have made of them; how the residual divides; and what to
measure next. All of it follows from the record and the program: nothing is run here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from perfdsl.compare.aging import NOTHING_LOST, Aging, strangers
from perfdsl.compare.calibrated import (
    Facts,
    demands,
    observations,
    outside,
    outside_demand,
)
from perfdsl.compare.residual import Residual, Run, residuals, run_of, total
from perfdsl.compare.validation import Held, by_round
from perfdsl.measure.placed import Placed, placed
from perfdsl.measure.results import Case
from perfdsl.measure.sharing import same_rows
from perfdsl.measure.statistics import median
from perfdsl.measure.timing import NANO
from perfdsl.measure.validation_record import Measured, Validation
from perfdsl.records import dataclass
from perfdsl.solve.calibrated_terms import Demand, Observation, Prediction, quantile
from perfdsl.solve.calibration import Calibration, calibrate
from perfdsl.solve.overlap import Policy
from perfdsl.solve.ranking import Ranked, ranked

# Which lengths are fitted where nobody says: the shortest, and those nearest to so much of the way
# to the longest, by the logarithm. Of 1 .. 2048 tokens these are 1, 12 and 256.
SHARES = (0.0, 1 / 3, 3 / 4)
CALL_GOAL, GROUP_GOAL = 0.10, 0.15
POLICY: Policy = "partial"
APART = 0.9


@dataclass(frozen=True, slots=True)
class Checked:
    """A group, or the whole call, in one case. floor: seconds by which the call itself varies from
    round to round (the distance of its quartiles): an error below it cannot be seen in the call."""

    prediction: Prediction
    measured: float
    floor: float
    goal: float

    @property
    def error(self) -> float:
        """Predicted over measured, less one."""
        return self.prediction.seconds / self.measured - 1

    @property
    def met(self) -> bool:
        """Whether the error is within the goal, or below what can be seen."""
        return abs(self.prediction.seconds - self.measured) <= max(
            self.goal * self.measured, self.floor
        )


@dataclass(frozen=True, slots=True)
class CasePrediction:
    """One case: the call, its groups, and how their residuals divide. fitted: it was fitted to."""

    case: Case
    fitted: bool
    call: Checked
    groups: tuple[Checked, ...]
    residuals: tuple[Residual, ...]
    whole: Residual


@dataclass(frozen=True, slots=True)
class Predicted:
    """For one number of threads. ranking: policies by the lengths held back, or, where there are
    none, by each length left out in turn; empty with a single length. pace: see `Facts`."""

    threads: int
    pace: float
    model: Calibration
    cases: tuple[CasePrediction, ...]
    ranking: tuple[Ranked, ...]

    @property
    def missed(self) -> tuple[CasePrediction, ...]:
        """Cases that were held back, of which the call or a group is off by more than the goal."""
        return tuple(
            each
            for each in self.cases
            if not each.fitted and not all(one.met for one in (each.call, *each.groups))
        )


@dataclass(frozen=True, slots=True)
class Data:
    """One case as the calibration takes it. calls: seconds, one for each round."""

    case: Case
    least: tuple[Demand, ...]
    executed: tuple[Demand, ...]
    seen: tuple[Observation, ...]
    rest: Observation | None
    calls: tuple[float, ...]

    @property
    def every(self) -> tuple[Observation, ...]:
        return self.seen if self.rest is None else (*self.seen, self.rest)


def predicted(
    cases: Sequence[Held],
    record: Validation,
    fit: Collection[int] = (),
    policy: Policy = POLICY,
) -> tuple[Predicted, ...]:
    """One for each number of threads on which a length to fit was measured: a claim may have had
    others measured, on other threads. fit: the lengths that are fitted; none: chosen by `SHARES`.
    Raises ValueError where a fit has no length that was measured."""
    measured = {each.case: each for each in record.measured if each.turns}
    found: list[Predicted] = []
    alone: dict[tuple[int, int], dict[str, Run]] = {}
    for threads in sorted({each.case.threads for each in cases if each.case in measured}):
        own = [each for each in cases if each.case.threads == threads and each.case in measured]
        lengths = fit or chosen([each.case.tokens for each in own])
        pace = pace_of([each for each in own if each.case.tokens in lengths])
        lay = placed(record, threads)
        every = [data_of(each, measured[each.case], record, pace, lay) for each in own]
        data = [each for each in every if each.seen and each.calls]
        if any(each.case.tokens in lengths for each in data):
            found.append(_predicted(data, lengths, pace, policy, alone))
    if fit and measured and not found:
        raise ValueError(f"none of the lengths {sorted(fit)} was measured")
    return tuple(found)


def pace_of(fitted: Sequence[Held]) -> float:
    """How long the longest of these calls took for each second of its forecast."""
    longest = max(fitted, key=lambda each: each.forecast.seconds, default=None)
    return longest.ratio if longest is not None else 1.0


def data_of(
    held: Held,
    measured: Measured,
    record: Validation,
    pace: float = 1.0,
    lay: Placed | None = None,
) -> Data:
    """A case's demands and samples: the median of each round in which threads lay as usual."""
    turns = lay.usual(measured.turns) if lay else measured.turns
    rounds = [
        {name: median([call[name] for call in turn.phases]) * NANO for name in turn.phases[0]}
        for turn in turns
        if turn.phases
    ]
    phases = list(dict.fromkeys(phase for each in rounds for phase in each))
    executed = demands(held.forecast, phases, facts_of(held.case, record, pace))
    calls = tuple(by_round(turn.calls for turn in turns))
    seen = observations(executed, rounds)
    name = executed[0].case if executed else ""
    return Data(
        held.case, demands(held.least, phases), executed, seen,
        outside(name, calls, rounds), calls,
    )  # fmt: skip


def facts_of(case: Case, record: Validation, pace: float = 1.0) -> Facts:
    """What the runner does in a case besides what the program counts, as far as it is recorded.

    pace: seconds of a call for each second of its forecast."""
    lengths = (case.tokens,) * case.texts
    counted = next((each for each in record.executed if each.lengths == lengths), None)
    useful: dict[str, int] = {}
    executed: dict[str, int] = {}
    for each in counted.operators if counted else ():
        useful[each.operator] = useful.get(each.operator, 0) + each.useful
        executed[each.operator] = executed.get(each.operator, 0) + each.executed
    padding = {name: executed[name] / count for name, count in useful.items() if count}
    shared = same_rows(case.texts * case.tokens, case.threads)
    streams = _stream(record, case.threads), _stream(record, 1)
    return Facts(padding, shared, *streams, _aging(case, record), pace)


def _aging(case: Case, record: Validation) -> Aging:
    """Threads to which memory gives APART times what it gives one have it, and a cache, each for
    itself: a guest's processors may lie on clusters of their own, at one hour and not at another.
    """
    alone, several = _stream(record, 1), _stream(record, case.threads)
    cache = max((each.size for each in record.environment.processor.caches), default=0)
    if record.kept is None or not record.kept.rounds or not alone or not cache:
        return NOTHING_LOST
    apart = case.threads if several >= APART * case.threads * alone else 1
    return Aging(cache, strangers(record.kept, cache, alone), apart)


def _stream(record: Validation, threads: int) -> float:
    """Bytes a second from memory, the median over the rounds; 0 where no round has it."""
    rounds = [one for each in record.rates if each.threads == threads for one in each.rounds]
    known = [median(each["stream"]) for each in rounds if each.get("stream")]
    return median(known) if known else 0.0


def chosen(lengths: Collection[int]) -> tuple[int, ...]:
    """The lengths to fit, of those that were measured: all of them where there are few."""
    known = sorted(set(lengths))
    if len(known) <= len(SHARES):
        return tuple(known)
    low, high = math.log(known[0]), math.log(known[-1])
    wanted = [low + share * (high - low) for share in SHARES]
    return tuple(sorted({min(known, key=lambda n: abs(math.log(n) - place)) for place in wanted}))


def _predicted(
    data: Sequence[Data],
    lengths: Collection[int],
    pace: float,
    policy: Policy,
    alone: dict[tuple[int, int], dict[str, Run]],
) -> Predicted:
    """alone: by texts and tokens, the groups' runs on one thread; filled when these come."""
    fitted = [each for each in data if each.case.tokens in lengths]
    asked = [one for each in data for one in each.executed]
    model = calibrate([one for each in fitted for one in each.every], policy, asked=asked)
    cases = tuple(_case(each, model, each in fitted, alone) for each in data)
    held_back = [one for each in data if each not in fitted for one in each.seen]
    train = [one for each in fitted for one in each.seen]
    several = len({one.demand.case for one in train}) > 1
    ranking = ranked(train, held_back) if held_back or several else ()
    return Predicted(data[0].case.threads, pace, model, cases, ranking)


def _case(
    data: Data,
    model: Calibration,
    fitted: bool,
    alone: dict[tuple[int, int], dict[str, Run]],
) -> CasePrediction:
    place = data.case.texts, data.case.tokens
    ordered = sorted(data.calls)
    floor = quantile(ordered, 0.75) - quantile(ordered, 0.25)
    asked = {each.group for each in data.executed}
    groups = tuple(
        Checked(model.predict(each.demand), each.seconds, floor, GROUP_GOAL)
        for each in data.seen
        if each.demand.group in asked
    )
    whole = [each.demand for each in data.seen]
    if model.parameter("overhead", "outside") is not None:
        whole.append(outside_demand(whole[0].case))
    call = Checked(model.total(whole), median(data.calls), floor, CALL_GOAL)
    found = residuals(data.least, data.executed, data.seen, model, alone.get(place))
    if data.case.threads == 1:
        alone[place] = _runs(data, model)
    return CasePrediction(data.case, fitted, call, groups, found, total(found, median(data.calls)))


def _runs(data: Data, model: Calibration) -> dict[str, Run]:
    least = {each.group: each for each in data.least}
    return {
        each.demand.group: run_of(least[each.demand.group], each.demand, each, model)
        for each in data.seen
        if each.demand.group in least
    }
