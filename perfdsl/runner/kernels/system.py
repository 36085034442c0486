"""The C library's part: sleeping, waking, the clock, and which core a thread runs on.

The functions are found by name in the process. Places on cores are told and changed on Linux only;
elsewhere a thread is on core -1, and stays where it is.
"""

from __future__ import annotations

import time
from typing import Any

from llvmlite import ir

from perfdsl.runner.kernels.emitted import intrinsic_of
from perfdsl.runner.kernels.vector import I32, I64, Emitter, Value

POINTER = ir.PointerType()
# An affinity mask: one bit for each of 1024 cores, as glibc's cpu_set_t has it.
MASK_BYTES = 128


def _call(e: Emitter, name: str, *given: Value) -> Value:
    """A call of a function that returns an int, as an int64."""
    module, kind = e.builder.module, ir.FunctionType(I32, [value.type for value in given])
    function = module.globals.get(name) or ir.Function(module, kind, name)
    return e.builder.sext(e.builder.call(function, given), I64)


def _of_addresses(name: str, parameters: int) -> Any:
    """A function of the library that takes so many addresses and returns an int."""

    def emit(e: Emitter, *addresses: Value) -> Value:
        return _call(e, name, *(e.builder.inttoptr(each, POINTER) for each in addresses))

    return intrinsic_of(emit, "i" * parameters, "i")


# A lock and a condition to sleep on, each at an address with room for it (64 bytes at most).
mutex_init = _of_addresses("pthread_mutex_init", 2)
mutex_lock = _of_addresses("pthread_mutex_lock", 1)
mutex_unlock = _of_addresses("pthread_mutex_unlock", 1)
condition_init = _of_addresses("pthread_cond_init", 2)
condition_wait = _of_addresses("pthread_cond_wait", 2)
condition_broadcast = _of_addresses("pthread_cond_broadcast", 1)

# Let another thread that is ready run on this core.
yield_core = _of_addresses("sched_yield", 0)


def _nanoseconds(e: Emitter) -> Value:
    """The time on a clock that only goes forward."""
    b, pair = e.builder, ir.ArrayType(I64, 2)  # struct timespec: both its fields have 64 bits
    with b.goto_entry_block():
        place = b.alloca(pair)
    _call(e, "clock_gettime", I32(time.CLOCK_MONOTONIC), place)
    read = b.load(place, typ=pair)
    seconds = b.mul(b.extract_value(read, 0), I64(1_000_000_000))
    return b.add(seconds, b.extract_value(read, 1))


def _on_linux(e: Emitter) -> bool:
    return "linux" in e.builder.module.triple


def _core(e: Emitter) -> Value:
    """The number of the core that this thread runs on at this moment; -1 where none can be told."""
    return _call(e, "sched_getcpu") if _on_linux(e) else I64(-1)


def _of_mask(name: str) -> Any:
    """A function on the mask of cores that this thread may run on; 0 where it succeeded."""

    def emit(e: Emitter, mask: Value) -> Value:
        if not _on_linux(e):
            return I64(-1)
        return _call(e, name, I32(0), I64(MASK_BYTES), e.builder.inttoptr(mask, POINTER))

    return intrinsic_of(emit, "i", "i")


nanoseconds = intrinsic_of(_nanoseconds, "", "i")
core = intrinsic_of(_core, "", "i")
cores_allowed = _of_mask("sched_getaffinity")  # writes the mask at the address
allow_cores = _of_mask("sched_setaffinity")  # reads it
