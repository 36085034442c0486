"""The residual in parts: they sum up to it, and what is not told apart is not told."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfdsl.compare.residual import Run, residuals, run_of, split, total
from perfdsl.solve.calibrated_terms import Demand, Key, Observation, Parameter, Use
from perfdsl.solve.calibration import calibrate

DATA = Path(__file__).parents[1] / "data" / "embeddinggemma_phases.json"
MICRO = 1e-6
KEY = Key("overhead", "", ("one",))


def demand(work: float, moved: float, runs: float = 24, group: str = "one") -> Demand:
    uses = (Use("port", work, moves=False), Use("memory", moved, moves=True))
    return Demand(group, "12 tokens", uses, runs)


def known(seconds: float) -> Parameter:
    return Parameter(KEY, "identified", seconds, seconds * 0.9, seconds * 1.1)


def seconds_of(residual, *causes):
    found = next(part for part in residual.parts if part.causes == causes)
    return found.seconds


def test_each_part_alone():
    """10 ms at the ceiling, 12 with padding, 24 runs of 50 us, 15 on one thread of two: by hand."""
    one = Run(demand(20e-3, 1e-3), demand(24e-3, 1e-3), 30e-3, known(0.0))
    two = Run(demand(10e-3, 1e-3), demand(12e-3, 1e-3), 18e-3, known(50e-6))
    found = split(two, one)
    assert found.ceiling == 10e-3
    assert found.binds == "port"
    assert seconds_of(found, "padding") == pytest.approx(2e-3)
    assert seconds_of(found, "overhead") == pytest.approx(1.2e-3)
    # One thread takes 1.5 times its ceiling, so two should take 15 ms; they take 16.8 besides.
    assert seconds_of(found, "threads") == pytest.approx(1.8e-3)
    assert seconds_of(found, "efficiency") == pytest.approx(3e-3)
    assert found.seconds == pytest.approx(8e-3)


def test_padding_that_hides_behind_memory_costs_nothing():
    """Where bytes take longer, executing more work adds no time to the ceiling."""
    found = split(Run(demand(1e-3, 10e-3), demand(2e-3, 10e-3), 12e-3, known(0.0)))
    assert seconds_of(found, "padding") == 0.0
    assert found.binds == "memory"


@pytest.mark.parametrize(
    "overhead, high",
    [
        (None, 4e-3),
        (Parameter(KEY, "bounded", low=None, high=20e-6), 480e-6),
        (Parameter(KEY, "bounded", low=None, high=1.0), 4e-3),
        (Parameter(KEY, "confounded", others=(KEY,)), 4e-3),
    ],
)
def test_an_overhead_that_is_not_identified_is_part_of_a_joint_part(overhead, high):
    """Overhead and efficiency together, with the bounds of each; never a number of its own."""
    found = split(Run(demand(8e-3, 0.0), demand(8e-3, 0.0), 12e-3, overhead))
    joint = found.part("overhead")
    assert joint is not None
    assert joint is found.part("efficiency")
    assert str(joint) == "overhead and efficiency"
    assert joint.seconds == pytest.approx(4e-3)
    assert joint.bounds["overhead"] == pytest.approx((0.0, high))
    assert joint.bounds["efficiency"] == pytest.approx((4e-3 - high, 4e-3))


def test_what_no_operator_predicts_is_not_modelled():
    found = split(Run(Demand("pool", "x", ()), Demand("pool", "x", ()), 3e-6, None))
    assert found.ceiling == 0
    assert seconds_of(found, "not modelled") == 3e-6
    assert found.binds == ""


times = st.floats(1e-7, 1e-1)
parameters = st.one_of(
    st.none(),
    times.map(lambda t: known(t / 24)),
    times.map(lambda t: Parameter(KEY, "bounded", low=None, high=t / 24)),
    times.map(lambda t: Parameter(KEY, "bounded", low=t / 24, high=None)),
)
runs = st.builds(
    lambda work, moved, padding, slower, overhead: Run(
        demand(work, moved),
        demand(work * padding, moved),
        max(work, moved) * slower,
        overhead,
    ),
    times,
    times,
    st.floats(1, 4),
    st.floats(0.5, 5),
    parameters,
)


@given(runs, st.one_of(st.none(), runs))
def test_parts_sum_up_to_the_residual(run, alone):
    """Whatever is known: the parts are the residual, and joint parts lie within their bounds."""
    found = split(run, alone)
    size = max(run.measured, run.executed.ideal, alone.measured if alone else 0.0) * 10
    assert math.fsum(each.seconds for each in found.parts) == pytest.approx(
        found.seconds, abs=1e-12 * size + 1e-12
    )
    for part in found.parts:
        assert len(part.causes) == 1 or set(part.bounds) == set(part.causes)
        for low, high in part.bounds.values():
            assert low <= high
        if part.bounds:
            least = math.fsum(low for low, _ in part.bounds.values())
            most = math.fsum(high for _, high in part.bounds.values())
            assert least - 1e-12 <= part.seconds <= most + 1e-12
    whole = total([found, found], 3 * run.measured)
    assert math.fsum(each.seconds for each in whole.parts) == pytest.approx(
        whole.seconds, abs=1e-12 * size + 1e-12
    )


# -------------------------------------------------------------------------------- measured times


def measured(tokens: int, threads: int):
    """The demands at the ceiling, those that are executed, observations, and the call."""
    cases = json.loads(DATA.read_text())["cases"]
    case = next(c for c in cases if (c["tokens"], c["threads"]) == (tokens, threads))

    def demands(ports: str, levels: str) -> list[Demand]:
        return [
            Demand(
                group,
                str(tokens),
                tuple(Use(p, s * MICRO, moves=False) for p, s in one[ports].items())
                + tuple(Use(p, s * MICRO, moves=True) for p, s in one[levels].items()),
                one["runs"],
            )
            for group, one in case["groups"].items()
        ]

    executed = demands("work", "moved")
    seen = [
        Observation(each, tuple(s * MICRO for s in case["groups"][each.group]["samples"]))
        for each in executed
    ]
    return demands("useful", "least"), executed, seen, median(case["call"]) * MICRO


def test_the_residual_of_a_measured_call():
    """65 tokens on two threads: the parts of all groups and of the whole sum up; attention pads;
    products lose by efficiency, and the time outside of the phases is not modelled."""
    models = {
        threads: calibrate([o for n in (1, 12, 256) for o in measured(n, threads)[2]], "partial")
        for threads in (1, 2)
    }
    least, executed, seen, _ = measured(65, 1)
    alone = {
        one.group: run_of(one, more, o, models[1])
        for one, more, o in zip(least, executed, seen, strict=True)
    }
    least, executed, seen, call = measured(65, 2)
    found = residuals(least, executed, seen, models[2], alone)
    for each in found:
        assert math.fsum(p.seconds for p in each.parts) == pytest.approx(each.seconds, rel=1e-9)
    by_group = {each.group: each for each in found}
    assert seconds_of(by_group["attention"], "padding") > 0
    assert seconds_of(by_group["qkv"], "padding") == 0
    whole = total(found, call)
    assert math.fsum(p.seconds for p in whole.parts) == pytest.approx(whole.seconds, rel=1e-9)
    assert whole.measured == call
    phases = math.fsum(each.measured for each in found)
    assert seconds_of(whole, "not modelled") == pytest.approx(call - phases)
    # A barrier's neighbours on two cores lose most where each reads what the other wrote.
    norms = by_group["norms"].part("threads")
    assert norms is not None
    assert norms.seconds > 0.3 * by_group["norms"].measured
