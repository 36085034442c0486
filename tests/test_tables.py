"""`table` in programs: looked up, inverted, imported and doubted; against NumPy and plain loops."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfdsl.diagnostics import Source
from perfdsl.pipeline import Options, solve_file
from perfdsl.present import text
from perfdsl.present.style import Theme
from tests.answers import answers, claim, codes, member, shown, solution, solved

FORTY = settings(max_examples=40, derandomize=True, database=None, deadline=None)
MODES = ["step", "linear", "loglog"]


def values_of(found) -> list[Any]:
    """The numbers that are shown."""
    shows: list[Any] = [item.value for item in found.shows]
    return [value.value for value in shows]


@st.composite
def rows(draw):
    """Keys in ascending order and a value for each, in whole kB and percent."""
    keys = sorted(draw(st.sets(st.integers(1, 400), min_size=2, max_size=7)))
    values = draw(st.lists(st.integers(1, 99), min_size=len(keys), max_size=len(keys)))
    return keys, values


def text_of(keys, values, mode, *, clamp="", last="", body=""):
    """A program with one table; last: what stands behind its last value."""
    pairs = ", ".join(f"{k} kB: {v} %" for k, v in zip(keys, values, strict=True))
    return (
        f"perf 1\ntable eff(size: kB): Ratio {mode} {clamp} {{ {pairs}{last} }}\n"
        f"analysis a(at = {keys[0]} kB) {{\n{body}\n}}\n"
    )


def oracle(keys, values, mode, x):
    if mode == "step":
        return values[max(np.searchsorted(keys, x, side="right") - 1, 0)] / 100
    if mode == "linear":
        return np.interp(x, keys, values) / 100
    return math.exp(np.interp(math.log(x), np.log(keys), np.log(values))) / 100


@pytest.mark.parametrize("mode", MODES)
@FORTY
@given(rows(), st.lists(st.integers(1, 1600), min_size=3, max_size=3), st.booleans())
def test_values_against_numpy(mode, table, quarters, doubted):
    """Fixed rows, and the same written out because one of them is assumed, mean the same."""
    keys, values = table
    body = "\n".join(f"show eff(at * {q} / {4 * keys[0]})" for q in quarters)
    last = ' @assumed("a guess")' if doubted else ""
    text = text_of(keys, values, mode, clamp="clamp", body=body)
    if doubted:
        text = text.replace(f"{values[-1]} % }}", f"({values[-1]} %{last}) }}")
    for value, quarter in zip(values_of(answers(text)), quarters, strict=True):
        wanted = oracle(keys, values, mode, quarter / 4)
        assert math.isclose(value, wanted, rel_tol=1e-12)


@pytest.mark.parametrize("mode", MODES)
@FORTY
@given(rows(), st.integers(1, 99), st.booleans())
def test_inverses_against_the_rows(mode, table, goal, doubted):
    """Every place where a table has a value is found: rows, or crossings between them."""
    keys, values = table
    body = f"unknown u: kB in 0.5 kB .. 500 kB\nsolve s = u from eff(u) == {goal} %"
    body += '\nclaim "used" at > 0 kB'
    text = text_of(keys, values, mode, body=body)
    if doubted:
        text = text.replace(f"{values[-1]} % }}", f"({values[-1]} % @assumed) }}")
    found = [(p.low / 1000, p.high / 1000) for p in solved(answers(text), "s").answer.parts]
    for (k0, v0), (k1, v1) in pairwise(zip(keys, values, strict=True)):
        inside = [p for p in found if p[0] < k1 - 1e-6 and p[1] > k0 + 1e-6]
        if mode == "step" or v0 == v1:
            assert bool(inside) == (v0 == goal)
        elif min(v0, v1) < goal < max(v0, v1):
            share = (goal - v0) / (v1 - v0) if mode == "linear" else (
                math.log(goal / v0) / math.log(v1 / v0))  # fmt: skip
            wanted = k0 + share * (k1 - k0) if mode == "linear" else k0 * (k1 / k0) ** share
            assert [p for p in inside if math.isclose(p[0], wanted, rel_tol=1e-7)]
        else:
            assert not inside
    for key, value in zip(keys, values, strict=True):
        if value == goal:
            assert any(low * (1 - 1e-9) <= key <= high * (1 + 1e-9) for low, high in found)
    beyond = [high for _, high in found if high > keys[-1] * (1 + 1e-9)]
    assert bool(beyond) == (mode == "step" and values[-1] == goal)


# What a table may be asked for, and what is done with its value, as text and as functions of u.
ASKED = {
    "u": lambda u: u,
    "u * 3 / 2": lambda u: u * 1.5,
    "40 kB * (100 kB / u)": lambda u: 4000 / u,
    "abs(u - 150 kB) + 2 kB": lambda u: abs(u - 150) + 2,
}
MADE = {
    "eff(X)": lambda value, u: value,
    "eff(X) * (u / (100 kB))": lambda value, u: value * u / 100,
    "max(eff(X), 50 %) - (u / (1000 kB))": lambda value, u: max(value, 0.5) - u / 1000,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("made", MADE)
@settings(max_examples=25, derandomize=True, database=None, deadline=None)
@given(rows(), st.integers(5, 95))
def test_inequalities_against_a_scan(mode, asked, made, table, goal):
    """Rising, falling and turning keys: at each place the answer says what the formula says."""
    keys, values = table
    formula = made.replace("X", asked)
    body = f"unknown u: kB in 0.5 kB .. 500 kB\nsolve s = u from {formula} <= {goal} %"
    body += '\nclaim "used" at > 0 kB'
    found = solved(answers(text_of(keys, values, mode, body=body)), "s").answer
    assert found.complete
    for u in np.linspace(0.513, 499.7, 400):
        x = ASKED[asked](u)
        known = x >= keys[0] and (mode == "step" or x <= keys[-1])
        value = MADE[made](oracle(keys, values, mode, x), u) if known else math.inf
        inside = any(low <= u * 1000 <= high for low, high in found.parts)
        near = any(abs(u * 1000 - end) < 1e-6 * end for part in found.parts for end in part)
        assert inside == (value <= goal / 100) or near or abs(value - goal / 100) < 1e-9


@FORTY
@given(rows(), st.integers(1, 400), st.integers(0, 200))
def test_what_an_uncertain_key_can_reach(table, centre, spread):
    """The bounds over an interval of keys are those of a dense scan and of the keys inside."""
    keys, values = table
    body = f'show eff({centre} kB +- {spread} kB) as "s"\nclaim "used" at > 0 kB'
    text = text_of(keys, values, "linear", clamp="clamp", body=body)
    low, high = max(centre - spread, -1000), centre + spread
    scan = [*np.linspace(low, high, 50), *(k for k in keys if low <= k <= high)]
    met = [float(np.interp(x, keys, values)) / 100 for x in scan]
    found = shown(answers(text), "s").value
    assert math.isclose(found.low, min(met), rel_tol=1e-9)
    assert math.isclose(found.high, max(met), rel_tol=1e-9)


# ------------------------------------------------------------------------------- a jump, and none


JUMP = """perf 1
table eff(size: kB): Ratio step { 1 kB: 20 %, 4 kB: 55 %, 64 kB: 90 % }
analysis a {
  unknown u: kB in 1 kB .. 1_000 kB
  unknown n: Count in 1 .. 20
  solve s = u from eff(u) == GOAL %
  solve t = n from eff(n * 1 kB) == 30 %
}
"""


@pytest.mark.parametrize(
    "goal, value, other, at",
    [(30, 0.2, 0.55, 4e3), (54, 0.55, 0.2, 4e3), (60, 0.55, 0.9, 64e3), (89, 0.9, 0.55, 64e3)],
)
def test_a_jump_over_the_wanted_value(goal, value, other, at):
    """There is no answer; the nearest one is beside the jump, with what is reached either side."""
    nearest = solved(answers(JUMP.replace("GOAL", str(goal))), "s").answer.nearest
    assert (nearest.value, nearest.other) == (value, other)
    assert math.isclose(nearest.at, at, rel_tol=1e-12)
    assert math.isclose(nearest.other_at, at, rel_tol=1e-12)


def test_beyond_all_rows_there_is_no_jump():
    """More than any row has: the nearest is the largest, and nothing lies on the other side."""
    nearest = solved(answers(JUMP.replace("GOAL", "99")), "s").answer.nearest
    assert nearest.value == 0.9
    assert math.isnan(nearest.other)


def test_a_count_jumps_from_one_whole_number_to_the_next():
    """The places either side are whole numbers."""
    nearest = solved(answers(JUMP.replace("GOAL", "99")), "t").answer.nearest
    assert (nearest.value, nearest.at, nearest.other, nearest.other_at) == (0.2, 3, 0.55, 4)


def test_a_page_tells_of_a_jump_and_of_each_unknown():
    """What is reached either side of the jump; a question about two unknowns has two answers."""
    found = solution(
        """perf 1
    table eff(size: kB): Ratio step { 1 kB: 20 %, 4 kB: 55 %, 64 kB: 90 % }
    analysis a {
      unknown u: kB in 1 kB .. 1_000 kB
      unknown n: Count in 1 .. 20
      solve s = u from eff(u) == 40 %
      solve t = n from eff(n * 1 kB) == 30 %
      solve both = u, n from u * n == 40 kB
    }
    """
    )
    page = " ".join(text.page(found.answers, Theme(80)).split())
    assert "s no u fits: nearest is 0.55 at u = 4 kB, where it jumps from 0.2 to 0.55" in page
    assert "t no n fits: nearest is 0.2 at n = 3, then 0.55 at n = 4" in page
    assert "both any u in 2 .. 40 kB" in page
    assert "both any n in 1 .. 20" in page


# -------------------------------------------------------------------------------------- in place


def test_the_steps_of_another_tool():
    """Calculon's efficiencies of an A100, which a step table says as they are published."""
    text = """perf 1
    table flops(work: GFLOP): Ratio step {
      0 GFLOP: 10 %, 1 GFLOP: 60 %, 16 GFLOP: 90 %, 128 GFLOP: 95 %
    }
    table bytes(moved: MB): Ratio step { 0 MB: 30 %, 1 MB: 60 %, 10 MB: 75 %, 100 MB: 90 % }
    hardware a100 {
      port tensor { serves fp16; peak = 312 TFLOP/s }
      memory hbm { bandwidth = 2048 GB/s }
    }
    analysis a(cpu = a100) {
      SHOWS
    }
    """
    flop = {200: 296.4, 128: 296.4, 20: 280.8, 5: 187.2, 0.5: 31.2}
    moved = {200: 1843.2, 50: 1536.0, 2: 1228.8, 0.5: 614.4}
    shows = [f"show cpu.tensor.peak * flops({x} GFLOP)" for x in flop]
    shows += [f"show cpu.hbm.bandwidth * bytes({x} MB)" for x in moved]
    found = values_of(answers(text.replace("SHOWS", "\n".join(shows))))
    wanted = [v * 1e12 for v in flop.values()] + [v * 1e9 for v in moved.values()]
    assert found == pytest.approx(wanted, rel=1e-9)


