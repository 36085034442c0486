"""What is being compiled: who wants to be told, and how far it is.

Compiling takes seconds, once per machine; nothing here prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any, cast

from numba.core.registry import CPUDispatcher

from perfdsl.records import dataclass


@dataclass(slots=True, frozen=True)
class Compiling:
    """A kernel is about to be compiled; `done` of `total` are."""

    name: str
    done: int
    total: int


class _Progress:
    """One count for the process: Numba compiles under one lock."""

    def __init__(self) -> None:
        self.observer: Callable[[Compiling], None] | None = None
        self.compiled: list[str] = []  # in the order in which they were finished
        self.begun = self.done = self.total = 0


_progress = _Progress()


def begin(name: str) -> None:
    """A kernel was not found among those that are kept. It may wait for others that it calls."""
    _progress.begun += 1
    if _progress.observer is not None:
        total = max(_progress.total, _progress.begun)
        _progress.observer(Compiling(name, _progress.done, total))


def finish(name: str) -> None:
    """A kernel was compiled."""
    _progress.done += 1
    _progress.compiled.append(name)


def compiled_here() -> tuple[str, ...]:
    """The names of the kernels that this process compiled: those that it did not find."""
    return tuple(_progress.compiled)


@contextmanager
def told_of_compiling(
    observer: Callable[[Compiling], None], *programs: Callable[..., Any]
) -> Iterator[None]:
    """Within, `observer` is called before each kernel that is compiled: never where all are kept.

    The total is the number of kernels that the programs name, and those name, and so on.
    """
    before = _progress.observer
    _progress.observer, _progress.begun, _progress.done = observer, 0, 0
    _progress.total = len(kernels_of(*programs))
    try:
        yield
    finally:
        _progress.observer = before


def kernels_of(*programs: Callable[..., Any]) -> list[Callable[..., Any]]:
    """The programs that are kernels, the kernels that they name, and so on: each once."""
    found: dict[int, Callable[..., Any]] = {}
    waiting: list[Any] = list(programs)
    while waiting:
        program = waiting.pop()
        if isinstance(program, CPUDispatcher) and id(program) not in found:
            found[id(program)] = program
            waiting += _named_by(cast(FunctionType, program.py_func))
    return list(found.values())


def _named_by(function: FunctionType) -> Iterator[Any]:
    """The values of the names in a function, and of the names in modules that it names."""
    names = function.__code__.co_names
    known: Mapping[str, Any] = function.__globals__
    for cell in function.__closure__ or ():
        yield cell.cell_contents
    for name in names:
        value = known.get(name)
        yield value
        if isinstance(value, ModuleType):
            yield from (getattr(value, inner, None) for inner in names)
