"""llama.cpp through its low-level interface: one batch of ids in, one pooled vector a text out.

As `llama-embedding` sets it up: flash attention on, and a context, a batch and a micro-batch of
just the texts' tokens. Its graph ends with the dense head; the vectors are normalised here, inside
of what is timed. The library's own `Llama.embed` would leave flash attention off.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from perfdsl.measure.peers.rival import Call, Ids, Vectors

ERROR = 4  # ggml_log_level: what is worth a line on stderr
FLASH_ATTENTION = 1  # llama_flash_attn_type: enabled


def _log(level: int, text: bytes, _user: object) -> None:
    if level >= ERROR:
        os.write(2, text)


LOG = llama_cpp.llama_log_callback(_log)  # the library calls it for as long as there is a process


class LlamaCpp:
    """A model file, and the context for the shape that was asked for last."""

    def __init__(self, path: str) -> None:
        llama_cpp.llama_log_set(LOG, None)
        llama_cpp.llama_backend_init()
        options = llama_cpp.llama_model_default_params()
        options.n_gpu_layers = 0
        self._model = llama_cpp.llama_model_load_from_file(os.fsencode(path), options)
        if not self._model:
            raise ValueError("llama.cpp does not load this file")
        self.version = str(llama_cpp.__version__)
        features = llama_cpp.llama_print_system_info().decode().strip(" |")
        self.setup = f"flash attention on; {features}"
        self._context: Context | None = None

    def ready(self, lengths: Sequence[int], threads: int) -> Call:
        if self._context is None or self._context.lengths != tuple(lengths):
            if self._context is not None:
                self._context.free()
            self._context = Context(self._model, tuple(lengths))
        llama_cpp.llama_set_n_threads(self._context.handle, threads, threads)
        return self._context.embed


class Context:
    """What llama.cpp keeps for texts of these lengths: its buffers, and a batch to fill in."""

    def __init__(self, model: Any, lengths: tuple[int, ...]) -> None:
        self.lengths = lengths
        self._width = llama_cpp.llama_model_n_embd_out(model)
        self.handle = llama_cpp.llama_init_from_model(model, _options(sum(lengths), len(lengths)))
        if not self.handle:
            raise ValueError("llama.cpp makes no context for these texts")
        self._batch, self._token = _batch(lengths)

    def embed(self, texts: Sequence[Ids]) -> Vectors:  # (texts, d)
        np.concatenate(texts, out=self._token)
        if status := llama_cpp.llama_encode(self.handle, self._batch):
            raise ValueError(f"llama_encode returned {status}")
        vectors = np.stack([self._pooled(text) for text in range(len(texts))])
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def _pooled(self, text: int) -> NDArray[np.float32]:
        address = llama_cpp.llama_get_embeddings_seq(self.handle, text)
        return np.array(np.ctypeslib.as_array(address, (self._width,)), np.float32)

    def free(self) -> None:
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self.handle)


def _options(tokens: int, texts: int) -> Any:
    """A context for so many tokens of so many texts."""
    # A multiple of the texts: the library plans for texts of one length, and aborts on a remainder.
    tokens = -(-tokens // texts) * texts
    options = llama_cpp.llama_context_default_params()
    options.n_ctx = options.n_batch = options.n_ubatch = tokens
    options.n_seq_max = texts
    options.kv_unified = True  # n_ctx is that of all texts together
    options.embeddings = True
    options.flash_attn_type = FLASH_ATTENTION
    options.offload_kqv = options.op_offload = False
    return options


def _batch(lengths: Sequence[int]) -> tuple[Any, NDArray[np.int32]]:
    """A batch that wants only its tokens, and the array where they go."""
    total = sum(lengths)
    batch = llama_cpp.llama_batch_init(total, 0, 1)
    batch.n_tokens = total
    text = np.repeat(np.arange(len(lengths)), lengths)  # (tokens,): which text a token is of
    for token, of in enumerate(text):
        batch.seq_id[token][0] = int(of)
    _view(batch.n_seq_id, total, ctypes.c_int32)[:] = 1
    _view(batch.logits, total, ctypes.c_int8)[:] = 1  # every token counts in the mean
    _view(batch.pos, total, ctypes.c_int32)[:] = np.concatenate([np.arange(n) for n in lengths])
    return batch, _view(batch.token, total, ctypes.c_int32)


def _view(address: Any, count: int, kind: Any) -> NDArray[Any]:
    return np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(kind)), (count,))