MACHINE = """perf 1
hardware box {
  table fast(moved: B): GB/s step { 0 B: 10 GB/s, 1 MB: 50 GB/s }
  port fma { serves fp32; peak = 1 TFLOP/s }
  memory dram { bandwidth = 50 GB/s; time = bytes / fast(bytes) }
}
table reached(work: FLOP): Ratio step { 0 FLOP: 50 %, 1e6 FLOP: 100 % }
operator copy(n: Count) {
  work fp32 = n * 1 FLOP / reached(n * 1 FLOP)
  read a = n * 4 B
}
policy apart per operator = compute + reached(1 FLOP) * levels.dram.time
scenario wide(cpu = box) { cpu.dram.bandwidth = 60 GB/s }
analysis a(cpu = box, n = 1000) {
  show predict(copy(n: n), on: cpu).dram.time as "level"
  show predict(copy(n: n), on: cpu).compute as "operator"
  show predict(copy(n: n), on: cpu, under: apart).time as "policy"
  show cpu.fast(n * 4 B) as "field"
  show cpu.fast(predict(copy(n: n), on: cpu).bytes) as "all bytes"
}
"""


@pytest.mark.parametrize("n, rate, share", [(1000, 10e9, 0.5), (2_000_000, 50e9, 1.0)])
def test_tables_of_machines_levels_operators_and_policies(n, rate, share):
    """A table is asked wherever an expression stands, and `--set` moves what is asked."""
    found = answers(MACHINE, f"n={n}")
    level, compute = n * 4 / rate, n / share / 1e12
    assert math.isclose(shown(found, "level").value.value, level)
    assert math.isclose(shown(found, "operator").value.value, compute)
    assert math.isclose(shown(found, "policy").value.value, compute + 0.5 * level)
    assert shown(found, "field").value.value == rate
    assert shown(found, "all bytes").value.value == rate


