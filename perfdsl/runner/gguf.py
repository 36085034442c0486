"""A GGUF file: its keys, and where each tensor lies; all of it checked before it is believed.

    header   magic, version, number of tensors, number of keys
    keys     name, type, value; arrays are walked past and stay in the file
    tensors  name, dimensions (fastest first), type, offset in the data
    data     begins at the next multiple of the alignment

A length is compared with what is left of the file before anything of that length is read, kept or
walked, so that the time and the memory are those of a file of that size, whatever it claims.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import prod
from struct import Struct
from typing import TypeAlias

from perfdsl.records import dataclass, field
from perfdsl.runner.errors import ModelFileError, TensorError
from perfdsl.runner.file_bytes import FileBytes
from perfdsl.runner.gguf_cursor import U64, Cursor, decoded
from perfdsl.runner.gguf_types import (
    ALIGNMENT,
    BLOCKS,
    FORMS,
    LEAST_ALIGNMENT,
    LONGEST_KEY,
    LONGEST_TENSOR_NAME,
    MAGIC,
    MOST_ALIGNMENT,
    MOST_DIMENSIONS,
    VERSIONS,
    TensorType,
    ValueType,
    row_bytes,
)

# Far above what a model file has (38 keys, 316 tensors, a vocabulary of 262,144), and low enough
# that a file which is nothing but keys, tensors or nested arrays is refused within a second.
MOST_KEYS = 4096
MOST_TENSORS = 1 << 16
MOST_TEXTS = 1 << 22
MOST_ARRAYS = 1 << 16
DEEPEST = 4
LONGEST_TEXT = 1 << 16  # of a value that is kept; a longer one stays in the file


@dataclass(frozen=True, slots=True)
class Array:
    """Items that stay in the file until somebody asks. offset: of the first one; nbytes: of all.

    A text of more than LONGEST_TEXT bytes is an array of UINT8.
    """

    type: ValueType
    count: int
    offset: int
    nbytes: int
    file: FileBytes = field(repr=False)

    def raw(self) -> bytes:
        """All bytes of the items, little-endian: numbers for `numpy.frombuffer`."""
        return self.file.read(self.offset, self.nbytes)

    def numbers(self) -> list[int | float]:
        """The items, where they are numbers or truth values."""
        return [number for (number,) in FORMS[self.type].iter_unpack(self.raw())]

    def texts(self) -> Iterator[tuple[int, bytes]]:
        """The items, where they are texts: the place of each one's bytes, and the bytes."""
        data, place = self.raw(), 0
        unpack, head, end = U64.unpack_from, U64.size, len(data)
        for _ in range(self.count):
            begin = place + head
            place = begin + unpack(data, place)[0] if begin <= end else end + 1
            if place > end:
                raise ModelFileError("the file is another one by now", self.offset + begin)
            yield self.offset + begin, data[begin:place]


