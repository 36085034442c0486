"""Calibration: efficiencies and overheads from times that were measured; predictions from these.

    found = calibrate(observations, "partial")
    found.parameters            what the observations say of each unknown, and of which nothing
    found.predict(demand)       seconds of one group in a case that was not observed
    found.total(demands)        of all groups of a case

Least squares in logarithms, within bounds: an efficiency lies between 0 and 1, an overhead is not
negative. `calibrated_fit` has the model, `tying` which groups share an unknown, `identifiability`
the intervals and verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from perfdsl.numeric.projected import Array
from perfdsl.numeric.student import t_quantile
from perfdsl.records import dataclass, field
from perfdsl.solve.calibrated_fit import Timed, rows_of, timed
from perfdsl.solve.calibrated_terms import (
    Demand,
    Key,
    Observation,
    Parameter,
    Prediction,
)
from perfdsl.solve.identifiability import inverse_of, parameters_of
from perfdsl.solve.overlap import Policy
from perfdsl.solve.tying import Found, tied

CONFIDENCE = 0.95
# A prediction rests on an unknown if its logarithm moves by more where the unknown does, by the
# factor e or over its whole range, and what was observed does not.
RESTS = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A calibrated model. confidence: of its intervals. spare: observations beyond its unknowns.

    discrepancies: by group, how far its logarithms are off besides noise: one standard deviation.
    parameters: in the order in which the unknowns stand in the fit.
    """

    policy: Policy
    confidence: float
    parameters: tuple[Parameter, ...]
    observations: tuple[Observation, ...]
    discrepancies: Mapping[str, float]
    spare: int
    found: Found = field(repr=False)

    def predict(self, demand: Demand) -> Prediction:
        """The seconds of one group in one case."""
        return self.total([demand], demand.group)

    def total(self, demands: Sequence[Demand], group: str = "total") -> Prediction:
        """The seconds of several groups in one case, one behind the other."""
        x, shape = self.found.best.x, self.found.problem.shape
        times = timed(shape, rows_of(shape, demands), x)
        seconds = float(times.seconds.sum())
        slope = times.slopes.sum(axis=0) / seconds
        reach = self._reach(slope, demands, times.seconds / seconds)
        low, high = seconds * math.exp(-reach), seconds * math.exp(reach)
        loose = self._rests_on(slope, demands)
        for at, end in loose.items():
            moved = float(timed(shape, rows_of(shape, demands), self._with(at, end)).seconds.sum())
            low, high = min(low, moved), max(high, moved)
        return Prediction(
            group, demands[0].case, seconds, low, high, float(times.overhead.sum()),
            _binding(demands, times), tuple(shape.keys[at] for at in loose),
        )  # fmt: skip

    def _reach(self, slope: Array, demands: Sequence[Demand], shares: Array) -> float:
        """Half an interval's width, in logarithms, as far as identified unknowns make it.

        slope [unknowns]: of the logarithm; shares [groups]: of the time, each with a discrepancy of
        its own.
        """
        known = np.array([each.verdict == "identified" for each in self.parameters])
        _, rows = self.found.problem.gaps(self.found.best.x)
        inverse = inverse_of(rows[:, known])
        spare = max(self.spare, 1)
        scale = max(1.0, self.found.best.cost / spare)
        spread = float(slope[known] @ inverse @ slope[known]) * scale
        usual = max(self.discrepancies.values())
        own = np.array([self.discrepancies.get(each.group, usual) for each in demands])
        spread += float(((own * shares) ** 2).sum())
        return t_quantile(self.confidence, spare) * math.sqrt(max(spread, 0.0))

    def _rests_on(self, slope: Array, demands: Sequence[Demand]) -> dict[int, float]:
        """Unknowns that matter here and did not matter, or not by themselves, where it was fitted:
        their places, and the other end of what they may be."""
        problem = self.found.problem
        _, rows = problem.gaps(self.found.best.x)
        room = np.where([k.kind == "overhead" for k in problem.shape.keys], problem.high, 1.0)
        rows, wanted = rows * room, slope * room
        beyond = wanted - np.linalg.pinv(rows, rcond=1e-8) @ (rows @ wanted)
        ends = {}
        for at, each in enumerate(self.parameters):
            if abs(beyond[at]) > RESTS and each.verdict != "identified":
                ends[at] = self._other_end(at, each)
        return ends | self._unbound(demands, set(ends))

    def _unbound(self, demands: Sequence[Demand], known: set[int]) -> dict[int, float]:
        """Efficiencies of which only the least is known, where that least would bind."""
        shape = self.found.problem.shape
        rows = rows_of(shape, demands)
        now = float(timed(shape, rows, self.found.best.x).seconds.sum())
        ends = {}
        for at, each in enumerate(self.parameters):
            if each.verdict == "bounded" and at not in known:
                end = self._other_end(at, each)
                then = float(timed(shape, rows, self._with(at, end)).seconds.sum())
                if abs(math.log(then / now)) > RESTS:
                    ends[at] = end
        return ends

    def _other_end(self, at: int, parameter: Parameter) -> float:
        """The end of what an unknown may be that is farther from where it was left."""
        low, high = (float(ends[at]) for ends in (self.found.problem.low, self.found.problem.high))
        if parameter.key.kind == "efficiency":
            low = low if parameter.high is None else -math.log(parameter.high)
            high = high if parameter.low is None else -math.log(parameter.low)
        else:
            low = low if parameter.low is None else parameter.low
            high = high if parameter.high is None else parameter.high
        here = float(self.found.best.x[at])
        return high if high - here >= here - low else low

    def _with(self, at: int, value: float) -> Array:
        return np.where(np.arange(len(self.parameters)) == at, value, self.found.best.x)

    def parameter(self, kind: str, group: str, resource: str = "") -> Parameter | None:
        """What is known of a group's unknown."""
        for each in self.parameters:
            key = each.key
            if key.kind == kind and group in key.groups and resource in {"", key.resource}:
                return each
        return None

    @property
    def unidentified(self) -> tuple[Key, ...]:
        return tuple(each.key for each in self.parameters if each.verdict != "identified")


def calibrate(
    observations: Sequence[Observation], policy: Policy = "partial", confidence: float = CONFIDENCE
) -> Calibration:
    """The model that these observations support. Of one number of threads: what a level gives to
    two of them is another figure, and both are predicted where both were observed.

    Raises ValueError where there is nothing to fit, or a median is not a time above zero.
    """
    if not observations:
        raise ValueError("a calibration needs observations")
    found = tied(policy, tuple(observations))
    return Calibration(
        policy, confidence, parameters_of(found, confidence), tuple(observations),
        found.discrepancies, found.spare, found,
    )  # fmt: skip


def _binding(demands: Sequence[Demand], times: Timed) -> str:
    """The resource that takes longest, all groups together; "" where overhead takes longer."""
    total: dict[str, float] = {"": float(times.overhead.sum())}
    for row, demand in enumerate(demands):
        ports = [use for use in demand.uses if not use.moves]
        work = math.fsum(use.seconds for use in ports)
        for use in ports:
            share = use.seconds / work if work else 0.0
            total[use.resource] = total.get(use.resource, 0.0) + share * float(times.work[row])
        for at, use in enumerate(use for use in demand.uses if use.moves):
            total[use.resource] = total.get(use.resource, 0.0) + float(times.levels[row, at])
    return max(total, key=lambda name: total[name])
