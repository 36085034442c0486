"""A model that an analysis has read is not read on its own once more; nothing is left unsaid."""

from __future__ import annotations

import pytest

from perfdsl.diagnostics import Diagnostic
from perfdsl.pipeline import Options, open_file, solve_file
from perfdsl.present.json_form import document
from perfdsl.semantics import check, models
from tests.answers import ROOT, codes

SHIPPED = sorted([*ROOT.glob("examples/**/*.perf"), *ROOT.glob("specs/analyses/*.perf")])
PROGRAM = """perf 1
hardware h { port p { serves fp32; peak = 10 GFLOP/s }; memory m { bandwidth = 1 GB/s } }
workload w { tokens = 10 token; kind = 2 }
operator k(n: Count) { work fp32 = n * load.rows * 1 FLOP }
model net(width: Count = 3) { use k(n: width) }
analysis a(cpu = h, load = w) { show predict(net, on: cpu).time }
"""


def read_in_full(monkeypatch):
    """Every model is read on its own, and before the analyses."""
    plain = check._declarations

    def declarations(modules, outside, waiting):
        chosen = plain(modules, outside, waiting)
        while waiting:
            model = waiting.pop(0)
            models.steps_of(model, model.frame)
        return chosen

    monkeypatch.setattr(check, "_declarations", declarations)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_answers_are_those_of_a_program_read_in_full(path, monkeypatch):
    """What is printed does not depend on whether models are read on their own first."""

    def printed():
        source = open_file(path, Options().limits)
        assert not isinstance(source, Diagnostic)
        found = solve_file(source, path.parent, Options())
        return document(found.answers, found.problems, file=path.name, tool="", exit_code=0)

    hasty = printed()
    read_in_full(monkeypatch)
    assert printed() == hasty


def read_of(text, monkeypatch):
    """How often the operators of a model are read for a program without mistakes."""
    read = []
    plain = models._all_steps

    def counted(model, frame):
        read.append(model.name)
        return plain(model, frame)

    monkeypatch.setattr(models, "_all_steps", counted)
    assert codes(text) == []
    return len(read)


def test_a_model_is_read_once_for_itself_and_its_use(monkeypatch):
    """One reading where an analysis asks for it as it is written, two where it asks for another."""
    assert read_of(PROGRAM, monkeypatch) == 1


def test_another_width_is_another_model(monkeypatch):
    """With an argument it is read for the analysis, and as it is written."""
    assert read_of(PROGRAM.replace("(net,", "(net(width: 5),"), monkeypatch) == 2


def test_a_workload_of_another_sort_counts(monkeypatch):
    """A field that is a word in one workload and a number in another: its own reading tells more,
    where something asks for the field."""
    text = PROGRAM.replace("operator k", "workload v { kind = cold }\noperator k")
    assert read_of(text, monkeypatch) == 1
    asked = text.replace("n * load.rows", "(if load.kind == cold then n else n * load.rows)")
    assert codes(asked.replace("load = w", "load = v")) == []


MISTAKES = {
    "in a field that nothing asks for": (
        "{ use k(n: width) }",
        "{ let x = 3 s + 1 B; use k(n: 2) }",
    ),
    "in a model that is used otherwise": (
        "(net, on",
        "(net(width: 5), on",
        "n: width)",
        "m: width)",
    ),
    "in a model that is not used": ("analysis", "model other { use k(m: 3) }\nanalysis"),
    "in a turn for a workload that no analysis has": (
        "operator k",
        "workload v { kind = none }\noperator k",
        "n: width)",
        "n: if load.kind == none then 3 s else width)",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_as_ever(case, monkeypatch):
    """Mistakes that no analysis comes across are found, with the very same messages."""
    text, changes = PROGRAM, MISTAKES[case]
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    found = codes(text)
    assert found != []
    read_in_full(monkeypatch)
    assert codes(text) == found
