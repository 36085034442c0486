"""The next measurement: the one that tells what is open, and that tells it when it is made."""

from __future__ import annotations

import itertools

import pytest

from perfdsl.compare.proposals import Candidate, lengths, proposals
from perfdsl.solve.calibrated_terms import Demand, Key, Observation, Use
from perfdsl.solve.calibration import calibrate
from tests.synthetic_times import KERNELS, demand, observed, truth

MEMORY = "memory"


def seen(*tokens: int) -> list[Observation]:
    every = {(o.demand.group, o.demand.case): o for o in observed(0.01, 7, share=0.0)}
    return [every[group, f"{n} tokens"] for n in tokens for group in KERNELS]


def candidate(tokens: int, seconds: float = 1.0, **more) -> Candidate:
    demands = tuple(demand(group, tokens) for group in KERNELS)
    return Candidate(tokens, 1, demands, seconds, **more)


@pytest.fixture(scope="module")
def long_texts():
    """Of long texts alone: the memory's efficiency is open."""
    return calibrate(seen(128, 256, 512), "roofline")


def test_a_case_that_the_open_unknown_binds_is_proposed_first(long_texts):
    """Long texts tell nothing new of the memory; one token does, and the sentence says so."""
    first, *rest = proposals(long_texts, [candidate(400), candidate(1), candidate(200)])
    assert first.candidate.tokens == 1
    assert MEMORY in {key.resource for key, _ in first.tells}
    assert first.why.startswith("1 token on 1 thread would tell")
    assert first.gain > max((each.gain for each in rest), default=0.0)


def test_what_is_proposed_does_tell(long_texts):
    """Measured, the case that was proposed makes a number of what had none."""
    before = long_texts.parameter("efficiency", "wide", MEMORY)
    assert before is not None
    assert before.verdict == "bounded"
    first = proposals(long_texts, [candidate(n) for n in (1, 12, 400)])[0]
    more = seen(first.candidate.tokens, 2, 4)
    after = calibrate([*seen(128, 256, 512), *more], "roofline").parameter(
        "efficiency", "wide", MEMORY
    )
    assert after is not None
    assert after.verdict == "identified"
    assert after.low is not None
    assert after.high is not None
    assert after.low <= 0.7 <= after.high


def test_worth_is_by_the_second(long_texts):
    """The same case at ten times the time stands behind one that tells nearly as much."""
    order = proposals(long_texts, [candidate(1, 10.0), candidate(2, 1.0)])
    assert [each.candidate.tokens for each in order] == [2, 1]
    assert order[0].worth > order[1].worth
    assert order[0].gain < 10 * order[1].gain


def test_a_case_that_tells_nothing_is_not_proposed():
    """Where all is identified but what nothing can tell, another long text is no proposal."""
    model = calibrate(seen(1, 2, 4, 12, 24, 65, 128, 256, 512), "roofline")
    assert proposals(model, [candidate(300)]) == ()


def test_the_whole_of_a_cold_call_tells_less_than_its_groups(long_texts):
    """One time of all groups together: a proposal, but of less gain."""
    apart, together = candidate(1), candidate(1, together=True, cold=True)
    found = {p.candidate.together: p for p in proposals(long_texts, [apart, together])}
    assert found[True].gain < found[False].gain
    assert "cold" in found[True].why


def test_a_probe_tells_its_unknown(long_texts):
    """A probe of the memory is proposed for it, one of nothing that is asked for is not."""
    key = long_texts.parameter("efficiency", "wide", MEMORY).key
    probe = Candidate(0, 1, (), 1.0, probe=key)
    nothing = Candidate(0, 1, (), 1.0, probe=Key("efficiency", "tape", ("wide",)))
    (found,) = proposals(long_texts, [probe, nothing])
    assert found.tells[0][0] == key
    assert found.why.startswith("a probe of the efficiency of memory")


def test_resources_that_the_model_lacks_are_no_proposal(long_texts):
    """A case with a resource that nothing was fitted to cannot be judged, and is left out."""
    odd = Demand("wide", "odd", (Use("tape", 1.0, moves=True),))
    assert proposals(long_texts, [Candidate(1, 1, (odd,), 1.0)]) == ()


@pytest.mark.parametrize("most", [1, 2, 3, 17, 2048])
def test_lengths_double_in_two_steps(most):
    """From 1 to the longest, none more than twice the one before."""
    found = lengths(most)
    assert found[0] == 1
    assert found[-1] == most
    assert all(a < b <= 2 * a for a, b in itertools.pairwise(found))


def test_the_truth_is_what_it_says():
    """The times that these tests are made of: bytes bind one token, work binds many."""
    assert truth(demand("wide", 1), 0.0) > 600e-6 / 0.7
    assert truth(demand("wide", 512), 0.0) == pytest.approx(512 * 40e-6 / 0.8 + 24 * 3e-6)
