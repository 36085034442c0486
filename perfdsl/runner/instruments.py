"""Instruments: how long each operator of a pass took.

Off by default, and free then: a phase's end looks at one word. Switched on, thread 0 notes the time
at the end of each phase: behind its barrier, where there is one, so that the slowest thread counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass
from perfdsl.runner.forward import FIRST_PHASES, LAST_PHASES
from perfdsl.runner.layer import PHASES
from perfdsl.runner.model import EmbeddingModel


@dataclass(frozen=True, slots=True)
class PhaseTime:
    """name: of the phase, see `forward`; layer: from 0, None outside of the layers."""

    name: str
    layer: int | None
    seconds: float


def timed(model: EmbeddingModel, texts: Sequence[NDArray[np.integer]]) -> tuple[PhaseTime, ...]:
    """One pass of all these texts (ids), timed phase by phase, in order of execution."""
    room, _ = model.run_together(texts, timed=True)
    names = _phases(model.config.layers, head=model.config.dense > 0)
    taken = room.stamps[room.stamps > 0]  # what a model without a head leaves out has no stamp
    return tuple(
        PhaseTime(name, layer, (after - before) * 1e-9)
        for (name, layer), (before, after) in zip(names, pairwise(taken.tolist()), strict=True)
    )


def _phases(layers: int, *, head: bool) -> Iterator[tuple[str, int | None]]:
    for name in FIRST_PHASES:
        yield name, None
    for layer in range(layers):
        for name in PHASES:
            yield name, layer
    for name, of_head in LAST_PHASES:
        if head or not of_head:
            yield name, None
