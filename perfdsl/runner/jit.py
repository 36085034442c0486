"""`kernel`: a function that Numba compiles once per machine, kept in a folder of the user's.

Numba's own cache looks at the file of the function alone: an edited intrinsic, tile size or callee
in another file left the old code in place (measured). Here the folder's name is a hash of all
sources of the runner, of the versions of all that compiles, and of the processor's features. Other
users of Numba in the process keep their cache as they set it: only the functions decorated here
have the one below.

**Trust.** An entry is a pickle of machine code: reading it runs it. That is why the folder is the
user's alone (`code_folder`), and why the digest in front of each entry is no defence against an
attacker: it finds truncated and damaged files, which are then compiled anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, ParamSpec, TypeVar, cast, overload

import numba
from numba.core import serialize
from numba.core.compiler import CompileResult
from numba.core.registry import CPUDispatcher

from perfdsl.records import dataclass
from perfdsl.runner.code_folder import FolderRefused, cache_root, key_of, private_folder

RUNNER = Path(__file__).resolve().parent
DIGEST = hashlib.sha256().digest_size
# What else decides which code Numba makes: part of the key.
SETTINGS = "OPT BOUNDSCHECK DEBUGINFO_DEFAULT ENABLE_AVX LOOP_VECTORIZE SLP_VECTORIZE".split()
BUILD = ("PERFDSL_ISA", "PERFDSL_COUNT")  # of kernels/target.py, which is not loaded for this

dumps: Callable[[object], bytes] = serialize.dumps  # functions and types of Numba's too

P = ParamSpec("P")
R = TypeVar("R")


@overload
def kernel(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def kernel(
    *, fastmath: bool | frozenset[str] = ..., inline: bool = ...
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def kernel(
    function: Callable[P, R] | None = None,
    *,
    fastmath: bool | frozenset[str] = False,
    inline: bool = False,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile a function on its first call for the types it is called with, or load it.

    It runs without the GIL, does not check bounds, and divides as NumPy does (by zero is infinite).
    `fastmath` names LLVM's flags (`frozenset({"contract"})`); sums keep their order without it.
    `inline` puts the function into its callers before types are found: for literal arguments.
    """
    if function is None:
        return partial(_compiled, fastmath=fastmath, inline=inline)
    return _compiled(function, fastmath=fastmath, inline=inline)


def _compiled(
    function: Callable[P, R], *, fastmath: bool | frozenset[str], inline: bool
) -> Callable[P, R]:
    options = {
        "nogil": True,
        "boundscheck": False,
        "error_model": "numpy",
        "fastmath": set(fastmath) if isinstance(fastmath, frozenset) else fastmath,
        "inline": "always" if inline else "never",
    }
    compile_later: Any = numba.njit
    made: Any = compile_later(**options)(function)
    if made is not function:  # as it is with NUMBA_DISABLE_JIT
        # where `cache=True` puts Numba's own cache
        made._cache = KernelCache(function)  # noqa: SLF001  it has no public name
    compiled: Callable[P, R] = made
    return compiled


class KernelCache:
    """What Numba asks of a function's cache: one file for each signature, found by its name."""

    cache_path = None  # asked for by Numba's statistics; there is no folder before the first use

    def __init__(self, function: Any) -> None:
        self._function = function

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The compiled function, or None: Numba then compiles it and calls `save_overload`."""
        context.refresh()
        if file := self._file(signature, context.codegen()):
            with suppress(Exception):  # whatever is wrong with an entry, it is made anew
                return _rebuilt(file, context)
        _told.started(self._function.__qualname__)
        return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep what was compiled. A disk that is full costs the next process the time, no more."""
        name = self._function.__qualname__
        if compiled.lifted or compiled.library.has_dynamic_globals:
            raise TypeError(f"{name} cannot be kept: it holds an address or a large global array")
        if file := self._file(signature, compiled.library.codegen):
            with suppress(OSError):
                _write(file, dumps(compiled._reduce()))  # noqa: SLF001  as Numba's cache
        _told.finished(name)

    def _file(self, signature: Any, codegen: Any) -> Path | None:
        code = self._function.__code__
        folder = code_folder(str(Path(code.co_filename).parent), codegen.magic_tuple())
        if folder is None:
            return None
        closure = tuple(cell.cell_contents for cell in self._function.__closure__ or ())
        made_of = (str(signature).encode(), code.co_code, dumps(closure))
        hashed = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in made_of))
        readable = f"{Path(code.co_filename).stem}.{self._function.__qualname__}"
        plain = "".join(c if c.isalnum() or c in "._" else "-" for c in readable)[:100]
        return folder / f"{plain}-{code.co_firstlineno}-{hashed.hexdigest()[:24]}"

    def enable(self) -> None:
        """Numba's interface: this cache is always on."""

    def disable(self) -> None:
        """Numba's interface: this cache is always on."""

    def flush(self) -> None:
        """Numba's interface, before a function is compiled anew: its file is then replaced."""


