"""The next measurement: the case that would tell most of what a calibration does not tell apart.

Each candidate is a case that could be measured, by group or as a whole, or a probe of one unknown.
Its worth is by how much it shrinks the volume of what the unknowns that are not identified may be
(D-optimality for some parameters; Fedorov: Theory of Optimal Experiments, 1972). The slope of
such an unknown is that of the secant between the ends of what it may be: where a level binds only
if it is slow, the derivative is zero and tells nothing. Worth is divided by the time that the
measurement takes.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from perfdsl.numeric.projected import Array
from perfdsl.records import dataclass
from perfdsl.solve.calibrated_fit import rows_of, timed
from perfdsl.solve.calibrated_terms import Demand, Key, Parameter
from perfdsl.solve.calibration import Calibration
from perfdsl.solve.identifiability import inverse_of

# A probe tells its unknown so well, as a share of what is much for it.
PROBED = 0.03
# Unknowns whose error shrinks by less are not named as what a measurement tells.
TELLS = 0.2


@dataclass(frozen=True, slots=True)
class Candidate:
    """What could be measured. tokens, threads, cold: the case; probe: the unknown that a probe
    measures by itself instead, None for a case.

    demands: by group; together: only the whole is timed, as of a cold call. seconds: what measuring
    it takes, all rounds and what goes before them.
    """

    tokens: int
    threads: int
    demands: tuple[Demand, ...]
    seconds: float
    cold: bool = False
    together: bool = False
    probe: Key | None = None

    def __str__(self) -> str:
        if self.probe is not None:
            return f"a probe of the {self.probe}"
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        return f"{self.tokens} token{'s' * (self.tokens != 1)} on {threads}{', cold' * self.cold}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """gain: logarithm of the factor by which the volume shrinks. tells: the unknowns that profit
    most, each with the share of its error that goes. why: a sentence."""

    candidate: Candidate
    gain: float
    tells: tuple[tuple[Key, float], ...]
    why: str

    @property
    def worth(self) -> float:
        """Gain a second."""
        return self.gain / self.candidate.seconds


def proposals(model: Calibration, candidates: Iterable[Candidate]) -> tuple[Proposal, ...]:
    """The candidates that would tell something, the most worthwhile one first."""
    before = _known(model)
    known = {each.demand.case for each in model.observations}
    found = [_proposal(model, before, each) for each in candidates if not _again(each, known)]
    useful = [each for each in found if each.tells]
    return tuple(sorted(useful, key=lambda each: -each.worth))


def _again(candidate: Candidate, known: Collection[str]) -> bool:
    """Whether it is a case that was fitted: what the model is off by there stays the same."""
    return not candidate.together and any(each.case in known for each in candidate.demands)


def lengths(most: int) -> tuple[int, ...]:
    """Lengths to propose up to `most` tokens: two for each doubling."""
    found = {1, most}
    for power in range(most.bit_length()):
        found |= {2**power, 3 * 2**power // 2}
    return tuple(sorted(each for each in found if 1 <= each <= most))


def _known(model: Calibration) -> Array:
    """The covariance of the unknowns as they are known now [unknowns, unknowns].

    Those that are identified: as the fit has it; the others: half of what they may be as two
    deviations, each by itself.
    """
    problem = model.found.problem
    open_ = np.array([each.verdict != "identified" for each in model.parameters])
    _, slopes = problem.gaps(model.found.best.x)
    found = np.zeros((len(open_), len(open_)))
    found[np.ix_(~open_, ~open_)] = inverse_of(slopes[:, ~open_])
    found[np.diag_indices_from(found)] += np.where(open_, _room(model) ** 2 / 16, 0.0)
    # Identified to the last digit is a variance of nothing, and has no inverse.
    found[np.diag_indices_from(found)] += (1e-9 * _scale(model)) ** 2
    return found


def _room(model: Calibration) -> Array:
    """How far each unknown can move: between the ends of its profile [unknowns]."""
    return np.array(
        [
            max(abs(float(verdict.ends[1][at] - verdict.ends[0][at])), 1e-6 * scale)
            for at, (verdict, scale) in enumerate(zip(model.verdicts, _scale(model), strict=True))
        ]
    )


def _scale(model: Calibration) -> Array:
    """What is much for an unknown: a factor of e, the largest overhead, or the whole share."""
    problem = model.found.problem
    return np.array(
        [
            1.0 if key.kind == "efficiency" else max(float(high), 1e-9)
            for key, high in zip(problem.shape.keys, problem.high, strict=True)
        ]
    )


def _proposal(model: Calibration, before: Array, candidate: Candidate) -> Proposal:
    slopes = _slopes(model, candidate)
    after: Array = np.asarray(np.linalg.inv(np.linalg.inv(before) + slopes.T @ slopes), float)
    open_ = [at for at, each in enumerate(model.parameters) if each.verdict != "identified"]
    shrunk = 1 - np.sqrt(np.diag(after) / np.diag(before))
    order = sorted((at for at in open_ if shrunk[at] >= TELLS), key=lambda at: -shrunk[at])
    tells = tuple((model.parameters[at].key, float(shrunk[at])) for at in order)
    why = _why(candidate, [model.parameters[at] for at in order])
    return Proposal(candidate, _shrinking(before, after, open_), tells, why)


def _shrinking(before: Array, after: Array, open_: Sequence[int]) -> float:
    """The logarithm of the factor by which the volume of the open unknowns shrinks."""
    if not open_:
        return 0.0
    place = np.ix_(open_, open_)
    scale = np.sqrt(np.diag(before)[list(open_)])
    frame = np.outer(scale, scale)
    was, is_ = (np.linalg.slogdet(each[place] / frame)[1] for each in (before, after))
    return float(was - is_) / 2


def _slopes(model: Calibration, candidate: Candidate) -> Array:
    """What would be measured by the unknowns, over its error [rows, unknowns]."""
    shape, x = model.found.problem.shape, model.found.best.x
    if candidate.probe is not None:
        return _probed(model, candidate.probe)
    demands = [each for each in candidate.demands if _known_resources(model, each)]
    if not demands:
        return np.zeros((1, len(x)))
    rows = rows_of(shape, demands)
    times = timed(shape, rows, x)
    slopes = times.slopes.copy()
    for at, each in enumerate(model.parameters):
        if each.verdict != "identified":
            near, far = (float(end[at]) for end in model.verdicts[at].ends)
            if near != far:
                times_at = [
                    timed(shape, rows, np.where(np.arange(len(x)) == at, end, x)).seconds
                    for end in (near, far)
                ]
                slopes[:, at] = (times_at[1] - times_at[0]) / (far - near)
    usual = max(model.discrepancies.values())
    errors = np.array([model.discrepancies.get(each.group, usual) for each in demands])
    errors = np.maximum(errors, _floor(model))
    if candidate.together:
        whole = times.seconds.sum()
        error = math.sqrt(float(((errors * times.seconds) ** 2).sum())) / whole
        return np.asarray(slopes.sum(axis=0)[None, :] / whole / error, float)
    return np.asarray(slopes / times.seconds[:, None] / errors[:, None], float)


def _floor(model: Calibration) -> float:
    """The error of a median as it usually was."""
    return max(float(np.median(model.found.problem.noises)), 1e-3)


def _known_resources(model: Calibration, demand: Demand) -> bool:
    try:
        rows_of(model.found.problem.shape, [demand])
    except (ValueError, KeyError):
        return False
    return True


def _probed(model: Calibration, key: Key) -> Array:
    """A probe of one unknown."""
    keys = model.found.problem.shape.keys
    found = np.zeros((1, len(keys)))
    if key in keys:
        at = keys.index(key)
        found[0, at] = 1 / (PROBED * _scale(model)[at])
    return found


def _why(candidate: Candidate, tells: Sequence[Parameter]) -> str:
    if not tells:
        return f"{candidate} would tell nothing that is not known"
    first = tells[0]
    match first.verdict:
        case "confounded":
            others = ", ".join(map(str, first.others[:2]))
            reason = f"would tell the {first.key} from the {others}"
        case "bounded":
            reason = f"would tell the {first.key}, of which only one end is known"
        case _:
            reason = f"would be the first to depend on the {first.key}"
    more = len(tells) - 1
    return f"{candidate} {reason}" + (f" (and {more} more unknown{'s' * (more > 1)})" * bool(more))
