"""What a validation recorded: every sample of every case by phase, cold and warm, with the rates of
the same rounds, and what the oracle counted.

A record is never corrected: medians, shares and verdicts are computed from it, by whoever holds a
program against it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, Self

from pydantic import PositiveInt, model_validator

from perfdsl.measure.disturbance import Disturbance
from perfdsl.measure.environment import Environment
from perfdsl.measure.executed import Executed
from perfdsl.measure.recorded import Recorded
from perfdsl.measure.results import Case, ModelFacts, Protocol
from perfdsl.measure.work import Work


class Turn(Recorded):
    """One round of one case, in nanoseconds of each call.

    warm_up: calls that do not count, in the order in which they were made. calls: whole ones, with
    nothing noted on the way. phases: instrumented ones, each phase summed over the layers. cold:
    whole ones, each behind a stream through `flushed` bytes; the threads sleep when it begins.
    meetings: of `placement.MEETINGS` barriers of its threads, before and after all of these; none
    of one thread.
    """

    warm_up: tuple[int, ...]
    calls: tuple[int, ...]
    phases: tuple[dict[str, int], ...]
    cold: tuple[int, ...]
    meetings: tuple[PositiveInt, ...] = ()


class Measured(Recorded):
    """The rounds of one case."""

    case: Case
    work: Work
    turns: tuple[Turn, ...]


class Rates(Recorded):
    """What the machine reached on so many threads: rates of `limits` a second, round by round."""

    threads: int
    rounds: tuple[dict[str, tuple[float, ...]], ...]


class Kept(Recorded):
    """How long it takes to read `size` bytes that a cache could hold. ages: seconds since they
    were written, 0 first.

    rounds: by age, nanoseconds of each sample; of each time that rates were probed, in order.
    """

    size: PositiveInt
    ages: tuple[float, ...]
    rounds: tuple[tuple[tuple[PositiveInt, ...], ...], ...]

    @model_validator(mode="after")
    def _each_age_has_samples(self) -> Self:
        if not self.ages or self.ages[0] != 0 or not all(a < b for a, b in pairwise(self.ages)):
            raise ValueError("ages begin with 0 and grow")
        if any(len(each) != len(self.ages) or not all(each) for each in self.rounds):
            raise ValueError("each round has samples of each age")
        return self


class Validation(Recorded):
    """shape: the model file's values by the names of the shipped model's parameters.

    flushed: bytes that were streamed in front of a cold call. kept: None where no cache is told.
    executed: one for each length, empty where nothing was counted. complete: False where an
    interrupt ended the rounds.
    """

    kind: Literal["validation"] = "validation"
    schema_version: Literal[1] = 1
    tool: str
    date: str
    isa: str
    model: ModelFacts
    shape: dict[str, int | None]
    environment: Environment
    protocol: Protocol
    flushed: int
    small_pages: float | None
    measured: tuple[Measured, ...]
    rates: tuple[Rates, ...]
    kept: Kept | None = None
    executed: tuple[Executed, ...]
    disturbance: Disturbance
    complete: bool = True


def joined(first: Validation, second: Validation) -> Validation:
    """What two sessions measured of one model, one behind the other, as one record."""
    known = {each.lengths for each in first.executed}
    further = (each for each in second.executed if each.lengths not in known)
    return first.model_copy(
        update={
            "date": second.date,
            "measured": (*first.measured, *second.measured),
            "rates": (*first.rates, *second.rates),
            "kept": _both(first.kept, second.kept),
            "executed": (*first.executed, *further),
            "complete": first.complete and second.complete,
        }
    )


def _both(first: Kept | None, second: Kept | None) -> Kept | None:
    """The rounds of both, where they are of the same bytes and ages; else the first ones."""
    if first is None or second is None:
        return first or second
    if (first.size, first.ages) != (second.size, second.ages):
        return first
    return first.model_copy(update={"rounds": (*first.rounds, *second.rounds)})
