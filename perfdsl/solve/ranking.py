"""Policies ranked by how well they predict cases that they were not fitted to.

A case's error is the root of the mean square of its groups' log(predicted / measured), each group
weighed by its share of the time, so that a group of microseconds decides nothing. Without cases
held back, each case is predicted by a fit to all the others. Two policies are alike where the
ratios of their errors, case by case, are no further from one than they scatter: a paired t-test of
logarithms, with the noise of the samples added to both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from perfdsl.numeric.projected import Array
from perfdsl.numeric.student import t_quantile
from perfdsl.records import dataclass
from perfdsl.solve.calibrated_fit import rows_of, timed
from perfdsl.solve.calibrated_terms import Demand, Observation
from perfdsl.solve.calibration import CONFIDENCE
from perfdsl.solve.overlap import POLICIES, Policy
from perfdsl.solve.tying import Found, tied


@dataclass(frozen=True, slots=True)
class Ranked:
    """One policy. errors: by case, of logarithms; error: their root mean square.

    alike: the policies behind this one that do no worse than noise would make them.
    """

    policy: Policy
    error: float
    errors: Mapping[str, float]
    alike: tuple[Policy, ...]


def ranked(
    observations: Sequence[Observation],
    held_back: Sequence[Observation] = (),
    policies: Sequence[Policy] = POLICIES,
) -> tuple[Ranked, ...]:
    """The policies, the best one first. held_back: observations that are not fitted; without any,
    each case of the others is left out in turn.

    Raises ValueError where leaving a case out leaves nothing.
    """
    squares = {policy: _squares(observations, held_back, policy) for policy in policies}
    noise = _noises(held_back or observations)
    order = sorted(policies, key=lambda policy: _mean(squares[policy]))
    return tuple(
        Ranked(
            policy,
            math.sqrt(_mean(squares[policy])),
            {case: math.sqrt(square) for case, square in squares[policy].items()},
            tuple(
                other for other in order[at + 1 :] if _alike(squares[policy], squares[other], noise)
            ),
        )
        for at, policy in enumerate(order)
    )


def _squares(
    observations: Sequence[Observation], held_back: Sequence[Observation], policy: Policy
) -> dict[str, float]:
    """The squared error of each case."""
    if held_back:
        return errors_of(tied(policy, observations, _demands(held_back)), held_back)
    found: dict[str, float] = {}
    for case in dict.fromkeys(each.demand.case for each in observations):
        rest = [each for each in observations if each.demand.case != case]
        out = [each for each in observations if each.demand.case == case]
        if not rest:
            raise ValueError(f"a ranking needs more cases than {case}, or some that are held back")
        found |= errors_of(tied(policy, rest, _demands(out)), out)
    return found


def _demands(rows: Sequence[Observation]) -> list[Demand]:
    return [each.demand for each in rows]


def errors_of(model: Found, held_back: Sequence[Observation]) -> dict[str, float]:
    """By case, the mean of the squares of its groups' log(predicted / measured)."""
    cases: dict[str, list[Observation]] = {}
    for each in held_back:
        cases.setdefault(each.demand.case, []).append(each)
    found = {}
    for case, rows in cases.items():
        total = math.fsum(each.seconds for each in rows)
        found[case] = math.fsum(
            each.seconds / total * math.log(float(found_seconds) / each.seconds) ** 2
            for each, found_seconds in zip(rows, _predicted(model, rows), strict=True)
        )
    return found


def _predicted(model: Found, rows: Sequence[Observation]) -> Array:
    """Seconds of each row."""
    shape = model.problem.shape
    return timed(shape, rows_of(shape, [each.demand for each in rows]), model.best.x).seconds


def _noises(observations: Sequence[Observation]) -> dict[str, float]:
    """By case, the square that noise alone would give."""
    cases: dict[str, list[Observation]] = {}
    for each in observations:
        cases.setdefault(each.demand.case, []).append(each)
    return {
        case: math.fsum(row.seconds * row.noise**2 for row in rows)
        / math.fsum(row.seconds for row in rows)
        for case, rows in cases.items()
    }


def _mean(squares: Mapping[str, float]) -> float:
    return math.fsum(squares.values()) / len(squares)


def _alike(
    better: Mapping[str, float], worse: Mapping[str, float], noise: Mapping[str, float]
) -> bool:
    """Whether the ratios of the errors could be chance. Of one case: whether noise explains it."""
    gaps = [
        math.log((worse[case] + noise[case]) / (better[case] + noise[case])) / 2
        for case in better
        if better[case] + noise[case] > 0
    ]
    if len(gaps) < 2:
        spread = [math.sqrt(worse[case]) - math.sqrt(better[case]) for case in better]
        return max(spread) <= 2 * math.sqrt(max(noise.values()))
    mean = math.fsum(gaps) / len(gaps)
    variance = math.fsum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1)
    return mean <= t_quantile(CONFIDENCE, len(gaps) - 1) * math.sqrt(variance / len(gaps))
