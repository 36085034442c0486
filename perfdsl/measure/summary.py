"""What a record says: medians, ratios and shares of each case, computed from its raw samples.

A round gives each candidate one time, the median of its calls in that round, and each limit one
rate. Ratios and shares are taken within a round and then summed up over the rounds: what slowed a
whole round down (a neighbour, a lower clock) cancels.
"""

from __future__ import annotations

from collections.abc import Sequence

from perfdsl.measure.bounds import Bound, Limits, hard, structural
from perfdsl.measure.recorded import Recorded
from perfdsl.measure.results import BESIDE, OURS, Case, Result, Round, Series
from perfdsl.measure.statistics import Estimate, estimate, median, ratios
from perfdsl.measure.timing import NANO

INT8, BF16, FP32, STREAM = "int8", "bf16", "fp32", "stream"


class Row(Recorded):
    """One case. Times in seconds a call; rates a second; shares of a bound, 1 where it is reached.

    times: of every candidate; `fastest`: the least single call of each. ratios: how many times as
    long as ours a peer takes. limits: the rates that were measured in the same rounds.
    `binding`: what the hard bound waits for, in most rounds. of_one_text: the throughput of many
    texts, as a share of that of the one text that was timed beside them.
    """

    case: Case
    rounds: int
    times: dict[str, Estimate]
    fastest: dict[str, float]
    ratios: dict[str, Estimate]
    tokens: float
    macs: float
    bytes: float
    limits: dict[str, Estimate]
    hard: Estimate | None
    structural: Estimate | None
    binding: str
    of_one_text: Estimate | None

    @property
    def name(self) -> str:
        """Under which our own times stand among those of the candidates."""
        return OURS

    @property
    def ours(self) -> Estimate:
        return self.times[OURS]


def limits_by_threads(result: Result) -> dict[int, dict[str, Estimate]]:
    """The limits of each number of threads, over the rounds of all its cases."""
    found: dict[int, dict[str, list[float]]] = {}
    for series in result.series:
        known = found.setdefault(series.case.threads, {})
        for name, each in rates(series).items():
            known.setdefault(name, []).extend(each)
    return {
        threads: {name: estimate(each) for name, each in known.items()}
        for threads, known in found.items()
        if known
    }


def rows(result: Result) -> tuple[Row, ...]:
    """One for each case: a text by its length, then batches; by threads."""
    cases = sorted(result.series, key=lambda s: (s.case.texts, s.case.tokens, s.case.threads))
    return tuple(map(row, cases))


def row(series: Series) -> Row:
    """Raises ValueError for a series without rounds."""
    middle = median(times(series.rounds, OURS))
    limited = [(each, found) for each in series.rounds if (found := limits_of(each)) is not None]
    hards = [hard(series.work, limits) for _, limits in limited]
    structurals = [structural(series.work, limits) for _, limits in limited]
    ours = times([each for each, _ in limited], OURS)
    binds = [each.binding for each in hards]
    return Row(
        case=series.case,
        rounds=len(series.rounds),
        times={name: estimate(times(series.rounds, name)) for name in timed(series)},
        fastest={name: fastest(series, name) for name in timed(series)},
        ratios={name: against(series, name) for name in timed(series) if name != OURS},
        tokens=series.work.tokens / middle,
        macs=series.work.macs / middle,
        bytes=series.work.weight_bytes / middle,
        limits={name: estimate(each) for name, each in rates(series).items()},
        hard=_shares(hards, ours),
        structural=_shares(structurals, ours),
        binding=max(binds, key=binds.count, default=""),
        of_one_text=_of_one_text(series),
    )


def timed(series: Series) -> list[str]:
    """Who was timed in some round, ours first, in the order of the first."""
    names = dict.fromkeys(name for each in series.rounds for name in each.samples)
    return sorted(names.keys() - {BESIDE}, key=lambda name: (name != OURS, list(names).index(name)))


def times(rounds: Sequence[Round], name: str) -> list[float]:
    """Seconds: the median call of each round in which it was timed."""
    return [median(each.samples[name]) * NANO for each in rounds if name in each.samples]


def fastest(series: Series, name: str) -> float:
    found = [each.samples[name] for each in series.rounds if name in each.samples]
    return min(map(min, found)) * NANO


def against(series: Series, name: str) -> Estimate:
    """How many times as long as ours it takes, in the rounds that timed both."""
    both = [each for each in series.rounds if name in each.samples]
    return estimate(ratios(times(both, name), times(both, OURS)))


def limits_of(found: Round) -> Limits | None:
    """The limits of one round; None where they were not measured."""
    known = {name: median(each) for name, each in found.rates.items()}
    attention = known.get(BF16, known.get(FP32))
    if INT8 not in known or STREAM not in known or attention is None:
        return None
    return Limits(int8=known[INT8], attention=attention, stream=known[STREAM])


def rates(series: Series) -> dict[str, list[float]]:
    """Of each limit, the median of every round that measured it."""
    names = dict.fromkeys(name for each in series.rounds for name in each.rates)
    return {name: [median(each) for each in round_rates(series, name)] for name in names}


def round_rates(series: Series, name: str) -> list[tuple[float, ...]]:
    """The samples of one limit, a round each."""
    return [each.rates[name] for each in series.rounds if name in each.rates]


def _shares(bounds: Sequence[Bound], ours: Sequence[float]) -> Estimate | None:
    """How much of a bound is reached, round by round."""
    return estimate(ratios([each.seconds for each in bounds], ours)) if bounds else None


def _of_one_text(series: Series) -> Estimate | None:
    both = [each for each in series.rounds if BESIDE in each.samples]
    if not both:
        return None
    more = series.work.tokens / series.beside
    return estimate([more * each for each in ratios(times(both, BESIDE), times(both, OURS))])
