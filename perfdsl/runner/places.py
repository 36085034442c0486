"""Places: a helper leaves the core on which its caller runs.

Linux takes a core that its host has halted for a busy one, so in a virtual machine a helper is
often woken on the core of the caller that wakes it. Both then share it for milliseconds while
another is idle: on two cores, jobs of 2.0 ms after a pause of 10 ms took 4.1 ms in the median.
"""

from __future__ import annotations

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.atomics import exchange, load
from perfdsl.runner.kernels.system import MASK_BYTES, allow_cores, core


@kernel
def step_aside(taken: int, allowed: int, own: int) -> None:
    """Leave the core `taken` if this thread is on it, and stay away until another is taken.

    `allowed` is the address of a mask, the cores that the caller may run on; `own` of one to use.
    Where no other core is allowed nothing changes: an empty mask is refused.
    """
    if core() == taken and 0 <= taken < 8 * MASK_BYTES:
        for i in range(0, MASK_BYTES, 8):
            exchange(own + i, load(allowed + i))
        word = own + taken // 64 * 8
        exchange(word, load(word) & ~(1 << (taken % 64)))
        allow_cores(own)
