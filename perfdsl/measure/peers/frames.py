"""Frames between us and a peer's process: what is said as JSON, and arrays as their bytes.

    uint32 length of the JSON | JSON: {"head": {...}, "arrays": [[type, shape], ...]} | bytes ...

Numbers are little-endian. Both ends are this file, but what is on the other end runs a library that
we did not write: lengths are checked before anything is allocated.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass

MOST_JSON = 2**20  # bytes; a head holds a few numbers, and the text of an error
MOST_BYTES = 2**28  # of an array: 2,000 vectors of 768 float32 are 6 MB
TYPES = {"i4": np.dtype("<i4"), "f4": np.dtype("<f4")}

LENGTH = struct.Struct("<I")

Read = Callable[[int], bytes]
"""So many bytes, exactly; raises EOFError where the other end has closed."""


class FrameError(ValueError):
    """The bytes are no frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """head: plain values by name; arrays: int32 or float32 of any shape."""

    head: Mapping[str, Any]
    arrays: tuple[NDArray[Any], ...] = ()


def packed(frame: Frame) -> bytes:
    """The bytes of a frame."""
    known = [each.astype(TYPES[_type(each)], copy=False) for each in frame.arrays]
    shapes = [[_type(each), list(each.shape)] for each in known]
    head = json.dumps({"head": dict(frame.head), "arrays": shapes}).encode()
    return b"".join([LENGTH.pack(len(head)), head, *(each.tobytes() for each in known)])


def unpacked(read: Read) -> Frame:
    """The next frame; EOFError before or within it, FrameError where it is none."""
    (length,) = LENGTH.unpack(read(LENGTH.size))
    if length > MOST_JSON:
        raise FrameError(f"{length:,} bytes of JSON")
    try:
        told = json.loads(read(length))
        head, shapes = dict(told["head"]), [(TYPES[kind], shape) for kind, shape in told["arrays"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise FrameError(f"no frame: {error}") from error
    return Frame(head, tuple(_array(read, kind, shape) for kind, shape in shapes))


def _array(read: Read, kind: np.dtype[Any], shape: object) -> NDArray[Any]:
    if not isinstance(shape, list) or len(shape) > 4 or not all(map(_is_size, shape)):
        raise FrameError(f"an array of shape {shape!r}")
    size = math.prod(shape) * kind.itemsize
    if size > MOST_BYTES:
        raise FrameError(f"an array of {size:,} bytes")
    return np.frombuffer(read(size), kind).reshape(shape)


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value <= MOST_BYTES


def _type(array: NDArray[Any]) -> str:
    """`i4` or `f4`: a frame has no others."""
    name = array.dtype.str[1:]
    if name not in TYPES:
        raise FrameError(f"an array of {array.dtype}")
    return name
