"""Kernels are compiled once per machine; whatever is wrong with what was kept, they are right."""

import os
import re
import signal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from perfdsl import cli_embed
from perfdsl.runner.compiling import kernels_of
from perfdsl.runner.jit import kernel

# A program of two kernels, one of which uses a number of another file, and what was compiled.
FACTOR = "FACTOR = 1\n"
PROGRAM = """
from factor import FACTOR
from perfdsl.runner.compiling import compiled_here, told_of_compiling
from perfdsl.runner.jit import kernel
from perfdsl.runner.kernel_cache import why_uncached

@kernel
def inner(a, b):
    return a * b + FACTOR

@kernel
def outer(a, n):
    total = 0
    for i in range(n):
        total += inner(a, i)
    return total

if __name__ == "__main__":
    told = []
    with told_of_compiling(told.append, outer):
        result = outer(2, 10)
    told = [f"{t.name} {t.done}/{t.total}" for t in told]
    print(result, told, compiled_here(), why_uncached())
"""
COLD = "100 ['outer 0/2', 'inner 0/2'] ('inner', 'outer') None"
WARM = "100 [] () None"


@pytest.fixture
def sources(tmp_path):
    """Files with kernels, and a home of their own for the processes that run them."""
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "program.py").write_text(PROGRAM)
    (folder / "factor.py").write_text(FACTOR)
    (tmp_path / "home").mkdir(mode=0o700)
    return folder


