"""What speaks against a probe's figures, and when nothing can be said at all.

A spread that one figure has alone is a doubt. Where even a loop in registers has one, or others
have the processors, the machine was not there to be measured.
"""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.measure.doubts import OTHERS, SPREAD, STOLEN
from perfdsl.measure.guards import refusals, size_seen
from perfdsl.measure.hardware_words import number
from perfdsl.measure.machine import DRAM, Machine
from perfdsl.measure.machine_figures import Figures, Key, figures, named
from perfdsl.measure.statistics import COVERAGE
from perfdsl.runner.errors import RunnerError

DRIFT = 0.03  # of the clock of one core, from its slowest to its fastest round
TAKEN = 0.2  # of the processors' time, by others: what is left is another machine
ERRATIC = 0.25  # the spread of a loop in registers that says nothing more
REGISTERS = ("clock", "int8", "pairs", "bf16", "fp32", "add")
TOGETHER = ("barrier", "awake", "asleep")  # their spread is in the figure, and usual
NAMED = 4  # figures that a sentence names


class NoisyError(RunnerError):
    """Nothing can be said; `what` tells what was seen."""

    code = "P841"
    usual = "end other programs, or wait for a quieter hour"


def check_noise(machine: Machine) -> None:
    """Raises NoisyError where the figures are those of a disturbance."""
    taken = machine.disturbance.stolen + machine.disturbance.others
    if taken > TAKEN:
        seen = f"others had {taken:.0%} of the processors' time"
        raise NoisyError(f"the machine is too busy to be measured: {seen}")
    lost = {each.key for each in refusals(machine)}
    if not any(key.name in REGISTERS and key not in lost for key in figures(machine).found):
        reasons = "; ".join(f"{each.what}: {each.why}" for each in refusals(machine)[:2])
        raise NoisyError(f"no figure can be vouched for: {reasons}")
    erratic = [
        f"{named(key)} from {number(each.least / 1e9, 3)} to {number(each.most / 1e9, 3)} G/s"
        for key, each in figures(machine).found.items()
        if key.name in REGISTERS and each.spread > ERRATIC
    ]
    if erratic:
        seen = f"{', '.join(erratic[:2])}" + (f", and {len(erratic) - 2} more" * (len(erratic) > 2))
        mend = "leave `--quick` out: it has few rounds" if machine.quick else ""
        raise NoisyError(f"the machine is too noisy to be measured: {seen}", mend)


def doubts(machine: Machine) -> tuple[str, ...]:
    """Each in a sentence."""
    known = figures(machine)
    return (
        *_disturbed(machine),
        *_drifting(known),
        *_spread(known),
        *_few(known),
        *_sizes(machine),
    )


def drift(known: Figures, threads: int) -> float | None:
    """How far the clock's slowest round was from its fastest, as a share of the median."""
    clock = known.found.get(Key("clock", "", threads, ""))
    return (clock.most - clock.least) / clock.median if clock else None


def _disturbed(machine: Machine) -> Iterator[str]:
    if machine.disturbance.stolen > STOLEN:
        yield f"the host took {machine.disturbance.stolen:.0%} of the processors' time"
    if machine.disturbance.others > OTHERS:
        yield f"other programs took {machine.disturbance.others:.0%} of the processors' time"
    if machine.environment.processor.logical < machine.cores:
        yield f"there are only {machine.environment.processor.logical} processors"


def _drifting(known: Figures) -> Iterator[str]:
    found = drift(known, 1)
    if found is not None and found > DRIFT:
        yield f"the clock of one core moved by {found:.0%} between rounds"


def _spread(known: Figures) -> Iterator[str]:
    wide = {key: each.spread for key, each in known.found.items() if key.name not in TOGETHER}
    wide = {
        key: spread
        for key, spread in wide.items()
        if spread > SPREAD and (key.level or not key.size)
    }
    if wide:
        worst = sorted(wide, key=lambda key: -wide[key])
        told = ", ".join(f"{named(key)} {wide[key]:.0%}" for key in worst[:NAMED])
        more = f", and {len(worst) - NAMED} more" if len(worst) > NAMED else ""
        yield f"quartiles of rounds are far apart: {told}{more}"


def _few(known: Figures) -> Iterator[str]:
    least = min((each.coverage for each in known.found.values()), default=1.0)
    if least < COVERAGE:
        yield f"so few rounds miss the true median with a chance of up to {1 - least:.0%}"


def _sizes(machine: Machine) -> Iterator[str]:
    for level in machine.levels:
        seen = size_seen(machine, level) if level.name != DRAM else None
        if seen is not None and not seen.agrees:
            yield f"{level.name} is not as large as the system tells: {seen.why}"