def test_imported_tables(tmp_path):
    """By name, by another name, and through the module."""
    (tmp_path / "t.perf").write_text(
        "perf 1\nlet knee = 4 kB\ntable eff(x: kB): Ratio step { 0 kB: 20 %, knee: 50 % }\n"
    )
    text = """perf 1
    from "./t" import eff, eff as same
    import "./t" as tables
    analysis a(x = 5 kB) { show eff(x); show same(x); show tables.eff(x - 2 kB) }
    """
    found = solve_file(Source("main.perf", text), tmp_path, Options())
    assert values_of(found.answers[0]) == [0.5, 0.5, 0.2]


def test_another_reading_asks_for_another_row():
    """Under an index a table, its key and its rows are read again."""
    text = """perf 1
    hardware box { memory dram { bandwidth = 50 GB/s }
      port p { serves fp32; peak = 1 TFLOP/s } }
    scenario fast(cpu = box) { cpu.dram.bandwidth = 200 GB/s }
    analysis a(cpu = box) {
      table cost(rate: GB/s): Ratio step { 0 GB/s: 1, 100 GB/s: cpu.dram.bandwidth / (100 GB/s) }
      let c = cost(cpu.dram.bandwidth)
      show c
      show c[fast]
    }
    """
    assert values_of(answers(text)) == [1, 2]


