"""Words: int64 and float64 values at an address, which is how a job reaches native code."""

from __future__ import annotations

from typing import Any

import numba.extending
from llvmlite import ir

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.vector import I8, I64

WORD = 8

carray: Any = vars(numba)["carray"]  # which has types for pointers of ctypes alone

_load = intrinsic_of(lambda e, address: e.load(address, 0, I64), "i", "i")
_store = intrinsic_of(lambda e, address, value: e.store(value, address), "ii")
_number = intrinsic_of(lambda e, address: e.load(address, 0, ir.DoubleType()), "i", "d")
_pointer = intrinsic_of(lambda e, address: e.builder.inttoptr(address, I8.as_pointer()), "i", "p")


_ask_line = intrinsic_of(lambda e, address: e.prefetch(address, 0, 3), "i")


@kernel
def ask(address: int, size: int) -> None:
    """Have these bytes brought to L1; nothing is waited for, nothing is wrong if none are there."""
    for line in range(0, size, 64):
        _ask_line(address + line)


@kernel
def word(block: int, index: int) -> int:
    """The int64 number `index` of a block."""
    found: int = _load(block + WORD * index)
    return found


@kernel
def set_word(block: int, index: int, value: int) -> None:
    """Write the int64 number `index` of a block."""
    _store(block + WORD * index, value)


@kernel
def number(block: int, index: int) -> float:
    """The float64 number `index` of a block."""
    found: float = _number(block + WORD * index)
    return found


@kernel
def words(address: int, count: int) -> Any:
    """`count` int64 values as an array that does not own them."""
    return carray(_pointer(address), (count,), numba.types.int64)
