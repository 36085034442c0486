"""Weights: a file's matrices and norms, packed once into one stretch of memory in order of use.

Each matrix is read into memory of its own, packed, and given back before the next one, so that the
most that is held besides the packed weights is one matrix. The embedding stays in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass
from perfdsl.runner.config import Config
from perfdsl.runner.gguf import TensorInfo
from perfdsl.runner.kernels.product import BLOCK
from perfdsl.runner.memory import Arena, room
from perfdsl.runner.packing import pack, packed_bytes
from perfdsl.runner.tensors import Tensors


@dataclass(frozen=True, slots=True)
class Matrix:
    """A packed matrix [rows, 32 * blocks]: its bytes, its fp16 scales, the tensors it is made of.

    tensors: (name, first row) in order; q, k and v are one matrix.
    """

    rows: int
    blocks: int
    bytes: NDArray[np.uint8]
    scales: NDArray[np.uint8]
    tensors: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """All weights but the embedding. matrices: by the name of their (first) tensor's operator."""

    arena: Arena
    layers: tuple[dict[str, Matrix], ...]
    norms: tuple[dict[str, NDArray[np.float32]], ...]
    output_norm: NDArray[np.float32]
    head: dict[str, Matrix]

    def matrices(self) -> Iterator[Matrix]:
        for layer in self.layers:
            yield from layer.values()
        yield from self.head.values()


Products: TypeAlias = Mapping[str, tuple[str, ...]]  # of which tensors a matrix is made

# Of a layer, in order of use: the matrix, the tensors of which it is made.
PRODUCTS: Products = {
    "qkv": ("attn_q", "attn_k", "attn_v"),
    "output": ("attn_output",),
    "gate": ("ffn_gate",),
    "up": ("ffn_up",),
    "down": ("ffn_down",),
}
NORMS = (
    "attn_norm", "attn_q_norm", "attn_k_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm",
)  # fmt: skip
HEAD: Products = {"dense_2": ("dense_2",), "dense_3": ("dense_3",)}


def load_weights(
    config: Config, tensors: Tensors, told: Callable[[int, int], None] | None = None
) -> Weights:
    """Pack a file whose tensors were checked. Raises NumberError at a scale that is no number.

    told: called with the layers packed so far and their number.
    """
    arena = Arena(_size(config, tensors))
    layers, norms = [], []
    for layer in range(config.layers):
        prefix = f"blk.{layer}."
        layers.append(_packed_all(arena, tensors, PRODUCTS, prefix))
        norms.append({name: _norm(arena, tensors, f"{prefix}{name}.weight") for name in NORMS})
        if told is not None:
            told(layer + 1, config.layers)
    head = _packed_all(arena, tensors, HEAD, "") if config.dense else {}
    output_norm = _norm(arena, tensors, "output_norm.weight")
    return Weights(arena, tuple(layers), tuple(norms), output_norm, head)


def _packed_all(
    arena: Arena, tensors: Tensors, products: Products, prefix: str
) -> dict[str, Matrix]:
    named = {key: [f"{prefix}{name}.weight" for name in names] for key, names in products.items()}
    return {key: _packed(arena, tensors, names) for key, names in named.items()}


def _packed(arena: Arena, tensors: Tensors, names: Sequence[str]) -> Matrix:
    shapes = [tensors.file.tensors[name].shape for name in names]
    rows, blocks = sum(shape[0] for shape in shapes), shapes[0][1] // BLOCK
    of_bytes, of_scales = packed_bytes(rows, blocks)
    bytes_, scales = arena.take((of_bytes,), np.uint8), arena.take((of_scales,), np.uint8)
    first, parts = 0, []
    for name, shape in zip(names, shapes, strict=True):
        done = packed_bytes(first, blocks)
        source = tensors.raw(name)  # refuses scales that are no numbers
        pack(
            source.ctypes.data, shape[0], blocks,
            bytes_.ctypes.data + done[0], scales.ctypes.data + done[1],
        )  # fmt: skip
        parts.append((name, first))
        first += shape[0]
    return Matrix(rows, blocks, bytes_, scales, tuple(parts))


def _norm(arena: Arena, tensors: Tensors, name: str) -> NDArray[np.float32]:
    values = tensors.dequantised(name)
    kept: NDArray[np.float32] = arena.take(values.shape, np.float32)
    kept[:] = values
    return kept


def _size(config: Config, tensors: Tensors) -> int:
    """Of the arena: every piece on cache lines of its own."""
    sizes = []
    shapes = tensors.file.tensors
    for layer in range(config.layers):
        prefix = f"blk.{layer}."
        sizes += _sizes(shapes, PRODUCTS, prefix)
        sizes += [4 * shapes[f"{prefix}{name}.weight"].shape[0] for name in NORMS]
    sizes += _sizes(shapes, HEAD, "") if config.dense else []
    return room(*sizes, 4 * config.d_model)


def _sizes(shapes: Mapping[str, TensorInfo], products: Products, prefix: str) -> list[int]:
    sizes: list[int] = []
    for names in products.values():
        found = [shapes[f"{prefix}{name}.weight"].shape for name in names]
        sizes += packed_bytes(sum(shape[0] for shape in found), found[0][1] // BLOCK)
    return sizes
