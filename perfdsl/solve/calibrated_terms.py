"""What a calibration is made of, as plain data: demands, observations, parameters, predictions.

A demand says what a group of operators asks of a machine in one case: seconds of each resource at
its full rate. Nothing here knows a program, a model or how anything was timed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from perfdsl.records import dataclass

NAMED = 3  # groups of an unknown that are called by name, where there are many
Kind = Literal["efficiency", "overhead", "overlap"]
Verdict = Literal["identified", "bounded", "confounded", "unseen"]


@dataclass(frozen=True, slots=True)
class Use:
    """What is asked of one resource. seconds: at its full rate, efficiency 1.

    moves: whether it moves bytes (a cache, a memory, a link) or does work (a port).
    """

    resource: str
    seconds: float
    moves: bool


@dataclass(frozen=True, slots=True)
class Demand:
    """What one group of operators asks for in one case, all its runs in a call together.

    runs: how often the group begins and ends in a call, which is what costs an overhead each time.
    A group without uses is time outside of what is modelled: all of it is overhead.
    waits: seconds of its own that nothing hides, whatever the efficiencies are.
    """

    group: str
    case: str
    uses: tuple[Use, ...]
    runs: float = 1.0
    waits: float = 0.0

    @property
    def ideal(self) -> float:
        """The seconds of the resource that takes longest, ports one behind the other."""
        work = math.fsum(use.seconds for use in self.uses if not use.moves)
        return max([work, *(use.seconds for use in self.uses if use.moves)])


@dataclass(frozen=True, slots=True)
class Observation:
    """A demand, and the seconds that it took: one sample for each round, or for each call."""

    demand: Demand
    samples: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """The median sample. Raises ValueError where it is not above zero, or not finite."""
        found = quantile(sorted(self.samples), 0.5) if self.samples else math.nan
        if not 0 < found < math.inf:
            where = f"{self.demand.group}, {self.demand.case}"
            raise ValueError(f"{where}: the median of the samples is {found}, not a time")
        return found

    @property
    def noise(self) -> float:
        """The standard error of the median's logarithm, from the distance of the quartiles.

        Of normal samples the quartiles lie 1.349 deviations apart, and the median of n of them
        has an error of 1.2533 / sqrt(n) deviations. A few samples far off do not count.
        """
        logs = sorted(math.log(each) for each in self.samples if each > 0)
        width = quantile(logs, 0.75) - quantile(logs, 0.25)
        return 1.2533 * width / 1.349 / math.sqrt(len(logs))


def quantile(ordered: Sequence[float], share: float) -> float:
    """Between the two nearest of the sorted samples, linearly (definition 7 of Hyndman, Fan)."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


@dataclass(frozen=True, slots=True)
class Key:
    """One unknown of a calibration, and the groups that have it in common.

    resource: a level or link; for the work of a group the port that does most of it, since a kernel
    has one efficiency on all ports together: their shares hardly differ from case to case.
    """

    kind: Kind
    resource: str
    groups: tuple[str, ...]

    def of(self, kind: Kind, resource: str) -> bool:
        return (self.kind, self.resource) == (kind, resource)

    def __str__(self) -> str:
        what = {
            "efficiency": f"efficiency of {self.resource}",
            "overhead": "overhead of a run",
            "overlap": "share that does not overlap",
        }[self.kind]
        names = list(self.groups[:NAMED])
        if len(self.groups) > NAMED + 1:
            names.append(f"{len(self.groups) - NAMED} more groups")
        else:
            names += self.groups[NAMED:]
        return what if self.kind == "overlap" else f"{what} in {', '.join(names)}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """What the observations say of one unknown.

    identified: value, and low .. high with the confidence of the calibration. bounded: only one end
    is known, such as an efficiency that is at least `low`. confounded: only together with those in
    `others`. unseen: nothing depends on it. Except where it is identified there is no value.
    """

    key: Key
    verdict: Verdict
    value: float | None = None
    low: float | None = None
    high: float | None = None
    others: tuple[Key, ...] = ()

    def __str__(self) -> str:
        match self.verdict:
            case "identified":
                value, low, high = (_shown(self.key, x) for x in (self.value, self.low, self.high))
                return f"{self.key}: {value} ({low}, {high})"
            case "bounded" if self.low is not None:
                return f"{self.key}: at least {_shown(self.key, self.low)}"
            case "bounded":
                return f"{self.key}: at most {_shown(self.key, self.high)}"
            case "confounded":
                others = ", ".join(map(str, self.others))
                return f"{self.key}: not told apart from {others}"
            case _:
                return f"{self.key}: nothing observed depends on it"


def _shown(key: Key, value: float | None) -> str:
    """A share in percent, a time in microseconds."""
    if value is None:
        return "?"
    return f"{value * 1e6:.3g} us" if key.kind == "overhead" else f"{value * 100:.3g} %"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The seconds that a demand takes. low .. high: with the confidence of the calibration.

    overhead: the part of it that is overhead. binds: the resource that takes longest, "" for
    overhead. rests_on: parameters that it depends on, but which are not identified.
    """

    group: str
    case: str
    seconds: float
    low: float
    high: float
    overhead: float
    binds: str
    rests_on: tuple[Key, ...] = ()
