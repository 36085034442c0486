"""A program's numbers beside what was measured: by group of operators, as a whole, and as rates.

A group is the smallest part of a pass that can be timed (see `phases`). Its ceiling is the least
that its operators take by the hardware file, its prediction what they take under the policy; times
are medians over the rounds of the medians within each round.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from perfdsl.compare.bounds import Subject, least_times, operators
from perfdsl.compare.evidence import setup_of
from perfdsl.compare.forecast import Forecast, OperatorForecast, forecasts
from perfdsl.compare.phases import Group, groups, plain
from perfdsl.compare.substitution import Problems, Substituted
from perfdsl.diagnostics import Diagnostic
from perfdsl.measure.results import Case
from perfdsl.measure.statistics import Estimate, estimate, median
from perfdsl.measure.timing import NANO
from perfdsl.measure.validation_record import Measured, Turn, Validation
from perfdsl.records import dataclass
from perfdsl.solve.extent import extent
from perfdsl.solve.reading import Reading
from perfdsl.solve.unknowns import answer_range, answer_value

CEILING = "roofline"  # the policy under which nothing waits for anything: no other is a bound


@dataclass(frozen=True, slots=True)
class Part:
    """A group in one case, all its layers together. ceiling, predicted: seconds, None where the
    program has no operator for it; measured: None where nothing times it.

    The ceiling has the group's share of the bytes that no cache can keep: shares add up to what a
    call must fetch, and which group is served by a cache is luck (`ceilings` supposes the best).

    binds: the port or level that the ceiling waits for.
    """

    group: Group
    ceiling: float | None
    predicted: float | None
    measured: Estimate | None
    share: float | None
    binds: str

    @property
    def efficiency(self) -> float | None:
        """The ceiling over what was measured: 1 where the machine gives all it has."""
        if self.ceiling is None or self.measured is None:
            return None
        return self.ceiling / self.measured.median

    @property
    def ratio(self) -> float | None:
        """What was measured over the prediction."""
        if self.predicted is None or self.measured is None or not self.predicted:
            return None
        return self.measured.median / self.predicted


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast a call is. ops: operations a second, two of them a multiply-add; bytes: of weights,
    each read once; both useful ones, as the program counts them."""

    tokens: float
    ops: float
    bytes: float


@dataclass(frozen=True, slots=True)
class Held:
    """One case. ceiling: seconds that the machine takes at the least, because of what it `binds`;
    forecast: under the policy; least: operator by operator, with the least traffic.

    call: seconds of whole calls, warm; cold: behind a flush; slower: the one over the other, round
    by round; phases: the sum of the parts, instrumented.
    """

    case: Case
    ceiling: float
    binds: str
    forecast: Forecast
    least: Forecast
    parts: tuple[Part, ...]
    call: Estimate
    cold: Estimate
    slower: Estimate
    phases: Estimate
    rate: Rate

    @property
    def efficiency(self) -> float:
        return self.ceiling / self.call.median

    @property
    def ratio(self) -> float:
        return self.call.median / self.forecast.seconds


def held_cases(
    held: Substituted, record: Validation, policy: str = ""
) -> tuple[Held, ...] | Problems:
    """Every case that was measured, in the order of the record, beside what the program says."""
    measured = [each for each in record.measured if each.turns]
    cases = [each.case for each in measured]
    predicted = forecasts(held, cases, policy)
    least = forecasts(held, cases, CEILING, least=True)
    wrong = tuple(each for each in (*predicted, *least) if isinstance(each, Diagnostic))
    if wrong:
        return wrong
    bounds = _Bounds.of(held)
    return tuple(
        _held(each, forecast, ceiling, bounds)
        for each, forecast, ceiling in zip(measured, predicted, least, strict=True)
        if isinstance(forecast, Forecast) and isinstance(ceiling, Forecast)
    )


