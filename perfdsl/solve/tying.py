"""Which unknowns groups have for themselves, and which in common: what the data can tell apart.

At first each group has the efficiency of its work and its overhead for itself, and all have those
of the levels in common. Then a group gets a level's efficiency of its own where that pays, and
unknowns that do not differ by more than their errors become one. What pays is Schwarz's criterion
(Annals of Statistics 6, 1978) with errors of at least `DETAIL`: a model that has no room for a
finer truth would spend unknowns on it until none were left.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from perfdsl.numeric.projected import Array, Lowest
from perfdsl.records import dataclass, field, replace
from perfdsl.solve.calibrated_fit import (
    DETAIL,
    EXACT,
    SLOWEST,
    Problem,
    Shape,
    discrepancies_of,
    problem_of,
    rows_of,
    shape_of,
    timed,
)
from perfdsl.solve.calibrated_terms import Demand, Key, Observation, Parameter
from perfdsl.solve.overlap import Policy

# Of the additions that look best with everything else held, so many are fitted in full.
PROMISING = 3
SETTLING = 12
PLACES = 25  # at which an additional unknown is tried


@dataclass(frozen=True, slots=True)
class Found:
    """A shape at its best values. discrepancies: by group, once they are known."""

    problem: Problem
    best: Lowest
    discrepancies: Mapping[str, float] = field(default_factory=dict)

    @property
    def spare(self) -> int:
        """Observations beyond the unknowns that lie between their ends."""
        return len(self.problem.observations) - int(self.best.free.sum())

    @property
    def criterion(self) -> float:
        """Schwarz's: the sum of squares, and a price for each unknown."""
        return self.best.cost + len(self.problem.shape.keys) * math.log(len(self.problem.targets))


def tied(
    policy: Policy, observations: Sequence[Observation], asked: Sequence[Demand] = ()
) -> Found:
    """The shape that the observations support, fitted. asked: what is to be predicted: resources
    that these alone use are unknowns on which nothing observed depends."""
    found = _first(_widest(policy, observations, asked), observations)
    while (better := _split(found)) is not None:
        found = better
    while (better := _merged(found)) is not None:
        found = better
    return settled(found)


def settled(found: Found) -> Found:
    """Fitted again until discrepancies and values agree."""
    shape, observations = found.problem.shape, found.problem.observations
    for _ in range(SETTLING):
        left = discrepancies_of(found.problem, found.best)
        problem = problem_of(shape, observations, left)
        best = polished(problem, problem.descend(found.best.x) or found.best)
        alike = all(abs(math.log(left[g] / found.discrepancies.get(g, 1.0))) < 0.01 for g in left)
        found = Found(problem, best, left)
        if alike:
            break
    return found


def _widest(policy: Policy, observations: Sequence[Observation], asked: Sequence[Demand]) -> Shape:
    """Each group with its own efficiency of work and its own overhead; levels in common."""
    demands = [*(each.demand for each in observations), *asked]
    groups = list(dict.fromkeys(each.group for each in demands))
    work: dict[str, dict[str, float]] = {group: {} for group in groups}
    levels: dict[str, dict[str, None]] = {}
    for each in demands:
        group = each.group
        for use in each.uses:
            if use.moves:
                levels.setdefault(use.resource, {})[group] = None
            else:
                work[group][use.resource] = work[group].get(use.resource, 0.0) + use.seconds
    ports = {group: max(own, key=lambda port: own[port]) for group, own in work.items() if own}
    keys = [Key("efficiency", port, (group,)) for group, port in ports.items()]
    keys += [Key("efficiency", level, tuple(users)) for level, users in levels.items()]
    keys += [Key("overhead", "", (group,)) for group in groups]
    if policy == "partial":
        keys.append(Key("overlap", "", tuple(groups)))
    return shape_of(policy, keys, ports)


