"""The residual of a group, measured minus ceiling, in parts that can be told apart.

    padding      work that the kernel executes and nobody asked for, at the port's full rate
    overhead     what each run of a phase costs whatever it works: a barrier, a start
    threads      N threads against one: what they are slower than an N-th of it, or whatever share
                 of the ceiling they should have: imbalance, meeting, reading what others wrote
    efficiency   the rest: the binding resource does not give what the hardware file says
    not modelled time for which the program has no operator

Parts sum up to the residual. Where data do not tell two of them apart they are one part, with the
bounds of each. A part may be negative: threads that are faster together, each with a cache.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from perfdsl.records import dataclass
from perfdsl.solve.calibrated_terms import Demand, Observation, Parameter
from perfdsl.solve.calibration import Calibration

Cause = Literal["padding", "overhead", "threads", "efficiency", "not modelled"]
CAUSES: tuple[Cause, ...] = get_args(Cause)
Bounds = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Part:
    """Seconds of one cause; of several that are not told apart, with the bounds of each."""

    causes: tuple[Cause, ...]
    seconds: float
    bounds: Mapping[Cause, Bounds]

    def __str__(self) -> str:
        return " and ".join(self.causes)


@dataclass(frozen=True, slots=True)
class Residual:
    """binds: the resource that takes longest at the ceiling, "" where nothing is modelled."""

    group: str
    case: str
    measured: float
    ceiling: float
    binds: str
    parts: tuple[Part, ...]

    @property
    def seconds(self) -> float:
        """The parts sum up to this."""
        return self.measured - self.ceiling

    def part(self, cause: Cause) -> Part | None:
        return next((each for each in self.parts if cause in each.causes), None)


@dataclass(frozen=True, slots=True)
class Run:
    """A group as it was run on some threads. least: what it asks for at its ceiling, with what is
    useful alone; executed: with the padding; overhead: what is known of a run's, None: nothing."""

    least: Demand
    executed: Demand
    measured: float
    overhead: Parameter | None

    @property
    def overheads(self) -> Bounds:
        """Between which seconds the overhead of all runs lies; equal ends: it is identified."""
        runs, known = self.executed.runs, self.overhead
        room = max(self.measured - self.least.ideal, 0.0)
        if known is None:
            return 0.0, room
        if known.verdict == "identified" and known.value is not None:
            return (min(runs * known.value, room),) * 2
        low = 0.0 if known.low is None else min(runs * known.low, room)
        return low, room if known.high is None else min(runs * known.high, room)


def run_of(
    least: Demand, executed: Demand, observation: Observation, calibration: Calibration
) -> Run:
    """A group's run, with what the calibration of its threads knows of its overhead."""
    known = calibration.parameter("overhead", least.group)
    return Run(least, executed, observation.seconds, known)


def split(run: Run, alone: Run | None = None) -> Residual:
    """The parts of one group's residual. alone: the same on one thread; None where it is that
    itself, or was not measured: `threads` then is no part, or one with the efficiency.
    """
    ceiling = run.least.ideal
    rest = run.measured - ceiling
    if not run.least.uses:
        whole = Part(("not modelled",), run.measured, {})
        return Residual(run.least.group, run.least.case, run.measured, 0.0, "", (whole,))
    padding = max(run.executed.ideal - _unpadded(run).ideal, 0.0)
    low, high = run.overheads
    parts = [Part(("padding",), padding, {})]
    if low == high and (alone is None or alone.overheads[0] == alone.overheads[1]):
        parts.append(Part(("overhead",), low, {}))
        parts += _slower(rest - padding - low, run, low, alone)
    else:
        joint = rest - padding
        threads = _lost(run, alone)
        if threads is not None:
            parts.append(Part(("threads",), threads, {}))
            joint -= threads
        bounds: dict[Cause, Bounds] = {"overhead": (low, high)}
        bounds["efficiency"] = (joint - high, joint - low)
        parts.append(Part(("overhead", "efficiency"), joint, bounds))
    return Residual(
        run.least.group, run.least.case, run.measured, ceiling, _binds(run.least), tuple(parts)
    )


def residuals(
    least: Sequence[Demand],
    executed: Sequence[Demand],
    seen: Sequence[Observation],
    calibration: Calibration,
    alone: Mapping[str, Run] | None = None,
) -> tuple[Residual, ...]:
    """Of each group of a case that was observed. least: its demands at the ceiling; executed: those
    of the calibration; alone: by group, its run on one thread.

    A group of which the ceiling knows nothing is not modelled: all of it is residual.
    """
    known = {each.group: each for each in least}
    asked = {each.group: each for each in executed}
    found = []
    for each in seen:
        group = each.demand.group
        nothing = Demand(group, each.demand.case, ())
        run = run_of(known.get(group, nothing), asked.get(group, nothing), each, calibration)
        found.append(split(run, (alone or {}).get(group)))
    return tuple(found)


def _unpadded(run: Run) -> Demand:
    """The executed demand with the useful work alone: its ports are those of the ceiling."""
    ports = tuple(use for use in run.least.uses if not use.moves)
    levels = tuple(use for use in run.executed.uses if use.moves)
    return Demand(run.executed.group, run.executed.case, (*ports, *levels), run.executed.runs)


def _slower(rest: float, run: Run, overhead: float, alone: Run | None) -> list[Part]:
    """Threads and efficiency, where the overheads are known."""
    if alone is None:
        return [Part(("efficiency",), rest, {})]
    scaled = (alone.measured - alone.overheads[0]) * run.least.ideal / alone.least.ideal
    threads = run.measured - overhead - scaled
    return [Part(("threads",), threads, {}), Part(("efficiency",), rest - threads, {})]


def _lost(run: Run, alone: Run | None) -> float | None:
    """What N threads lose, their overhead included: against one thread's time as the ceilings are
    to each other."""
    if alone is None or not alone.least.ideal:
        return None
    return run.measured - alone.measured * run.least.ideal / alone.least.ideal


def _binds(demand: Demand) -> str:
    work = math.fsum(use.seconds for use in demand.uses if not use.moves)
    moved = [use for use in demand.uses if use.moves]
    longest = max(moved, key=lambda use: use.seconds, default=None)
    if longest is not None and longest.seconds > work:
        return longest.resource
    ports = [use for use in demand.uses if not use.moves]
    return max(ports, key=lambda use: use.seconds).resource


def total(residuals: Sequence[Residual], call: float) -> Residual:
    """Of a whole call: each cause summed over the groups; what no group has is not modelled.

    A joint part stays joint, its bounds summed.
    """
    sums: dict[tuple[Cause, ...], float] = {}
    bounds: dict[tuple[Cause, ...], dict[Cause, Bounds]] = {}
    for part in (part for each in residuals for part in each.parts):
        sums[part.causes] = sums.get(part.causes, 0.0) + part.seconds
        held = bounds.setdefault(part.causes, {})
        for cause, (low, high) in part.bounds.items():
            known = held.get(cause, (0.0, 0.0))
            held[cause] = known[0] + low, known[1] + high
    ceiling = math.fsum(each.ceiling for each in residuals)
    outside: tuple[Cause, ...] = ("not modelled",)
    groups = math.fsum(each.measured for each in residuals)
    sums[outside] = sums.get(outside, 0.0) + call - groups
    order = sorted(sums, key=lambda causes: [CAUSES.index(cause) for cause in causes])
    parts = tuple(Part(causes, sums[causes], bounds.get(causes, {})) for causes in order)
    longest = max(residuals, key=lambda each: each.ceiling)
    return Residual("total", residuals[0].case, call, ceiling, longest.binds, parts)
