"""Claims about what was measured: the cases that an analysis asks for, its answers with them.

`measured(net, on: cpu)` asks for one time for each load and number of cores. Those of the analysis'
own model on its own hardware are measured, whatever length they are of; what is claimed of another
model, or of a workload that the runner does not know, stays not measured, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.compare.substitution import Problems, Substituted
from perfdsl.compare.validation import by_round
from perfdsl.diagnostics import Source, has_errors
from perfdsl.measure.results import Case
from perfdsl.measure.statistics import Estimate, estimate
from perfdsl.measure.validation_record import Validation
from perfdsl.pipeline import Options, check_reader
from perfdsl.records import dataclass, replace
from perfdsl.semantics.cases import MeasuredCase, Measurement, told
from perfdsl.semantics.values import Quantity, Record
from perfdsl.semantics.wanted import wanted_measurements
from perfdsl.solve.answer import answer
from perfdsl.solve.answers import AnalysisAnswer
from perfdsl.syntax import tree
from perfdsl.syntax.parser import parse


@dataclass(frozen=True, slots=True)
class Wanted:
    """A case that a claim asks for. why_not: it cannot be measured here, "" where it can."""

    asked: MeasuredCase
    why_not: str = ""

    @property
    def case(self) -> Case:
        return Case(texts=self.asked.batch, tokens=self.asked.tokens, threads=self.asked.cores)


def wanted(held: Substituted) -> tuple[Wanted, ...]:
    """All that the analysis' statements ask for, in order."""
    asked = wanted_measurements(held.program, held.analysis.name)
    ours = _ours(held) if asked else None
    return tuple(Wanted(each, _why_not(each, ours)) for each in asked)


def _ours(held: Substituted) -> MeasuredCase | None:
    """The case of the analysis' own parameters: its model and hardware are what can be measured."""
    frame = held.analysis.frame
    source = Source("measured", f"let x = measured({held.net}, on: {held.cpu})")
    (let,) = parse(source).file.body
    assert isinstance(let, tree.Let)
    value = frame.context.evaluate(let.value, frame.local())
    time = value.fields["time"] if isinstance(value, Record) else None
    return held.program.graph.cases.get(time.node) if isinstance(time, Quantity) else None


def _why_not(asked: MeasuredCase, ours: MeasuredCase | None) -> str:
    if ours is None or asked.model != ours.model:
        return f"it is of `{asked.model.name}`, not of the model file"
    if asked.hardware != ours.hardware:
        return f"it is of `{asked.hardware.name}`, not of this machine"
    if asked.others:
        fields = ", ".join(f"{name} {told(value)}" for name, value in asked.others)
        return f"the runner knows no workload with {fields}"
    return ""


def measurements(held: Substituted, record: Validation) -> tuple[Measurement, ...]:
    """Times of what was asked for and measured: medians, with the interval of each."""
    known = dict(_times(record))
    return tuple(
        Measurement(each.asked, time.median, time.low, time.high)
        for each in wanted(held)
        if not each.why_not and (time := known.get((each.case, each.asked.cold))) is not None
    )


def _times(record: Validation) -> Iterator[tuple[tuple[Case, bool], Estimate]]:
    for each in record.measured:
        for cold in (False, True):
            rounds = by_round((turn.cold if cold else turn.calls) for turn in each.turns)
            if rounds:
                yield (each.case, cold), estimate(rounds)


def answered(held: Substituted, record: Validation, options: Options) -> AnalysisAnswer | Problems:
    """The analysis on this machine, with what was measured. Raises reading.Timeout."""
    given = replace(options, measurements=measurements(held, record))
    program = check_reader(held.reader, given)
    if has_errors(program.problems):
        return program.problems
    (found,) = answer(program, [held.analysis.name], seconds=options.seconds)
    return found
