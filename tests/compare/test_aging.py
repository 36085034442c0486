"""Aging: what caches lose, against a truth that is made up; and what must not wait."""

from __future__ import annotations

import math

import pytest

from perfdsl.compare.aging import (
    NOTHING_LOST,
    Aging,
    Memory,
    gone,
    in_a_pass,
    moved,
    strangers,
    waits,
)
from perfdsl.compare.forecast import Forecast, LevelUse, OperatorForecast
from perfdsl.measure.results import Case
from perfdsl.measure.validation_record import Kept

MB = 1e6
CACHE, SIZE, STREAM = 32 * MB, 5 * MB, 4e10
MEMORY = Memory(STREAM, STREAM)
AGES = (0.0, 1e-3, 2e-3, 4e-3, 8e-3, 16e-3, 32e-3)


def kept(rate: float, rounds: int = 5) -> Kept:
    """Read at 120 GB/s what is there and at 40 what is not, while strangers bring `rate`."""

    def nanoseconds(age: float) -> int:
        lost = gone((SIZE + rate * age) / CACHE) - gone(SIZE / CACHE)
        return round(1e9 * (SIZE / 1.2e11 * (1 - lost) + SIZE / STREAM * lost))

    one = tuple((round(1.1 * nanoseconds(a)), nanoseconds(a), nanoseconds(a)) for a in AGES)
    return Kept(size=round(SIZE), ages=AGES, rounds=(one,) * rounds)


@pytest.mark.parametrize("rate", [5e8, 1e9, 3e9, 2e10])
def test_strangers_are_found(rate):
    """From rereading times, within the grid on which rates are tried."""
    assert strangers(kept(rate), CACHE, STREAM) == pytest.approx(rate, rel=0.05)


def test_a_machine_of_our_own_loses_nothing():
    """Times that do not grow with age: no strangers, and what noise there is stays noise."""
    assert strangers(kept(0.0), CACHE, STREAM) == 0.0
    assert Aging(CACHE).lost(0.0, 3600.0) == 0.0
    assert NOTHING_LOST.lost(1e12, 1e12) == 0.0


def test_more_bytes_and_more_time_lose_more():
    """From nothing to all; strangers and we ourselves count alike."""
    aging = Aging(CACHE, strangers=1e9)
    shares = [aging.lost(own * MB, 0.0) for own in (0, 8, 16, 32, 96)]
    assert shares == sorted(shares)
    assert shares[0] == 0.0
    assert shares[-1] > 0.99
    assert aging.lost(10 * MB, 6e-3) == pytest.approx(aging.lost(16 * MB, 0.0))


# ------------------------------------------------------------------------ what phases move


def operator(name, runs, reads, writes, work=0.0, inside=0.0, seconds=0.0, weights=0.0):
    levels = (LevelUse("l3", 1.0, inside), LevelUse("dram", 1.0, 1e-9))
    return OperatorForecast(
        name, runs, (), {"activations": reads, "weights": weights}, {"activations": writes},
        {"port": work}, levels, seconds, "",
    )  # fmt: skip


def forecast(*operators) -> Forecast:
    case = Case(texts=1, tokens=12, threads=1)
    return Forecast(case, "", "", operators, 1.0, 1.0, 1.0, "", least=False)


PRODUCT = operator("attn_output", 2, 1 * MB, 6 * MB, work=1.0, inside=1e-3, seconds=0.5, weights=MB)
NORM = operator("ffn_norm", 2, 12 * MB, 8 * MB, work=1e-3, inside=2e-3)


def test_what_the_phase_before_wrote_is_fresh():
    """Of 12 MB that a norm reads 6 come from the product, as old as one of its runs, in seconds and
    in bytes; lines that are read and written are fetched once, and written back."""
    found = moved(forecast(PRODUCT, NORM), ["attn_output", "ffn_norm"], pace=1.2)
    norm = found["ffn_norm"]
    assert (norm.fresh, norm.runs) == (6 * MB, 2)
    assert (norm.older, norm.written) == (8 * MB, 8 * MB)
    assert norm.age == pytest.approx(1.2 * 0.5 / 2)
    assert norm.since == pytest.approx((1 + 6 + 1) / 2 * MB)
    assert found["attn_output"].fresh == 0.0


def test_only_what_arithmetic_does_not_hide_is_waited_for():
    """A product computes while its lines come; a norm waits for all that was lost."""
    found = moved(forecast(PRODUCT, NORM), ["attn_output", "ffn_norm"], pace=1.0)
    aging = Aging(CACHE, strangers=1e12)
    own = in_a_pass(forecast(PRODUCT, NORM), 1)
    assert own == pytest.approx(1 * MB + 14 * MB)
    assert waits([found["attn_output"]], aging, 1.0, own, MEMORY) == 0.0
    norm = found["ffn_norm"]
    every = waits([norm], aging, 1.0, own, MEMORY)
    assert every == pytest.approx((norm.fresh + norm.older + norm.written) / STREAM)
    assert waits([norm], NOTHING_LOST, 1.0, own, MEMORY) == 0.0


def test_a_group_of_two_phases_is_back_twice_as_soon():
    """The same bytes in two runs a layer instead of one are half as old: fewer are lost."""
    (one,) = moved(forecast(NORM), ["ffn_norm"], pace=1.0).values()
    aging = Aging(CACHE, strangers=1e9)
    alone = waits([one], aging, 0.05, 0.0, MEMORY)
    twice = waits([one, one], aging, 0.05, 0.0, MEMORY)
    assert 0 < twice < 2 * alone
    assert math.isclose(waits([one, one], aging, 0.1, 0.0, MEMORY), 2 * alone)


def test_threads_with_caches_of_their_own_share_out_their_activations():
    """Each cache then has all weights, and an n-th of what is written."""
    both = forecast(PRODUCT, NORM)
    assert in_a_pass(both, 2) == pytest.approx(1 * MB + 7 * MB)


def test_cores_together_read_no_faster_than_memory():
    """Two cores that would read 80 GB/s get 50; what they write back does not count there."""
    memory = Memory(cores=2 * STREAM, bus=5e10)
    assert memory.seconds(100 * MB, 0.0) == pytest.approx(100 * MB / 5e10)
    assert memory.seconds(100 * MB, 100 * MB) == pytest.approx(200 * MB / (2 * STREAM))
