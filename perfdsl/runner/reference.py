"""The forward pass in NumPy and float32, in reading order: what the kernels are held against.

    ids -> rows of the embedding -> layers of attention and feed-forward -> mean -> head -> L2

Weights are dequantised one layer at a time, and all texts go through it, so that the full model
needs no more than a layer (17 MB) besides the texts themselves. Nothing is padded or packed: a text
is an array of its own. From Hugging Face's Gemma3TextModel in float32 it is 1 - cos = 2e-12 away on
the model's true size, 2e-11 at 2048 tokens (`benchmarks/accuracy.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass
from perfdsl.runner.config import Config
from perfdsl.runner.tensors import Tensors, dequantise

Floats: TypeAlias = NDArray[np.float32]
Ids: TypeAlias = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Forward:
    """What went through the model, for texts of any lengths."""

    states: tuple[Floats, ...]  # a text: (tokens, d_model), behind the last norm
    means: Floats  # (texts, d_model), in front of the head
    vectors: Floats  # (texts, d_model), behind the head, of length 1


@dataclass(frozen=True, slots=True)
class Layer:
    """The weights of one layer. A matrix is (out, in): y = x @ w.T."""

    attn_norm: Floats  # (d_model,)
    attn_q: Floats  # (heads * d_head, d_model)
    attn_k: Floats  # (kv_heads * d_head, d_model)
    attn_v: Floats  # (kv_heads * d_head, d_model)
    attn_q_norm: Floats  # (d_head,)
    attn_k_norm: Floats  # (d_head,)
    attn_output: Floats  # (d_model, heads * d_head)
    post_attention_norm: Floats  # (d_model,)
    ffn_norm: Floats  # (d_model,)
    ffn_gate: Floats  # (d_ff, d_model)
    ffn_up: Floats  # (d_ff, d_model)
    ffn_down: Floats  # (d_model, d_ff)
    post_ffw_norm: Floats  # (d_model,)


def embed_reference(config: Config, tensors: Tensors, texts: Sequence[Ids]) -> Floats:
    """(texts, d_model): one vector of length 1 for each text. ids: (tokens,), in 0 ..< vocab."""
    return forward(config, tensors, texts).vectors


def forward(config: Config, tensors: Tensors, texts: Sequence[Ids]) -> Forward:
    """All of it: see Forward."""
    states = [embedded(config, tensors, ids) for ids in texts]  # a text: (tokens, d_model)
    for index, full in enumerate(config.full):
        layer = layer_weights(tensors, index)
        for text, x in enumerate(states):
            after = x + attention_block(config, layer, x, full=full)
            states[text] = after + feed_forward_block(config, layer, after)
    norm = tensors.dequantised("output_norm.weight")  # (d_model,)
    states = [rms_norm(x, norm, config.eps) for x in states]
    means = np.stack([x.mean(axis=0) for x in states])  # (texts, d_model)
    return Forward(tuple(states), means, l2_normalised(head(config, tensors, means)))


def embedded(config: Config, tensors: Tensors, ids: Ids) -> Floats:  # (tokens, d_model)
    """Rows of the table, times sqrt(d_model)."""
    rows = dequantise(tensors.embedding[ids])
    return rows * np.float32(math.sqrt(config.d_model))


def layer_weights(tensors: Tensors, index: int) -> Layer:
    return Layer(*(tensors.dequantised(f"blk.{index}.{name}.weight") for name in _NAMES))


_NAMES = tuple(Layer.__annotations__)


# -- a layer


def attention_block(config: Config, layer: Layer, x: Floats, *, full: bool) -> Floats:
    """What attention adds to x, (tokens, d_model). full: the layer has no window."""
    tokens = len(x)
    h = rms_norm(x, layer.attn_norm, config.eps)  # (tokens, d_model)
    q = (h @ layer.attn_q.T).reshape(tokens, config.heads, config.d_head)
    k = (h @ layer.attn_k.T).reshape(tokens, config.kv_heads, config.d_head)
    v = (h @ layer.attn_v.T).reshape(tokens, config.kv_heads, config.d_head)
    theta = config.theta_full if full else config.theta_window
    cos, sin = rope_table(tokens, config.d_head, theta)  # each (tokens, 1, d_head / 2)
    q = rotated(rms_norm(q, layer.attn_q_norm, config.eps), cos, sin)
    k = rotated(rms_norm(k, layer.attn_k_norm, config.eps), cos, sin)
    mixed = attention(q, k, v, visible(config, tokens, full=full))  # (tokens, heads * d_head)
    return rms_norm(mixed @ layer.attn_output.T, layer.post_attention_norm, config.eps)


def feed_forward_block(config: Config, layer: Layer, x: Floats) -> Floats:
    """What the gated feed-forward layer adds to x, (tokens, d_model)."""
    h = rms_norm(x, layer.ffn_norm, config.eps)  # (tokens, d_model)
    gated = gelu(h @ layer.ffn_gate.T) * (h @ layer.ffn_up.T)  # (tokens, d_ff)
    return rms_norm(gated @ layer.ffn_down.T, layer.post_ffw_norm, config.eps)


def rms_norm(x: Floats, weight: Floats, eps: float) -> Floats:
    """X (..., d) over the root of the mean of its squares, times weight: the file has 1 + w."""
    mean = np.mean(x * x, axis=-1, keepdims=True)
    normed: Floats = x / np.sqrt(mean + np.float32(eps)) * weight
    return normed


def rope_table(tokens: int, d_head: int, theta: float) -> tuple[Floats, Floats]:
    """Cosines and sines of position * theta^(-2i / d_head), each (tokens, 1, d_head / 2)."""
    frequency = theta ** (-np.arange(0, d_head, 2) / d_head)  # in float64: 2047 rad is not small
    angle = np.arange(tokens)[:, None, None] * frequency
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def rotated(x: Floats, cos: Floats, sin: Floats) -> Floats:
    """X (tokens, heads, d_head), its first half turned with its second (the NEOX order)."""
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


def visible(config: Config, tokens: int, *, full: bool) -> NDArray[np.bool_]:
    """(tokens, tokens): whether token i sees token j; in both directions, no further than reach."""
    position = np.arange(tokens)
    apart = np.abs(position[:, None] - position)
    sees: NDArray[np.bool_] = apart <= (tokens if full else config.reach)
    return sees


def attention(q: Floats, k: Floats, v: Floats, sees: NDArray[np.bool_]) -> Floats:
    """(tokens, heads * d_head) from q (tokens, heads, d_head), k and v (tokens, kv_heads, d_head).

    heads / kv_heads heads in a row share keys and values.
    """
    tokens, heads, d_head = q.shape
    group = heads // k.shape[1]
    mixed = np.empty((tokens, heads, d_head), np.float32)
    for each in range(heads):
        keys, values = k[:, each // group], v[:, each // group]  # (tokens, d_head)
        scores = q[:, each] @ keys.T * np.float32(d_head**-0.5)  # (tokens, tokens)
        mixed[:, each] = softmax(np.where(sees, scores, np.float32(-np.inf))) @ values
    return mixed.reshape(tokens, heads * d_head)


def softmax(scores: Floats) -> Floats:
    """Over the last axis, of which something is finite."""
    largest: Floats = scores.max(axis=-1, keepdims=True)
    weights: Floats = np.exp(scores - largest)
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def gelu(x: Floats) -> Floats:
    """By tanh, as the model was trained: Hendrycks and Gimpel, arXiv 1606.08415."""
    inner = np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x * x * x)
    half = np.float32(0.5) * x
    return half + half * np.tanh(inner)


# -- behind the layers


def head(config: Config, tensors: Tensors, means: Floats) -> Floats:  # (texts, d_model)
    """Two linear layers without a bias, d_model -> dense -> d_model; none in the early files."""
    if not config.dense:
        return means
    inner: Floats = means @ tensors.dequantised("dense_2.weight").T  # (texts, dense)
    outer: Floats = inner @ tensors.dequantised("dense_3.weight").T
    return outer


def l2_normalised(vectors: Floats) -> Floats:
    """Rows of length 1."""
    unit: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit
