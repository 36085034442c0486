"""Passes: which texts go through the model together, and where their rows and keys lie.

Texts are packed one behind the other without padding. A pass holds whole texts, as many as fit into
`ROWS` rows; a longer text has a pass of its own. What a text's vector is does not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass

# Activations of 512 rows (0.4 MB as bytes) stay in an L2 of 1 MiB beside a panel of weights, and
# weights are read from memory once for so many rows that this no longer shows.
ROWS = 512
KEYS = 32  # key slots of a block; each text begins a new one


@dataclass(frozen=True, slots=True)
class Pass:
    """Texts `first ..< first + texts` of a call.

    ids: int32 (rows,), one text behind the other; starts: int64 (texts + 1,), the row where each
    begins; slots: int64 (texts + 1,), the key slot where its keys begin.
    """

    first: int
    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    slots: NDArray[np.int64]

    @property
    def texts(self) -> int:
        return len(self.starts) - 1

    @property
    def rows(self) -> int:
        return len(self.ids)


def passes(texts: Sequence[NDArray[np.int32]], rows: int = ROWS) -> Iterator[Pass]:
    """These texts (none of them empty), in order, cut into passes."""
    first = 0
    while first < len(texts):
        last, held = first + 1, len(texts[first])
        while last < len(texts) and held + len(texts[last]) <= rows:
            held += len(texts[last])
            last += 1
        yield packed(first, texts[first:last])
        first = last


def packed(first: int, texts: Sequence[NDArray[np.int32]]) -> Pass:
    lengths = np.array([len(text) for text in texts], np.int64)
    blocks = -(-lengths // KEYS) * KEYS
    return Pass(first, np.concatenate(texts), _from_zero(lengths), _from_zero(blocks))


def _from_zero(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
