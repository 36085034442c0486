"""Lengths predicted from others: of a made-up validation whose truth is known."""

from __future__ import annotations

import math

import pytest

from perfdsl.compare.aging import NOTHING_LOST, Aging, gone
from perfdsl.compare.calibrated import EXCHANGE, GROUPS, Facts, demands, grouped
from perfdsl.compare.forecast import Forecast, forecasts
from perfdsl.compare.predicted import Predicted, chosen, facts_of, predicted
from perfdsl.compare.substitution import Substituted
from perfdsl.compare.validation import Held, held_cases
from perfdsl.measure.environment import Cache
from perfdsl.measure.executed import Executed, ExecutedOperator
from perfdsl.measure.results import Case
from perfdsl.measure.sharing import same_rows
from perfdsl.measure.validation_record import Kept, Validation
from perfdsl.present.validation_fit_tables import groups
from perfdsl.records import replace
from tests.compare.machines import PUBLISHED, asked, held
from tests.compare.validations import PHASES, REACHED, a_validation

LENGTHS = (1, 12, 65, 256, 512)
CASES = [Case(texts=1, tokens=n, threads=t) for t in (1, 2) for n in LENGTHS]
WORK, BYTES, OVERHEAD = 0.7, 0.9, 2e-6
PADDING = 1.5  # of attention, at every length
SLOW = (1.0, 1.002, 0.998, 1.001, 0.999)  # rounds


def counted(tokens: int) -> Executed:
    """An oracle that saw attention execute half as much again as it needs, in two layers."""
    return Executed(
        lengths=(tokens,),
        distinct_ids=1,
        threads=1,
        instructions="avx512-vnni",
        bf16=False,
        operators=tuple(
            ExecutedOperator(operator="attn", layer=k, useful=100, executed=150, weight_bytes=0)
            for k in range(2)
        ),
        embedding_rows=1,
        row_bytes=816,
    )


def truth(forecast: Forecast, aging: Aging = NOTHING_LOST) -> dict[str, float]:
    """Seconds by phase: each group's in its first phase, which is as well as anywhere."""
    case = forecast.case
    alone = REACHED["stream"]
    shared = same_rows(case.tokens, case.threads)
    facts = Facts({"attn": PADDING}, shared, alone * case.threads, alone, aging, 1 / WORK)
    found = {}
    homes = grouped(PHASES)
    for each in demands(forecast, PHASES, facts):
        work = math.fsum(use.seconds for use in each.uses if not use.moves) / WORK
        moved = max(use.seconds / BYTES for use in each.uses if use.moves)
        first, *rest = homes[each.group]
        found[first] = max(work, moved) + each.runs * OVERHEAD + each.waits
        found |= dict.fromkeys(rest, 1e-9)
    return {phase: found[phase] for phase in PHASES}


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Substituted:
    return held(asked(tmp_path_factory.mktemp("predicted")))


@pytest.fixture(scope="module")
def made(program):
    """The record of that truth and the program's numbers for its cases."""
    found = {each.case: each for each in forecasts(program, CASES) if isinstance(each, Forecast)}
    record = a_validation(
        CASES,
        lambda case: truth(found[case]),
        PUBLISHED,
        slow=SLOW,
        executed=[counted(n) for n in LENGTHS],
    )
    cases = [each for each in held_cases(program, record) if isinstance(each, Held)]
    return cases, record


@pytest.fixture(scope="module")
def both(made) -> tuple[Predicted, ...]:
    cases, record = made
    return predicted(cases, record, fit=(1, 12, 256))


def test_lengths_that_were_held_back_are_predicted(both):
    """From 1, 12 and 256 tokens, on one thread and on two: the others, by group and in all."""
    assert [each.threads for each in both] == [1, 2]
    for each in both:
        assert [c.case.tokens for c in each.cases if c.fitted] == [1, 12, 256]
        assert each.missed == ()
        for case in each.cases:
            assert case.call.error == pytest.approx(0, abs=0.02)
            for group in case.groups:
                assert group.error == pytest.approx(0, abs=0.05), group.prediction.group


