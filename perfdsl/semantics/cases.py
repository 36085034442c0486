"""Cases: what a measurement is of, in plain numbers, and what was measured of it."""

from __future__ import annotations

import math

from perfdsl.records import dataclass, field


@dataclass(frozen=True, slots=True)
class Subject:
    """A model or hardware as it is declared, the file that declares it, and its parameters.

    values: every parameter of a model, and what `with` or a scenario changed in it: numbers in base
    units, or names. A hardware has none: a scenario about it is a hypothesis, and the machine that
    is measured is the same one. name: as it is told, with the arguments that it was given; a model
    that is given what it has by default is the same one.
    """

    declared: str
    file: str
    values: tuple[tuple[str, float | str], ...]
    name: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class MeasuredCase:
    """One pass of a model over one load on so many cores: what there is one measured time of.

    tokens: in each of `batch` texts (sequences). cold: nothing of the model is in a cache before.
    others: further fields of the workload that are not what they are by default, such as a
    `context` longer than the tokens: a runner that does not know them cannot measure the case.
    """

    model: Subject
    hardware: Subject
    tokens: int
    batch: int
    cores: int
    cold: bool = False
    others: tuple[tuple[str, float | str], ...] = ()

    @property
    def parts(self) -> tuple[str, ...]:
        """The model, how many tokens of how many texts, cores, and what else tells cases apart."""
        many = f"{self.batch} x " if self.batch != 1 else ""
        tokens = f"{many}{self.tokens} token{'s' * (self.tokens != 1)}"
        cores = f"{self.cores} core{'s' * (self.cores != 1)}"
        more = [f"{name} {told(value)}" for name, value in self.others]
        return (self.model.name, tokens, cores, *["cold"] * self.cold, *more)

    @property
    def shown(self) -> str:
        """`embeddinggemma, 12 tokens, 2 cores`: how messages and pages call it."""
        return ", ".join(self.parts)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one pass of a case took, in seconds: the best value, and the range that it is in."""

    case: MeasuredCase
    best: float
    low: float
    high: float


def told(value: float | str) -> str:
    """`12`, `q8_0`: a value of a case in a message."""
    return value if isinstance(value, str) else f"{value:g}"


def wrong_with(measurement: Measurement) -> str:
    """Why the numbers of a measurement are no time that anything took; "" where they are one."""
    ends: tuple[object, ...] = (measurement.low, measurement.best, measurement.high)
    if not all(isinstance(end, int | float) and math.isfinite(end) for end in ends):
        return "a time is a finite number"
    if measurement.low <= 0:
        return "a time is above zero"
    if not measurement.low <= measurement.best <= measurement.high:
        return "the best value lies between the lowest and the highest one"
    return ""
