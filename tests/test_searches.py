"""`smallest` and `largest` in closed form: equal to trying every candidate, and no list of them."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfdsl import cli_screen
from perfdsl.semantics.values import Quantity
from perfdsl.symbolic.formulas import Formulas
from perfdsl.symbolic.functions import First
from tests.answers import ROOT, solution
from tests.test_formulas import run

FOLD = ROOT / "examples/14_fold.perf"

# Each condition, and whether c passes, computed in Python.
CONDITIONS = {
    "c * x >= y": lambda c, x, y: c * x >= y,
    "c * x > y": lambda c, x, y: c * x > y,
    "c * x <= y": lambda c, x, y: c * x <= y,
    "c * x < y": lambda c, x, y: c * x < y,
    "y - 3 * x < c * x / 2": lambda c, x, y: y - 3 * x < c * x / 2,
    "y / c <= x": lambda c, x, y: y / c <= x,
    "y / c > x + 1": lambda c, x, y: y / c > x + 1,
}
CURVED = ("c^2 * x >= y", "mod(c, 3) * x >= y", "c * x == y", "c * (x - y) >= 1")


def formula(word: str, condition: str, low: int, high: int):
    text = (
        f"analysis a(x = 2, y = 7) {{ let s = {word}(c for c in {low} .. {high} if {condition}) }}"
    )
    found = solution(text)
    assert found.program is not None, found.problems
    value = found.program.analyses[0].definitions[0].value
    assert isinstance(value, Quantity)
    formulas = Formulas(found.program.graph)
    expr = formulas.expr(value.node)
    symbols = {source.name: symbol for symbol, source in formulas.inputs.items()}
    return formulas, expr, symbols


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("word, choose", [("smallest", min), ("largest", max)])
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 400), st.sampled_from([(1, 12), (4, 9), (2, 40)]))
def test_a_linear_condition_is_solved(word, choose, condition, x, y, ends):
    """The formula at any values is the least (greatest) that passes, ties included, or nan."""
    formulas, expr, symbols = formula(word, condition, *ends)
    assert not expr.has(First)
    passed = [c for c in range(ends[0], ends[1] + 1) if CONDITIONS[condition](c, x, y)]
    found = formulas.value(expr, {symbols["x"]: Fraction(x), symbols["y"]: Fraction(y)})
    if passed:
        assert found == choose(passed)
    else:
        assert math.isnan(found)


@pytest.mark.parametrize("condition", CURVED)
def test_what_is_not_linear_stays_a_search(condition):
    """Or where it is not known on which side of the root the condition holds."""
    assert formula("smallest", condition, 1, 12)[1].has(First)


def test_the_page_and_the_export_show_the_closed_form(capsys):
    """No list of candidates: rounded up to the range, with its condition."""
    out = run("show", FOLD, "--stage", "formulas", capsys=capsys)[1]
    assert "case { ⌈alone / share⌉ ≤ 64: max(1, ⌈alone / share⌉), else: no value }" in out
    code, exported, _ = run("export", FOLD, capsys=capsys)
    assert code == cli_screen.KEPT
    assert r"\biggl\lceil\frac{\mathit{alone}}{\mathit{share}}\biggr\rceil" in exported
    assert r"\operatorname{first}" not in exported