def _held(each: Measured, forecast: Forecast, least: Forecast, bounds: _Bounds) -> Held:
    call = estimate(by_round(turn.calls for turn in each.turns))
    pairs = zip(by_round(t.cold for t in each.turns), by_round(t.calls for t in each.turns),
                strict=True)  # fmt: skip
    parts = tuple(_parts(each, forecast, least))
    ceiling, binds = max(bounds.ceiling(each.case, None), bounds.together(each.case, parts))
    return Held(
        case=each.case,
        ceiling=ceiling,
        binds=binds,
        forecast=forecast,
        least=least,
        parts=parts,
        call=call,
        cold=estimate(by_round(turn.cold for turn in each.turns)),
        slower=estimate([cold / warm for cold, warm in pairs]),
        phases=estimate(by_round([sum(p.values()) for p in turn.phases] for turn in each.turns)),
        rate=_rate(each.case, forecast, call.median),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Bounds:
    """What the operators of a case take together at the least: see `bounds`."""

    subject: Subject
    reading: Reading

    @classmethod
    def of(cls, held: Substituted) -> _Bounds:
        """Nothing that the program counts is in doubt here: nothing is moved."""
        found = Subject(held.analysis, held.net, held.cpu, held.load, {})
        return cls(found, Reading(found.graph, answer_value, extent, answer_range))

    def ceiling(self, case: Case, names: Collection[str] | None) -> tuple[float, str]:
        """Seconds of these operators (None: all) on the port or level that takes longest.

        Ports work side by side: that they take turns is not certain, and no part of a ceiling.
        """
        setup = setup_of(case)
        steps = [
            s for s in operators(self.subject, setup) if names is None or plain(s.name) in names
        ]
        found = [
            (self.reading.value(bound.node), bound.resource)
            for bound in least_times(self.subject, steps, setup)
            if bound.sort != "compute"
        ]
        return max(found, default=(0.0, ""))

    def together(self, case: Case, parts: Sequence[Part]) -> tuple[float, str]:
        """Phases are over one after the other, so what each group takes at the least adds up.

        All of them as one are a bound besides: what a cache holds, it holds once.
        """
        waits: dict[str, float] = {}
        for part in parts:
            if part.group.phases and part.group.operators:
                seconds, binds = self.ceiling(case, part.group.operators)
                waits[binds] = waits.get(binds, 0.0) + seconds
        return sum(waits.values()), max(waits, key=lambda name: waits[name], default="")


def by_round(rounds: Iterable[Sequence[int]]) -> list[float]:
    """Seconds: the median of each round's nanoseconds."""
    return [median(each) * NANO for each in rounds if each]


# ------------------------------------------------------------------------------------- the parts


def _parts(each: Measured, forecast: Forecast, least: Forecast) -> Iterator[Part]:
    names = dict.fromkeys(name for turn in each.turns for phase in turn.phases for name in phase)
    predicted = {operator.name: operator.seconds for operator in forecast.operators}
    found = groups(names, predicted)
    estimates = [_estimate(seconds_of(each.turns, group.phases)) for group in found]
    whole = sum(estimated.median for estimated in estimates if estimated is not None)
    for group, measured in zip(found, estimates, strict=True):
        own = [operator for operator in least.operators if operator.name in group.operators]
        yield Part(
            group=group,
            ceiling=sum(operator.seconds for operator in own) if own else None,
            predicted=sum(predicted[name] for name in group.operators) if own else None,
            measured=measured,
            share=measured.median / whole if measured is not None else None,
            binds=_binds(own),
        )


def _binds(operators: Sequence[OperatorForecast]) -> str:
    """What most of their time waits for."""
    waits: dict[str, float] = {}
    for each in operators:
        waits[each.bound] = waits.get(each.bound, 0.0) + each.seconds
    return max(waits, key=lambda name: waits[name], default="")


def _estimate(seconds: Sequence[float]) -> Estimate | None:
    """None where nothing was timed, or a clock too coarse gave nothing."""
    return estimate(seconds) if seconds and min(seconds) > 0 else None


def seconds_of(turns: Sequence[Turn], phases: Sequence[str]) -> list[float]:
    """Of these phases together, round by round."""
    if not phases:
        return []
    return by_round([sum(p.get(n, 0) for n in phases) for p in turn.phases] for turn in turns)


# ------------------------------------------------------------------------------------- the rates


def _rate(case: Case, forecast: Forecast, seconds: float) -> Rate:
    operations: Mapping[str, float] = {"MAC": 2.0, "op": 1.0, "FLOP": 1.0}
    done = [work for each in forecast.operators for work in each.work]
    weights = sum(each.reads.get("weights", 0.0) for each in forecast.operators)
    return Rate(
        tokens=case.texts * case.tokens / seconds,
        ops=sum(operations.get(work.unit, 0.0) * work.amount for work in done) / seconds,
        bytes=weights / seconds,
    )
