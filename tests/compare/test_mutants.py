"""One step in the runner: a window, a number of heads or a loop bound is told where it counts."""

import numpy as np
import pytest

from perfdsl.compare.counts import count_findings
from perfdsl.measure.executed import executed
from perfdsl.runner.code_folder import OVERRIDE
from tests.compare.mutants import Edit, copied, customised
from tests.compare.programs import SPECS, TINY, analysis, arguments_for

LENGTHS = (40, 7)  # the tiny model's window of 17 cuts the first one
WORKSPACE = "perfdsl.runner.workspace"
# What -> (the edit, the operators concerned, and a number of the program that is as wrong).
STEPS = {
    "the window": (
        Edit(WORKSPACE, "else self.config.reach,", "else self.config.reach + 1,"),
        {"attn"},
        "net.window = 19",
    ),
    "a head too few": (
        Edit(WORKSPACE, "self.set(**shape)", "self.set(**shape | {'heads': config.heads - 1})"),
        {"attn"},
        "net.heads = 2",
    ),
    "a text too few": (
        Edit(WORKSPACE, "texts.rows, texts.texts, kept", "texts.rows, texts.texts - 1, kept"),
        {"attn", "dense_2", "dense_3"},
        "",
    ),
}
PRODUCTS = {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_down", "dense_2", "dense_3"}
KERNELS = {
    "a panel too few": (
        Edit("perfdsl.runner.kernels.gate_up", "for n in range(panels):",
             "for n in range(panels - 1):"),
        {"ffn_gate", "ffn_up"},
    ),
    "a quad too few": (
        Edit("perfdsl.runner.kernels.product", "for quad in range(QUADS):",
             "for quad in range(QUADS - 1):"),
        {*PRODUCTS, "ffn_gate", "ffn_up"},
    ),
}  # fmt: skip


def texts():
    random = np.random.default_rng(5)
    return [random.integers(0, 512, length) for length in LENGTHS]


def told(found):
    """By both programs: the same operators, each with its formula, and the steps that mend it."""
    both = [
        count_findings(analysis(spec, arguments_for(TINY, found)), "net", found) for spec in SPECS
    ]
    for findings in both:
        assert all(part.formula.text for each in findings for part in each.classes)
    names = [{each.operator for each in findings} for findings in both]
    assert names[0] == names[1]
    return names[0], [set(each.edits) for findings in both for each in findings]


@pytest.mark.parametrize("what", STEPS)
def test_one_step_in_the_runner_is_told_by_operator_and_formula(what, tmp_path, monkeypatch):
    edit, operators, mend = STEPS[what]
    monkeypatch.setenv("PYTHONPATH", customised(edit, tmp_path))
    names, edits = told(executed(TINY, texts()))
    assert names == operators
    if mend:
        assert all(mend in each for each in edits)


def test_without_an_edit_nothing_is_told(tmp_path, monkeypatch):
    """A text that stays what it was, by the same way."""
    edit = Edit(WORKSPACE, "self.set(**shape)", "self.set(**shape)")
    monkeypatch.setenv("PYTHONPATH", customised(edit, tmp_path))
    assert told(executed(TINY, texts())) == (set(), [])


@pytest.mark.fuzz
@pytest.mark.parametrize("what", KERNELS)
def test_a_loop_of_a_kernel_that_is_one_short_is_told(what, tmp_path, monkeypatch):
    """All kernels are compiled anew, from a copy of the package."""
    edit, operators = KERNELS[what]
    monkeypatch.setenv("PYTHONPATH", copied(edit, tmp_path))
    monkeypatch.setenv(OVERRIDE, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)  # what stands in the folder comes before all else
    names, _ = told(executed(TINY, texts()))
    assert names == operators
