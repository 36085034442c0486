"""Times of two kernels made by a formula, for tests of calibrations: the truth is known."""

from __future__ import annotations

import numpy as np

from perfdsl.solve.calibrated_terms import Demand, Observation, Use

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
