"""Between runs: noise that no round shows is learned from other records, and believed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perfdsl.measure.comparison import LEVEL, POWER, Verdict, compared
from perfdsl.measure.figures import Figure
from perfdsl.measure.runs import Spread, spreads, student

KEY = ("time", "a case")


def a_run(samples, case="a case"):
    return (Figure(case, "time", "s", True, True, tuple(samples)),)


@given(st.integers(1, 200), st.floats(0, 50))
def test_the_chance_is_that_of_students_distribution(freedom, distance):
    expected = 2 * stats.t.sf(distance, freedom)
    assert student(distance, freedom) == pytest.approx(expected, abs=1e-13)
    assert student(-distance, freedom) == student(distance, freedom)


@pytest.mark.parametrize("freedom", [2, 3, 7, 40])
@pytest.mark.parametrize("level", [0.4, 0.05, 0.001])
def test_the_reach_is_its_quantile(freedom, level):
    spread = Spread(0.03, freedom)
    expected = math.exp(math.sqrt(2) * 0.03 * stats.t.isf(level / 2, freedom))
    assert spread.reach(level) == pytest.approx(expected, rel=1e-9)
    assert spread.chance(spread.reach(level)) == pytest.approx(level, rel=1e-6)


def test_a_spread_is_pooled_over_groups():
    """Within each group about its own mean, as in an analysis of variance."""
    draw = np.random.default_rng(7)
    groups = [list(np.exp(draw.standard_normal(size) / 9)) for size in (4, 3)]
    made = [[a_run([x * 0.9, x, x * 1.4]) for x in group] for group in groups]
    found = spreads(made)[KEY]
    logs = [np.log(group) for group in groups]
    within = sum(float(((each - each.mean()) ** 2).sum()) for each in logs)
    assert found.freedom == 5
    assert found.deviation == pytest.approx(math.sqrt(within / 5), rel=1e-12)
    assert spreads([made[0]])[KEY].deviation == pytest.approx(float(np.std(logs[0], ddof=1)))


def test_few_runs_tell_nothing():
    """Two runs have one difference; a figure without samples is none."""
    assert spreads([]) == {}
    assert spreads([[a_run([1.0]), a_run([2.0])]]) == {}
    assert spreads([[a_run([1.0])], [a_run([2.0])], [a_run([3.0])]]) == {}
    assert spreads([[a_run([1.0]), a_run([1.1]), a_run([])], [a_run([2.0]), a_run([2.2])]])
    assert spreads([[a_run([1.0]), a_run([]), a_run([0.0])]]) == {}


def test_runs_that_do_not_differ_let_every_difference_count():
    spread = Spread(0.0, 5)
    assert spread.chance(1.0) == 1.0
    assert spread.chance(1.001) == 0.0
    assert spread.reach(0.05) == 1.0


def runs_of(draw, count, cases=3, rounds=7, factor=1.0):
    """Runs whose level moves by 3 % from one to the next, and their rounds by 1 %."""
    for _ in range(count):
        level = factor * np.exp(0.03 * draw.standard_normal((cases, 1)))
        noise = np.exp(0.01 * draw.standard_normal((cases, rounds)))
        yield tuple(a_run(each, f"{n}")[0] for n, each in enumerate(level * noise))


def told(row):
    return row.verdict in {Verdict.WORSE, Verdict.BETTER}


def test_what_runs_differ_by_is_no_difference_once_it_is_known():
    """300 pairs of runs of one program. Rounds alone take most of them for different, and are right
    that the runs were; with six other runs at most one in twenty comparisons is mistaken."""
    draw = np.random.default_rng(23)
    alone = known = 0
    for _ in range(300):
        first, second, *others = runs_of(draw, 8)
        alone += any(map(told, compared(first, second).rows))
        rows = compared(first, second, spreads([others])).rows
        known += any(map(told, rows))
        assert all(row.verdict is not Verdict.RUNS or row.chance > LEVEL for row in rows)
    assert alone > 150
    assert stats.binomtest(known, 300, LEVEL, alternative="greater").pvalue > 0.01
    assert known > 0


def test_a_true_difference_is_seen_through_both():
    """Of the size that was told to be seen in four of five; and the interval holds the truth."""
    draw = np.random.default_rng(5)
    seen = held = 0
    for _ in range(300):
        first, *others = runs_of(draw, 13, cases=1)
        runs = spreads([others])
        (row,) = compared(first, first, runs).rows
        (second,) = runs_of(draw, 1, cases=1, factor=row.hidden)
        (row,) = compared(first, second, runs).rows
        seen += row.verdict is Verdict.WORSE
        (again,) = runs_of(draw, 1, cases=1)
        (same,) = compared(first, again, runs).rows
        held += same.factor.low <= 1 <= same.factor.high
    assert POWER - 0.1 < seen / 300 < POWER + 0.15
    assert held / 300 > 0.92


def test_rounds_still_have_to_agree():
    """Runs that hardly differ do not make a difference of what the rounds do not show."""
    noise = (1.0, 1.5, 0.8, 1.2, 2.0, 0.7, 1.1)
    other = tuple(1.05 * each for each in noise)
    (row,) = compared(a_run(noise), a_run(other), {KEY: Spread(1e-6, 30)}).rows
    assert row.verdict is Verdict.UNSEEN
    assert row.chance > LEVEL
