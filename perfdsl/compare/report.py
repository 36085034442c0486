"""Everything that a validation has to say, put together: times, findings, notes and doubts."""

from __future__ import annotations

from perfdsl.compare.substitution import Problems, Substituted
from perfdsl.compare.validation import Held, held_cases
from perfdsl.diagnostics import Diagnostic
from perfdsl.measure.validation_record import Validation
from perfdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Report:
    """notes: what the reader should know of the comparison. doubts: what speaks against the
    measurement, each a sentence."""

    analysis: str
    hardware: str
    policy: str
    record: Validation
    cases: tuple[Held, ...]
    notes: tuple[str, ...]
    doubts: tuple[str, ...]


def report(held: Substituted, record: Validation) -> Report | Problems:
    """A record held against an analysis."""
    cases = held_cases(held, record)
    wrong = tuple(each for each in cases if isinstance(each, Diagnostic))
    if wrong:
        return wrong
    return Report(
        analysis=held.analysis.name,
        hardware=held.hardware,
        policy=held.policy,
        record=record,
        cases=tuple(each for each in cases if isinstance(each, Held)),
        notes=held.notes,
        doubts=(),
    )
