"""Estimates equal those of NumPy and SciPy, and their intervals cover what they say."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perfdsl.measure.statistics import estimate, interval_rank, median, quantile, ratios

SAMPLES = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=40)


@given(SAMPLES)
def test_median_and_quartiles_are_those_of_numpy(samples):
    """Definition 7 of quantiles, to the last digits."""
    found = estimate(samples)
    low, middle, high = np.quantile(samples, [0.25, 0.5, 0.75])
    assert found.median == pytest.approx(middle, rel=1e-12)
    assert median(samples) == found.median
    assert found.spread == pytest.approx((high - low) / middle, rel=1e-9, abs=1e-12)
    assert (found.least, found.most, found.count) == (min(samples), max(samples), len(samples))
    assert found.least <= found.low <= found.median <= found.high <= found.most


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30), st.floats(0, 1))
def test_a_quantile_is_that_of_numpy(samples, share):
    """Between the two nearest samples."""
    assert quantile(sorted(samples), share) == pytest.approx(np.quantile(samples, share), abs=1e-9)


@pytest.mark.parametrize("count", [6, 7, 8, 9, 15, 16, 30, 101, 1200])
@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95, 0.96])
def test_the_interval_of_a_median_is_that_of_scipy(count, coverage):
    """The same two order statistics as SciPy's test of a quantile, which inverts the binomial."""
    samples = np.random.default_rng(count).gamma(2.0, size=count).tolist()
    found = estimate(samples, coverage)
    theirs = stats.quantile_test(samples, p=0.5).confidence_interval(coverage)
    assert (found.low, found.high) == (theirs.low, theirs.high)


@pytest.mark.parametrize("count", range(1, 13))
@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95])
def test_the_coverage_is_counted_over_all_outcomes(count, coverage):
    """Each sample lies below or above the true median with equal chance: all 2^n ways are tried."""
    rank, stated = interval_rank(count, coverage)
    below = [sum(way) for way in itertools.product((0, 1), repeat=count)]

    def covered(left: int) -> float:
        return sum(left < each < count - left for each in below) / 2**count

    assert stated == covered(rank)
    assert stated >= coverage or rank == 0
    assert 2 * (rank + 1) >= count or covered(rank + 1) < coverage


def test_few_samples_cover_less_than_asked_and_say_so():
    """Five rounds: all of them, and 15/16; one: nothing at all."""
    five = estimate([3.0, 1.0, 2.0, 5.0, 4.0])
    assert (five.low, five.high, five.coverage) == (1.0, 5.0, 1 - 2 / 32)
    assert estimate([7.0]).coverage == 0.0
    assert math.isclose(estimate([1.0] * 6).coverage, 1 - 2 / 64)


def test_a_ratio_of_paired_rounds_cancels_what_slows_a_round():
    """Rounds that are up to thrice as slow leave the ratio exact."""
    slow = [1.0, 3.0, 1.5, 2.0]
    found = estimate(ratios([4.0 * s for s in slow], slow))
    assert (found.median, found.low, found.high, found.spread) == (4.0, 4.0, 4.0, 0.0)


def test_rounds_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


@pytest.mark.parametrize("samples", [[], [1.0, math.nan], [math.inf], [0.0], [-1.0]])
def test_no_estimate_of_nothing(samples):
    """Neither of no samples nor of such as are no numbers."""
    with pytest.raises(ValueError, match="estimate"):
        estimate(samples)
