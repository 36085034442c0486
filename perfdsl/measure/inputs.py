"""Ids to measure with: as many as asked for, the same ones each time, between `<bos>` and `<eos>`.

Speed does not depend on which ids they are, but for the rows of the embedding that they look up:
they are spread over the whole vocabulary, as the worst of texts would.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ids: TypeAlias = npt.NDArray[np.int32]  # (tokens,)

# Control tokens of Gemma's vocabulary (tokenizer.ggml.bos_token_id, eos_token_id), and what follows
# them: <pad> <eos> <bos> <unk>.
EOS, BOS, FIRST = 1, 2, 4


def texts(count: int, tokens: int, vocabulary: int) -> list[Ids]:
    """So many texts of so many tokens each; a text of one token has no room for control tokens."""
    random = np.random.default_rng((count, tokens))
    found = random.integers(FIRST, vocabulary, (count, tokens), dtype=np.int32)
    if tokens > 1:
        found[:, 0], found[:, -1] = BOS, EOS
    return list(found)