def started(sources, name="program.py", **environment):
    """A process that runs a file and has no settings but these."""
    ours = ("XDG_", "PERFDSL_", "NUMBA_")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    clean |= {"HOME": str(sources.parent / "home"), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    command = [sys.executable, "-W", "error", sources / name]
    return subprocess.Popen(
        command, env=clean, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def told(process):
    """What it prints, and nothing on the other stream."""
    output, errors = process.communicate(timeout=300)
    assert (process.returncode, errors) == (0, "")
    return output.strip()


def ran(sources, name="program.py", **environment):
    return told(started(sources, name, **environment))


def entries(sources):
    """The files kept for the program, below its home."""
    found = (sources.parent / "home").rglob("program.*")
    return sorted((f for f in found if f.is_file()), key=lambda f: f.name)


def test_kernels_are_compiled_once(sources):
    """The first process compiles both kernels and says so; the next loads what it calls."""
    assert ran(sources) == COLD
    assert ran(sources) == WARM
    kept = entries(sources)
    assert [f.name.partition("-")[0] for f in kept] == ["program.inner", "program.outer"]
    assert [oct(f.stat().st_mode & 0o077) for f in (kept[0].parent, *kept)] == ["0o0"] * 3


def test_processes_that_compile_at_once_do_not_disturb_each_other(sources):
    """Three start with nothing kept; all are right, and so is the next."""
    together = [started(sources) for _ in range(3)]
    assert [told(process)[:4] for process in together] == ["100 "] * 3
    assert ran(sources) == WARM


def test_an_edit_of_another_file_is_seen(sources):
    """A number that a kernel took from elsewhere is part of what it was compiled from."""
    assert ran(sources) == COLD
    (sources / "factor.py").write_text("FACTOR = 2\n")
    assert ran(sources) == COLD.replace("100", "110")
    (sources / "factor.py").write_text(FACTOR)
    assert ran(sources) == WARM


def test_another_instruction_set_has_code_of_its_own(sources):
    """What was compiled for this processor is not run where another is asked for, nor counted."""
    assert ran(sources) == COLD
    assert ran(sources, PERFDSL_ISA="portable") == COLD
    assert ran(sources, PERFDSL_COUNT="1") == COLD
    assert ran(sources) == WARM


KILLED = """
import os, signal
from pathlib import Path
Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
import program
program.outer(2, 10)
"""


def test_a_process_that_is_killed_while_it_writes_leaves_no_entry(sources):
    """What it had begun is not taken for an entry."""
    (sources / "killed.py").write_text(KILLED)
    process = started(sources, "killed.py")
    process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    assert entries(sources) == []
    assert ran(sources) == COLD


# Runs the kernels after each way of damaging what is kept; prints how often it was not 100.
DAMAGE = """
import pathlib, sys
import program
from perfdsl.runner.compiling import compiled_here
from perfdsl.runner.jit import kernel

def fresh():
    program.inner = kernel(program.inner.py_func)
    program.outer = kernel(program.outer.py_func)
    return program.outer(2, 10)

wrong = int(fresh() != 100)
files = [*pathlib.Path.home().rglob("program.inner*"), *pathlib.Path.home().rglob("program.outer*")]
assert len(files) == 2, files
whole = [file.read_bytes() for file in files]
damages = {
    "empty": lambda x: b"",
    "digest alone": lambda x: x[:32],
    "half": lambda x: x[: len(x) // 2],
    "one byte less": lambda x: x[:-1],
    "one byte more": lambda x: x + b"x",
    "a bit of the code": lambda x: x[:-900] + bytes([x[-900] ^ 1]) + x[-899:],
    "a bit of the digest": lambda x: bytes([x[0] ^ 1]) + x[1:],
    "garbage": lambda x: bytes(range(256)) * 40,
    "text": lambda x: b"cos\\nsystem\\n(S'false'\\ntR.",
}
for name, damage in damages.items():
    for file, content in zip(files, whole):
        file.write_bytes(damage(content))
    before = len(compiled_here())
    wrong += fresh() != 100 or len(compiled_here()) != before + 2
    before = len(compiled_here())
    wrong += fresh() != 100 or len(compiled_here()) != before
files[1].write_bytes(whole[0])  # the entry of another kernel
wrong += fresh() != 100
files[1].unlink()
files[1].mkdir()
wrong += fresh() != 100
print(wrong, len(damages))
"""


def test_a_damaged_entry_is_compiled_anew(sources):
    """Truncated, altered, exchanged or in the way: the result is right, and kept again."""
    (sources / "damage.py").write_text(DAMAGE)
    assert ran(sources, "damage.py") == "0 9"


@pytest.mark.parametrize("home", ["", "/dev/null"])
def test_without_a_folder_kernels_are_compiled_all_the_same(sources, home):
    """No home, or one that takes no folder: the reason is there for who wants to tell it."""
    output = ran(sources, HOME=home)
    assert output.startswith("100 ['outer 0/2', 'inner 0/2'] ('inner', 'outer') ")
    assert re.search("HOME names a folder|/dev/null", output)


@pytest.mark.parametrize("reason, lines", [(None, 0), ("HOME names no folder", 1)])
def test_the_command_line_says_once_that_kernels_are_not_kept(monkeypatch, capsys, reason, lines):
    """A note with the reason, and nothing where they are kept."""
    monkeypatch.setattr("perfdsl.runner.kernel_cache.why_uncached", lambda: reason)
    with cli_embed.compiling_told():
        pass
    told = capsys.readouterr().err.splitlines()
    note = "note: compiled kernels are not kept for the next run: HOME names no folder"
    assert told == [note] * lines


# What a warm process does besides calling one kernel: raise, allocate, take arrays, compile more.
ALSO = """
import numpy as np
from perfdsl.runner.compiling import compiled_here
from perfdsl.runner.jit import kernel
import program

@kernel
def refuse(a):
    if a > 2:
        raise ValueError("too much")
    return a

@kernel
def doubled(values):
    out = np.empty_like(values)
    for i in range(len(values)):
        out[i] = 2 * values[i]
    return out

def new(a):
    return program.inner(a, a) + np.sum(np.arange(a))

assert program.outer(2, 10) == 100
try:
    refuse(3)
    print("accepted")
except ValueError as error:
    print(error, end=" ")
print(doubled(np.arange(3.0)), kernel(new)(np.int64(4)), "new" in compiled_here())
"""


def test_kernels_that_are_loaded_can_do_all_that_compiled_ones_can(sources):
    """They raise, allocate and take arrays, and others can be compiled beside them."""
    (sources / "also.py").write_text(ALSO)
    cold = ran(sources, "also.py")
    assert cold == "too much [0. 2. 4.] 23 True"
    (sources / "also.py").write_text(ALSO.replace("def new(a):\n", "def new(a):\n    a += 0\n"))
    assert ran(sources, "also.py") == cold
    for kept in (sources.parent / "home").rglob("also.new*"):
        kept.unlink()
    assert ran(sources, "also.py") == cold


OTHERS = """
import numba
from numba import njit
import program

@njit(cache=True)
def theirs(a):
    return a + 1

before = numba.config.CACHE_DIR
print(theirs(1), program.outer(2, 10), numba.config.CACHE_DIR == before)
"""


def test_others_keep_their_cache(sources, tmp_path):
    """Numba's own cache goes where it was told to, ours does not."""
    (sources / "others.py").write_text(OTHERS)
    assert ran(sources, "others.py", NUMBA_CACHE_DIR=str(tmp_path / "theirs")) == "2 100 True"
    assert {f.name.partition("-")[0] for f in (tmp_path / "theirs").rglob("*.nbi")} == {
        "others.theirs"
    }
    assert [f.name.partition("-")[0] for f in entries(sources)] == [
        "program.inner",
        "program.outer",
    ]


# -- what a kernel is


@kernel
def cancelled(x, y):
    return x + y - x


@kernel(fastmath=frozenset({"reassoc", "nsz"}))
def reassociated(x, y):
    return x + y - x


@kernel
def quotient(x, y):
    return x / y


def test_sums_keep_their_order_unless_asked():
    """Without flags of LLVM's an addition is made as it is written."""
    assert cancelled(np.float32(1e30), np.float32(1)) == 0
    assert reassociated(np.float32(1e30), np.float32(1)) == 1


def test_division_is_numpys():
    """By zero it is infinite: no branch, no exception."""
    assert quotient(np.float32(1), np.float32(0)) == np.inf


def test_a_kernel_is_compiled_once_for_all_numbers():
    """Literals of a caller do not make a kernel anew for each of them; keywords neither."""

    @kernel
    def scaled(a, by):
        return a * by

    @kernel
    def several(a):
        return scaled(a, 1) + scaled(a, 2) + scaled(3, by=a) + scaled(a, by=4)

    called: Any = scaled
    assert several(5) == 50
    assert [len(signature) for signature in called.signatures] == [2]


def test_a_kernel_that_cannot_be_kept_is_refused():
    """An address of this process in the code would be another's in the next."""
    import ctypes

    process_id = ctypes.CDLL(None).getpid
    process_id.argtypes = []

    @kernel
    def call():
        return process_id()

    with pytest.raises(TypeError, match="call cannot be kept"):
        call()


def test_kernels_of_a_program_are_those_that_it_reaches():
    """Through callees, and each once; plain functions are none."""

    @kernel
    def least(a):
        return a

    @kernel
    def middle(a):
        return least(a) + least(a)

    @kernel
    def top(a):
        return middle(a) + least(a) + len("plain")

    names = [found.__name__ for found in kernels_of(top, middle, len)]
    assert sorted(names) == ["least", "middle", "top"]
