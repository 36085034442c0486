"""Samples are taken as the stopwatch says, with a clock that a test can foresee."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from perfdsl.measure.inputs import texts
from perfdsl.measure.timing import Stopwatch, tick


class FakeClock:
    """Goes forward only while something is called or slept through."""

    def __init__(self):
        self.now = 0
        self.told = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.told.append(("sleep", seconds))
        self.now += round(seconds * 1e9)

    def call(self, nanoseconds):
        self.told.append(("call", nanoseconds))
        self.now += nanoseconds


def watch(clock, **options):
    return Stopwatch(clock=clock, sleep=clock.sleep, **options)


def test_silence_and_warm_calls_come_first_and_do_not_count():
    """The first call is slow, and nobody sees it in the samples."""
    clock = FakeClock()
    lasts = itertools.chain([9_000_000], itertools.repeat(1000))
    stopwatch = watch(clock, settle=0.5, warm=1, least=4, seconds=0.0)
    assert stopwatch.samples(lambda: clock.call(next(lasts))) == [1000] * 4
    assert clock.told[:2] == [("sleep", 0.5), ("call", 9_000_000)]


def test_calls_go_on_until_they_last_long_enough():
    clock = FakeClock()
    found = watch(clock, least=3, seconds=0.1, most=50).samples(lambda: clock.call(8_000_000))
    assert len(found) == 13  # 12 are 96 ms


def test_short_calls_end_with_a_number_and_long_ones_with_a_time():
    clock = FakeClock()
    assert len(watch(clock, most=20).samples(lambda: clock.call(10))) == 20
    assert len(watch(clock, longest=1.0).samples(lambda: clock.call(1_500_000_000))) == 1


@given(st.integers(1, 3_000_000_000))
def test_a_peer_that_is_told_a_number_of_calls_makes_as_many(nanoseconds):
    """As many as a call of our own of this length would."""
    clock = FakeClock()
    stopwatch = watch(clock, warm=0)
    found = stopwatch.samples(lambda: clock.call(nanoseconds))
    assert 1 + stopwatch.further(nanoseconds) == len(found)


def test_the_step_of_a_clock_is_the_least_that_it_shows():
    steps = itertools.accumulate(itertools.cycle([0, 0, 40, 0, 25]))
    assert tick(lambda: next(steps), tries=5) == 25


def test_ids_are_the_same_each_time_and_of_the_vocabulary():
    """Between the two control tokens; of one token, none of them."""
    first, again = texts(64, 12, 1000), texts(64, 12, 1000)
    assert [each.tolist() for each in first] == [each.tolist() for each in again]
    assert all(len(each) == 12 and (each[0], each[-1]) == (2, 1) for each in first)
    assert all(each[1:-1].min() >= 4 and each.max() < 1000 for each in first)
    assert len({each.tobytes() for each in first}) == 64
    assert texts(1, 1, 1000)[0].tolist()[0] >= 4