def test_efficiencies_are_those_of_the_truth(both):
    """Where work binds it is known how well; and what is no number has none."""
    for each in both:
        work = each.model.parameter("efficiency", "qkv", "int8_dot")
        assert work is not None
        assert work.value == pytest.approx(WORK, rel=0.01)
        for one in each.model.parameters:
            assert (one.value is None) == (one.verdict != "identified")


def test_residuals_sum_up_and_name_the_padding(both):
    """By group and in all; on two threads the loss against one is a part of its own."""
    for each in both:
        for case in each.cases:
            for one in (*case.residuals, case.whole):
                assert math.fsum(p.seconds for p in one.parts) == pytest.approx(
                    one.seconds, rel=1e-9, abs=1e-12
                )
            attention = next(r for r in case.residuals if r.group == "attention")
            padding = attention.part("padding")
            assert padding is not None
            if case.case.tokens >= 256:
                assert padding.seconds > 0.3 * attention.ceiling
            assert (attention.part("threads") is not None) == (each.threads > 1)


def test_policies_are_ranked_by_the_lengths_held_back(both):
    """The truth is a roofline: nothing is better than it, and `serial` is last."""
    for each in both:
        assert each.ranking[-1].policy == "serial"
        assert set(each.ranking[0].errors) == {
            f"{n} tokens, {each.threads} thread{'s' * (each.threads > 1)}" for n in (65, 512)
        }


def test_other_lengths_can_be_fitted(made):
    """Asked for two lengths, the rest is held back; a length that was not measured fits nothing."""
    cases, record = made
    alone = [each for each in cases if each.case.threads == 1]
    (one,) = predicted(alone, record, fit=(12, 512))
    assert [c.case.tokens for c in one.cases if c.fitted] == [12, 512]
    with pytest.raises(ValueError, match=r"none of the lengths \[3\]"):
        predicted(cases, record, fit=(3,))


def test_turns_of_another_placement_are_left_out(made):
    """Most rounds of 65 tokens on two threads are of cores further apart: twice as long."""
    cases, record = made
    near, far = (80_000, 80_000), (400_000, 400_000)

    def lying(measured, *, other):
        turns = [turn.model_copy(update={"meetings": near}) for turn in measured.turns]
        for at, turn in enumerate(turns[1:] if other else []):
            slow = {
                "meetings": far,
                "calls": tuple(2 * each for each in turn.calls),
                "phases": tuple({n: 2 * v for n, v in p.items()} for p in turn.phases),
            }
            turns[at + 1] = turn.model_copy(update=slow)
        return measured.model_copy(update={"turns": tuple(turns)})

    def errors(*, other):
        moved = [
            lying(each, other=other and (each.case.tokens, each.case.threads) == (65, 2))
            for each in record.measured
        ]
        found = predicted(cases, record.model_copy(update={"measured": tuple(moved)}))
        return [(c.case, c.call.measured) for each in found for c in each.cases]

    plain = dict(errors(other=False))
    for case, seconds in errors(other=True):
        assert seconds == pytest.approx(plain[case], rel=0.1)


def test_threads_with_no_length_to_fit_are_left_out(made):
    """A claim has a length measured on threads that nobody asked for."""
    cases, record = made
    some = [each for each in cases if each.case.threads == 1 or each.case.tokens == 512]
    assert {each.case.threads for each in some} == {1, 2}
    assert [each.threads for each in predicted(some, record, fit=(1, 12))] == [1]


def test_what_the_oracle_counted_is_a_fact_of_its_case(made):
    """Padding by operator, summed over layers, of the same lengths only."""
    _, record = made
    found = facts_of(Case(texts=1, tokens=12, threads=2), record)
    assert found.executed == {"attn": PADDING}
    assert found.shared
    assert found.stream == pytest.approx(2 * REACHED["stream"], rel=0.01)
    other = facts_of(Case(texts=2, tokens=12, threads=1), record)
    assert not other.executed
    assert not other.shared