# ------------------------------------------------------------------------------ doubt and mistakes


def test_an_assumed_row_is_listed_and_moved_by_a_contradiction():
    """What a row assumes is an assumption of the result, and can be what a measurement refutes."""
    text = """perf 1
    hardware box { memory dram { bandwidth = 100 GB/s }
      port p { serves fp32; peak = 1 TFLOP/s } }
    table eff(x: MB): Ratio step { 0 MB: 100 %, 1 MB: (25 % @assumed("a guess")) }
    operator copy(n: Count) { work fp32 = n * 1 FLOP; read a = n * 4 B / eff(n * 4 B) }
    analysis a(cpu = box, n = 1_000_000) {
      let run = predict(copy(n: n), on: cpu)
      show run.time
      observe "prog" run.time = 80 us
    }
    """
    found = answers(text)
    assert [d.elasticity for d in shown(found, "run.time").depends] == pytest.approx([-1])
    assert math.isclose(member(found.conflicts[0], "25 %").needed.value, 0.5, rel_tol=1e-6)


def test_uncertain_rows_make_uncertain_answers():
    """A row with an interval: bounds of the value, and of what is solved through it."""
    text = """perf 1
    table eff(x: MB): Ratio linear { 1 MB: 30 %, 10 MB: 60 % +- 5 %, 100 MB: 90 % }
    analysis a(x = 10 MB) {
      unknown u: MB in 1 MB .. 100 MB
      show eff(x) as "at"
      solve s = u from eff(u) == 50 %
    }
    """
    found = answers(text)
    at, answer = shown(found, "at").value, solved(found, "s").answer
    assert (at.low, at.value, at.high) == pytest.approx((0.55, 0.6, 0.65))
    ends = [1 + 9 * 20 / 35, 1 + 9 * 20 / 25]
    assert answer.value == pytest.approx(7e6)
    assert [answer.min / 1e6, answer.max / 1e6] == pytest.approx(ends)


