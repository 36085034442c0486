"""Kernels are compiled once per machine, and what is kept of them is the user's alone."""

import os
import subprocess
import sys

import pytest

# A program of two kernels, told apart by what they print: the result, and what was compiled.
PROGRAM = """
import sys
from perfdsl.runner import jit
from perfdsl.runner.jit import kernel, told_of_compiling

@kernel
def inner(a, b):
    return a * b + 1

@kernel
def outer(a, n):
    total = 0
    for i in range(n):
        total += inner(a, i)
    return total

told = []
with told_of_compiling(told.append, outer):
    result = outer(2, 10)
told = [f"{t.name} {t.done}/{t.total}" for t in told]
print(result, told, jit.compiled_here(), jit.why_uncached())
"""
COLD = "100 ['outer 0/2', 'inner 0/2'] ('inner', 'outer') None"
WARM = "100 [] () None"


@pytest.fixture
def program(tmp_path):
    """A file with kernels, and a home of its own for the process that runs it."""
    file = tmp_path / "sources" / "program.py"
    file.parent.mkdir()
    file.write_text(PROGRAM)
    (tmp_path / "home").mkdir(mode=0o700)
    return file


def ran(file, **environment):
    """What a process of its own prints that runs a file."""
    ours = ("XDG_", "PERFDSL_", "NUMBA_")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    home = {"HOME": str(file.parents[1] / "home"), **environment}
    done = subprocess.run(
        [sys.executable, "-W", "error", file],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env=clean | home,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def entries(file):
    """The files kept for the program, below its home."""
    return sorted(f for f in (file.parents[1] / "home").rglob("program.*") if f.is_file())


def test_kernels_are_compiled_once(program):
    """The first process compiles both kernels and says so; the next loads what it calls."""
    assert ran(program) == COLD
    assert ran(program) == WARM
    kept = entries(program)
    assert [f.name.partition("-")[0] for f in kept] == ["program.inner", "program.outer"]
    assert [oct(f.stat().st_mode & 0o077) for f in (kept[0].parent, *kept)] == ["0o0"] * 3
