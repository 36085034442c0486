"""A calibrated model with given unknowns, brought nearest to observations in logarithms.

    time = policy(work: sum of seconds / efficiency, levels: seconds / efficiency)
         + runs * overhead + waits

The unknowns as the search has them: -log(efficiency) in 0 .. SLOWEST, overhead in seconds from 0
on, the share of `partial` in 0 .. 1. Each residual is log(predicted / median) over its error, which
is the noise of the samples and a discrepancy of the group: no such model is exact, and without it
ten quiet samples of one case would outvote everything else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from perfdsl.numeric.projected import Array, Lowest, lowest
from perfdsl.records import dataclass, replace
from perfdsl.solve.calibrated_terms import Demand, Key, Kind, Observation
from perfdsl.solve.overlap import Policy, combined

Places = NDArray[np.intp]

# An efficiency of half a percent: a resource that would have to be slower still is not what binds,
# but stands for one that the demands lack.
SLOWEST = 5.3
ROUGH = 1e-4
# The discrepancy is not taken to be less: of exact data every error would be zero.
EXACT = 1e-6
SHRUNK = 0.5
# Misfits of less are no reason for one more unknown: as much as the same call differs by from one
# minute to the next.
DETAIL = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Which unknowns there are. ports: by group the port that does most of its work.

    places: where the unknown of a group is, by (kind, resource, group). share: where the share of
    `partial` is; -1 under the other policies.
    """

    policy: Policy
    keys: tuple[Key, ...]
    ports: Mapping[str, str]
    places: Mapping[tuple[Kind, str, str], int]
    share: int

    def place(self, kind: Kind, resource: str, group: str) -> int:
        """Of a group that no observation has: the unknown of the first that has the resource."""
        own = self.places.get((kind, resource, group))
        if own is not None:
            return own
        like = (at for at, key in enumerate(self.keys) if key.of(kind, resource))
        found = next(like, None)
        if found is None:
            raise ValueError(f"{group}: nothing that was observed uses {resource or 'no resource'}")
        return found


def shape_of(policy: Policy, keys: Sequence[Key], ports: Mapping[str, str]) -> Shape:
    places = {
        (key.kind, key.resource, group): at for at, key in enumerate(keys) for group in key.groups
    }
    share = next((at for at, key in enumerate(keys) if key.kind == "overlap"), -1)
    return Shape(policy, tuple(keys), ports, places, share)


@dataclass(frozen=True, slots=True)
class Rows:
    """Demands as arrays, with the places of their unknowns: what is evaluated again and again.

    work, moved: seconds at the full rate, [rows, ports] and [rows, levels]; work_at, moved_at: the
    places of their -log(efficiency); runs, overhead_at, waits: [rows]. Rows of fewer uses end in
    zeros.
    """

    work: Array
    work_at: Places
    moved: Array
    moved_at: Places
    runs: Array
    overhead_at: Places
    waits: Array


def rows_of(shape: Shape, demands: Sequence[Demand]) -> Rows:
    """The demands under a shape."""

    def side(moves: bool) -> tuple[Array, Places]:
        kept = [[use for use in each.uses if use.moves == moves] for each in demands]
        wide = max(map(len, kept), default=0)
        seconds, places = np.zeros((len(kept), wide)), np.zeros((len(kept), wide), np.intp)
        for row, (each, uses) in enumerate(zip(demands, kept, strict=True)):
            for at, use in enumerate(uses):
                resource = use.resource if moves else shape.ports[each.group]
                seconds[row, at] = use.seconds
                places[row, at] = shape.place("efficiency", resource, each.group)
        return seconds, places

    return Rows(
        *side(False),
        *side(True),
        np.array([each.runs for each in demands]),
        np.array([shape.place("overhead", "", each.group) for each in demands], np.intp),
        np.array([each.waits for each in demands]),
    )


@dataclass(frozen=True, slots=True)
class Timed:
    """Times of rows [rows], and their derivatives [rows, unknowns].

    work: seconds of all ports [rows]; levels: of each level [rows, levels], with efficiencies.
    """

    seconds: Array
    slopes: Array
    overhead: Array
    work: Array
    levels: Array


