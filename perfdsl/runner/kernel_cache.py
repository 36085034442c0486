"""The cache of compiled kernels: one file for each kernel and signature, in a folder of the user's.

Numba's own cache looks at the file of the function alone: an edited intrinsic, tile size or callee
in another file left the old code in place (measured). Here the folder's name is a hash of all
sources of the runner, of the versions of all that compiles, and of the processor's features.

**Trust.** An entry is a pickle of machine code: reading it runs it. That is why the folder is the
user's alone (`code_folder`), and why the digest in front of each entry is no defence against an
attacker: it finds truncated and damaged files, which are then compiled anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
from numba.core import serialize
from numba.core.compiler import CompileResult
from numba.core.runtime.nrt import rtsys

from perfdsl.runner.code_folder import FolderRefused, cache_root, key_of, private_folder
from perfdsl.runner.compiling import begin, finish
from perfdsl.runner.kernels.target import HOST

RUNNER = Path(__file__).resolve().parent
DIGEST = hashlib.sha256().digest_size
# What else decides which code Numba makes.
SETTINGS = "OPT BOUNDSCHECK DEBUGINFO_DEFAULT ENABLE_AVX LOOP_VECTORIZE SLP_VECTORIZE".split()
PLAIN = (bool, int, float, str)

dumps: Callable[[object], bytes] = serialize.dumps  # functions and types of Numba's too
loads: Callable[[bytes], Any] = serialize.loads


class KernelCache:
    """What Numba asks of a function's cache."""

    cache_path = None  # asked for by Numba's statistics; there is no folder before the first use

    def __init__(self, function: Any) -> None:
        self._function = function

    def load_overload(self, signature: Any, context: Any) -> Any:
        """The compiled function, or None: Numba then compiles it and calls `save_overload`."""
        if file := self._file(signature, context.codegen()):
            with suppress(Exception):  # whatever is wrong with an entry, it is made anew
                return _read(file, context)
        begin(self._function.__qualname__)
        return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Keep what was compiled. A disk that is full costs the next process the time, no more."""
        name = self._function.__qualname__
        if compiled.lifted or compiled.library.has_dynamic_globals:
            raise TypeError(f"{name} cannot be kept: it holds an address or a large global array")
        if file := self._file(signature, compiled.library.codegen):
            with suppress(OSError):
                _write(file, compiled)
        finish(name)

    def _file(self, signature: Any, codegen: Any) -> Path | None:
        code = self._function.__code__
        folder = folder_for(str(Path(code.co_filename).parent), codegen.magic_tuple())
        closure = [cell.cell_contents for cell in self._function.__closure__ or ()]
        if folder is None or any(not isinstance(value, PLAIN) for value in closure):
            return None  # nothing tells a function in a closure from another of its name
        hashed = hashlib.sha256(repr((str(signature), code.co_code, closure)).encode())
        readable = f"{Path(code.co_filename).stem}.{self._function.__qualname__}"
        plain = "".join(c if c.isalnum() or c in "._" else "-" for c in readable)[:100]
        return folder / f"{plain}-{code.co_firstlineno}-{hashed.hexdigest()[:24]}"

    def enable(self) -> None:
        """Numba's interface: this cache is always on."""

    def disable(self) -> None:
        """Numba's interface: this cache is always on."""

    def flush(self) -> None:
        """Numba's interface, before a function is compiled anew: its file is then replaced."""


# -- an entry: a digest, then the names that the code needs from outside, and the code


def _read(file: Path, context: Any) -> Any:
    """Load an entry. Raises whatever it raises where it is not what was written.

    The code is machine code, so Numba need not know how to compile: to get ready for that took
    0.21 s and 50 MB, more than all of the rest. Code that uses arrays refers to Numba's run time,
    which is there at once; only what refers to anything else of Numba's waits for the whole.
    """
    content = file.read_bytes()
    if content[:DIGEST] != _digest(file, content[DIGEST:]):
        raise ValueError(f"{file} is damaged")
    outside, code = loads(content[DIGEST:])
    for provide in (lambda: rtsys.initialize(context), context.refresh):
        if any(llvm.address_of_symbol(name) is None for name in outside):
            provide()
    rebuild: Callable[..., Any] = CompileResult._rebuild  # noqa: SLF001  as Numba's cache
    return rebuild(context, *code)


def _write(file: Path, compiled: Any) -> None:
    """Write an entry, whole or not at all: another process may write it, or this one be killed."""
    code = compiled._reduce()  # noqa: SLF001  as Numba's cache
    content = dumps((tuple(_outside(compiled.library)), code))
    file.parent.mkdir(mode=0o700, exist_ok=True)  # another process may have removed an old key
    number, temporary = tempfile.mkstemp(dir=file.parent, prefix=".new-")
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(_digest(file, content) + content)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _digest(file: Path, content: bytes) -> bytes:
    return hashlib.sha256(file.name.encode() + b"\0" + content).digest()


def _outside(library: Any) -> Iterator[str]:
    """The functions and data that code refers to and does not hold."""
    module = library._final_module  # noqa: SLF001  as Numba's cache
    for thing in (*module.functions, *module.global_variables):
        if thing.is_declaration and not thing.name.startswith("llvm."):
            yield thing.name


# -- which folder


class _Trouble:
    reason: str | None = None


@cache
def folder_for(sources: str, target: tuple[str, ...]) -> Path | None:
    """The folder for code of functions whose file lies in `sources`; None: nothing is kept.

    `target` is LLVM's triple, the processor's name and its features.
    """
    try:
        root = cache_root(os.environ)
        files = {*RUNNER.rglob("*.py"), *Path(sources).glob("*.py")}
        return private_folder(root, key_of(_facts(target), sorted(files)))
    except (FolderRefused, OSError) as error:
        _Trouble.reason = str(error)
        return None


def _facts(target: tuple[str, ...]) -> Iterator[str]:
    for library in ("perfdsl", "numba", "llvmlite"):
        with suppress(PackageNotFoundError):  # a checkout that is not installed has its sources
            yield f"{library} {version(library)}"
    yield from target
    yield repr(HOST)  # a forced instruction set, and whether its kernels count
    for setting in SETTINGS:
        yield f"{setting} {getattr(numba.config, setting, None)}"


def why_uncached() -> str | None:
    """Why compiled kernels are not kept, as a sentence for the user; None where they are."""
    return _Trouble.reason
