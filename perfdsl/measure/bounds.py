"""The least time that a call can take, from its work and from rates measured in the same round.

hard: multiply-adds at the peak of their instruction, or the weights at the rate of a plain stream,
whichever takes longer. structural: the same with 8/10 of the int8 peak: in Q8_0 each 8 dot
instructions (32 weights, for one vector of rows and a token) need one product of the two scales and
one multiply-add into the sum, on the same ports.
"""

from __future__ import annotations

from perfdsl.measure.recorded import Recorded
from perfdsl.measure.work import Work

# Of ten instructions on the multiplying ports, eight are dot products.
STRUCTURAL = 8 / 10


class Limits(Recorded):
    """Rates of this machine with so many threads: multiply-adds a second, bytes a second.

    attention: of the instruction that the attention kernel uses: bf16 pairs, or float32.
    """

    int8: float
    attention: float
    stream: float


class Bound(Recorded):
    """Seconds."""

    compute: float
    memory: float

    @property
    def seconds(self) -> float:
        return max(self.compute, self.memory)

    @property
    def binding(self) -> str:
        return "compute" if self.compute >= self.memory else "memory"


def hard(work: Work, limits: Limits) -> Bound:
    return _bound(work, limits, 1.0)


def structural(work: Work, limits: Limits) -> Bound:
    return _bound(work, limits, STRUCTURAL)


def _bound(work: Work, limits: Limits, share: float) -> Bound:
    products = work.int8_macs / (limits.int8 * share)
    return Bound(
        compute=products + work.attention_macs / limits.attention,
        memory=work.weight_bytes / limits.stream,
    )
