"""The tensors that a shape asks for, in the order in which a forward pass reads them.

    Part     one tensor of the model: its name, shape (out, in), type, and what it belongs to
    parts    Config -> parts
    check    the parts, held against what a file has

Matrices are Q8_0 and norms F32, as in every published Q8_0 file of the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from perfdsl.records import dataclass
from perfdsl.runner.config import TOKENS, Config
from perfdsl.runner.errors import TensorError, VocabularyError
from perfdsl.runner.gguf import GgufFile, TensorInfo
from perfdsl.runner.gguf_types import TensorType, row_bytes

EMBEDDING = "token_embd.weight"


class Group(StrEnum):
    """What a tensor belongs to."""

    EMBEDDING = "embedding"
    ATTENTION = "attention"
    FEED_FORWARD = "feed-forward"
    NORMS = "norms"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Part:
    """One tensor of the model. layer: from 0; None outside of the layers."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    group: Group
    layer: int | None = None

    @property
    def nbytes(self) -> int:
        rows = self.shape[0] if len(self.shape) == 2 else 1
        return rows * row_bytes(self.type, self.shape[-1])


def parts(config: Config) -> Iterator[Part]:
    """Every tensor of the model."""
    yield _matrix(EMBEDDING, config.vocab, config.d_model, Group.EMBEDDING)
    for layer in range(config.layers):
        yield from _layer(config, layer)
    yield _norm("output_norm.weight", config.d_model)
    if config.dense:
        yield _matrix("dense_2.weight", config.dense, config.d_model, Group.HEAD)
        yield _matrix("dense_3.weight", config.d_model, config.dense, Group.HEAD)


def _layer(config: Config, layer: int) -> Iterator[Part]:
    d_model, d_q, d_kv, d_ff = config.d_model, config.d_q, config.d_kv, config.d_ff

    def matrix(name: str, rows: int, columns: int, group: Group) -> Part:
        return _matrix(f"blk.{layer}.{name}.weight", rows, columns, group, layer)

    def norm(name: str, width: int) -> Part:
        return _norm(f"blk.{layer}.{name}.weight", width, layer)

    yield norm("attn_norm", d_model)
    yield matrix("attn_q", d_q, d_model, Group.ATTENTION)
    yield matrix("attn_k", d_kv, d_model, Group.ATTENTION)
    yield matrix("attn_v", d_kv, d_model, Group.ATTENTION)
    yield norm("attn_q_norm", config.d_head)
    yield norm("attn_k_norm", config.d_head)
    yield matrix("attn_output", d_model, d_q, Group.ATTENTION)
    yield norm("post_attention_norm", d_model)
    yield norm("ffn_norm", d_model)
    yield matrix("ffn_gate", d_ff, d_model, Group.FEED_FORWARD)
    yield matrix("ffn_up", d_ff, d_model, Group.FEED_FORWARD)
    yield matrix("ffn_down", d_model, d_ff, Group.FEED_FORWARD)
    yield norm("post_ffw_norm", d_model)


def _matrix(name: str, rows: int, columns: int, group: Group, layer: int | None = None) -> Part:
    return Part(name, (rows, columns), TensorType.Q8_0, group, layer)


def _norm(name: str, width: int, layer: int | None = None) -> Part:
    return Part(name, (width,), TensorType.F32, Group.NORMS, layer)


def check(file: GgufFile, config: Config) -> tuple[TensorInfo, ...]:
    """The tensors of the file that the model has no use for. Raises TensorError for the others."""
    wanted = {part.name: part for part in parts(config)}
    for part in wanted.values():
        found = file.tensors.get(part.name)
        if found is None:
            raise TensorError("the tensor is not in the file", name=part.name)
        if part.name == EMBEDDING and len(found.shape) == 2:
            _tokens_have_rows(file, found.shape[0], config.vocab)
        if found.shape != part.shape:
            has, wants = shown_shape(found.shape), shown_shape(part.shape)
            what = f"the tensor is {has}, and by the keys of the file it is {wants}"
            raise TensorError(what, found.row, part.name)
        if found.type is not part.type:
            what = f"the tensor is in {found.type.name}, and the runner reads {part.type.name}"
            raise TensorError(what, found.row, part.name)
    return tuple(found for name, found in file.tensors.items() if name not in wanted)


def _tokens_have_rows(file: GgufFile, rows: int, vocab: int) -> None:
    if rows != vocab:
        what = f"there are {vocab:,} tokens, and the embedding has {rows:,} rows"
        raise VocabularyError(what, file.places[TOKENS], TOKENS)


def shown_shape(shape: tuple[int, ...]) -> str:
    """`768 x 1,152`: rows first."""
    return " x ".join(f"{size:,}" for size in shape)