def _first(shape: Shape, observations: Sequence[Observation]) -> Found:
    """From full efficiency, and with each level in turn as the one that binds: the lowest end."""
    problem = problem_of(shape, observations, DETAIL)
    plain = np.array([_usual(problem, at) for at in range(len(shape.keys))])
    starts = [plain]
    for at, key in enumerate(shape.keys):
        if key.kind == "efficiency" and len(key.groups) > 1:
            starts += [np.where(np.arange(len(plain)) == at, value, plain) for value in (1.0, 3.0)]
    ends = [end for start in starts if (end := problem.descend(start)) is not None]
    if not ends:
        raise ValueError("no values of the unknowns predict a time above zero for each observation")
    best = min(ends, key=lambda each: each.cost)
    return Found(problem, polished(problem, best))


def polished(problem: Problem, best: Lowest) -> Lowest:
    """The lowest end of what begins with one unknown moved elsewhere.

    Where another resource takes over, the time has a kink, and the way down may end there.
    """
    for _ in range(len(best.x)):
        tries = [
            (problem.cost(start), at, start)
            for at in range(len(best.x))
            for start in _elsewhere(problem, best.x, at)
        ]
        tries.sort(key=lambda each: each[:2])
        ends = [problem.descend(start) for _, _, start in tries[: 2 * PROMISING]]
        lowest = min((end for end in ends if end is not None), key=lambda each: each.cost)
        if lowest.cost >= best.cost * (1 - 1e-6) - EXACT**2:
            break
        best = lowest
    return best


def _elsewhere(problem: Problem, x: Array, at: int) -> Iterator[Array]:
    """The same values but for one, which lies at some distance."""
    low, high = float(problem.low[at]), min(float(problem.high[at]), SLOWEST)
    for share in (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0):
        value = low + share * (high - low)
        if abs(value - x[at]) > 0.01 * (high - low):
            yield np.where(np.arange(len(x)) == at, value, x)


def _usual(problem: Problem, at: int) -> float:
    """Where the search begins: efficiencies at one half, a tenth of the least time as overhead."""
    key = problem.shape.keys[at]
    match key.kind:
        case "efficiency":
            return math.log(2) if len(key.groups) == 1 else 0.0
        case "overlap":
            return 0.1
        case "overhead":
            own = [o for o in problem.observations if o.demand.group in key.groups]
            return 0.1 * min((each.seconds / each.demand.runs for each in own), default=0.0)


# ------------------------------------------------------------------------------ one more, or less


def _split(found: Found) -> Found | None:
    """The best shape in which one group more has a level for itself; None where none pays."""
    tries = []
    for at, group in _sharing(found.problem):
        shape = _taken_out(found.problem.shape, at, group)
        wider = problem_of(shape, found.problem.observations, DETAIL)
        x = np.append(found.best.x, _best_place(wider, found.best.x, group))
        tries.append((wider.cost(x), str(shape.keys[-1]), wider, x))
    tries.sort(key=lambda each: each[:2])
    best = found
    for _, _, wider, x in tries[:PROMISING]:
        fitted = wider.descend(x)
        if fitted is not None:
            best = min(best, Found(wider, fitted), key=lambda each: each.criterion)
    return None if best is found else best


def _sharing(problem: Problem) -> Iterator[tuple[int, str]]:
    """Levels that groups have in common: (place, group)."""
    for at, key in enumerate(problem.shape.keys):
        if key.kind == "efficiency" and len(key.groups) > 1:
            yield from ((at, group) for group in key.groups)


def _taken_out(shape: Shape, at: int, group: str) -> Shape:
    """The same with a group's own unknown at the end, where it had one in common with others."""
    keys = list(shape.keys)
    left = tuple(each for each in keys[at].groups if each != group)
    own = replace(keys[at], groups=(group,))
    keys[at] = replace(keys[at], groups=left)
    return shape_of(shape.policy, [*keys, own], shape.ports)


