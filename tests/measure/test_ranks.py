"""The rank test and its interval: against SciPy, and against every way to deal samples out."""

import math
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perfdsl.measure.ranks import COUNTED, chance, factor, interval_rank, least_chance, rank_sums

SIZES = [(1, 1), (1, 7), (3, 4), (4, 4), (5, 9), (7, 7), (2, 25), (13, 20), (30, 30)]


def samples(seed, first, second, shift=1.0):
    noise = np.random.default_rng(seed).lognormal(0.0, 0.1, first + second)
    return list(noise[:first]), list(noise[first:] * shift)


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("shift", [1.0, 0.9, 1.1, 2.0])
def test_without_ties_the_chance_is_that_of_the_exact_u_test(sizes, shift):
    one, two = samples(sum(sizes), sizes[0], sizes[1], shift)
    expected = stats.mannwhitneyu(one, two, method="exact").pvalue
    assert chance(one, two) == pytest.approx(expected, rel=1e-12)


# SciPy takes no sample of one.
few = st.lists(st.sampled_from([1.0, 2.0, 3.0, 5.0]), min_size=2, max_size=6)


@given(few, few)
def test_with_ties_it_is_that_of_all_permutations(one, two):
    """SciPy goes through all of them; the statistic is how far the rank sum is from its mean."""

    def distance(some, others, axis=-1):
        ranks = stats.rankdata(np.concatenate([some, others], axis=axis), axis=axis)
        size = np.shape(some)[axis]
        mean = size * (ranks.shape[axis] + 1) / 2
        return np.abs(np.take(ranks, range(size), axis=axis).sum(axis=axis) - mean)

    ways = math.comb(len(one) + len(two), len(one))
    found = stats.permutation_test(
        (np.array(one), np.array(two)), distance, permutation_type="independent",
        n_resamples=ways, alternative="greater", vectorized=True,
    )  # fmt: skip
    assert chance(one, two) == pytest.approx(found.pvalue, rel=1e-12)


@pytest.mark.parametrize("sizes", [(31, 30), (40, 100), (1, 80), (300, 7)])
@pytest.mark.parametrize("steps", [3, 40, 10_000])
def test_of_many_samples_it_is_the_normal_approximation(sizes, steps):
    """With what ties take from the variance, and with half a step for continuity."""
    draw = np.random.default_rng(sum(sizes) + steps)
    one, two = (list(1.0 + draw.integers(0, steps, size)) for size in sizes)
    expected = stats.mannwhitneyu(one, two, method="asymptotic", use_continuity=True).pvalue
    assert chance(one, two) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("sizes", [(30, 30), (20, 40), (50, 10)])
def test_the_approximation_takes_over_where_it_is_near(sizes):
    """At the border, from 2 to 10 %: it sees a little less than the counted one."""
    assert sum(sizes) == COUNTED
    near = 0
    for seed in range(40):
        one, two = samples(seed, sizes[0], sizes[1], 1.05)
        approximate = stats.mannwhitneyu(one, two, method="asymptotic").pvalue
        if 0.02 < approximate < 0.1:
            near += 1
            assert 0.92 * approximate < chance(one, two) < 1.01 * approximate
    assert near > 3


@pytest.mark.parametrize("first, second", [(1, 3), (2, 3), (3, 3), (4, 4), (3, 6), (5, 5)])
def test_a_false_alarm_is_as_rare_as_it_says(first, second):
    """Over every deal of distinct samples: at most a share p has a chance of p, for each p."""
    values = [1.0, 1.1, 1.3, 1.7, 1.9, 2.3, 2.9, 3.1, 3.7, 4.1][: first + second]
    deals = list(combinations(values, first))
    chances = [chance(deal, [v for v in values if v not in deal]) for deal in deals]
    for level in set(chances):
        assert sum(each <= level for each in chances) == round(level * len(deals))
    assert min(chances) == least_chance(first, second)


