"""The next measurement: which length, on how many threads, would tell most of what is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perfdsl.compare.calibrated import demands
from perfdsl.compare.forecast import Forecast, forecasts
from perfdsl.compare.predicted import Predicted, facts_of
from perfdsl.compare.proposals import Candidate, Proposal, lengths, proposals
from perfdsl.compare.substitution import Substituted
from perfdsl.measure.results import Case
from perfdsl.measure.validation_record import Validation

STARTING = 2.0  # seconds: opening the model, and what goes before the first round
CALLS = 12  # of a case in a round: whole, by phase, cold, and those that warm up
ROUND = 0.5  # seconds that a round takes at the least, with its probes
LONGEST = 2048  # tokens, where the model takes more


def next_cases(
    held: Substituted, record: Validation, predicted: Sequence[Predicted]
) -> tuple[Proposal, ...]:
    """The most worthwhile one first; none where everything is identified."""
    found: list[Proposal] = []
    for one in predicted:
        found += proposals(one.model, _candidates(held, record, one))
    return tuple(sorted(found, key=lambda each: -each.worth))


def _candidates(held: Substituted, record: Validation, one: Predicted) -> Iterator[Candidate]:
    """Lengths that were not measured on this number of threads, up to the longest that was."""
    known = {each.case.tokens for each in one.cases}
    wanted = [n for n in lengths(min(LONGEST, max(known))) if n not in known]
    cases = [Case(texts=1, tokens=n, threads=one.threads) for n in wanted]
    phases = _phases(record)
    rounds = max((len(each.turns) for each in record.measured), default=1)
    for found in forecasts(held, cases):
        if isinstance(found, Forecast):
            asked = demands(found, phases, facts_of(found.case, record, one.pace))
            seconds = STARTING + rounds * max(ROUND, CALLS * one.model.total(asked).seconds)
            yield Candidate(found.case.tokens, one.threads, asked, seconds)


def _phases(record: Validation) -> list[str]:
    every = (phases for each in record.measured for turn in each.turns for phases in turn.phases)
    return list(dict.fromkeys(name for phases in every for name in phases))