def _best_place(problem: Problem, others: Array, group: str) -> float:
    """The value of the last unknown with which its group fits best, all else held: on a grid."""
    rows = [at for at, each in enumerate(problem.observations) if each.demand.group == group]
    part = rows_of(problem.shape, [problem.observations[at].demand for at in rows])
    best, least = 0.0, math.inf
    for value in np.linspace(0.0, SLOWEST, PLACES):
        with np.errstate(divide="ignore"):
            logs = np.log(timed(problem.shape, part, np.append(others, value)).seconds)
        cost = float((((logs - problem.targets[rows]) / problem.errors[rows]) ** 2).sum())
        if cost < least:
            best, least = float(value), cost
    return best


def _merged(found: Found) -> Found | None:
    """The shape with the two unknowns in one that differ least; None where all of them differ.

    By how much two differ follows from the covariance; the merged shape is then fitted in full.
    """
    _, slopes = found.problem.gaps(found.best.x)
    inverse: Array = np.asarray(np.linalg.pinv(slopes.T @ slopes, rcond=1e-12), np.float64)
    pairs = sorted(
        _pairs(found.problem.shape), key=lambda pair: _apart(found.best.x, inverse, *pair)
    )
    best = found
    for first, second in pairs[:PROMISING]:
        tries = [best, *_joined(found, first, second)]
        best = min(tries, key=lambda each: each.criterion)
    return None if best is found else best


def _joined(found: Found, first: int, second: int) -> Iterator[Found]:
    """The shape with two unknowns in one, fitted from the value of either."""
    keys = list(found.problem.shape.keys)
    keys[first] = replace(keys[first], groups=(*keys[first].groups, *keys[second].groups))
    del keys[second]
    shape = shape_of(found.problem.shape.policy, keys, found.problem.shape.ports)
    fewer = problem_of(shape, found.problem.observations, DETAIL)
    for start in (found.best.x[first], found.best.x[second]):
        x = found.best.x.copy()
        x[first] = start
        fitted = fewer.descend(np.delete(x, second))
        if fitted is not None:
            yield Found(fewer, fitted)


def given_back(found: Found, parameters: Sequence[Parameter]) -> Found | None:
    """The fit without a group's own efficiency of a level of which an end is known at most, where
    the groups that have it in common are in its interval: it was taken for the sake of noise, and
    would be carried to lengths at which it decides. None where there is none."""
    for at, own in enumerate(parameters):
        shared = [place for place, each in enumerate(parameters) if _covers(own, each)]
        if not shared or not _of_a_level(found.problem.shape, own.key):
            continue
        most = max(shared, key=lambda place: len(parameters[place].key.groups))
        ends = list(_joined(found, most, at))
        if ends:
            return settled(min(ends, key=lambda each: each.criterion))
    return None


def _of_a_level(shape: Shape, key: Key) -> bool:
    """Whether it is one group's efficiency, and not that of its work."""
    return (
        key.kind == "efficiency"
        and len(key.groups) == 1
        and shape.ports.get(key.groups[0]) != key.resource
    )


def _covers(own: Parameter, other: Parameter) -> bool:
    """Whether one has no value of its own, and the other's lies where it may be."""
    if own.verdict == "identified" or other.value is None:
        return False
    if (own.key.kind, own.key.resource) != (other.key.kind, other.key.resource):
        return False
    low, high = own.low, own.high
    return (low is None or low <= other.value) and (high is None or other.value <= high)


def _pairs(shape: Shape) -> Iterator[tuple[int, int]]:
    """Unknowns that could be one: of the same kind and resource."""
    for first, second in itertools.combinations(range(len(shape.keys)), 2):
        one, other = shape.keys[first], shape.keys[second]
        if (one.kind, one.resource) == (other.kind, other.resource):
            yield first, second


def _apart(x: Array, inverse: Array, first: int, second: int) -> float:
    """The difference of two unknowns over its error, squared."""
    variance = inverse[first, first] + inverse[second, second] - 2 * inverse[first, second]
    return float((x[first] - x[second]) ** 2 / max(variance, EXACT**2))
