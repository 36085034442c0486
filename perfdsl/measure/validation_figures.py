"""Figures of a validation: calls, cold calls and phases of each case, one sample a round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfdsl.measure.doubts import named
from perfdsl.measure.figures import UNITS, Figure
from perfdsl.measure.statistics import median
from perfdsl.measure.timing import NANO
from perfdsl.measure.validation_record import Measured, Rates, Validation


def of_validation(record: Validation) -> tuple[Figure, ...]:
    """Seconds of whole calls first; then cold calls and phases, and the rates of the machine."""
    calls = [figure for each in record.measured for figure in _calls(each) if each.turns]
    calls.sort(key=lambda figure: not figure.main)
    return (*calls, *(figure for each in record.rates for figure in _limits(each)))


def _calls(measured: Measured) -> Iterator[Figure]:
    turns, name = measured.turns, named(measured.case)

    def figure(quantity: str, rounds: Sequence[Sequence[int]], *, main: bool = False) -> Figure:
        seconds = tuple(median(each) * NANO for each in rounds if each)
        return Figure(name, quantity, "s", True, main, seconds)

    yield figure("time of perfdsl", [turn.calls for turn in turns], main=True)
    yield figure("time of a cold call", [turn.cold for turn in turns])
    for phase in dict.fromkeys(key for turn in turns for each in turn.phases for key in each):
        rounds = [[each[phase] for each in turn.phases if phase in each] for turn in turns]
        yield figure(f"time of {phase}", rounds)


def _limits(rates: Rates) -> Iterator[Figure]:
    case = f"{rates.threads} thread{'' if rates.threads == 1 else 's'}"
    for name in dict.fromkeys(name for each in rates.rounds for name in each):
        rounds = tuple(median(each[name]) for each in rates.rounds if each.get(name))
        yield Figure(case, f"rate of {name}", UNITS.get(name, "MAC/s"), False, False, rounds)