def test_a_key_that_may_leave_the_table_is_a_finding():
    """Best inside, range outside: nobody knows a bound, and the results say why."""
    text = """perf 1
    table eff(x: kB): Ratio linear { 1 kB: 20 %, 9 kB: 80 % }
    analysis a(x = 8 kB +- 3 kB) {
      show eff(x)
      claim "little" eff(x) <= 90 %
    }
    """
    found = answers(text)
    assert claim(found, "little").verdict == "undecided"
    titles = [finding.title for finding in found.findings]
    assert titles == ["`eff` is asked for 5 kB .. 11 kB, and its keys are 1 kB .. 9 kB"]


@pytest.mark.parametrize(
    "ask, wanted",
    [
        ("eff(at)", []),
        ("eff(at * 2)", ["P506"]),
        ("if at > 5 kB then eff(at * 2) else 1", []),
        ("if at < 5 kB then eff(at * 2) else 1", ["P506"]),
        ("case { at > 5 kB: eff(at * 2), eff(at / 8) > 0: 2, else: 3 }", ["P506"]),
        ("max(1, eff(at * 2))", ["P506"]),
        ("smallest(c for c in 1 .. 4 if eff(c * 1 kB) > 50 %)", []),
        ("smallest(c for c in 0 .. 4 if eff(c * 1 kB) > 50 %)", ["P506"]),
        ("sum(eff(c * 1 kB) for c in 1 .. 4)", []),
        ("sum(eff(c * 1 kB) for c in 1 .. 5)", ["P506"]),
        ("eff(x: at, x: at)", ["P102"]),
        ("eff(1)", ["P210"]),
        ("eff[at]", ["P308"]),
    ],
)
def test_only_what_is_asked_must_have_an_answer(ask, wanted):
    """A branch that is not taken asks nothing; each question outside is one message."""
    text = f"""perf 1
    table eff(x: kB): Ratio linear {{ 1 kB: 20 %, 4 kB: 80 % }}
    analysis a(at = 4 kB) {{ show {ask} }}
    """
    assert [code for code in codes(text) if code != "P107"] == wanted


def test_mistakes_of_many_rows_are_told_apart():
    """Each row that does not fit is one message, at its place."""
    bad = ", ".join(f"{k} kB: {k} s" for k in range(1, 6))
    text = f"perf 1\ntable eff(x: kB): Ratio step {{ 0 kB: 1, {bad} }}\n"
    found = solution(text).problems
    assert [p.code for p in found] == ["P202"] * 5
    assert [p.span.text for p in found if p.span] == [f"{k} s" for k in range(1, 6)]


def test_a_long_table_is_looked_up_and_inverted():
    """Twenty thousand rows: one value, and every place where it has another."""
    rows = ", ".join(f"{k} B: {k % 97 + 1}" for k in range(20_000))
    text = f"""perf 1
    table f(x: B): Ratio step {{ {rows} }}
    analysis a(x = 12_345.5 B) {{
      unknown u: B in 0 B .. 2_000 B
      show f(x) as "at"
      solve s = u from f(u) == 5
    }}
    """
    found = answers(text)
    assert shown(found, "at").value.value == 12_345 % 97 + 1
    parts = solved(found, "s").answer.parts
    assert [round(part.low) for part in parts] == [k for k in range(2_000) if k % 97 == 4]
    assert solved(found, "s").answer.complete
