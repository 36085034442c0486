"""Calibrations: a synthetic truth recovered, against scipy; and what is not known is not said."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from perfdsl.numeric.projected import lowest
from perfdsl.numeric.student import inside, t_quantile
from perfdsl.solve.calibrated_terms import Demand, Observation, Use
from perfdsl.solve.calibration import calibrate

LENGTHS = (1, 2, 4, 12, 24, 65, 128, 256, 512)
# Work for each token, bytes that are read once however many tokens there are, bytes for each token:
# seconds at the full rate, such that both bind somewhere.
KERNELS = {"wide": (40e-6, 600e-6, 0.5e-6), "narrow": (20e-6, 300e-6, 0.4e-6)}
WORK, MEMORY, SHARE, OVERHEAD = {"wide": 0.8, "narrow": 0.6}, 0.7, 0.2, 3e-6


def demand(group: str, tokens: int) -> Demand:
    work, once, each = KERNELS[group]
    uses = (
        Use("port", work * tokens, moves=False),
        Use("cache", each * tokens / 50, moves=True),
        Use("memory", once + each * tokens, moves=True),
    )
    return Demand(group, f"{tokens} tokens", uses, 24)


def truth(asked: Demand, share: float = SHARE) -> float:
    """The model written down once more, for the truth above."""
    port, cache, memory = (use.seconds for use in asked.uses)
    times = [port / WORK[asked.group], cache, memory / MEMORY]
    return max(times) + share * (sum(times) - max(times)) + asked.runs * OVERHEAD


def observed(noise: float, seed: int, share: float = SHARE) -> list[Observation]:
    rng = np.random.default_rng(seed)
    return [
        Observation(d, tuple(truth(d, share) * np.exp(rng.normal(0, noise, 9))))
        for group in KERNELS
        for d in (demand(group, n) for n in LENGTHS)
    ]


def test_exact_times_give_the_truth_back():
    """Without noise each unknown that binds somewhere is found, to eight digits."""
    found = calibrate(observed(0.0, 1), "partial")
    for group, efficiency in WORK.items():
        known = found.parameter("efficiency", group, "port")
        assert known is not None
        assert known.verdict == "identified"
        assert known.value == pytest.approx(efficiency, rel=1e-6)
    memory = found.parameter("efficiency", "wide", "memory")
    assert memory is not None
    assert memory.value == pytest.approx(MEMORY, rel=1e-6)
    share = found.parameter("overlap", "wide")
    assert share is not None
    assert share.value == pytest.approx(SHARE, rel=1e-5)


@pytest.mark.parametrize("spare", [1, 2, 3, 5.5, 10, 30, 1000])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_students_t_is_that_of_scipy(confidence, spare):
    """Quantiles of t are SciPy's, and the distribution function is their inverse."""
    found = t_quantile(confidence, spare)
    assert found == pytest.approx(stats.t.ppf((1 + confidence) / 2, spare), rel=1e-9)
    assert inside(found, spare) == pytest.approx(confidence, rel=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_the_projected_fit_is_as_low_as_scipys(seed):
    """Random sums of exponentials within bounds: no higher a minimum than scipy's from there."""
    rng = np.random.default_rng(seed)
    rows, unknowns = 20, 5
    parts = rng.uniform(0, 1, (rows, unknowns)) * (rng.uniform(size=(rows, unknowns)) < 0.6)
    seen = np.log(parts @ np.exp(rng.uniform(-0.5, 1.5, unknowns)) + 0.1) + rng.normal(0, 0.1, rows)

    def evaluate(x):
        times = parts @ np.exp(x) + 0.1
        return np.log(times) - seen, parts * np.exp(x) / times[:, None]

    low, high = np.zeros(unknowns), np.ones(unknowns)
    ours = lowest(evaluate, np.full(unknowns, 0.5), low, high)
    theirs = optimize.least_squares(
        lambda x: evaluate(x)[0], np.full(unknowns, 0.5), lambda x: evaluate(x)[1], (low, high)
    )
    assert ours is not None
    assert ours.cost <= 2 * theirs.cost * (1 + 1e-6)
    assert ((ours.x >= low) & (ours.x <= high)).all()
