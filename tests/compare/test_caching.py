"""Whether weights stay in the cache: bounds from capacity, times and rates, and the answer."""

import pytest

from perfdsl.compare.caching import Calls, Read, fetched
from perfdsl.numeric.intervals import Range


def seconds(best):
    return Range(best * 0.99, best * 1.01)


def calls(weights=108e6, capacity=32e6, warm=2.7e-3, cold=3.3e-3, rate=45e9, phases=()):
    stream = Range(rate * 0.98, rate * 1.02)
    return Calls(weights, capacity, seconds(warm), seconds(cold), stream, phases)


def test_what_the_cache_cannot_hold_is_fetched_in_every_call():
    """108 MB of weights and 32 MB of cache: 76 MB at least, whatever the replacement."""
    found = fetched(calls())
    assert found.least == 108e6 - 32e6
    assert found.most == 108e6
    assert found.answer == "no"
    assert found.noticed
    assert found.kept == Range(0.0, 32e6)
    assert (
        found.sentence == "no: 76.0 MB to 108.0 MB of 108.0 MB came from memory in a repeated call"
    )


def test_the_published_page_is_refuted():
    """Its warm run fetches 5 MB of 125, from a cache of 64 MB."""
    found = fetched(calls(weights=125e6, capacity=64 * 2**20, warm=6e-3, cold=8e-3, rate=83.2e9))
    assert not found.allows(5e6)
    assert found.allows(125e6)


def test_memory_delivers_no_more_than_its_rate():
    """2 ms at 45 GB/s are 90 MB at most: the rest came from the cache."""
    found = fetched(calls(warm=2e-3))
    assert found.most == pytest.approx(2e-3 * 1.01 * 45e9 * 1.02)
    assert found.least < found.most < 108e6


def test_a_phase_fetches_in_its_own_time():
    """Another phase's time does not help it: 30 of 54 MB at most here, and 54 of 54 there."""
    fast, slow = Read(54e6, seconds(30e6 / 45e9)), Read(54e6, seconds(5e-3))
    found = fetched(calls(warm=9e-3, phases=(fast, slow)))
    assert found.most == pytest.approx(30e6 * 1.01 * 1.02 + 54e6)


def test_weights_without_a_phase_may_be_fetched_at_any_time():
    """Half of the weights are of phases that nobody timed."""
    found = fetched(calls(warm=9e-3, phases=(Read(54e6, seconds(30e6 / 45e9)),)))
    assert found.most == pytest.approx(30e6 * 1.01 * 1.02 + 54e6)


@pytest.mark.parametrize(
    "given, answer",
    [
        ({}, "no"),
        ({"weights": 50e6}, "in part"),
        ({"weights": 30e6}, "perhaps"),
        ({"weights": 30e6, "warm": 0.2e-3}, "yes"),
        ({"warm": 0.5e-3}, "contradiction"),
    ],
)
def test_the_answer(given, answer):
    """Each word, with the bytes that it rests on; a contradiction is between both ends."""
    found = fetched(calls(**given))
    assert found.answer == answer
    assert (found.most < found.least) == (answer == "contradiction")
    assert found.sentence.startswith(answer) or answer in {"perhaps", "contradiction"}


def test_a_cold_call_that_is_no_longer_is_not_noticed():
    """Within the intervals, or by less than two percent, nothing was longer."""
    assert not fetched(calls(cold=2.72e-3)).noticed
    assert fetched(calls(cold=2.72e-3)).slower.low < 0 < fetched(calls(cold=2.72e-3)).slower.high
    assert fetched(calls(cold=3e-3)).noticed


@pytest.mark.parametrize("wrong", [{"weights": 0.0}, {"capacity": -1.0}, {"rate": float("nan")}])
def test_what_cannot_be_is_refused(wrong):
    """Bytes, rates and times are above zero."""
    with pytest.raises(ValueError, match="above zero"):
        fetched(calls(**wrong))
