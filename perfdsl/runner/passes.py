"""Passes: which texts go through the model together, and where their rows and keys lie.

Texts are packed one behind the other without padding. A pass holds whole texts, as many as fit into
`ROWS` rows; a longer text has a pass of its own. What a text's vector is does not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Activations of 512 rows (0.4 MB as bytes) stay in an L2 of 1 MiB beside a panel of weights, and
# weights are read from memory once for so many rows that this no longer shows.
ROWS = 512
KEYS = 32  # key slots of a block; each text begins a new one


class Pass(NamedTuple):
    """Texts `first ..< first + texts` of a call.

    ids: of each text; starts: (texts + 1), the row where each begins, and the number of all rows;
    slots: (texts + 1), the same of key slots. Plain numbers, as a pass of one token takes 2 ms and
    NumPy's code, gone from the caches by then, 10 us a call.
    """

    first: int
    ids: Sequence[NDArray[np.integer]]
    starts: Sequence[int]
    slots: Sequence[int]

    @property
    def texts(self) -> int:
        return len(self.ids)

    @property
    def rows(self) -> int:
        return self.starts[-1]


def passes(texts: Sequence[NDArray[np.integer]], rows: int = ROWS) -> Iterator[Pass]:
    """These texts (none of them empty), in order, cut into passes."""
    first = 0
    while first < len(texts):
        last, held = first + 1, len(texts[first])
        while last < len(texts) and held + len(texts[last]) <= rows:
            held += len(texts[last])
            last += 1
        yield packed(first, texts[first:last])
        first = last


def packed(first: int, texts: Sequence[NDArray[np.integer]]) -> Pass:
    """These texts as one pass; text `first` of the call is the first of them."""
    starts, slots = [0], [0]
    for text in texts:
        starts.append(starts[-1] + len(text))
        slots.append(slots[-1] + -(-len(text) // KEYS) * KEYS)
    return Pass(first, texts, starts, slots)
