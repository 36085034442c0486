"""Threads that run one program together: the caller as the first of them, and helpers.

The caller enters native code for some steps of the program at a time and is back in Python between
them, where Ctrl-C is raised; then all helpers have finished those steps. So no core is lost to a
thread that only waits, and an exception finds nobody in the middle of something.

A pool belongs to its process: after a fork the child has none of its threads and makes its own.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, TypeAlias

import numpy as np

from perfdsl.records import dataclass
from perfdsl.runner import crew
from perfdsl.runner.barrier import LINE

# How long helpers stay awake for a next job. Awake they take one up in 0.4 us, asleep in 20 us.
PATIENCE_S = 0.003
# The time between two moments in which Ctrl-C is seen, unless a single step takes longer. Not less:
# who comes back to Python may have to wait for it 5 ms, where another thread of Python is busy.
SLICE_NS = 20_000_000
# At the end of the process, for helpers in the middle of a step: they leave at its next barrier.
FAREWELL_S = 5.0

# (arguments, first, last, thread, threads, barrier): see `crew.PROGRAM_TYPE`.
Steps: TypeAlias = Callable[[int, int, int, int, int, int], None]


class PoolClosedError(RuntimeError):
    """The pool was closed, or the process is ending."""


class PoolBusyError(RuntimeError):
    """A thread that has its turn asked for another: from a signal handler or a callback."""


class ProgramFailedError(RuntimeError):
    """A program raised an exception in one of the threads; the pool is as good as before."""


@dataclass(frozen=True, slots=True)
class Program:
    """A kernel that all threads run: `steps(arguments, first, last, thread, threads, barrier)`.

    `arguments` is an address that means something to the program; steps first ..< last are to be
    done. All threads call `barrier.wait(barrier, threads)` equally often, and where it returns
    False the program returns at once. One that may take long looks at the clock (`look_up`) and
    returns behind a step when it is time (`leaves`): it is called again for those that remain.
    """

    name: str
    address: int
    compiled: Any  # owns the code at the address


def program_of(steps: Steps) -> Program:
    """Compile or load the program that a kernel is."""
    dispatcher: Any = steps
    dispatcher.compile(crew.PROGRAM_TYPE)
    compiled = dispatcher.get_compile_result(crew.PROGRAM_TYPE)
    address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
    return Program(dispatcher.__name__, address, compiled)


class Pool:
    """So many threads, the caller's among them. Any thread may call; one has its turn at a time."""

    def __init__(self, threads: int, patience: float = PATIENCE_S) -> None:
        self.threads = threads
        self._patience = round(patience * 1e9)
        self._lock = threading.Lock()
        self._turn_of: int | None = None
        self._helpers: _Helpers | None = None
        self._closed = False
        _pools.add(self)

    @contextmanager
    def turn(self) -> Iterator[Callable[[Program, int, int], None]]:
        """Within, `run(program, arguments, steps)` does all steps with all threads.

        Waits for the turns of other Python threads. `run` raises what a signal handler raises after
        the steps under way, ProgramFailedError, and PoolClosedError.
        """
        if self._turn_of == threading.get_ident():
            raise PoolBusyError("this thread is using these threads already")
        with self._lock:
            self._turn_of = threading.get_ident()
            try:
                yield self._run
            finally:
                self._turn_of = None

    def rouse(self) -> None:
        """Have sleeping helpers wake up while the caller still prepares its turn."""
        if (helpers := self._helpers) is not None:
            crew.rouse(helpers.control)

    def close(self) -> None:
        """End the helpers, after the turn that another thread may have."""
        with self._lock:
            self._closed = True
            helpers, self._helpers = self._helpers, None
        if helpers is not None:
            helpers.end()

    def end_now(self) -> None:
        """End the helpers at the next barrier, whoever has a turn: the process is ending."""
        if (helpers := self._helpers) is not None:
            crew.dismiss(helpers.control)

    def forget(self) -> None:
        """In the child of a fork: there are no helpers, and who held the lock may not exist."""
        self._lock = threading.Lock()
        if self._turn_of != threading.get_ident():
            self._turn_of = None
        if (helpers := self._helpers) is not None:
            helpers.end_when_collected.detach()  # their lock may be held for ever
            self._helpers = None

    def _run(self, program: Program, arguments: int, steps: int) -> None:
        first = 0
        while first < steps:
            first = self._some(program, arguments, first, steps)

    def _some(self, program: Program, arguments: int, first: int, last: int) -> int:
        """Do steps for as long as a slice lasts; the step to go on with."""
        control = (self._helpers or self._started()).control
        reached: int = crew.lead(
            control, self.threads, program.address, arguments, first, last, SLICE_NS
        )
        if reached == crew.CLOSED:
            raise PoolClosedError("these threads were closed")
        if reached < 0:
            failures = crew.CLOSED - reached
            message = f"{program.name} raised an exception in {failures} of {self.threads} threads"
            raise ProgramFailedError(message)
        return reached

    def _started(self) -> _Helpers:
        if self._closed or _over.is_set():
            raise PoolClosedError("these threads were closed")
        self._helpers = _Helpers(self.threads, self._patience)
        return self._helpers


class _Helpers:
    """The helpers of a pool and the memory that they share. They end when this is collected."""

    def __init__(self, threads: int, patience: int) -> None:
        crew.compile_entries()
        memory = np.zeros(crew.control_bytes(threads) + LINE, np.uint8)
        self.control = -(-memory.ctypes.data // LINE) * LINE
        crew.prepare(self.control)
        self.end_when_collected = weakref.finalize(self, _dismiss, memory, self.control)
        self.end_when_collected.atexit = False
        self.threads = [
            threading.Thread(
                target=_help,
                args=(memory, self.control, number, threads, patience),
                name=f"perfdsl-helper-{number}",
                daemon=True,
            )
            for number in range(1, threads)
        ]
        try:
            for thread in self.threads:
                _alive.add(thread)
                thread.start()
        except BaseException:  # more threads than the process may have, or Ctrl-C
            crew.dismiss(self.control)
            _alive.difference_update(t for t in self.threads if t.ident is None)
            raise

    def end(self) -> None:
        """End them and wait until they are gone."""
        crew.dismiss(self.control)
        for thread in self.threads:
            thread.join()


def _help(memory: Any, control: int, number: int, threads: int, patience: int) -> None:
    """The life of a helper. It owns the shared memory, and knows nothing of the pool."""
    try:
        crew.serve(control, number, threads, patience)
    finally:
        _alive.discard(threading.current_thread())
        del memory


def _dismiss(memory: Any, control: int) -> None:
    crew.dismiss(control)
    del memory


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
_alive: set[threading.Thread] = set()
_over = threading.Event()  # the interpreter is about to go


def _end_all() -> None:
    """Before the interpreter goes: a helper that came back to it later would find nothing there."""
    _over.set()
    for pool in list(_pools):
        pool.end_now()
    until = monotonic() + FAREWELL_S
    for thread in list(_alive):
        thread.join(max(0.0, until - monotonic()))


def _forget_all() -> None:
    _alive.clear()
    for pool in list(_pools):
        pool.forget()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
