"""Comparisons: what noise makes is not told as a difference, and what it may hide is told."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perfdsl.measure.comparison import LEVEL, POWER, Verdict, compared, hidden, holm, needed
from perfdsl.measure.figures import Figure, of_bench
from perfdsl.measure.ranks import least_chance
from perfdsl.measure.statistics import median
from tests.measure.records import a_result, a_round, a_series

ROUNDS = [10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6]


def a_figure(samples=ROUNDS, case="12 tokens", quantity="time", *, less=True, main=True):
    return Figure(case, quantity, "s", less, main, tuple(samples))


def scaled(factor, samples=ROUNDS):
    """Shifted by half a step as well, so that nothing is tied."""
    return [factor * each + 0.05 for each in samples]


def one(first, second, **changes):
    (row,) = compared([a_figure(first, **changes)], [a_figure(second, **changes)]).rows
    return row


@pytest.mark.parametrize(
    "factor, less, verdict",
    [
        (1.2, True, Verdict.WORSE),
        (1.2, False, Verdict.BETTER),
        (0.8, True, Verdict.BETTER),
        (0.8, False, Verdict.WORSE),
        (1.0, True, Verdict.UNSEEN),
        (1.01, False, Verdict.UNSEEN),
    ],
)
def test_a_difference_is_told_by_what_is_better(factor, less, verdict):
    """Of seven rounds in each that differ by 1 % from one to the next."""
    row = one(ROUNDS, scaled(factor), less=less)
    assert row.verdict is verdict
    assert row.factor.low <= row.factor.best <= row.factor.high
    assert (row.loss > 1) == ((row.factor.best > 1) == less)


def test_rounds_are_the_units_and_not_calls():
    """Three rounds of a hundred calls each are three samples, however clear the calls are."""
    calls = [range(100, 200)] * 3
    slow = [range(300, 400)] * 3
    results = [
        a_result(a_series(rounds=[a_round(rates={}).model_copy(
            update={"samples": {"perfdsl": tuple(each)}}) for each in rounds]))
        for rounds in (calls, slow)
    ]  # fmt: skip
    (row,) = compared(of_bench(results[0]), of_bench(results[1])).rows
    assert row.first.samples == pytest.approx([149.5e-9] * 3)
    assert row.verdict is Verdict.FEW
    assert row.needed == 4


@pytest.mark.parametrize("family", [1, 5, 40])
def test_too_few_rounds_say_how_many_there_should_be(family):
    """With so many in each the clearest difference is seen, with one less it is not."""
    count = needed(LEVEL / family)
    for rounds, verdict in ((count, Verdict.WORSE), (count - 1, Verdict.FEW)):
        samples = [1.0 + n / 100 for n in range(rounds)]
        first = [a_figure(samples, f"case {n}") for n in range(family)]
        second = [a_figure(scaled(1 + (n == 0), samples), f"case {n}") for n in range(family)]
        row = compared(first, second).rows[0]
        assert row.verdict is verdict
        assert (row.needed == count) == (verdict is Verdict.FEW)
        assert (row.hidden is None) == (verdict is Verdict.FEW)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_holm(chances):
    """By its definition: the hypotheses are rejected in order until one is not, at any level."""
    corrected = holm(chances)
    for level in {0.01, 0.05, 0.3, *corrected} - {1.0}:
        order = sorted(range(len(chances)), key=lambda i: chances[i])
        rejected = set()
        for number, each in enumerate(order):
            if chances[each] * (len(chances) - number) > level:
                break
            rejected.add(each)
        assert rejected == {i for i, each in enumerate(corrected) if each <= level}


def test_each_quantity_is_a_family_of_its_own():
    """The same difference counts less among more cases; other quantities do not matter."""
    clear = (1.0, 1.1, 1.2, 1.3), (2.0, 2.1, 2.2, 2.3)  # a chance of 2 in 70

    def verdicts(cases, quantities):
        keys = [(f"case {n}", f"q{q}") for q in range(quantities) for n in range(cases)]
        first = [a_figure(clear[0], case, quantity) for case, quantity in keys]
        second = [a_figure(clear[case == "case 0"], case, quantity) for case, quantity in keys]
        return {row.verdict for row in compared(first, second).rows if row.first.case == "case 0"}

    assert verdicts(1, 1) == verdicts(1, 5) == {Verdict.WORSE}
    assert verdicts(2, 1) == {Verdict.FEW}


def test_a_family_is_told_differences_where_there_are_none_as_rarely_as_it_says():
    """Seven cases of seven rounds of heavy-tailed noise, seeded: at most 5 % of 600 comparisons."""
    draw = np.random.default_rng(20261122)
    alarms = 0
    for _ in range(600):
        noise = np.exp(0.02 * draw.standard_t(2, (2, 7, 7)))
        figures = [[a_figure(rounds, f"{n}") for n, rounds in enumerate(each)] for each in noise]
        rows = compared(figures[0], figures[1]).rows
        alarms += any(row.verdict is not Verdict.UNSEEN for row in rows)
    assert stats.binomtest(alarms, 600, LEVEL, alternative="greater").pvalue > 0.01
    assert alarms > 0  # it is a test, not a refusal to tell


@pytest.mark.parametrize("rounds", [6, 12, 40])
def test_what_may_be_hidden_is_seen_in_four_of_five(rounds):
    """Normal noise of 2 %, 400 comparisons at the factor that was told for the typical sample."""
    draw = np.random.default_rng(rounds)

    def noise():
        return list(np.exp(0.02 * draw.standard_normal(rounds)))

    told = median([hidden(noise(), noise(), LEVEL) or math.nan for _ in range(101)])
    seen = 0
    for _ in range(400):
        row = one(noise(), [told * each for each in noise()])
        seen += row.verdict is Verdict.WORSE
    assert POWER - 0.12 < seen / 400 < POWER + 0.14
    assert 1.0 < told < 1.1


def test_more_noise_hides_more():
    """And more cases do; noise that is none hides nothing."""
    quiet, loud = ([1 + wide * n for n in range(9)] for wide in (0.001, 0.05))
    pairs = [(quiet, quiet, 1), (quiet, loud, 1), (loud, loud, 1), (loud, loud, 20)]
    found = [hidden(one, other, LEVEL / cases) or math.nan for one, other, cases in pairs]
    assert found == sorted(found)
    assert len(set(found)) == len(found)
    assert hidden([1.0] * 7, [2.0] * 7, LEVEL) == 1.0


def test_what_only_one_record_has_is_named():
    first = [a_figure(case="a"), a_figure(case="b"), a_figure(case="a", quantity="rate")]
    found = compared(first, [a_figure(case="a"), a_figure(case="c")])
    assert [row.first.case for row in found.rows] == ["a"]
    assert found.only_first == ("b: time", "a: rate")
    assert found.only_second == ("c: time",)


@pytest.mark.parametrize("factor, share, beyond", [(1.2, 0.1, 1), (1.2, 0.3, 0), (0.8, 0.0, 0)])
def test_the_gate_wants_both_noise_and_size_exceeded(factor, share, beyond):
    found = compared([a_figure()], [a_figure(scaled(factor))])
    assert len(found.beyond(share)) == beyond


def test_the_gate_looks_at_main_figures_only():
    """A peer that became slower, or a machine whose memory did, fails no gate."""
    found = compared([a_figure(main=False)], [a_figure(scaled(2.0), main=False)])
    assert found.rows[0].verdict is Verdict.WORSE
    assert found.beyond(0.0) == ()


def test_a_gate_is_wrong_as_rarely_as_it_says():
    """The same noise in both: every deal of eight rounds is a comparison, at most 5 % fail."""
    from itertools import combinations

    values = [1.0, 1.01, 1.02, 1.04, 1.05, 1.07, 1.08, 1.11]
    failed = []
    for places in combinations(range(8), 4):
        second = [values[i] for i in range(8) if i not in places]
        found = compared([a_figure([values[i] for i in places])], [a_figure(second)])
        failed.append(bool(found.beyond(0.0)))
    assert sum(failed) == 1  # of 70: all of the second above all of the first
    assert least_chance(4, 4) == 2 / 70
