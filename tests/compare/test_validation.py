"""Times of a made-up record beside a program's numbers: sums, ratios and shares that are known."""

import pytest

from perfdsl.compare.substitution import Substituted
from perfdsl.compare.validation import Held, held_cases
from perfdsl.measure.kinds import KINDS
from perfdsl.measure.results import Case
from tests.compare.machines import PUBLISHED, asked, held
from tests.compare.validations import PHASES, a_validation, predicted
from tests.measure.records import SLOW

SHORT = Case(texts=1, tokens=1, threads=1)
LONG = Case(texts=1, tokens=256, threads=2)


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Substituted:
    return held(asked(tmp_path_factory.mktemp("held")))


def one(program, case, **changes) -> Held:
    times = changes.pop("times", lambda each: predicted(program, each))
    record = a_validation([case], times, PUBLISHED, **changes)
    (found,) = held_cases(program, record)
    assert isinstance(found, Held)
    return found


@pytest.mark.parametrize("case", [SHORT, LONG])
def test_what_takes_as_long_as_predicted_has_a_ratio_of_one(program, case):
    """Times are medians over the rounds, of which the usual one is 1.1 times the quickest."""
    found = one(program, case, slow=[1.0])
    for part in found.parts:
        assert part.ratio == pytest.approx(1.0, rel=0.05), part.group
    assert found.phases.median == pytest.approx(sum(predicted(program, case).values()), rel=1e-3)
    assert sum(part.share or 0.0 for part in found.parts) == pytest.approx(1.0)


def test_rounds_that_all_are_slower_show_in_the_ratio(program):
    """Twice the time is twice the ratio and half the efficiency."""
    plain, twice = one(program, LONG, slow=[1.0]), one(program, LONG, slow=[2.0])
    assert twice.ratio == pytest.approx(2 * plain.ratio)
    assert twice.efficiency == pytest.approx(plain.efficiency / 2)


def test_the_ceiling_is_never_above_the_prediction(program):
    """It takes the least traffic and efficiencies of one, of the same operators."""
    for case in (SHORT, LONG):
        found = one(program, case)
        assert found.ceiling <= found.forecast.seconds * (1 + 1e-12)
        for part in found.parts:
            assert part.ceiling is not None
            assert part.predicted is not None
            assert part.ceiling <= part.predicted * (1 + 1e-12)


def test_the_throughput_counts_two_operations_for_a_multiply_add(program):
    """The program's own work over the time of a call."""
    found = one(program, LONG, slow=[1.0])
    work = [each for operator in found.forecast.operators for each in operator.work]
    macs = sum(each.amount for each in work if each.unit == "MAC")
    plain = sum(each.amount for each in work if each.unit == "op")
    seconds = found.call.median
    assert found.rate.ops == pytest.approx((2 * macs + plain) / seconds)
    assert found.rate.tokens == pytest.approx(256 / seconds)


def test_an_operator_that_nothing_times_and_a_phase_that_nothing_predicts_are_kept(program):
    """Without `pool` its operator stands alone; an unknown phase has no prediction."""

    def times(case):
        known = predicted(program, case)
        del known["pool"]
        return {**known, "checksums": 5e-6}

    found = one(program, SHORT, times=times)
    parts = {part.group.name: part for part in found.parts}
    assert parts["pool"].measured is None
    assert parts["pool"].predicted is not None
    assert parts["checksums"].predicted is None
    assert parts["checksums"].ratio is None
    assert parts["checksums"].measured is not None


def test_a_cold_call_is_told_beside_the_warm_one(program):
    """0.2 ms more for what takes a millisecond and something."""
    found = one(program, SHORT, slow=[1.0], cold=0.2e-3)
    assert found.cold.median - found.call.median == pytest.approx(0.2e-3, rel=1e-3)
    assert found.slower.median == pytest.approx(found.cold.median / found.call.median)


def test_cases_without_a_whole_round_are_left_out(program):
    """An interrupt in the first round of a case leaves none."""
    record = a_validation([SHORT, LONG], lambda case: predicted(program, case), PUBLISHED, slow=[])
    assert held_cases(program, record) == ()


def test_history_has_the_figures_of_a_validation(program):
    """Calls come first; each figure has one sample a round, and phases add up to the call."""
    record = a_validation([SHORT, LONG], lambda case: predicted(program, case), PUBLISHED)
    figures = KINDS[record.kind].figures(record)
    assert [figure.main for figure in figures][:3] == [True, True, False]
    assert all(len(figure.samples) == len(SLOW) for figure in figures)
    first = figures[0].samples[0]
    phases = [f for f in figures if f.case == figures[0].case and f.quantity[8:] in PHASES]
    assert sum(each.samples[0] for each in phases) == pytest.approx(first, rel=1e-2)
    assert KINDS[record.kind].setting(record)["instruction set"] == record.isa


def test_shares_of_what_memory_must_give_add_up_to_the_ceiling(program):
    """One token waits for memory: its phases' ceilings together are the call's."""
    found = one(program, SHORT)
    assert found.binds == "dram"
    parts = [part.ceiling for part in found.parts if part.ceiling]
    assert sum(parts) == pytest.approx(found.ceiling, rel=0.01)


def test_phases_take_turns_so_their_ceilings_add_up(program):
    """256 tokens work on several ports, never at once: more than the busiest port alone takes."""
    found = one(program, LONG)
    busiest = max(
        sum(each.compute.get(port, 0.0) for each in found.least.operators)
        for port in ("int8_dot", "fp32_fma", "fp32_add")
    )
    assert found.ceiling > busiest
    assert found.ceiling <= sum(part.ceiling or 0.0 for part in found.parts) * (1 + 1e-9)
