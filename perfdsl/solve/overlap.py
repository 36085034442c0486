"""Policies: how the times of work and of levels become one time, with its derivatives.

The first three are those of `library/std/policies.perf`; `partial` lies between the first and the
last, by one share that is fitted: what is hidden behind the longest time is not hidden entirely.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass

Policy = Literal["roofline", "ecm", "serial", "partial"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Combined:
    """Times, and their derivatives by the time of work, of each level, and by the share.

    seconds, work, share: [rows]; levels: [rows, levels].
    """

    seconds: Array
    work: Array
    levels: Array
    share: Array


def combined(policy: Policy, work: Array, levels: Array, share: float) -> Combined:
    """The times of `work` seconds [rows] on ports and `levels` seconds [rows, levels].

    share: of what does not bind, how much adds to the time all the same (`partial` alone).
    """
    moved = levels.sum(axis=1)
    none = np.zeros_like(work)
    match policy:
        case "serial":
            return Combined(work + moved, np.ones_like(work), np.ones_like(levels), none)
        case "ecm":
            bound = (work >= moved).astype(float)
            inner = np.repeat((1 - bound)[:, None], levels.shape[1], axis=1)
            return Combined(np.maximum(work, moved), bound, inner, none)
        case "roofline":
            return _partial(work, levels, 0.0)
        case "partial":
            return _partial(work, levels, share)


def _partial(work: Array, levels: Array, share: float) -> Combined:
    times = np.column_stack([work, levels])
    longest = times.argmax(axis=1)
    most = times.max(axis=1)
    rest = times.sum(axis=1) - most
    slopes = np.full_like(times, share)
    slopes[np.arange(len(times)), longest] = 1.0
    return Combined(most + share * rest, slopes[:, 0], slopes[:, 1:], rest)
