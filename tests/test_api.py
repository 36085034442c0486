"""From Python: files, settings, results, formulas, mistakes; and what an import loads."""

from __future__ import annotations

import doctest
import math
import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest

import perfdsl
from perfdsl import api, api_results
from tests.answers import ROOT
from tests.test_readme import blocks

FIRST = ROOT / "examples/01_first_roofline.perf"
CEILING = ROOT / "specs/analyses/theoretical_ceiling.perf"
HEAVY = {"sympy", "numpy", "pydantic", "lark", "typer", "rich"}


@pytest.mark.parametrize("module", [api, api_results])
def test_the_examples_of_the_docstrings_are_true(module, monkeypatch):
    """What the docstrings show is what comes out."""
    monkeypatch.chdir(ROOT)
    found = doctest.testmod(module, extraglobs={"load": perfdsl.load, "Quantity": api.Quantity})
    assert found.failed == 0
    assert found.attempted > 0 or module is api_results


@pytest.mark.parametrize("part", ["programs", "models"])
def test_the_readme_tells_the_truth_about_python(part, monkeypatch):
    """The sessions in the README are what comes out."""
    monkeypatch.chdir(ROOT)
    session = dict(zip(["programs", "models"], blocks("python"), strict=True))[part]
    test = doctest.DocTestParser().get_doctest(session, {}, "README", "README.md", 0)
    assert len(test.examples) >= 3
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def loaded_after(code: str) -> set[str]:
    """The heavy libraries that a process has loaded."""
    script = f"{code}\nimport sys; print(*(set(sys.modules) & set({sorted(HEAVY)!r})))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", cwd=ROOT, check=True
    )
    return set(done.stdout.split())


def test_an_import_stays_light():
    """`import perfdsl` loads no library; SymPy comes with the first formula."""
    assert loaded_after("import perfdsl") == set()
    solve = f"import perfdsl; r = perfdsl.load({str(FIRST)!r}).analysis().solve()"
    assert loaded_after(solve) == set()
    assert loaded_after(f"{solve}; r.values['run.time'].formula") == {"sympy"}


def test_public_names_are_found_and_others_are_not():
    """The package has its public names and no others."""
    assert set(perfdsl.__all__) <= set(dir(perfdsl))
    assert perfdsl.load is api.load
    with pytest.raises(AttributeError, match="no `laod`"):
        perfdsl.__getattr__("laod")


def test_results_are_typed_and_frozen():
    """Values, claims and answers are found by name, and cannot be changed."""
    found = perfdsl.load(FIRST).analysis("first").solve()
    time = found.values["run.time"]
    assert (time.value, time.unit, time.low, time.high) == (2.4, "ms", 2.4, 2.4)
    assert time.binding == "dram"
    assert float(time) == 2.4
    assert found.kept
    assert bool(found.claim("memory takes longer than arithmetic"))
    with pytest.raises(FrozenInstanceError):
        setattr(time, "value", 3.0)  # noqa: B010  the type checker knows that this is wrong
    with pytest.raises(AttributeError, match=r"did you mean `run\.time`"):
        _ = found.run_time


def test_settings_take_numbers_texts_and_quantities():
    """A number is in the declared unit, a text has its own, a result can be given again."""
    analysis = perfdsl.load(CEILING).analysis("theoretical_ceiling")
    plain = analysis.solve().values["arithmetic"].value
    for tokens in (24, "24 token", api.Quantity(24, "token")):
        doubled = analysis.solve(**{"load.tokens": tokens}).arithmetic
        assert math.isclose(doubled.value, 2 * plain)
    faster = analysis.solve(clock=5.0).values["arithmetic"]
    assert math.isclose(faster.value, plain * 4.5 / 5.0)
    again = analysis.solve(near_goal=faster)
    base = again.values["near_goal"]
    assert math.isclose(base.value * base._number.factor, faster.value * faster._number.factor)
    loaded = perfdsl.load(CEILING, clock="5 GHz").analysis("theoretical_ceiling").solve()
    assert loaded.arithmetic.value == faster.value


MISTAKES = {
    "a misspelt analysis": (lambda: perfdsl.load(FIRST).analysis("frist"), "P101"),
    "a misspelt setting": (lambda: perfdsl.load(FIRST).analysis().solve(bandwith=3), "P101"),
    "a wrong unit": (lambda: perfdsl.load(FIRST).analysis().solve(bandwidth="3 s"), "P202"),
    "no value": (lambda: perfdsl.load(FIRST).analysis().solve(bandwidth="__import__('os')"), "P"),
    "no file": (lambda: perfdsl.load(ROOT / "nowhere.perf"), "P"),
    "a computed one without a unit": (
        lambda: perfdsl.load(CEILING).analysis("theoretical_ceiling").solve(ridge=3), "P003",
    ),
    "a file with a mistake": (
        lambda: perfdsl.load(ROOT / "tests/cases/mac_where_op_is_meant.perf"), "P203",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_raised_with_their_messages(name):
    """A mistake is a PerfError that holds the diagnostics and reads like the command line."""
    act, code = MISTAKES[name]
    with pytest.raises(perfdsl.PerfError) as caught:
        act()
    assert caught.value.codes[0].startswith(code)
    assert f"error[{caught.value.codes[0]}]" in str(caught.value)


def test_the_latex_of_a_result_is_that_of_the_export():
    """Every value and claim prints the very lines that the export of its analysis has."""
    for file, name in ((FIRST, "first"), (CEILING, "theoretical_ceiling")):
        done = subprocess.run(
            [sys.executable, "-m", "perfdsl", "export", str(file), name],
            capture_output=True, encoding="utf-8", check=True,
        )  # fmt: skip
        found = perfdsl.load(file).analysis(name).solve()
        compared = 0
        told = [each.latex() for each in found.values.values()]
        told += [each.latex() for each in found.claims]
        told += [each.latex() for each in found.answers.values()]
        for latex in told:
            assert latex in done.stdout
            compared += bool(latex)
        assert compared >= len(found.claims)


def test_formulas_have_the_values_of_their_results():
    """A formula at the values of its parameters is the value of the result, in base units."""
    from perfdsl.symbolic.values import value

    found = perfdsl.load(CEILING).analysis("theoretical_ceiling").solve()
    compared = 0
    for each in found.values.values():
        formulas = each._from.formulas()
        values = {symbol: p.base for symbol, p in each.parameters.items()}
        if each.formula.free_symbols <= values.keys() and not any(map(math.isnan, values.values())):
            made = value(each.formula, values, formulas.inside)
            assert math.isclose(made, each._number.value, rel_tol=1e-12), each
            compared += 1
    assert compared >= 15


def test_notebooks_get_plain_mathematics():
    """`_repr_latex_` stands between dollars and knows no siunitx."""
    found = perfdsl.load(FIRST).analysis().solve()
    shown = found.values["run.time"]._repr_latex_()
    assert shown.startswith("$")
    assert shown.endswith("$")
    assert r"\qty" not in shown
    assert r"400\,\mathrm{GFLOP/s}" in shown
