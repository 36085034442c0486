"""What a report finds: counts that differ, claims about measured times, and what it cannot say."""

import pytest

from perfdsl.compare.report import Report, report
from perfdsl.compare.substitution import Substituted
from perfdsl.measure.executed import Executed, ExecutedOperator
from perfdsl.measure.results import Case
from perfdsl.pipeline import Options
from tests.compare.machines import ANALYSIS, MACHINE, PUBLISHED, asked, held
from tests.compare.validations import a_validation, predicted

SHORT = Case(texts=1, tokens=12, threads=2)
ALONE = Case(texts=1, tokens=12, threads=1)
SECONDS = 16e-3  # of a call, several times as long as it is predicted
CLAIMS = """
workload page { tokens = 300 token }
workload first { tokens = 12 token; start = cold }
workload chat { tokens = 1 token; context = 90 token }
"""


def claimed(*lines: str) -> str:
    """The analysis with claims over what is measured."""
    body = "".join(f"  {line}\n" for line in ("let real = measured(net, on: cpu)", *lines))
    return ANALYSIS.replace("analysis on_cpu", f"{CLAIMS}analysis on_cpu").replace(
        "  show run.time\n", f"{body}  show run.time\n"
    )


def slowed(program: Substituted, case: Case) -> dict[str, float]:
    """All phases as much slower than predicted as makes them the seconds together."""
    seconds = predicted(program, case)
    return {name: each * SECONDS / sum(seconds.values()) for name, each in seconds.items()}


def told(tmp_path, *lines, cases=(SHORT,), **changes) -> Report:
    program = held(asked(tmp_path, analysis=claimed(*lines) if lines else ANALYSIS))

    def times(case: Case) -> dict[str, float]:
        return slowed(program, case)

    record = a_validation(cases, times, PUBLISHED, slow=[1.0] * 7, **changes)
    found = report(program, record, Options())
    assert isinstance(found, Report), found
    return found


def verdicts(found: Report) -> list[str]:
    return [claim.verdict for claim in found.answer.claims]


def test_claims_over_measured_times_are_judged_by_the_record(tmp_path):
    """12 tokens took 16 ms on two threads, and as long on one."""
    found = told(
        tmp_path,
        'claim "quick" real.time <= 20 ms',
        'claim "quicker" real.time <= 10 ms',
        'claim "threads help" real.time[one_core] >= 1.5 * real.time',
        cases=(SHORT, ALONE),
    )
    assert verdicts(found) == ["holds", "fails", "fails"]
    assert found.wrong


def test_claims_that_hold_leave_nothing_wrong(tmp_path):
    found = told(tmp_path, 'claim "as measured" real.throughput ~= 750 token/s')
    assert verdicts(found) == ["holds"]
    assert not found.wrong


def test_a_cold_workload_is_judged_by_cold_calls(tmp_path):
    """Cold calls took 4 ms longer."""
    lines = ('claim "cold" real.time[first] ~= 20 ms', 'claim "warm" real.time ~= 16 ms')
    assert verdicts(told(tmp_path, *lines, cold=4e-3)) == ["holds", "holds"]


@pytest.mark.parametrize(
    "line, why",
    [
        ('claim "a page" real.time[page] <= 1 s', "not in the record"),
        ('claim "one more" real.time[chat] <= 1 s', "no workload with context"),
        (
            'claim "wider" measured(net with { d_ff = 2304 }, on: cpu).time <= 1 s',
            "not of the model file",
        ),
    ],
)
def test_what_was_not_measured_is_told_with_the_reason(tmp_path, line, why):
    """It breaks no word: nobody knows."""
    found = told(tmp_path, line)
    assert any(why in note for note in found.notes), found.notes
    assert not found.wrong


def test_noise_leaves_a_claim_undecided(tmp_path):
    """Rounds from 12 to 20 ms neither keep nor break a claim of 16 ms."""
    program = held(asked(tmp_path, analysis=claimed('claim "quick" real.time <= 16 ms')))

    times = slowed(program, SHORT)
    slow = [0.75, 0.8, 0.9, 1.0, 1.1, 1.2, 1.25]
    found = report(program, a_validation([SHORT], lambda _: times, PUBLISHED, slow=slow), Options())
    assert isinstance(found, Report)
    assert verdicts(found) == ["undecided"]
    assert not found.wrong


# ------------------------------------------------------------------------------------- counts


def executed(**changes) -> Executed:
    """What 12 tokens execute in the dense head of the published model, and nowhere else."""
    macs = 768 * 3072
    facts = {"operator": "dense_2", "layer": None, "useful": macs, "executed": 12 * macs,
             "weight_bytes": macs // 32 * 34}  # fmt: skip
    operator = ExecutedOperator.model_validate({**facts, **changes})
    return Executed(
        lengths=(12,), distinct_ids=12, threads=1, instructions="avx512-vnni", bf16=False,
        operators=(operator,), embedding_rows=12, row_bytes=816,
    )  # fmt: skip


def test_counts_that_are_equal_are_no_finding(tmp_path):
    """The oracle of this test knows the head alone; padding is no difference."""
    found = told(tmp_path, executed=[executed()])
    findings = {each.operator for each in found.counted[0].findings}
    assert "dense_2" not in findings
    assert found.counted[0].paddings[0].share == pytest.approx(11 / 12)


def test_a_count_that_differs_is_wrong_and_named(tmp_path):
    """One multiply-add too few is no noise."""
    found = told(tmp_path, executed=[executed(useful=768 * 3072 - 1)])
    (finding,) = (each for each in found.counted[0].findings if each.operator == "dense_2")
    assert finding.predicted - finding.counted == 1
    assert found.wrong


# -------------------------------------------------------------------------------------- doubts


def test_an_interrupt_is_a_doubt(tmp_path):
    """Whole rounds are kept and told, with a word of what is missing."""
    found = told(tmp_path, complete=False)
    assert any("an interrupt ended" in doubt for doubt in found.doubts)


def test_a_measurement_above_its_ceiling_is_wrong_and_explained(tmp_path):
    """A machine file with half the clock: the probes of the same rounds accuse the clock."""
    slower = MACHINE.replace("clock = 4 GHz +- 0.1 GHz", "clock = 2 GHz +- 0.05 GHz")
    program = held(asked(tmp_path, machine=slower))
    record = a_validation([SHORT], lambda case: slowed(program, case), PUBLISHED, slow=[1.0] * 7)
    found = report(program, record, Options())
    assert isinstance(found, Report)
    assert found.diagnosis.explanations[0] == ("clock",)
    assert "`clock`" in found.accused[0].title
    assert found.wrong


def test_a_clock_that_moves_is_a_doubt(tmp_path):
    """Rates differ by the rounds' slowness here, and the clock with them."""
    program = held(asked(tmp_path))
    times = slowed(program, SHORT)
    record = a_validation([SHORT], lambda _: times, PUBLISHED)
    found = report(program, record, Options())
    assert isinstance(found, Report)
    assert any("clock moved" in doubt for doubt in found.doubts)
    assert any("vary by" in doubt for doubt in found.doubts)
