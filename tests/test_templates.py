"""Operators filled in from a template: the same nodes, messages and dependencies as when read."""

import pytest

from perfdsl.diagnostics import Source
from perfdsl.pipeline import Options, read
from perfdsl.semantics import fields
from perfdsl.semantics.check import check
from perfdsl.semantics.graph import STAND_IN
from perfdsl.semantics.program import Program
from tests.answers import ROOT, answers, codes, value
from tests.test_benchmarks import MODELS

PROGRAM = """perf 1
workload short { tokens = 10 token }
workload long { tokens = 30 token }
fn same(n: Count): Count = n
operator plus(n: Count, t: Count = count(load.tokens)) {
  input = n
  work fp32 = (n + t) * 1 FLOP
  read arrays = max(n, t) * 1 B
}
operator over(n: Count, least: Count = 10) { work fp32 = (n - least) * 1 FLOP }
operator pairs(n: Count) { work fp32 = same(n / 2) * 1 FLOP }
analysis many(load = short) {
"""


def _sum(name: str, *numbers: str) -> str:
    return " + ".join(f"{name}(n: {each}).work" for each in numbers)


def _program(text: str) -> Program:
    return check(read(Source("model.perf", text), ROOT, Options()))


def _formulas(program: Program) -> list[tuple[object, ...]]:
    """Every node but for stand-ins and what is made of them, numbered anew."""
    numbers: dict[int, int] = {}
    found: list[tuple[object, ...]] = []
    for number, node in enumerate(program.graph.nodes):
        stands = node.op == "input" and node.data.sort == STAND_IN
        if not stands and all(arg in numbers for arg in node.args):
            numbers[number] = len(numbers)
            data = (node.data.name, node.data.span.start) if node.op == "input" else node.data
            found.append((node.op, tuple(numbers[arg] for arg in node.args), data))
    return found


def test_the_same_nodes_in_the_same_order(monkeypatch):
    """A model of 336 operators with and without templates."""
    filled = _formulas(_program(MODELS.written_out()))
    monkeypatch.setattr(fields, "templated", lambda _o, given, _s, _f, make: make(given))
    same = filled == _formulas(_program(MODELS.written_out()))
    assert same
    assert len(filled) > 4_000


def test_each_argument_counts():
    found = answers(f"{PROGRAM}show {_sum('plus', '1', '2', '3', '2 * 2', '5', '3 * 2')}\n}}")
    assert value(found, found.shows[0].title).value == 1 + 2 + 3 + 4 + 5 + 6 + 6 * 10


def test_what_is_filled_in_depends_on_the_workload():
    """An index changes all of six uses, and the bytes and fields of the last of them."""
    text = f"""{PROGRAM}  let all = {_sum("plus", "1", "2", "3", "4", "5", "6")}
  let last = plus(n: 7)
  show all[long] as "work"
  show last.bytes[long] as "bytes"
  show last.input as "input"
}}"""
    found = answers(text)
    assert value(found, "work").value == 21 + 6 * 30
    assert value(found, "bytes").value == 30
    assert value(found, "input").value == 7


@pytest.mark.parametrize(
    "name, numbers, code",
    [
        ("over", ("11", "12", "13", "14", "3"), "P306"),
        ("pairs", ("2", "4", "6", "8", "7"), "P305"),
        ("pairs", ("2", "4", "6", "8", "2.5"), "P305"),
        ("pairs", ("2", "4", "6", "8", "2 B"), "P202"),
    ],
)
def test_what_a_number_may_not_be(name, numbers, code):
    """The last of five uses is wrong, and told; the four before it are right."""
    assert codes(f"{PROGRAM}show {_sum(name, *numbers)}\n}}") == [code]
    assert codes(f"{PROGRAM}show {_sum(name, *numbers[:4])}\n}}") == []
