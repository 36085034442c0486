"""Peers by name: where their code is, which libraries it needs, and how those are installed.

A peer's module is imported in its own process and nowhere else. It has a class that loads a file,
and makes ready for texts of given lengths what is then timed: ids in, normalised vectors out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass

Ids = NDArray[np.int32]  # (tokens,)
Vectors = NDArray[np.float32]  # (texts, d)
Call = Callable[[Sequence[Ids]], Vectors]


class Rival(Protocol):
    """A peer with a model loaded.

    version: of the library. setup: in words, what else decides its speed.
    """

    version: str
    setup: str

    def ready(self, lengths: Sequence[int], threads: int) -> Call:
        """The call for texts of these lengths: buffers, contexts and threads are made before."""


Load = Callable[[str], Rival]


@dataclass(frozen=True, slots=True)
class Entry:
    """A peer: `maker` of `module` loads a file; `install`: the command for what it needs."""

    module: str
    maker: str
    install: str


LLAMACPP = "perfdsl.measure.peers.llamacpp"
HUGGINGFACE = "perfdsl.measure.peers.huggingface"
NATIVE = 'CMAKE_ARGS="-DGGML_NATIVE=ON" pip install llama-cpp-python'  # built for this processor
TORCH = "pip install torch transformers"

PEERS: Mapping[str, Entry] = {
    "llama.cpp": Entry(LLAMACPP, "LlamaCpp", NATIVE),
    "torch": Entry(HUGGINGFACE, "bf16", TORCH),
    "torch-fp32": Entry(HUGGINGFACE, "fp32", TORCH),
}
