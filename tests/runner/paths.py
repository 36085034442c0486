"""Paths: the instruction sets that this host has, and tests run on another of them.

A path is chosen once for each process, so another one takes a process of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perfdsl.runner.kernels.target import FORCE, HOST, TARGETS, host_features, runs_on

HERE = [name for name, target in TARGETS.items() if runs_on(target, host_features())]


def on_each_other_path(test):
    """The test for each `name` of another path, unless this process is on a forced one itself."""
    others = pytest.mark.parametrize("name", [name for name in HERE if name != HOST.name])
    reason = "this process is such a path already"
    return pytest.mark.skipif(bool(os.environ.get(FORCE)), reason=reason)(others(test))


def passes_with(settings, *files):
    """The output of these test files in a process with other settings, where all of them pass."""
    return python_with(settings, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files)


def python_with(settings, *arguments):
    """The output of the interpreter with these arguments, where it ends well."""
    done = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        env={**os.environ, **settings},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
