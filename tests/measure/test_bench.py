"""Rounds: everybody has a turn in each, the order rotates, and a failure leaves the rest alone."""

import pytest

from perfdsl.measure.bench import Bench, Plan, rotated
from perfdsl.measure.candidates import CandidateError
from perfdsl.measure.results import BESIDE, OURS, Case
from perfdsl.measure.summary import row
from perfdsl.measure.timing import Stopwatch
from tests.measure.records import FULL
from tests.measure.test_timing import FakeClock

CASE = Case(texts=1, tokens=12, threads=2)
MANY = Case(texts=64, tokens=12, threads=1)


class Fake:
    """A candidate whose calls take a time per token on a fake clock."""

    version, setup, processes = "1", "fake", ()

    def __init__(self, name, clock, per_token, fails_at=None):
        self.name, self.clock, self.per_token, self.fails_at = name, clock, per_token, fails_at
        self.turns = []

    def samples(self, ids, threads, watch):
        self.turns.append(([len(each) for each in ids], threads))
        if self.fails_at is not None and len(self.turns) > self.fails_at:
            raise CandidateError(f"{self.name} has ended")
        tokens = sum(map(len, ids))
        return watch.samples(lambda: self.clock.call(tokens * self.per_token // threads))

    def close(self):
        pass


class Machine:
    """Limits of a machine that never changes."""

    name = "peaks"

    def rates(self, threads, watch):
        watch.sleep(watch.settle)
        return {"int8": [1e12 * threads] * 3, "fp32": [1e11 * threads], "stream": [5e10]}


def bench(clock, *more, cases=(CASE,), rounds=3):
    watch = Stopwatch(clock=clock, sleep=clock.sleep)
    ours = Fake(OURS, clock, 1_000_000)
    plan = Plan(cases=cases, rounds=rounds, watch=watch, beside=512)
    return Bench(plan, FULL, [ours, *more], [Machine()]), ours


def test_each_round_gives_everybody_a_turn_and_another_is_first():
    """Three candidates and the peaks, four rounds: each is first once."""
    clock = FakeClock()
    rivals = [Fake("one", clock, 5_000_000), Fake("other", clock, 2_000_000)]
    found, _ = bench(clock, *rivals, rounds=4)
    steps = list(found.run())
    (series,) = found.series()
    assert len(steps) == found.steps == 16
    names = {OURS, "one", "other", "peaks"}
    assert {each.order[0] for each in series.rounds} == names
    assert all(set(each.order) == names for each in series.rounds)
    assert [step.name for step in steps[4:8]] == list(series.rounds[1].order)


def test_ratios_and_shares_are_those_of_the_fakes():
    """Ours takes 1 ms a token and thread, one rival five times as long."""
    clock = FakeClock()
    found, _ = bench(clock, Fake("one", clock, 5_000_000))
    for _ in found.run():
        pass
    told = row(found.series()[0])
    assert told.times[OURS].median == pytest.approx(6e-3)
    assert told.ratios["one"].median == pytest.approx(5.0)
    assert told.tokens == pytest.approx(2000)
    (series,) = found.series()
    compute = series.work.int8_macs / 2e12 + series.work.attention_macs / 2e11
    bound = max(compute, series.work.weight_bytes / 5e10)
    assert told.hard is not None
    assert told.hard.median == pytest.approx(bound / 6e-3)


def test_a_candidate_that_fails_is_left_out_and_the_rest_goes_on():
    """Its rounds so far stay; it is not asked again."""
    clock = FakeClock()
    weak = Fake("weak", clock, 3_000_000, fails_at=1)
    found, ours = bench(clock, weak, rounds=4)
    for _ in found.run():
        pass
    assert {name: str(error) for name, error in found.failed.items()} == {"weak": "weak has ended"}
    assert (len(weak.turns), len(ours.turns)) == (2, 4)
    told = row(found.series()[0])
    assert (told.rounds, told.times["weak"].count, told.ratios["weak"].count) == (4, 1, 1)


def test_our_own_failure_is_no_measurement():
    """Without our own times there is nothing to compare with."""
    clock = FakeClock()
    found, ours = bench(clock)
    ours.fails_at = 0
    with pytest.raises(CandidateError, match="has ended"):
        list(found.run())


def test_many_texts_are_timed_beside_one():
    """64 texts of 12 tokens in one call, and one of 512 in the same rounds."""
    clock = FakeClock()
    found, ours = bench(clock, cases=(MANY,), rounds=2)
    assert len(list(found.run())) == found.steps == 6
    (series,) = found.series()
    assert ours.turns.count(([12] * 64, 1)) == ours.turns.count(([512], 1)) == 2
    assert (series.beside, series.work.texts, series.work.tokens) == (512, 64, 768)
    assert all(BESIDE in each.samples for each in series.rounds)
    told = row(series)
    assert BESIDE not in told.times
    assert told.of_one_text is not None
    assert told.of_one_text.median == pytest.approx(1.0)  # the fake is linear


def test_what_was_measured_before_an_end_is_whole_rounds():
    """Whoever stops in the middle of a round has those before it."""
    clock = FakeClock()
    found, _ = bench(clock, cases=(CASE, MANY), rounds=3)
    steps = found.run()
    for _ in range(7):  # two turns for one case, three for the other, and on
        next(steps)
    assert [len(each.rounds) for each in found.series()] == [1, 1]


@pytest.mark.parametrize("number", range(9))
def test_an_order_rotates(number):
    names = ["a", "b", "c"]
    found = rotated(names, number)
    assert sorted(found) == names
    assert found[0] == names[number % 3]
    assert (names * 2)[number % 3 : number % 3 + 3] == found
