"""The bytes of tensors: matrices as blocks, norms as floats, and the embedding as a mapped table.

A block of Q8_0 is 34 bytes: an fp16 scale, then 32 int8 (`BLOCK_BYTES`). Matrices are read into
memory of the caller's and can be given back when they are packed. The embedding is nine tenths of a
published file's rows and a text needs few of them: it stays mapped, and a row is looked at when it
is used.
"""

from __future__ import annotations

import mmap
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from perfdsl.runner.errors import NumberError, TensorError, UnreadableFileError
from perfdsl.runner.gguf import GgufFile, TensorInfo
from perfdsl.runner.gguf_types import BLOCKS, TensorType
from perfdsl.runner.layout import EMBEDDING, shown_shape

BLOCK, BLOCK_BYTES = BLOCKS[TensorType.Q8_0]
SCALE_BYTES = 2

Blocks: TypeAlias = NDArray[np.uint8]  # (rows, columns / 32, 34)
Floats: TypeAlias = NDArray[np.float32]


class Tensors:
    """The tensors of an open file; a number that is none is refused as it is read."""

    def __init__(self, file: GgufFile) -> None:
        self.file = file

    def raw(self, name: str) -> NDArray[np.uint8]:
        """The bytes of a tensor in memory of their own, (nbytes,). Raises NumberError."""
        found = self.file.tensors[name]
        data = np.empty(found.nbytes, np.uint8)
        self.file.file.fill(found.offset, data.data)
        match found.type:
            case TensorType.Q8_0:
                _scales_finite(found, data.reshape(-1, BLOCK_BYTES))
            case TensorType.F32:
                _floats_finite(found, data.view("<f4"))
            case _:
                raise TensorError(f"{found.type.name} is not read", found.row, name)
        return data

    def blocks(self, name: str) -> Blocks:
        """A matrix in Q8_0: (rows, columns / 32, 34)."""
        rows, columns = self.file.tensors[name].shape
        return self.raw(name).reshape(rows, columns // BLOCK, BLOCK_BYTES)

    def dequantised(self, name: str) -> Floats:
        """A matrix, (rows, columns), or a norm, (width,), in float32."""
        found = self.file.tensors[name]
        if found.type is TensorType.F32:
            return self.raw(name).view("<f4").astype(np.float32, copy=False).reshape(found.shape)
        return dequantise(self.blocks(name))

    @cached_property
    def embedding(self) -> Blocks:
        """The table of the embedding as it lies in the file: (vocab, d_model / 32, 34), mapped.

        Nothing of it is checked here: see `refuse_rows`.
        """
        found = self.file.tensors[EMBEDDING]
        if found.type is not TensorType.Q8_0 or len(found.shape) != 2:
            what = f"the table is {shown_shape(found.shape)} in {found.type.name}"
            raise TensorError(what, found.row, EMBEDDING)
        start = found.offset // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
        try:
            mapped = mmap.mmap(
                self.file.file.descriptor,
                found.end - start,
                flags=mmap.MAP_SHARED,
                prot=mmap.PROT_READ,
                offset=start,
            )
        except (OSError, ValueError) as error:  # a ValueError: the file has become shorter
            raise UnreadableFileError(f"the table cannot be mapped: {error}", start) from None
        # A text touches rows here and there: reading ahead would bring in, and count as resident,
        # thirty times what is used.
        mapped.madvise(mmap.MADV_RANDOM)
        table = np.frombuffer(mapped, np.uint8, found.nbytes, found.offset - start)
        rows, columns = found.shape
        return table.reshape(rows, columns // BLOCK, BLOCK_BYTES)

    def refuse_rows(self, ids: NDArray[np.integer]) -> None:
        """Raise NumberError if a row of the embedding with one of these ids has such a scale."""
        scales = self.embedding[ids, :, :SCALE_BYTES]  # (ids, blocks, 2): copied, so contiguous
        wrong = _not_finite(np.ascontiguousarray(scales).view("<u2")[..., 0])
        if wrong.any():
            place, block = (int(index) for index in np.argwhere(wrong)[0])
            row = int(ids[place])
            found = self.file.tensors[EMBEDDING]
            offset = found.offset + (row * found.shape[1] // BLOCK + block) * BLOCK_BYTES
            raise NumberError(f"a scale of row {row:,} is infinite or NaN", offset, EMBEDDING)


def dequantise(blocks: Blocks) -> Floats:
    """(rows, columns / 32, 34) bytes -> (rows, columns) float32: scale * int8, exactly."""
    rows, count, _ = blocks.shape
    scales = np.ascontiguousarray(blocks[..., :SCALE_BYTES]).view("<f2").astype(np.float32)
    values = blocks[..., SCALE_BYTES:].view(np.int8).astype(np.float32)
    return (scales * values).reshape(rows, count * BLOCK)


def _scales_finite(found: TensorInfo, blocks: NDArray[np.uint8]) -> None:
    """blocks: (number, 34)."""
    wrong = _not_finite(np.ascontiguousarray(blocks[:, :SCALE_BYTES]).view("<u2")[:, 0])
    if wrong.any():
        block = int(wrong.argmax())
        what = f"the scale of block {block:,} is infinite or NaN"
        raise NumberError(what, found.offset + block * BLOCK_BYTES, found.name)


def _not_finite(halves: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Which fp16 have an exponent of ones alone."""
    exponent = np.uint16(0x7C00)
    found: NDArray[np.bool_] = (halves & exponent) == exponent
    return found


def _floats_finite(found: TensorInfo, values: Floats) -> None:
    wrong = ~np.isfinite(values)
    if wrong.any():
        place = int(wrong.argmax())
        what = f"value {place:,} is infinite or NaN"
        raise NumberError(what, found.offset + place * values.itemsize, found.name)
