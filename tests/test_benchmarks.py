"""What the benchmarks measure is what they say; how long it takes is for `make bench` to tell."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.answers import solution, value

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


MODELS: Any = module("models")


@pytest.mark.parametrize("text", [MODELS.repeated(), MODELS.written_out()], ids=["repeat", "out"])
def test_the_models_have_336_operators(text):
    """24 layers x 14 operators run, whichever way they are written."""
    runs = 'show sum(o.count for o in run.ops) as "runs"'
    found = solution(text.replace("show run.time", f"{runs}\n  show run.time"))
    assert found.problems == ()
    assert value(found.answers[0], "runs").value == 336
