"""Declarations are checked on their own, whether or not an analysis reaches them."""

from __future__ import annotations

import pytest

from tests.answers import answers, codes, value

MACHINE = """
hardware h { port p { serves fp32; peak = 10 GFLOP/s }; memory m { bandwidth = 1 GB/s } }
"""


def test_a_range_may_end_at_a_parameter():
    """What runs up to a parameter is read for one turn, and in full where it is given."""
    text = """
operator k(n: Count) { work fp32 = sum(max(i, 3) for i in 1 .. n) * 1 FLOP; read x = n * 8 B }
model m(turns: Count) { repeat i in 0 ..< turns { use k(n: i + 1) } }
analysis a(cpu = h) {
  show k(n: 6).work[fp32] as "operator"
  show predict(m(turns: 4), on: cpu).work[fp32] as "model"
}
"""
    found = answers(MACHINE + text)
    assert value(found, "operator").value == 3 + 3 + 3 + 4 + 5 + 6
    assert value(found, "model").value == 3 + (3 + 3) + (3 + 3 + 3) + (3 + 3 + 3 + 4)


@pytest.mark.parametrize(
    "declaration, code",
    [
        ("fn f(n: Count): Ratio = sum(max(i, 3) * 1 s for i in 1 .. n)", "P202"),
        ("operator k(n: Count) { work fp32 = sum(max(i, 3) for i in 1 .. n) * 1 s }", "P202"),
        ("operator k(n: Count) { read x = n }", "P202"),
        ("model m(turns: Count) { repeat i in 0 ..< turns { use nothing(n: i) } }", "P101"),
        ("policy q per model = compute * 2 s", "P202"),
        ("scenario s(cpu = h) { cpu.m.bandwidth = 3 s }", "P202"),
        ("workload w { tokens = 3 s }", "P202"),
        ("format f { block = 32; bytes = 3 s }", "P202"),
    ],
)
def test_an_unused_declaration_is_checked(declaration, code):
    """A mistake in a declaration that nothing uses is one message."""
    assert codes(f"{MACHINE}{declaration}\n") == [code]


def test_an_unused_function_of_an_analysis_is_checked():
    """A function that nothing calls is read with stand-ins for its arguments."""
    text = "analysis a(k = 3) { fn f(n: Count): Ratio = n * 1 s; show k }"
    assert codes(text) == ["P202"]
    fine = "analysis a(k = 3) { fn f(n: Count): Ratio = n * 2; show k }"
    assert codes(fine) == ["P107"]


def test_a_broken_run_still_tells_misspelt_names():
    """One mistake in an operator does not hide another one in what is asked of its run."""
    text = """
operator k(n: Count) { work fp32 = n * 1 FLOP; read x = n }
analysis a(cpu = h) {
  let run = predict(k(n: 6), on: cpu)
  show run.time
  show run.tme
}
"""
    assert sorted(codes(MACHINE + text)) == ["P106", "P202"]