def timed(shape: Shape, rows: Rows, x: Array) -> Timed:
    """What a calibrated model says of demands."""
    work, levels = rows.work * np.exp(x[rows.work_at]), rows.moved * np.exp(x[rows.moved_at])
    total = work.sum(axis=1)
    joined = combined(shape.policy, total, levels, float(x[shape.share]) if shape.share >= 0 else 0)
    overhead = rows.runs * x[rows.overhead_at]
    slopes = np.zeros((len(total), len(x)))
    every = np.arange(len(total))
    # By -log(efficiency) a resource's time has itself as its derivative.
    np.add.at(slopes, (every[:, None], rows.work_at), work * joined.work[:, None])
    np.add.at(slopes, (every[:, None], rows.moved_at), levels * joined.levels)
    slopes[every, rows.overhead_at] += rows.runs
    if shape.share >= 0:
        slopes[:, shape.share] += joined.share
    return Timed(joined.seconds + overhead + rows.waits, slopes, overhead, total, levels)


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Observations under a shape. targets: logarithms of their medians; noises, errors: of these,
    without and with the discrepancy [rows]; low, high: between which values unknowns are sought."""

    shape: Shape
    observations: tuple[Observation, ...]
    rows: Rows
    targets: Array
    noises: Array
    errors: Array
    low: Array
    high: Array

    def gaps(self, x: Array) -> tuple[Array, Array]:
        """log(predicted / observed) over its error [rows], and its derivatives."""
        times = timed(self.shape, self.rows, x)
        with np.errstate(divide="ignore", invalid="ignore"):
            left = (np.log(times.seconds) - self.targets) / self.errors
            slopes = times.slopes / times.seconds[:, None] / self.errors[:, None]
        return left, slopes

    def cost(self, x: Array) -> float:
        left, _ = self.gaps(x)
        return float(left @ left)

    def held(self, at: int, value: float) -> Problem:
        """The same with one unknown held at a value."""
        low, high = self.low.copy(), self.high.copy()
        low[at] = high[at] = value
        return replace(self, low=low, high=high)

    def descend(self, start: Array) -> Lowest | None:
        return lowest(self.gaps, start, self.low, self.high)

    def reaches(self, enough: float, start: Array) -> Lowest | None:
        """Downhill until the sum of squares is low enough, or does not get lower by much."""
        return lowest(self.gaps, start, self.low, self.high, enough, ROUGH)


def problem_of(
    shape: Shape, observations: Sequence[Observation], discrepancy: float | Mapping[str, float]
) -> Problem:
    """The observations, each with its error under a discrepancy: one for all, or by group."""
    by_group = discrepancy if isinstance(discrepancy, Mapping) else {}
    usual = 0.0 if isinstance(discrepancy, Mapping) else discrepancy
    own = [max(by_group.get(o.demand.group, usual), EXACT) for o in observations]
    noises = np.array([each.noise for each in observations])
    ends = [_ends(key, observations) for key in shape.keys]
    return Problem(
        shape,
        tuple(observations),
        rows_of(shape, [each.demand for each in observations]),
        np.log([each.seconds for each in observations]),
        noises,
        np.hypot(noises, own),
        np.array([low for low, _ in ends]),
        np.array([high for _, high in ends]),
    )


def _ends(key: Key, observations: Sequence[Observation]) -> tuple[float, float]:
    """Between which values an unknown is sought. An overhead never exceeds what was measured."""
    match key.kind:
        case "efficiency":
            return 0.0, SLOWEST
        case "overlap":
            return 0.0, 1.0
        case "overhead":
            most = (
                each.seconds / each.demand.runs
                for each in observations
                if each.demand.group in key.groups and each.demand.runs > 0
            )
            return 0.0, max(most, default=0.0)


def discrepancies_of(problem: Problem, best: Lowest) -> Mapping[str, float]:
    """By group, what its logarithms are off by besides their noise; with SHRUNK rows' worth of what
    is usual among the groups, since a few rows alone say little; where no group has rows to spare,
    what is usual is `DETAIL`.

    Sums of squares less what noise adds, over the rows that the unknowns leave to spare: 1 less a
    row's leverage (DerSimonian and Laird, Controlled Clinical Trials 7, 1986, group by group).
    """
    left, slopes = problem.gaps(best.x)
    spare = 1 - leverages(slopes[:, best.free])
    squares = (left * problem.errors) ** 2 - spare * problem.noises**2
    names = [each.demand.group for each in problem.observations]
    sums = dict.fromkeys(names, 0.0)
    rows = dict(sums)
    for name, square, row in zip(names, squares, spare, strict=True):
        sums[name] += float(square)
        rows[name] += float(row)
    known = [max(sums[name], 0.0) / rows[name] for name in sums if rows[name] >= 0.5]
    usual = float(np.median(known)) if known else DETAIL**2
    return {
        name: math.sqrt(
            max((max(sums[name], 0.0) + SHRUNK * usual) / (rows[name] + SHRUNK), EXACT**2)
        )
        for name in sums
    }


def leverages(slopes: Array) -> Array:
    """How much each row decides about its own fitted value [rows]."""
    left, sizes, _ = np.linalg.svd(slopes, full_matrices=False)
    kept = left[:, sizes > 1e-10 * sizes.max(initial=0.0)]
    return np.asarray((kept * kept).sum(axis=1), np.float64)
