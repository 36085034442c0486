"""Random weights as a file has them: matrices in blocks of Q8_0, norms in float32.

Weights are heavy-tailed as trained ones are, and norms such that values keep their size from layer
to layer and attention is neither flat nor all on one token. So speed and rounding errors on such
weights are what a trained model shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod, sqrt

import numpy as np

from perfdsl.runner.gguf_types import BLOCKS, TensorType
from perfdsl.runner.layout import Part
from perfdsl.runner.random_bits import Reals, Stream, normal

BLOCK, BLOCK_BYTES = BLOCKS[TensorType.Q8_0]
PIECE = 1 << 18  # weights drawn at once: 1 MB of float32, which stays in the cache

NORM_SPREAD = 0.1
QK_NORM = 1.4  # its square times a nearly normal number is an attention logit: a spread of 2


def made_tensor(part: Part, stream: Stream, table: Reals) -> Iterator[bytes]:
    """The bytes of a tensor in pieces. table: equally likely values of standard deviation 1."""
    if part.type is TensorType.F32:
        middle = QK_NORM if part.name.endswith(("_q_norm.weight", "_k_norm.weight")) else 1.0
        spread = np.float32(NORM_SPREAD) * normal(stream, prod(part.shape))
        yield (np.float32(middle) + spread).astype("<f4").tobytes()
        return
    rows, columns = part.shape
    scaled = table * np.float32(1 / sqrt(columns))
    for start in range(0, rows * columns, PIECE):
        count = min(PIECE, rows * columns - start)
        yield quantised(scaled.take(stream.words(count)))


def quantised(values: Reals) -> bytes:
    """(n,) -> Q8_0: for each 32 values the largest size / 127 as an fp16 scale, and 32 int8.

    As ggml has it, values are divided by the scale before that is rounded to fp16. None is zero.
    """
    blocks = values.reshape(-1, BLOCK)
    scales = np.abs(blocks).max(axis=1) / np.float32(127)
    made = np.empty((len(blocks), BLOCK_BYTES), np.uint8)
    made[:, :2] = scales.astype("<f2").view(np.uint8).reshape(-1, 2)
    made[:, 2:] = np.rint(blocks / scales[:, None]).astype(np.int8).view(np.uint8)
    return made.tobytes()
