"""All that a validation has to say, put together: times, counts, claims, notes and doubts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from perfdsl.compare.accusations import accusations
from perfdsl.compare.caching import Fetched
from perfdsl.compare.counts import (
    CountFinding,
    Padding,
    Uncounted,
    count_findings,
    paddings,
    uncounted,
)
from perfdsl.compare.diagnosis import Diagnosis, Doubt
from perfdsl.compare.evidence import diagnosed, fetched_of
from perfdsl.compare.measured_claims import answered, wanted
from perfdsl.compare.next_cases import next_cases
from perfdsl.compare.predicted import Predicted, predicted
from perfdsl.compare.proposals import Proposal
from perfdsl.compare.roofs import Rates, rates
from perfdsl.compare.substitution import Problems, Substituted
from perfdsl.compare.validation import Held, held_cases
from perfdsl.compare.whole import NoCountError
from perfdsl.diagnostics import Diagnostic, has_errors
from perfdsl.measure.executed import Executed
from perfdsl.measure.results import Case
from perfdsl.measure.validation_doubts import doubts
from perfdsl.measure.validation_record import Validation
from perfdsl.pipeline import Options
from perfdsl.records import dataclass
from perfdsl.solve.answers import AnalysisAnswer


@dataclass(frozen=True, slots=True)
class Counted:
    """What program and oracle say of one length. findings: counts that differ; why_not: the counts
    could not be told, "" where they were."""

    lengths: tuple[int, ...]
    findings: tuple[CountFinding, ...]
    paddings: tuple[Padding, ...]
    uncounted: tuple[Uncounted, ...]
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """rates: of the machine, for the most threads. fetched: what a warm call read from memory.

    predicted: what a calibrated model makes of the lengths, for each number of threads; next_cases:
    which further ones would tell most of what it leaves open.
    diagnosis: what is above its ceiling, and accused, the figures that explain it, as messages.
    answer: the analysis on this machine, its claims with what was measured. notes: what the reader
    should know of the comparison. doubts: what speaks against the measurement.
    """

    analysis: str
    hardware: str
    policy: str
    record: Validation
    cases: tuple[Held, ...]
    rates: Rates
    fetched: Mapping[Case, Fetched]
    counted: tuple[Counted, ...]
    predicted: tuple[Predicted, ...]
    next_cases: tuple[Proposal, ...]
    diagnosis: Diagnosis
    accused: tuple[Diagnostic, ...]
    answer: AnalysisAnswer
    notes: tuple[str, ...]
    doubts: tuple[str, ...]

    @property
    def wrong(self) -> bool:
        """Whether something does not hold that noise cannot explain."""
        counts = any(each.findings for each in self.counted)
        return bool(counts or has_errors(self.accused) or self.answer.broken)


def report(
    held: Substituted,
    record: Validation,
    options: Options,
    *,
    fit: Collection[int] = (),
    proposing: bool = False,
) -> Report | Problems:
    """A record held against an analysis. Raises reading.Timeout.

    fit: lengths that a calibrated model is fitted to, of those that were measured; none: a choice.
    proposing: whether to look for what to measure next.
    """
    cases = held_cases(held, record)
    wrong = tuple(each for each in cases if isinstance(each, Diagnostic))
    if wrong:
        return wrong
    answer = answered(held, record, options)
    if not isinstance(answer, AnalysisAnswer):
        return answer
    counted = tuple(_counted(held, each) for each in record.executed)
    found = diagnosed(held, record, _sure(counted, record.executed))
    times = tuple(each for each in cases if isinstance(each, Held))
    fitted = predicted(times, record, fit) if times else ()
    return Report(
        analysis=held.analysis.name,
        hardware=held.hardware,
        policy=held.policy,
        record=record,
        cases=times,
        rates=rates(held, max((each.case.threads for each in record.measured), default=1)),
        fetched=fetched_of(held, record),
        counted=counted,
        predicted=fitted,
        next_cases=next_cases(held, record, fitted) if proposing else (),
        diagnosis=found,
        accused=accusations(found),
        answer=answer,
        notes=(*held.notes, *_not_measured(held, record)),
        doubts=(*doubts(record), *map(_probe_doubt, found.doubts)),
    )


def _sure(counted: Iterable[Counted], executed: Iterable[Executed]) -> frozenset[str]:
    """Operators whose work the oracle has found to be what the program says."""
    known = {operator.operator for each in executed for operator in each.operators}
    return frozenset(known - {each.operator for one in counted for each in one.findings})


def _probe_doubt(doubt: Doubt) -> str:
    """A probe of the same rounds that is far off from the file."""
    threads = f"{doubt.threads} thread{'s' * (doubt.threads != 1)}"
    return f"the {doubt.what} on {threads} reached {doubt.share:.0%} of what the machine file says"


def _counted(held: Substituted, executed: Executed) -> Counted:
    try:
        found = count_findings(held.analysis, held.net, executed)
        beside = uncounted(held.analysis, held.net, executed)
    except NoCountError as error:
        return Counted(executed.lengths, (), paddings(executed), (), str(error))
    return Counted(executed.lengths, found, paddings(executed), beside)


def _not_measured(held: Substituted, record: Validation) -> tuple[str, ...]:
    """What claims ask for and nobody measured, with the reason."""
    known: set[Case] = {each.case for each in record.measured if each.turns}
    found = []
    for each in wanted(held):
        why = each.why_not or ("" if each.case in known else "it is not in the record")
        if why:
            found.append(f"{each.asked.shown} is claimed, and was not measured: {why}")
    return tuple(found)
