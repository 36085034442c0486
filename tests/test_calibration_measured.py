"""The calibrated model on times that were measured: fitted to three lengths, held to the others.

`data/embeddinggemma_phases.json` says what was run where, and how demands were counted. The goals
are those of the project: within 10 % in total and 15 % by group of operators.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from statistics import median

import pytest

from perfdsl.solve.calibrated_terms import Demand, Observation, Use, quantile
from perfdsl.solve.calibration import Calibration, calibrate
from perfdsl.solve.ranking import ranked

DATA = Path(__file__).with_name("data") / "embeddinggemma_phases.json"
CASES = json.loads(DATA.read_text())["cases"]
MICRO = 1e-6
TOTAL, GROUP = 0.10, 0.15


def case_of(tokens: int, threads: int) -> dict:
    return next(c for c in CASES if (c["tokens"], c["threads"]) == (tokens, threads))


def demands(case: dict) -> list[Demand]:
    name = f"{case['tokens']} tokens, {case['threads']} threads"
    return [
        Demand(
            group,
            name,
            (
                *(Use(port, time * MICRO, moves=False) for port, time in one["work"].items()),
                *(Use(level, time * MICRO, moves=True) for level, time in one["moved"].items()),
            ),
            one["runs"],
        )
        for group, one in case["groups"].items()
    ]


def observations(case: dict) -> list[Observation]:
    """By group, and the time of the calls outside of all phases, where noise does not hide it."""
    found = [
        Observation(each, tuple(s * MICRO for s in case["groups"][each.group]["samples"]))
        for each in demands(case)
    ]
    parts = zip(*(each.samples for each in found), strict=True)
    rest = tuple(c * MICRO - sum(p) for c, p in zip(case["call"], parts, strict=True))
    if median(rest) > 0:
        found.append(Observation(Demand("outside", found[0].demand.case, ()), rest))
    return found


@cache
def fitted(lengths: tuple[int, ...], threads: int) -> Calibration:
    return calibrate([o for n in lengths for o in observations(case_of(n, threads))], "partial")


def total_error(model: Calibration, case: dict) -> float:
    every = [*demands(case), Demand("outside", "", ())]
    return model.total(every).seconds / (median(case["call"]) * MICRO) - 1


def misses(model: Calibration, tokens: int, threads: int) -> set[str]:
    """Groups that are off by more than the goal, and by more than can be seen in the call: the
    distance of the quartiles of the call's own samples. That is the floor for small groups."""
    case = case_of(tokens, threads)
    calls = sorted(case["call"])
    floor = (quantile(calls, 0.75) - quantile(calls, 0.25)) * MICRO
    found = set()
    for each in observations(case)[: len(case["groups"])]:
        gap = model.predict(each.demand).seconds - each.seconds
        if abs(gap) > max(GROUP * each.seconds, floor):
            found.add(each.demand.group)
    return found


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "lengths",
    [
        (1, 12, 256),
        (2, 24, 300),
        pytest.param((1, 65, 512), marks=pytest.mark.fuzz),
        pytest.param((1, 12, 65, 256), marks=pytest.mark.fuzz),
    ],
)
def test_totals_of_other_lengths(lengths, threads):
    """From each of these sets, all lengths from 12 on are predicted within 10 % in total."""
    model = fitted(lengths, threads)
    for case in CASES:
        if case["threads"] == threads and case["tokens"] >= 12:
            assert abs(total_error(model, case)) < TOTAL, case["tokens"]


# What the counts do not have: at 2048 tokens the activations of a layer no longer stay in L3 beside
# its weights, which norms and heads feel, as they do little else than read and write.
KNOWN = {(2048, 1): {"norms", "heads"}, (2048, 2): {"norms", "heads"}}


@pytest.mark.parametrize("threads", [1, 2])
def test_groups_of_other_lengths(threads):
    """From 1, 12 and 256 tokens: each group of 65, 128, 512 and 2048 but those that are known."""
    model = fitted((1, 12, 256), threads)
    for tokens in (65, 128, 512, 2048):
        assert misses(model, tokens, threads) <= KNOWN.get((tokens, threads), set()), tokens


def test_products_are_told_apart_from_memory():
    """One thread: the products' efficiencies of work and of memory are numbers with intervals that
    are narrow; those of caches that never bind have none."""
    model = fitted((1, 12, 256), 1)
    for group in ("qkv", "attn_output", "gate_up", "ffn_down"):
        work = model.parameter("efficiency", group, "int8_dot")
        assert work is not None
        assert work.verdict == "identified"
        assert work.low is not None
        assert work.value is not None
        assert work.high is not None
        assert 0.7 < work.low < work.value < work.high < 0.9
    for level in ("l1", "l2", "l3"):
        known = model.parameter("efficiency", "qkv", level)
        assert known is not None
        assert known.verdict in {"bounded", "unseen"}
        assert known.value is None


@pytest.mark.parametrize("threads", [1, 2])
def test_nothing_overlapping_is_the_worst_policy(threads):
    """Held back lengths are predicted worst if work waits for bytes, and not by chance."""
    train = [o for n in (1, 12, 256) for o in observations(case_of(n, threads))]
    held = [
        o
        for n in (65, 128, 512, 2048)
        for o in observations(case_of(n, threads))
        if o.demand.group != "outside"
    ]
    order = ranked(train, held)
    assert order[-1].policy == "serial"
    assert "serial" not in order[0].alike
    assert math.isclose(order[0].error, min(each.error for each in order))