def test_equal_samples_do_not_differ():
    assert chance([2.0] * 5, [2.0] * 7) == 1.0
    assert chance([2.0] * 50, [2.0] * 70) == 1.0
    assert factor([2.0] * 5, [2.0] * 7, 0.95).best == 1.0


@pytest.mark.parametrize("scale", [1e-9, 1.0, 3e12])
def test_units_do_not_matter(scale):
    one, two = samples(3, 7, 7, 1.1)
    scaled = [scale * each for each in one], [scale * each for each in two]
    assert chance(*scaled) == chance(one, two)
    assert factor(*scaled, 0.95).best == pytest.approx(factor(one, two, 0.95).best, rel=1e-12)


def test_the_factor_is_the_median_of_all_ratios():
    """And of exchanged samples its inverse, with the interval's ends exchanged."""
    one, two = samples(5, 6, 9, 1.2)
    ratios = sorted(b / a for a, b in product(one, two))
    found, back = factor(one, two, 0.95), factor(two, one, 0.95)
    assert found.best == pytest.approx(math.sqrt(ratios[26] * ratios[27]), rel=1e-12)
    assert (back.best, back.low, back.high) == pytest.approx(
        (1 / found.best, 1 / found.high, 1 / found.low), rel=1e-12
    )
    assert back.coverage == found.coverage


@pytest.mark.parametrize("sizes", SIZES[2:])
@pytest.mark.parametrize("level", [0.05, 0.2])
def test_the_interval_holds_the_factors_that_the_test_does_not_refuse(sizes, level):
    """Just inside of each end the test sees no difference, just outside it does."""
    one, two = samples(11, sizes[0], sizes[1], 1.3)
    found = factor(one, two, 1 - level)
    assert found.coverage >= 1 - level or least_chance(*sizes) > level

    def refused(scale):
        return chance([scale * each for each in one], two) <= 1 - found.coverage + 1e-12

    assert refused(found.low * (1 - 1e-9))
    assert not refused(found.low * (1 + 1e-9))
    assert not refused(found.high * (1 - 1e-9))
    assert refused(found.high * (1 + 1e-9))


@pytest.mark.parametrize("first, second", [(2, 2), (3, 4), (4, 4), (3, 5)])
@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95])
def test_the_interval_covers_as_often_as_it_says(first, second, coverage):
    """Over every deal of samples between which there is no difference."""
    values = np.array([1.0, 1.13, 1.3, 1.71, 1.9, 2.37, 2.9, 3.19][: first + second])
    _, told = interval_rank(first, second, coverage)
    held, deals = 0, 0
    for places in combinations(range(len(values)), first):
        one, two = values[list(places)], np.delete(values, places)
        found = factor(list(one), list(two), coverage)
        held += found.low <= 1 <= found.high
        deals += 1
    assert told == pytest.approx(held / deals)
    assert told >= coverage or interval_rank(first, second, 1.0)[0] == 0


def test_the_interval_of_many_covers_what_it_says():
    """Of normal approximation: 400 pairs of samples without a difference, seeded."""
    held = 0
    for seed in range(400):
        one, two = samples(seed, 40, 45)
        found = factor(one, two, 0.95)
        held += found.low <= 1 <= found.high
    assert stats.binomtest(held, 400, 0.95).pvalue > 0.01


def test_ways_are_counted_without_rounding():
    """The largest count that occurs, C(60, 30), and a small distribution by hand."""
    assert int(rank_sums(tuple(range(2, 122, 2)), 30).sum()) == math.comb(60, 30)
    assert rank_sums((2, 4, 6), 2).tolist() == [0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1]
    assert rank_sums((3, 3, 6), 1).tolist() == [0, 0, 0, 2, 0, 0, 1]


@pytest.mark.parametrize("bad", [[], [0.0], [-1.0], [math.inf], [math.nan], [1.0, 0.0]])
def test_what_is_no_sample_is_refused(bad):
    for one, two in ((bad, [1.0]), ([1.0], bad)):
        with pytest.raises(ValueError, match="finite and above zero"):
            factor(one, two, 0.95)
