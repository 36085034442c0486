"""Hugging Face's Gemma3TextModel on PyTorch, with the weights of a GGUF file dequantised into it.

    bf16   weights and arithmetic in bf16, PyTorch's scaled dot product attention: the quickest way
    fp32   the same in float32: what accuracy is held against

Once `use_bidirectional_attention` is set, tokens see in both directions, and the library makes of a
window of 512 one of 257 to either side, exclusive. Its norms multiply by 1 + w, where the file has
1 + w already. What sentence-transformers adds (mean, two dense layers, L2) stands here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch
import transformers
from transformers.models.gemma3 import Gemma3TextConfig, Gemma3TextModel

from perfdsl.measure.peers.rival import Call, Ids, Vectors
from perfdsl.runner.config import Config, read_config
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.layout import check
from perfdsl.runner.tensors import Tensors, dequantise

ROWS = 8192  # of the embedding at once: 24 MB of 768 columns in float32

# Parameters of a layer by their names in a file: those of matrices, and those of norms.
MATRICES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
NORMS = {
    "attn_norm": "input_layernorm",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}


def bf16(path: str) -> HuggingFace:
    return HuggingFace(path, torch.bfloat16)


def fp32(path: str) -> HuggingFace:
    return HuggingFace(path, torch.float32)


class HuggingFace:
    """A model with its weights in one type."""

    def __init__(self, path: str, dtype: torch.dtype) -> None:
        file = open_gguf(path)
        config = read_config(file)
        check(file, config)
        tensors = Tensors(file)
        self._model = Gemma3TextModel._from_config(  # noqa: SLF001  the way to choose type and attention
            library_config(config), dtype=dtype, attn_implementation="sdpa"
        ).train(mode=False)
        with torch.no_grad():
            fill(self._model, config, tensors)
        self._head = [
            torch.from_numpy(tensors.dequantised(f"dense_{each}.weight")).to(dtype)
            for each in (2, 3)
            if config.dense
        ]  # (dense, d_model), (d_model, dense)
        self.version = f"transformers {transformers.__version__}, torch {torch.__version__}"
        self.setup = f"{str(dtype).removeprefix('torch.')}, scaled dot product attention"

    def ready(self, lengths: Sequence[int], threads: int) -> Call:  # noqa: ARG002  no buffers are kept
        torch.set_num_threads(threads)
        return self._embed

    def _embed(self, texts: Sequence[Ids]) -> Vectors:  # (texts, d_model)
        """Texts of one length that follow each other go through together."""
        with torch.inference_mode():
            parts = [self._together(np.stack(list(group))) for _, group in groupby(texts, key=len)]
            return np.concatenate(parts)

    def _together(self, ids: Ids) -> Vectors:  # (texts, tokens) -> (texts, d_model)
        states = self._model(
            input_ids=torch.from_numpy(ids.astype(np.int64)), use_cache=False
        ).last_hidden_state  # (texts, tokens, d_model)
        found = states.mean(dim=1)
        for weight in self._head:
            found = torch.nn.functional.linear(found, weight)
        found = torch.nn.functional.normalize(found.float(), dim=1)
        return np.asarray(found.numpy(), np.float32)


def library_config(config: Config) -> Gemma3TextConfig:
    kinds = {True: "full_attention", False: "sliding_attention"}
    thetas = {True: config.theta_full, False: config.theta_window}
    return Gemma3TextConfig(
        vocab_size=config.vocab,
        hidden_size=config.d_model,
        intermediate_size=config.d_ff,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.kv_heads,
        head_dim=config.d_head,
        query_pre_attn_scalar=config.d_head,
        max_position_embeddings=config.context,
        rms_norm_eps=config.eps,
        sliding_window=config.window,
        layer_types=[kinds[full] for full in config.full],
        rope_parameters={
            kind: {"rope_type": "default", "rope_theta": thetas[full]}
            for full, kind in kinds.items()
        },
        use_bidirectional_attention=True,
        attention_bias=False,
        use_cache=False,
    )


def fill(model: Gemma3TextModel, config: Config, tensors: Tensors) -> None:
    """The file's weights into the library's parameters, rounded to their type."""
    table = model.embed_tokens.weight  # (vocab, d_model)
    for first in range(0, config.vocab, ROWS):
        rows = dequantise(tensors.embedding[first : first + ROWS])
        table[first : first + ROWS] = torch.from_numpy(rows)
    for index, layer in enumerate(model.layers):
        for ours, theirs in MATRICES.items():
            _copy(layer.get_parameter(f"{theirs}.weight"), tensors, f"blk.{index}.{ours}", 0)
        for ours, theirs in NORMS.items():
            _copy(layer.get_parameter(f"{theirs}.weight"), tensors, f"blk.{index}.{ours}", 1)
    _copy(model.norm.weight, tensors, "output_norm", 1)


def _copy(parameter: torch.nn.Parameter, tensors: Tensors, name: str, less: int) -> None:
    parameter.copy_(torch.from_numpy(tensors.dequantised(f"{name}.weight") - np.float32(less)))
