"""Forecasts and measured phases as what a calibration is made of: demands and observations.

A group here is what is told apart in a report: each product with weights, attention, heads, all
norms, the embedding and the dense head. Its demand is the sum over its operators: seconds on
each port and at each level, at the hardware file's full rates. Facts go in besides the program's
counts: how much of the work is padding (counted by the oracle), whether threads work on the same
rows, so that each reads what another one wrote, and what caches lose in a long call (`aging`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from perfdsl.compare.aging import NOTHING_LOST, Aging, Memory, in_a_pass, moved, waits
from perfdsl.compare.forecast import Forecast, OperatorForecast
from perfdsl.compare.phases import operators_of
from perfdsl.records import dataclass, field
from perfdsl.solve.calibrated_terms import Demand, Observation, Use

# Phases of the runner by the group that they are reported in. Phases of a few microseconds are one
# group: alone, each would be noise.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "qkv": ("qkv",),
    "heads": ("heads",),
    "attention": ("attention",),
    "attn_output": ("attn_output",),
    "gate_up": ("gate_up",),
    "ffn_down": ("ffn_down",),
    "norms": ("first_norm", "ffn_norm", "attn_norm"),
    # Once a pass: what grows with the rows, and what is done once for each text.
    "embedding": ("embed", "pool"),
    "head": ("quantise_pooled", "dense_2", "quantise_dense", "dense_3", "normalise"),
}
OUTSIDE = "outside"  # time of a call in none of its phases
EXCHANGE = "exchange"  # reading what another core wrote


@dataclass(frozen=True, slots=True)
class Facts:
    """What the runner does in a case besides what the program counts.

    executed: by operator, multiply-adds executed for each useful one (the oracle's); 1 where it is
    not named. shared: whether threads work on the same rows. stream: bytes a second that a probe
    had from memory in the same rounds, 0 where there was none: on a shared machine memory is twice
    as fast at one hour as at another, and the hardware file knows only the hour of its making.
    alone: the same of one thread.
    aging: what caches lose with time; pace: how long a call takes for each second of its forecast.
    """

    executed: Mapping[str, float] = field(default_factory=dict)
    shared: bool = False
    stream: float = 0.0
    alone: float = 0.0
    aging: Aging = NOTHING_LOST
    pace: float = 1.0


PLAIN = Facts()


def demands(forecast: Forecast, phases: Sequence[str], facts: Facts = PLAIN) -> tuple[Demand, ...]:
    """What each group asks for in a forecast's case; a phase in no group is a group by itself.

    phases: those that are timed. Groups without an operator are left out: `unpredicted` names them.
    """
    found = []
    names = [each.name for each in forecast.operators]
    bytes_of, call = moved(forecast, phases, facts.pace), facts.pace * forecast.seconds
    in_pass, memory = in_a_pass(forecast, facts.aging.apart), _memory(forecast, facts)
    for group, parts in grouped(phases).items():
        runs = 0.0
        operators: list[OperatorForecast] = []
        for phase in parts:
            own = [forecast.operator(name) for name in operators_of(phase, names)]
            new = [each for each in own if each is not None and each not in operators]
            operators += new
            runs += max((each.count for each in new), default=1.0)
        if operators:
            uses = _uses(operators, forecast.case.threads, facts)
            lost = [bytes_of[phase] for phase in parts if phase in bytes_of]
            late = waits(lost, facts.aging, call, in_pass, memory)
            found.append(Demand(group, case_name(forecast), uses, runs, late))
    return tuple(found)


def _memory(forecast: Forecast, facts: Facts) -> Memory:
    """The rates of a probe, else that of the hardware file."""
    levels = (each.levels[-1] for each in forecast.operators if each.levels)
    rates = (level.bytes / level.seconds for level in levels if level.seconds > 0)
    bus = facts.stream or next(rates, math.inf)
    return Memory(forecast.case.threads * facts.alone or bus, bus)


def case_name(forecast: Forecast) -> str:
    """Such as `12 tokens, 1 thread`."""
    case = forecast.case
    texts = f"{case.texts} x " if case.texts > 1 else ""
    return f"{texts}{case.tokens} tokens, {case.threads} thread{'s' * (case.threads > 1)}"


def grouped(phases: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The groups of these phases, in order."""
    home = {phase: group for group, parts in GROUPS.items() for phase in parts}
    found: dict[str, tuple[str, ...]] = {}
    for phase in phases:
        group = home.get(phase, phase)
        found[group] = (*found.get(group, ()), phase)
    return found


def _uses(operators: Sequence[OperatorForecast], threads: int, facts: Facts) -> tuple[Use, ...]:
    """Seconds on ports and at levels, and of the exchange between cores where there is one."""
    ports: dict[str, float] = {}
    levels: dict[str, float] = {}
    for each in operators:
        padding = facts.executed.get(each.name, 1.0)
        for port, seconds in each.compute.items():
            ports[port] = ports.get(port, 0.0) + seconds * padding
        for level in each.levels:
            rated = facts.stream > 0 and level is each.levels[-1]
            seconds = level.bytes / facts.stream if rated else level.seconds
            levels[level.name] = levels.get(level.name, 0.0) + seconds
    uses = [Use(port, seconds, moves=False) for port, seconds in ports.items()]
    uses += [Use(level, seconds, moves=True) for level, seconds in levels.items()]
    exchanged = _exchange(operators, threads) if facts.shared and threads > 1 else 0.0
    if exchanged:
        uses.append(Use(EXCHANGE, exchanged, moves=True))
    return tuple(uses)


def _exchange(operators: Sequence[OperatorForecast], threads: int) -> float:
    """Seconds of what other cores wrote, at the rate of the outermost cache that all of it crosses.

    Of what does not come from memory, all but a thread's own part was written by another one: rows
    and columns of a product are shared in different ways from phase to phase.
    """
    total = 0.0
    for each in operators:
        if len(each.levels) < 2:
            continue
        cache, memory = each.levels[-2:]
        inside = max(cache.bytes - memory.bytes, 0.0)
        if cache.bytes:
            total += cache.seconds * inside / cache.bytes
    return total * (threads - 1) / threads


def unpredicted(forecast: Forecast, phases: Sequence[str]) -> tuple[str, ...]:
    """Phases that are timed, and for which the program has no operator."""
    names = [each.name for each in forecast.operators]
    return tuple(phase for phase in phases if not operators_of(phase, names))


def observations(
    asked: Sequence[Demand], rounds: Sequence[Mapping[str, float]]
) -> tuple[Observation, ...]:
    """The demands with their samples. rounds: seconds by phase, one for each round or call."""
    phases = grouped(list(dict.fromkeys(phase for each in rounds for phase in each)))
    found = []
    for each in asked:
        parts = phases.get(each.group, ())
        samples = tuple(math.fsum(one.get(p, 0.0) for p in parts) for one in rounds)
        if parts and any(samples):
            found.append(Observation(each, samples))
    return tuple(found)


def outside(
    case: str, calls: Sequence[float], rounds: Sequence[Mapping[str, float]]
) -> Observation | None:
    """The time of a call that is in none of its phases; None where noise hides it.

    calls: seconds of the same calls, or of calls in the same rounds.
    """
    samples = tuple(
        call - math.fsum(each.values()) for call, each in zip(calls, rounds, strict=False)
    )
    found = Observation(outside_demand(case), samples)
    usable = sorted(samples)[(len(samples) - 1) // 2] > 0 if samples else False
    return found if usable else None


def outside_demand(case: str) -> Demand:
    return Demand(OUTSIDE, case, ())
