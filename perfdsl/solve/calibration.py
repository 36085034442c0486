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
from perfdsl.solve.calibrated_fit import DETAIL, Timed, rows_of, timed
from perfdsl.solve.calibrated_terms import (
    Demand,
    Key,
    Observation,
    Parameter,
    Prediction,
)
from perfdsl.solve.identifiability import Judged, inverse_of, judged
from perfdsl.solve.overlap import Policy
from perfdsl.solve.tying import Found, given_back, tied

CONFIDENCE = 0.95
# A prediction rests on an unknown that is not identified if it differs by more where that one lies
# at an end of what it may be, and all others where they are then fitted best.
RESTS = 0.01


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
    verdicts: tuple[Judged, ...] = field(repr=False)

    def predict(self, demand: Demand) -> Prediction:
        """The seconds of one group in one case."""
        return self.total([demand], demand.group)

    def total(self, demands: Sequence[Demand], group: str = "total") -> Prediction:
        """The seconds of several groups in one case, one behind the other."""
        x, shape = self.found.best.x, self.found.problem.shape
        rows = rows_of(shape, demands)
        times = timed(shape, rows, x)
        seconds = float(times.seconds.sum())
        slope = times.slopes.sum(axis=0) / seconds
        reach = self._reach(slope, demands, times.seconds / seconds)
        low, high = seconds * math.exp(-reach), seconds * math.exp(reach)
        rests_on = []
        for verdict in self.verdicts:
            each = verdict.parameter
            if each.verdict != "identified":
                moved = [float(timed(shape, rows, end).seconds.sum()) for end in verdict.ends]
                if max(abs(math.log(time / seconds)) for time in moved) > RESTS:
                    rests_on.append(each.key)
                low, high = min(low, *moved), max(high, *moved)
        return Prediction(
            group, demands[0].case, seconds, low, high, float(times.overhead.sum()),
            _binding(demands, times), tuple(rests_on),
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
        # What was no reason for one more unknown may be wrong elsewhere, too.
        own = np.array([max(self.discrepancies.get(d.group, usual), DETAIL) for d in demands])
        spread += float(((own * shares) ** 2).sum())
        return t_quantile(self.confidence, spare) * math.sqrt(max(spread, 0.0))

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
    observations: Sequence[Observation],
    policy: Policy = "partial",
    confidence: float = CONFIDENCE,
    asked: Sequence[Demand] = (),
) -> Calibration:
    """The model that these observations support. Of one number of threads: what a level gives to
    two of them is another figure, and both are predicted where both were observed.
    asked: what will be predicted; a resource that no observation uses can be predicted only if it
    is named here, and then all that it may be is in the interval.

    Raises ValueError where there is nothing to fit, or a median is not a time above zero.
    """
    if not observations:
        raise ValueError("a calibration needs observations")
    for each in observations:
        _ = each.seconds  # raises where the median is not a time
    found = tied(policy, tuple(observations), asked)
    verdicts = judged(found, confidence)
    while (fewer := given_back(found, [each.parameter for each in verdicts])) is not None:
        found, verdicts = fewer, judged(fewer, confidence)
    return Calibration(
        policy, confidence, tuple(each.parameter for each in verdicts), tuple(observations),
        found.discrepancies, found.spare, found, verdicts,
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