def _rebuilt(file: Path, context: Any) -> Any:
    content = file.read_bytes()
    if content[:DIGEST] != _digest(file, content[DIGEST:]):
        raise ValueError(f"{file} is damaged")
    rebuild: Callable[..., Any] = CompileResult._rebuild  # noqa: SLF001  as Numba's cache
    return rebuild(context, *serialize.loads(content[DIGEST:]))


def _write(file: Path, content: bytes) -> None:
    """Whole or not at all: two processes may write the same entry, or be killed while they do."""
    file.parent.mkdir(mode=0o700, exist_ok=True)  # another process may have removed an old key
    number, temporary = tempfile.mkstemp(dir=file.parent, prefix=".new-")
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(_digest(file, content) + content)
        Path(temporary).replace(file)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _digest(file: Path, content: bytes) -> bytes:
    return hashlib.sha256(file.name.encode() + b"\0" + content).digest()


# -- which folder


@cache
def code_folder(sources: str, target: tuple[str, ...]) -> Path | None:
    """The folder for code of functions whose file lies in `sources`; None: nothing is kept.

    `target` is LLVM's triple, the processor's name and its features.
    """
    try:
        root = cache_root(os.environ)
        files = {*RUNNER.rglob("*.py"), *Path(sources).glob("*.py")}
        return private_folder(root, key_of(_facts(target), sorted(files)))
    except (FolderRefused, OSError) as error:
        _told.uncached = str(error)
        return None


def _facts(target: tuple[str, ...]) -> Iterator[str]:
    for library in ("perfdsl", "numba", "llvmlite"):
        with suppress(PackageNotFoundError):  # a checkout that is not installed has its sources
            yield f"{library} {version(library)}"
    yield from target
    for variable in BUILD:
        yield f"{variable} {os.environ.get(variable, '')}"
    for setting in SETTINGS:
        yield f"{setting} {getattr(numba.config, setting, None)}"


def why_uncached() -> str | None:
    """Why compiled kernels are not kept, as a sentence for the user; None where they are."""
    return _told.uncached


# -- what is being compiled


@dataclass(slots=True, frozen=True)
class Compiling:
    """A kernel is about to be compiled, `done` of `total` are."""

    name: str
    done: int
    total: int


class _Told:
    """Who wants to know, and how far it is: one count, since Numba compiles under one lock."""

    def __init__(self) -> None:
        self.observer: Callable[[Compiling], None] | None = None
        self.uncached: str | None = None
        self.compiled: list[str] = []  # in this process, in the order in which they were finished
        self.begun = self.done = self.total = 0

    def started(self, name: str) -> None:
        self.begun += 1
        if self.observer is not None:
            self.observer(Compiling(name, self.done, max(self.total, self.begun)))

    def finished(self, name: str) -> None:
        self.done += 1
        self.compiled.append(name)


_told = _Told()


def compiled_here() -> tuple[str, ...]:
    """The names of the kernels that this process compiled: those that it did not find."""
    return tuple(_told.compiled)


@contextmanager
def told_of_compiling(
    observer: Callable[[Compiling], None], *programs: Callable[..., Any]
) -> Iterator[None]:
    """Within, `observer` is called before each kernel that is compiled: never with a warm cache.

    The total is the number of kernels that the programs call, those of other branches included.
    """
    before = _told.observer
    _told.observer, _told.begun, _told.done = observer, 0, 0
    _told.total = len(kernels_of(*programs))
    try:
        yield
    finally:
        _told.observer = before


def kernels_of(*programs: Callable[..., Any]) -> list[Callable[..., Any]]:
    """The programs that are kernels, and the kernels that they name, and so on: each once."""
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
