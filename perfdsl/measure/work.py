"""What a call must do at the very least: multiply-adds by kind, and the bytes of the weights.

These are the counts of `specs/models/embeddinggemma_300m.perf` for given texts; a test holds the
two equal, number for number. Norms, rope, softmax, GELU and quantising are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from perfdsl.measure.recorded import Recorded
from perfdsl.runner.config import Config

# Q8_0: a block of 32 weights is 32 bytes and an fp16 scale (ggml-common.h, block_q8_0).
BLOCK, BLOCK_BYTES = 32, 34
FLOAT_BYTES = 4


class Work(Recorded):
    """Of one call. tokens: of all texts together.

    int8_macs: products with weights, the dense head included; attention_macs: scores and values of
    pairs inside the window; weight_bytes: matrices and norms, each once; row_bytes: rows of the
    embedding that the tokens look up.
    """

    texts: int
    tokens: int
    int8_macs: int
    attention_macs: int
    weight_bytes: int
    row_bytes: int

    @property
    def macs(self) -> int:
        return self.int8_macs + self.attention_macs


def work(config: Config, lengths: Sequence[int]) -> Work:
    """lengths: the tokens of each text, control tokens included."""
    tokens, texts = sum(lengths), len(lengths)
    head = 2 * config.d_model * config.dense
    return Work(
        texts=texts,
        tokens=tokens,
        int8_macs=tokens * config.layers * layer_weights(config) + texts * head,
        attention_macs=sum(attention_macs(config, length) for length in lengths),
        weight_bytes=weight_bytes(config),
        row_bytes=tokens * quantised_bytes(config.d_model),
    )


def layer_weights(config: Config) -> int:
    """Of the matrices q, k, v, o, gate, up, down: each weight is one multiply-add a token."""
    attention = 2 * config.d_model * config.d_q + 2 * config.d_model * config.d_kv
    return attention + 3 * config.d_model * config.d_ff


def attention_macs(config: Config, tokens: int) -> int:
    """Scores and weighted values: each pair costs 2 * d_head in every head."""
    met = sum(pairs(tokens, None if full else config.reach) for full in config.full)
    return 2 * config.d_q * met


def pairs(tokens: int, reach: int | None) -> int:
    """Pairs of tokens that see each other: all, or those with |i - j| <= reach."""
    if reach is None or tokens <= reach + 1:
        return tokens * tokens
    return tokens * (2 * reach + 1) - reach * (reach + 1)


def weight_bytes(config: Config) -> int:
    """Of all matrices and norms that every call reads, without the embedding."""
    norms = config.layers * (4 * config.d_model + 2 * config.d_head) + config.d_model
    matrices = config.layers * layer_weights(config) + 2 * config.d_model * config.dense
    return quantised_bytes(matrices) + norms * FLOAT_BYTES


def quantised_bytes(weights: int) -> int:
    """In Q8_0; rows are whole blocks, as the reader of the file makes sure."""
    return weights // BLOCK * BLOCK_BYTES
