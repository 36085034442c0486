"""What is told of a record has the ratios that it was made with; records join and come back."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from perfdsl.measure.bounds import hard, structural
from perfdsl.measure.doubts import doubts
from perfdsl.measure.merging import MergeError, merged
from perfdsl.measure.recorded import text
from perfdsl.measure.results import OURS, Candidate, Result
from perfdsl.measure.summary import limits_by_threads, limits_of, row, rows
from tests.measure.records import (
    FULL,
    MACHINE,
    PROTOCOL,
    SLOW,
    a_result,
    a_round,
    a_series,
    a_start,
)


def test_a_slow_round_changes_no_ratio():
    """Rounds up to twice as slow: the ratio is five in each, the times are not alike."""
    told = row(a_series())
    ratio = told.ratios["llama.cpp"]
    assert (ratio.median, ratio.low, ratio.high) == pytest.approx((5.0, 5.0, 5.0))
    assert told.ours.median == pytest.approx(0.011)
    assert (told.ours.least, told.ours.most) == pytest.approx((0.010, 0.020))
    assert told.fastest[OURS] == pytest.approx(0.009)


def test_shares_are_of_the_limits_of_the_same_round():
    """Limits that are slower with the round leave the share as it is."""
    series = a_series(tokens=512)
    quick = limits_of(series.rounds[0])
    assert quick is not None
    told = row(series)
    assert told.hard is not None
    assert told.structural is not None
    expected = hard(series.work, quick).seconds / 0.010
    assert (told.hard.median, told.hard.spread) == pytest.approx((expected, 0.0))
    assert told.structural.median == pytest.approx(structural(series.work, quick).seconds / 0.010)
    assert told.binding == "compute"


def test_attention_is_held_against_float32_where_there_is_no_bf16():
    limits = limits_of(a_round(rates={"int8": 1e12, "fp32": 2e11, "stream": 5e10}))
    assert limits is not None
    assert limits.attention == 2e11


def test_without_limits_there_are_times_and_no_shares():
    told = row(a_series(rounds=[a_round(rates={})] * 6))
    assert (told.hard, told.structural, told.binding, told.limits) == (None, None, "", {})
    assert told.ours.median == pytest.approx(0.010)


def test_rates_are_work_over_the_median_time():
    series = a_series(tokens=65)
    told = row(series)
    assert told.tokens == pytest.approx(65 / 0.011)
    assert told.macs == pytest.approx(series.work.macs / 0.011)
    assert told.bytes == pytest.approx(series.work.weight_bytes / 0.011)


def test_a_peer_is_compared_in_its_own_rounds():
    """Two runs of the tool, one with each peer: each ratio is of the rounds that have both."""
    first = [a_round(slow=s, peers={"llama.cpp": 50.0}) for s in SLOW]
    other = [a_round(slow=3 * s, peers={"torch": 30.0}) for s in SLOW]
    told = row(a_series(rounds=[*first, *other]))
    assert told.ratios["llama.cpp"].median == pytest.approx(5.0)
    assert told.ratios["torch"].median == pytest.approx(3.0)
    assert (told.rounds, told.ratios["torch"].count) == (14, 7)


def test_many_texts_are_held_against_one():
    """64 x 12 tokens in 10 ms and one of 512 in 6 ms: 768/10 over 512/6."""
    series = a_series(texts=64, threads=1, beside=512, rounds=[a_round(beside=6.0)] * 6)
    told = row(series).of_one_text
    assert told is not None
    assert told.median == pytest.approx((768 / 10) / (512 / 6))


def test_rows_are_in_order_however_they_were_measured():
    """Lengths, then batches, each with one thread first."""
    shapes = [(2, 64, 12), (2, 1, 512), (1, 1, 512), (1, 1, 65)]
    found = [a_series(tokens, threads, texts) for threads, texts, tokens in shapes]
    told = [(r.case.texts, r.case.tokens, r.case.threads) for r in rows(a_result(*found))]
    assert told == [(1, 65, 1), (1, 512, 1), (1, 512, 2), (64, 12, 2)]


def test_limits_are_gathered_by_threads():
    """Over all cases with as many threads."""
    one = a_series(threads=1, rounds=[a_round(rates={"int8": 5e11})] * 3)
    found = limits_by_threads(a_result(one, a_series(), a_series(tokens=65)))
    assert list(found) == [1, 2]
    assert found[1]["int8"].median == 5e11
    assert found[2]["stream"].count == 2 * len(SLOW)


# -- records


def test_a_record_comes_back_from_json_equal():
    """Every number, and what is told of it."""
    record = a_result(a_series(), startup=(a_start(),))
    again = Result.model_validate_json(record.model_dump_json())
    assert again == record
    assert rows(again) == rows(record)


def test_a_record_as_text_has_its_samples_in_one_line():
    """The same record; a text in brackets stays as it is."""
    hostile = Candidate(name="[\n 1, 2\n ]", version="[ 1 ]", setup="")
    record = a_result(candidates=(hostile,))
    found = text(record)
    assert Result.model_validate_json(found) == record
    assert "[15000000, 10000000, 9000000]" in found
    assert max(map(len, found.splitlines())) < 300


@pytest.mark.parametrize(
    "change", [{"schema_version": 2}, {"surprise": 1}, {"isa": 3}, {"series": [{}]}]
)
def test_a_record_that_is_none_is_refused(change):
    """Of another version, with what nobody knows, of other types."""
    told = json.loads(a_result().model_dump_json()) | change
    with pytest.raises(ValidationError):
        Result.model_validate_json(json.dumps(told))


def test_records_join_round_behind_round():
    """The same case has the rounds of both, another case is put behind."""
    old = a_result(a_series(), startup=(a_start(),))
    slower = PROTOCOL.model_copy(update={"tick": 99})  # of the same clock, on another day
    new = a_result(
        a_series(), a_series(tokens=65), date="2026-01-03T00:00:00Z", small_pages=0.5,
        protocol=slower,
    )  # fmt: skip
    found = merged(old, new)
    assert [(s.case.tokens, len(s.rounds)) for s in found.series] == [(12, 14), (65, 7)]
    assert [len(s.disturbance) for s in found.series] == [2, 1]
    assert (found.date, found.small_pages, found.startup) == (new.date, 0.5, old.startup)
    assert row(found.series[0]).ratios["llama.cpp"].count == 14


def test_a_peer_that_only_one_record_has_is_kept():
    torch = Candidate(name="torch", version="2", setup="bf16")
    found = merged(a_result(), a_result(candidates=(torch,)))
    assert [each.name for each in found.candidates] == [OURS, "llama.cpp", "torch"]


ELSEWHERE = MACHINE.model_copy(update={"versions": {"python": "4"}})
OTHERS: dict[str, dict[str, Any]] = {
    "another processor": {"environment": ELSEWHERE},
    "another isa": {"isa": "avx2"},
    "another tool": {"tool": "perfdsl 9"},
    "in another way": {"protocol": PROTOCOL.model_copy(update={"warm": 7})},
    "another version or setup": {"candidates": (Candidate(name=OURS, version="7", setup=""),)},
    "other work": {"series": (a_series(config=FULL).model_copy(update={"beside": 3}),)},
}


@pytest.mark.parametrize("why", OTHERS)
def test_records_that_do_not_belong_together_stay_apart(why):
    with pytest.raises(MergeError, match=why):
        merged(a_result(), a_result(**OTHERS[why]))


# -- doubts


def quiet(**changes):
    return a_series(rounds=[a_round(peers={"llama.cpp": 50.0})] * 7, **changes)


def test_a_quiet_record_has_no_doubts():
    assert doubts(a_result(quiet())) == ()


def told_of(*series, **changes):
    return "\n".join(doubts(a_result(*series, **changes)))


def test_rounds_that_differ_are_told():
    assert "times of perfdsl vary by 20% between rounds: 12 tokens on 2 threads" in told_of(
        a_series()
    )


def test_few_rounds_are_told_once():
    """Of two candidates in two cases: one sentence."""
    few = [a_series(threads=n, rounds=[a_round(peers={"x": 20.0})] * 3) for n in (1, 2)]
    found = doubts(a_result(*few, quiet(tokens=65)))
    assert found == (
        (
            "so few rounds miss the true median with a chance of 25%: "
            "12 tokens on 1 thread, 12 tokens on 2 threads"
        ),
    )


def test_a_host_and_neighbours_are_told_with_the_worst():
    found = told_of(quiet(stolen=0.03, others=0.2), quiet(tokens=65, stolen=0.07))
    assert "the host took 7% of the processors' time, in all cases" in found
    assert "other programs took 20% of the processors' time: 12 tokens on 2 threads" in found


def test_of_many_cases_the_number_is_told():
    many = [quiet(tokens=n, stolen=0.03) for n in (1, 2, 3, 4)]
    assert "processors' time, in 4 of 5 cases" in told_of(*many, quiet(tokens=5))


def test_a_clock_that_moves_is_told():
    rates = [{"int8": 1e12, "fp32": 1e11, "stream": 5e10, "clock": c} for c in (4e9, 3.6e9)]
    found = told_of(a_series(rounds=[a_round(rates=each) for each in rates * 3]))
    assert "the processor's clock moved by 11% between rounds" in found


def test_calls_too_short_for_the_clock_are_told():
    found = told_of(a_series(rounds=[a_round(ours=0.01)] * 7))
    assert "a call is so short that a step of the clock is 0.3% of it" in found


def test_more_threads_than_processors_and_small_pages_are_told():
    found = told_of(quiet(threads=4), small_pages=0.7)
    assert "there are only 2 processors: 12 tokens on 4 threads" in found
    assert "70% of the stream's memory lies on small pages" in found
