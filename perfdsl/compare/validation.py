"""A program's numbers beside what was measured: by group of operators, as a whole, and as rates.

A group is the smallest part of a pass that can be timed (see `phases`). Its ceiling is the least
that its operators take by the hardware file, its prediction what they take under the policy; times
are medians over the rounds of the medians within each round.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from perfdsl.compare.forecast import Forecast, OperatorForecast, forecasts
from perfdsl.compare.phases import Group, groups
from perfdsl.compare.substitution import Problems, Substituted
from perfdsl.diagnostics import Diagnostic
from perfdsl.measure.results import Case
from perfdsl.measure.statistics import Estimate, estimate, median
from perfdsl.measure.timing import NANO
from perfdsl.measure.validation_record import Measured, Turn, Validation
from perfdsl.records import dataclass

CEILING = "roofline"  # the policy under which nothing waits for anything: no other is a bound


@dataclass(frozen=True, slots=True)
class Part:
    """A group in one case, all its layers together. ceiling, predicted: seconds, None where the
    program has no operator for it; measured: None where nothing times it.

    binds: what the ceiling waits for; predicted_binds: the same of the prediction.
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
class FromMemory:
    """Where the weights of a call come from, in bytes a call.

    least: what the caches cannot hold, of `most`, all that is read. kept: what the caches held, by
    the time that it takes longer without them, at the rate of the stream: None where that says
    nothing, as the call waits for something else.
    """

    least: float
    most: float
    kept: float | None
    slower: Estimate


@dataclass(frozen=True, slots=True)
class Held:
    """One case. call: seconds of whole calls, warm; cold: behind a flush; phases: the sum of the
    parts, instrumented."""

    case: Case
    forecast: Forecast
    ceiling: Forecast
    parts: tuple[Part, ...]
    call: Estimate
    cold: Estimate
    phases: Estimate
    rate: Rate
    memory: FromMemory

    @property
    def efficiency(self) -> float:
        return self.ceiling.seconds / self.call.median

    @property
    def ratio(self) -> float:
        return self.call.median / self.forecast.seconds


def held_cases(
    held: Substituted, record: Validation, policy: str = ""
) -> tuple[Held, ...] | Problems:
    """Every case that was measured, in the order of the record, beside what the program says."""
    cases = [each.case for each in record.measured if each.turns]
    predicted = forecasts(held, cases, policy)
    ceilings = forecasts(held, cases, CEILING, least=True)
    found: list[Held] = []
    streams = _streams(record)
    measured = [each for each in record.measured if each.turns]
    for each, forecast, ceiling in zip(measured, predicted, ceilings, strict=False):
        for wrong in (forecast, ceiling):
            if isinstance(wrong, Diagnostic):
                return tuple(d for d in (*predicted, *ceilings) if isinstance(d, Diagnostic))
        assert isinstance(forecast, Forecast)
        assert isinstance(ceiling, Forecast)
        found.append(_held(each, forecast, ceiling, streams.get(each.case.threads, 0.0)))
    return tuple(found)


def _held(each: Measured, forecast: Forecast, ceiling: Forecast, stream: float) -> Held:
    call = estimate(by_round(turn.calls for turn in each.turns))
    cold = estimate(by_round(turn.cold for turn in each.turns))
    phases = estimate(by_round([sum(p.values()) for p in turn.phases] for turn in each.turns))
    return Held(
        case=each.case,
        forecast=forecast,
        ceiling=ceiling,
        parts=tuple(_parts(each.turns, forecast, ceiling)),
        call=call,
        cold=cold,
        phases=phases,
        rate=_rate(each.case, forecast, call.median),
        memory=_memory(each, forecast, ceiling, stream),
    )


def by_round(rounds: Iterable[Sequence[int]]) -> list[float]:
    """Seconds: the median of each round's nanoseconds."""
    return [median(each) * NANO for each in rounds if each]


def _streams(record: Validation) -> dict[int, float]:
    """Bytes a second by threads, over the rounds."""
    found = {}
    for rates in record.rates:
        known = [median(each["stream"]) for each in rates.rounds if each.get("stream")]
        if known:
            found[rates.threads] = median(known)
    return found


# ------------------------------------------------------------------------------------- the parts


def _parts(turns: Sequence[Turn], forecast: Forecast, ceiling: Forecast) -> Iterator[Part]:
    names = dict.fromkeys(name for turn in turns for phase in turn.phases for name in phase)
    predicted = {each.name: each for each in forecast.operators}
    least = {each.name: each for each in ceiling.operators}
    found = groups(names, predicted)
    estimates = [_estimate(seconds_of(turns, group.phases)) for group in found]
    whole = sum(each.median for each in estimates if each is not None)
    for group, measured in zip(found, estimates, strict=True):
        own = [least[name] for name in group.operators]
        yield Part(
            group=group,
            ceiling=sum(each.seconds for each in own) if own else None,
            predicted=sum(predicted[n].seconds for n in group.operators) if own else None,
            measured=measured,
            share=measured.median / whole if measured is not None else None,
            binds=_binds(own),
        )


def _estimate(seconds: Sequence[float]) -> Estimate | None:
    """None where nothing was timed, or a clock too coarse gave nothing."""
    return estimate(seconds) if seconds and min(seconds) > 0 else None


def seconds_of(turns: Sequence[Turn], phases: Sequence[str]) -> list[float]:
    """Of these phases together, round by round."""
    if not phases:
        return []
    return by_round([sum(p.get(n, 0) for n in phases) for p in turn.phases] for turn in turns)


def _binds(operators: Sequence[OperatorForecast]) -> str:
    """What most of their time waits for."""
    waits: dict[str, float] = {}
    for each in operators:
        waits[each.bound] = waits.get(each.bound, 0.0) + each.seconds
    return max(waits, key=lambda name: waits[name], default="")


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


def _memory(each: Measured, forecast: Forecast, ceiling: Forecast, stream: float) -> FromMemory:
    """Cold minus warm, round by round: what slows a round down is in both."""
    pairs = [(median(turn.cold), median(turn.calls)) for turn in each.turns if turn.cold]
    slower = estimate([cold / warm for cold, warm in pairs])
    saved = median([(cold - warm) * NANO for cold, warm in pairs])
    least, most = (_from_memory(run) for run in (ceiling, forecast))
    waits = forecast.bound == _outermost(forecast)
    kept = min(most, max(0.0, saved * stream)) if stream and waits else None
    return FromMemory(least=least, most=most, kept=kept, slower=slower)


def _outermost(run: Forecast) -> str:
    levels = run.operators[0].levels if run.operators else ()
    return levels[-1].name if levels else ""


def _from_memory(run: Forecast) -> float:
    """Bytes that cross the outermost level."""
    return sum(each.levels[-1].bytes for each in run.operators if each.levels)
