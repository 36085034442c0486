"""Forecasts as demands: nothing is lost on the way from operators to groups."""

from __future__ import annotations

import pytest

from perfdsl.compare.calibrated import (
    EXCHANGE,
    GROUPS,
    OUTSIDE,
    Facts,
    case_name,
    demands,
    grouped,
    observations,
    outside,
    unpredicted,
)
from perfdsl.compare.forecast import Forecast, LevelUse, OperatorForecast
from perfdsl.measure.results import Case
from perfdsl.measure.sharing import same_rows
from perfdsl.runner.forward import FIRST_PHASES, LAST_PHASES
from perfdsl.runner.layer import PHASES

EVERY = (*FIRST_PHASES, *PHASES, *(name for name, _ in LAST_PHASES))


def operator(name: str, count: float, ports: dict[str, float], *levels: LevelUse):
    return OperatorForecast(name, count, (), {}, {}, ports, levels, 0.0, "")


LEVELS = (LevelUse("l3", 300.0, 3e-6), LevelUse("dram", 100.0, 2e-6))
OPERATORS = (
    operator("attn_q", 24, {"int8_dot": 1e-3}, *LEVELS),
    operator("attn_k", 24, {"int8_dot": 2e-3}, *LEVELS),
    operator("attn", 24, {"bf16_dot": 4e-3, "fp32_add": 1e-3}, *LEVELS),
    operator("first_norm", 1, {"fp32_add": 1e-6}, *LEVELS),
    operator("ffn_norm", 24, {"fp32_add": 5e-6}, *LEVELS),
    operator("attn_norm", 23, {"fp32_add": 4e-6}, *LEVELS),
    operator("output_norm", 1, {"fp32_add": 1e-6}, *LEVELS),
)


def forecast(threads: int = 1, operators=OPERATORS) -> Forecast:
    case = Case(texts=1, tokens=12, threads=threads)
    return Forecast(case, "roofline", "here", operators, 0.0, 0.0, 0.0, "", least=False)


def test_every_phase_of_the_runner_is_in_one_group():
    """The groups name the phases that the runner times, each once, and no other."""
    named = [phase for parts in GROUPS.values() for phase in parts]
    assert sorted(named) == sorted(EVERY)
    assert len(grouped(EVERY)) == len(GROUPS)


def test_a_demand_is_the_sum_of_its_operators():
    """Seconds by port and level, and the runs of its phases: products in one phase run as one."""
    found = {each.group: each for each in demands(forecast(), EVERY)}
    qkv = {use.resource: use.seconds for use in found["qkv"].uses}
    assert qkv == pytest.approx({"int8_dot": 3e-3, "l3": 6e-6, "dram": 4e-6})
    assert found["qkv"].runs == 24
    assert found["norms"].runs == 1 + 24 + 23
    assert {use.moves for use in found["qkv"].uses if use.resource in {"l3", "dram"}} == {True}
    total = sum(use.seconds for each in found.values() for use in each.uses)
    every = (each for each in OPERATORS)
    assert total == pytest.approx(
        sum(sum(o.compute.values()) + sum(level.seconds for level in o.levels) for o in every)
    )


def test_padding_multiplies_the_work_alone():
    """What is executed for each useful multiply-add: ports take longer, levels do not."""
    plain = {u.resource: u.seconds for d in demands(forecast(), ["attention"]) for u in d.uses}
    (padded,) = demands(forecast(), ["attention"], Facts({"attn": 1.5}))
    assert {u.resource: u.seconds for u in padded.uses} == pytest.approx(
        {k: v * (1.5 if k in {"bf16_dot", "fp32_add"} else 1) for k, v in plain.items()}
    )


@pytest.mark.parametrize("threads, share", [(1, 0.0), (2, 1 / 2), (4, 3 / 4)])
def test_shared_rows_are_read_from_other_cores(threads, share):
    """Of what no memory supplies all but a thread's own part, at the rate of the last cache."""
    (found,) = demands(forecast(threads), ["attention"], Facts(shared=True))
    exchanged = {u.resource: u.seconds for u in found.uses}.get(EXCHANGE, 0.0)
    assert exchanged == pytest.approx(3e-6 * 200 / 300 * share)
    (alone,) = demands(forecast(threads), ["attention"])
    assert EXCHANGE not in {use.resource for use in alone.uses}


def test_memory_is_as_fast_as_in_the_same_rounds():
    """A probe's rate takes the place of the hardware file's, for the memory alone."""
    (found,) = demands(forecast(), ["attention"], Facts(stream=25e6))
    times = {u.resource: u.seconds for u in found.uses}
    assert times["dram"] == pytest.approx(100 / 25e6)
    assert times["l3"] == pytest.approx(3e-6)


def test_what_has_no_operator_is_named():
    """A timed phase for which the program has nothing is no demand, and is said."""
    known = forecast()
    assert unpredicted(known, ["qkv", "pool", "teleport"]) == ("pool", "teleport")
    assert [each.group for each in demands(known, ["qkv", "teleport"])] == ["qkv"]


def test_samples_are_summed_over_a_groups_phases():
    """One sample a round; a group without a phase in the rounds is no observation."""
    asked = demands(forecast(), EVERY)
    rounds = [{"qkv": 1e-3, "ffn_norm": 2e-5, "attn_norm": 1e-5}, {"qkv": 2e-3, "ffn_norm": 3e-5}]
    found = {each.demand.group: each.samples for each in observations(asked, rounds)}
    assert found == {"qkv": (1e-3, 2e-3), "norms": pytest.approx((3e-5, 3e-5))}
    rest = outside("12 tokens", [2e-3, 3e-3], rounds)
    assert rest is not None
    assert rest.demand.group == OUTSIDE
    assert rest.samples == pytest.approx((2e-3 - 1.03e-3, 3e-3 - 2.03e-3))
    assert outside("12 tokens", [1e-3, 2e-3], rounds) is None


@pytest.mark.parametrize(
    "texts, threads, name",
    [(1, 1, "12 tokens, 1 thread"), (3, 2, "3 x 12 tokens, 2 threads")],
)
def test_cases_have_names(texts, threads, name):
    case = Case(texts=texts, tokens=12, threads=threads)
    one = Forecast(case, "", "", (), 0.0, 0.0, 0.0, "", least=False)
    assert case_name(one) == name


def test_few_rows_are_shared_and_many_are_not():
    """As `runner.workspace` has it; one thread shares with nobody."""
    assert same_rows(12, 2)
    assert not same_rows(12, 1)
    assert not same_rows(2048, 2)