Value: TypeAlias = int | float | bool | str | Array


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where a tensor lies. shape: as in NumPy, (out, in) for a matrix; offset: in the file.

    row: the place of its row in the table of tensors, for messages.
    """

    name: str
    shape: tuple[int, ...]
    type: TensorType
    offset: int
    nbytes: int
    row: int

    @property
    def end(self) -> int:
        return self.offset + self.nbytes


@dataclass(frozen=True, slots=True)
class GgufFile:
    """A file that holds together: all its tensors lie inside, aligned, and apart from each other.

    places: of the values of keys. data: where the tensors begin.
    """

    file: FileBytes = field(repr=False)
    version: int
    alignment: int
    data: int
    keys: Mapping[str, Value]
    places: Mapping[str, int]
    tensors: Mapping[str, TensorInfo]

    @property
    def path(self) -> str:
        return os.fspath(self.file.path)


def open_gguf(path: str | os.PathLike[str]) -> GgufFile:
    """Read all of a file but its arrays and its tensors. Raises ModelFileError."""
    cursor = Cursor(FileBytes(path))
    version = _version(cursor)
    tensor_count = _limited(cursor, 24, "tensors", MOST_TENSORS)
    key_count = _limited(cursor, 13, "keys", MOST_KEYS)
    keys, places = _keys(cursor, key_count)
    alignment = _alignment(keys, places)
    rows = [_row(cursor) for _ in range(tensor_count)]
    data = -(-cursor.at // alignment) * alignment
    tensors: dict[str, TensorInfo] = {}
    for each in rows:
        if each.name in tensors:
            raise ModelFileError("two tensors have this name", each.row, each.name)
        tensors[each.name] = _placed(each, data, alignment, cursor.file.size)
    _apart(tensors)
    return GgufFile(cursor.file, version, alignment, data, keys, places, tensors)


def _version(cursor: Cursor) -> int:
    magic = cursor.take(len(MAGIC), "the letters GGUF")
    if magic != MAGIC:
        mend = "a model file begins with the letters GGUF; this is another format"
        raise ModelFileError("this is not a GGUF file", 0, mend=mend)
    at = cursor.at
    version = cursor.u32("the version")
    if version in VERSIONS:
        return version
    if int.from_bytes(version.to_bytes(4, "little"), "big") in VERSIONS:
        raise ModelFileError("the file is in big-endian order, which is not read", at)
    known = " and ".join(map(str, VERSIONS))
    raise ModelFileError(f"this is version {version:,} of GGUF; {known} are read", at)


def _limited(cursor: Cursor, least: int, what: str, most: int) -> int:
    at = cursor.at
    found = cursor.count(least, what)
    if found > most:
        raise ModelFileError(f"there are {found:,} {what}: more than {most:,}", at)
    return found


# -- keys


def _keys(cursor: Cursor, number: int) -> tuple[dict[str, Value], dict[str, int]]:
    """The values by their keys, and the places of the values."""
    values: dict[str, Value] = {}
    places: dict[str, int] = {}
    budget = _Budget()
    for _ in range(number):
        at = cursor.at
        name = cursor.text("a key", LONGEST_KEY)
        if name in values:
            raise ModelFileError("the key is there twice", at, name)
        kind = _value_type(cursor)
        places[name] = cursor.at
        try:
            values[name] = _value(cursor, kind, budget)
        except ModelFileError as error:
            raise ModelFileError(error.what, error.offset, name) from None
    return values, places


class _Budget:
    """How much of what has to be walked is still allowed, in the whole file."""

    __slots__ = ("arrays", "texts")

    def __init__(self) -> None:
        self.texts = MOST_TEXTS
        self.arrays = MOST_ARRAYS


def _value_type(cursor: Cursor) -> ValueType:
    at = cursor.at
    number = cursor.u32("the type of a value")
    try:
        return ValueType(number)
    except ValueError:
        raise ModelFileError(f"there is no type {number:,} of values", at) from None


def _value(cursor: Cursor, kind: ValueType, budget: _Budget) -> Value:
    at = cursor.at
    match kind:
        case ValueType.ARRAY:
            return _array(cursor, budget, DEEPEST)
        case ValueType.STRING:
            return _text(cursor)
        case ValueType.BOOL:
            number = cursor.number(FORMS[kind], "a truth value")
            if number not in {0, 1}:
                raise ModelFileError(f"a truth value is 0 or 1, and this is {number}", at)
            return bool(number)
        case _:
            return cursor.number(FORMS[kind], "a number")


def _text(cursor: Cursor) -> str | Array:
    length = cursor.count(1, "bytes of a text")
    if length <= LONGEST_TEXT:
        at = cursor.at
        return decoded(cursor.take(length, "a text"), at, "a text")
    found = Array(ValueType.UINT8, length, cursor.at, length, cursor.file)
    cursor.skip(length)
    return found


def _array(cursor: Cursor, budget: _Budget, depth: int) -> Array:
    """Walk past an array; depth: how many levels of arrays may still follow."""
    start = cursor.at
    kind = _value_type(cursor)
    size = FORMS[kind].size if kind in FORMS else U64.size
    number = cursor.count(size, "items of an array")
    first = cursor.at
    match kind:
        case ValueType.STRING:
            budget.texts -= number
            if budget.texts < 0:
                raise ModelFileError(f"there are more than {MOST_TEXTS:,} texts", start)
            cursor.skip_texts(number, "a text of the array")
        case ValueType.ARRAY:
            budget.arrays -= number
            if depth == 1 or budget.arrays < 0:
                limits = f"{DEEPEST} levels, {MOST_ARRAYS:,} in all"
                raise ModelFileError(f"there are too many arrays in arrays ({limits})", start)
            for _ in range(number):
                _array(cursor, budget, depth - 1)
        case _:
            cursor.skip(number * size)
    return Array(kind, number, first, cursor.at - first, cursor.file)


def _alignment(keys: Mapping[str, Value], places: Mapping[str, int]) -> int:
    name = "general.alignment"
    found = keys.get(name, ALIGNMENT)
    if isinstance(found, int) and not isinstance(found, bool):
        if LEAST_ALIGNMENT <= found <= MOST_ALIGNMENT and not found & (found - 1):
            return found
    least, most = LEAST_ALIGNMENT, MOST_ALIGNMENT
    what = f"an alignment is a power of two from {least} to {most:,} bytes"
    raise ModelFileError(what, places.get(name), name)


# -- tensors

# What follows the number of dimensions: their sizes, the type, the offset.
_ROWS = {number: Struct(f"<{number}QIQ") for number in range(1, MOST_DIMENSIONS + 1)}


def _row(cursor: Cursor) -> TensorInfo:
    """One row of the table. offset: still from the beginning of the data."""
    start = cursor.at
    name = cursor.text("the name of a tensor", LONGEST_TENSOR_NAME)
    number = cursor.u32("the number of dimensions")
    if not 1 <= number <= MOST_DIMENSIONS:
        what = f"a tensor has 1 to {MOST_DIMENSIONS} dimensions, and this one {number:,}"
        raise TensorError(what, start, name)
    at = cursor.at
    form = _ROWS[number]
    *sizes, type_number, offset = form.unpack(cursor.take(form.size, "the rest of a tensor's row"))
    shape = tuple(reversed(sizes))
    kind = _tensor_type(type_number, at + number * U64.size, name)
    block = BLOCKS[kind][0]
    if not all(shape) or shape[-1] % block:
        what = f"{kind.name} has rows of whole blocks of {block}, and none is empty"
        raise TensorError(f"the shape is {_shown(shape)}: {what}", start, name)
    nbytes = prod(shape[:-1]) * row_bytes(kind, shape[-1])
    return TensorInfo(name, shape, kind, offset, nbytes, start)


def _tensor_type(number: int, at: int, name: str) -> TensorType:
    try:
        return TensorType(number)
    except ValueError:
        raise TensorError(f"there is no type {number:,} of tensors", at, name) from None


def _shown(shape: Sequence[int]) -> str:
    return " x ".join(f"{size:,}" for size in shape)


def _placed(found: TensorInfo, data: int, alignment: int, size: int) -> TensorInfo:
    """The tensor with its place in the file, which is inside the file and aligned."""
    if found.offset % alignment:
        what = f"the tensor begins {found.offset:,} bytes into the data, no multiple of {alignment}"
        raise TensorError(what, found.row, found.name)
    offset = data + found.offset
    if offset + found.nbytes > size:
        what = f"the tensor ends at byte {offset + found.nbytes:,}, and the file at {size:,}"
        raise TensorError(what, found.row, found.name, ModelFileError.usual)
    return TensorInfo(found.name, found.shape, found.type, offset, found.nbytes, found.row)


def _apart(tensors: Mapping[str, TensorInfo]) -> None:
    """No two tensors share a byte."""
    ordered = sorted(tensors.values(), key=lambda each: each.offset)
    for one, other in pairwise(ordered):
        if other.offset < one.end:
            what = f"the tensor begins at byte {other.offset:,}, inside of another one"
            mend = f"the other one ends at byte {one.end:,}"
            raise TensorError(what, other.row, other.name, mend)
