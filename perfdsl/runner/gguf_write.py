"""A GGUF file written: keys and tensors in the order given, the same bytes for the same things.

key        ValueType and value; for an array, Items
tensor     Written: name, shape, type, and its bytes in pieces, asked for when they are due
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import BinaryIO, TypeAlias

from perfdsl.records import dataclass
from perfdsl.runner.gguf_cursor import U32, U64
from perfdsl.runner.gguf_types import ALIGNMENT, FORMS, MAGIC, TensorType, ValueType, row_bytes


@dataclass(frozen=True, slots=True)
class Items:
    """The value of a key that is an array. A text is str, or bytes as they shall stand there."""

    type: ValueType
    items: Sequence[int | float | bool | str | bytes]


Keyed: TypeAlias = tuple[ValueType, int | float | bool | str | bytes] | Items


@dataclass(frozen=True, slots=True)
class Written:
    """A tensor to write. shape: (out, in) for a matrix; pieces: its bytes, all of them together."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    pieces: Callable[[], Iterable[bytes]]

    @property
    def nbytes(self) -> int:
        return prod(self.shape[:-1]) * row_bytes(self.type, self.shape[-1])


def write_gguf(
    stream: BinaryIO,
    keys: Mapping[str, Keyed],
    tensors: Sequence[Written],
    *,
    version: int = 3,
    alignment: int = ALIGNMENT,
) -> None:
    """Write the whole file. Pieces that are not as many bytes as the shape has: ValueError.

    alignment: other than the usual one, it belongs among the keys, too.
    """
    head = header(keys, tensors, version=version, alignment=alignment)
    stream.write(head + bytes(-len(head) % alignment))
    for tensor in tensors:
        done = 0
        for piece in tensor.pieces():
            stream.write(piece)
            done += len(piece)
        if done != tensor.nbytes:
            raise ValueError(f"{tensor.name}: {done:,} bytes for {tensor.nbytes:,}")
        stream.write(bytes(-done % alignment))


def header(
    keys: Mapping[str, Keyed],
    tensors: Sequence[Written],
    *,
    version: int = 3,
    alignment: int = ALIGNMENT,
) -> bytes:
    """All of a file in front of its data, not yet padded to the alignment."""
    pieces = [MAGIC, U32.pack(version), U64.pack(len(tensors)), U64.pack(len(keys))]
    for name, value in keys.items():
        pieces += [_text(name), _keyed(value)]
    offset = 0
    for tensor in tensors:
        pieces += [_text(tensor.name), U32.pack(len(tensor.shape))]
        pieces += [U64.pack(size) for size in reversed(tensor.shape)]
        pieces += [U32.pack(tensor.type), U64.pack(offset)]
        offset += -(-tensor.nbytes // alignment) * alignment
    return b"".join(pieces)


def _keyed(value: Keyed) -> bytes:
    match value:
        case Items(type=kind, items=items):
            head = U32.pack(ValueType.ARRAY) + U32.pack(kind) + U64.pack(len(items))
            return head + b"".join(_item(kind, item) for item in items)
        case (kind, item):
            return U32.pack(kind) + _item(kind, item)


def _item(kind: ValueType, value: object) -> bytes:
    match value:
        case str() | bytes():
            return _text(value)
        case _:
            return FORMS[kind].pack(value)


def _text(value: str | bytes) -> bytes:
    data = value.encode("utf-8") if isinstance(value, str) else value
    return U64.pack(len(data)) + data
