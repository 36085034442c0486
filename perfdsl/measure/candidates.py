"""Who can be timed: the runner itself here, its peers in `peers/`, all under one protocol.

A candidate times its own calls, in its own process if it has one, so that no pipe is in the time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from perfdsl.measure.inputs import Ids
from perfdsl.measure.results import OURS
from perfdsl.measure.timing import Stopwatch


class CandidateError(Exception):
    """A candidate cannot be started, or stopped answering; the message says why."""


class Timed(Protocol):
    """A candidate: ids in, normalised vectors out.

    setup: how it computes, in words; processes: the numbers of those that compute.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def setup(self) -> str: ...

    @property
    def processes(self) -> Sequence[int]: ...

    def samples(self, texts: Sequence[Ids], threads: int, watch: Stopwatch) -> list[int]:
        """Nanoseconds of each call with all of these texts, as the stopwatch has them."""
        ...

    def close(self) -> None: ...


class Model(Protocol):
    """What of `runner.model.EmbeddingModel` is timed."""

    def embed_ids(self, ids: Sequence[Ids], /) -> Any: ...

    def close(self) -> None: ...


class Ours:
    """The runner in this process: one model for each number of threads, opened on first use."""

    name = OURS
    setup = "ids to normalised vectors, in process"

    def __init__(self, open_model: Callable[[int], Model], version: str) -> None:
        """open_model: from a number of threads to a model."""
        self.version = version
        self.processes = (os.getpid(),)
        self._open = open_model
        self._models: dict[int, Model] = {}

    def samples(self, texts: Sequence[Ids], threads: int, watch: Stopwatch) -> list[int]:
        if threads not in self._models:
            self._models[threads] = self._open(threads)
        embed = self._models[threads].embed_ids
        return watch.samples(lambda: embed(texts))

    def close(self) -> None:
        for each in self._models.values():
            each.close()
        self._models.clear()