def test_the_page_has_each_group_of_each_length_held_back(both):
    """One row a length and number of threads; a star where a group is further off than the goal."""
    one, two = both
    found = groups([one, two])
    assert [row[:2] for row in found.rows] == [("65", "1"), ("512", "1"), ("65", "2"), ("512", "2")]
    assert set(found.heads[2:]) == {name.replace("_", " ") for name in GROUPS}
    assert not any("*" in cell for row in found.rows for cell in row)
    case = next(each for each in one.cases if not each.fitted)
    off = replace(case.groups[0], measured=2 * case.groups[0].measured, floor=1.0)
    wrong = replace(one, cases=(replace(case, groups=(off, *case.groups[1:])),))
    assert [cell for row in groups([wrong]).rows for cell in row if "*" in cell] == [
        f"{off.error:+.1%}*".replace("%", " %")
    ]


@pytest.mark.parametrize(
    "lengths, fitted",
    [
        ((1, 12, 65, 128, 256, 512, 2048), (1, 12, 256)),
        ((2048, 12, 1, 12), (1, 12, 2048)),
        ((7,), (7,)),
        ((1, 2, 3, 4), (1, 2, 3)),
    ],
)
def test_lengths_are_chosen_over_the_whole_range(lengths, fitted):
    assert chosen(lengths) == fitted


def test_what_the_fitted_lengths_never_do_is_said(made):
    """Fitted to long texts, of which each thread has its own rows: short ones on two threads are
    predicted, but on what nobody saw, and the interval is as wide as that."""
    cases, record = made
    both_threads = [each for each in cases if each.case.threads == 2]
    (one,) = predicted(both_threads, record, fit=(256, 512))
    exchange = one.model.parameter("efficiency", "norms", EXCHANGE)
    assert exchange is not None
    assert exchange.verdict == "unseen"
    short = next(each for each in one.cases if each.case.tokens == 12)
    assert exchange.key in short.call.prediction.rests_on
    assert short.call.prediction.high > 2 * short.call.prediction.seconds


# ----------------------------------------------------------------------------- what caches lose

STRANGERS = 2e9  # bytes a second
AGES = (0.0, 1e-3, 4e-3, 16e-3, 32e-3)


CACHE = 32 << 20


def kept() -> Kept:
    """Six megabytes that come at 100 GB/s, and what strangers drove out at the stream's rate."""
    size = 6e6
    shares = [gone((size + STRANGERS * age) / CACHE) - gone(size / CACHE) for age in AGES]
    times = [size / 1e11 * (1 - s) + size / REACHED["stream"] * s for s in shares]
    one = tuple((round(each * 1e9),) * 3 for each in times)
    return Kept(size=round(size), ages=AGES, rounds=(one,) * 5)


def on_a_large_cache(record: Validation) -> Validation:
    caches = (Cache(level=3, kind="Unified", size=CACHE, line=64, shared=2),)
    processor = record.environment.processor.model_copy(update={"caches": caches})
    environment = record.environment.model_copy(update={"processor": processor})
    return record.model_copy(update={"environment": environment})


def test_what_long_texts_lose_is_predicted_from_short_ones(program):
    """At the lengths that are fitted caches keep nearly all; norms of 2,048 tokens wait for as long
    as strangers and the layers' own bytes make them, which follows from what was measured beside.
    Without that measurement they are predicted far too fast."""
    cases = [Case(texts=1, tokens=n, threads=1) for n in (1, 12, 65, 256, 2048)]
    found = {each.case: each for each in forecasts(program, cases) if isinstance(each, Forecast)}
    aged = on_a_large_cache(
        a_validation(
            cases,
            lambda case: truth(found[case], Aging(CACHE, STRANGERS, 1)),
            PUBLISHED,
            slow=SLOW,
            executed=[counted(case.tokens) for case in cases],
        )
    )
    told, untold = (
        _of_2048_tokens(program, record)
        for record in (aged.model_copy(update={"kept": kept()}), aged)
    )
    assert max(abs(each) for each in told.values()) < 0.1
    assert untold["norms"] < -0.2


def _of_2048_tokens(program: Substituted, record: Validation) -> dict[str, float]:
    """The error of each group, fitted to short texts."""
    held = [each for each in held_cases(program, record) if isinstance(each, Held)]
    (one,) = predicted(held, record, fit=(1, 12, 256))
    longest = next(each for each in one.cases if each.case.tokens == 2048)
    return {each.prediction.group: each.error for each in longest.groups}
