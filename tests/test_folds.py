"""`fold`, `smallest` and `largest` in programs, against loops in Python."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.answers import answers, claim, codes, shown, solution, solved, value

FORTY = settings(max_examples=40, derandomize=True, database=None, deadline=None)


def value_of(expr, before="", head="w = 3, n = 5", *settings_):
    """The value of one expression in an analysis with parameters w and n."""
    text = f'perf 1\nanalysis a({head}) {{\n{before}\nshow {expr} as "it"\n}}\n'
    return value(answers(text, *settings_), "it").value


def only_codes(expr, before=""):
    text = f"perf 1\nanalysis a(w = 3, n = 5) {{\n{before}\nshow {expr}\n}}\n"
    return [code for code in codes(text) if code != "P107"]


# ------------------------------------------------------------------------------------------- fold


def loop(start, turns, step):
    for turn in turns:
        start = step(start, turn)
    return start


STEPS = {
    "u + i": lambda u, i: u + i,
    "u * w / i": lambda u, i: u * 3 / i,
    "max(u, i * w) - u / 2": lambda u, i: max(u, i * 3) - u / 2,
    "if mod(i, 2) == 0 then u * u else u - i": lambda u, i: u * u if i % 2 == 0 else u - i,
    "u / 3 + sum(j * u for j in 1 .. i)": lambda u, i: u / 3 + sum(j * u for j in range(1, i + 1)),
    "sqrt(abs(u)) + fold(v = u for j in i .. 7: v / 2 + j)": lambda u, i: (
        math.sqrt(abs(u)) + loop(u, range(i, 8), lambda v, j: v / 2 + j)
    ),
}


@pytest.mark.parametrize("step", STEPS)
@FORTY
@given(st.integers(-3, 3), st.integers(1, 4), st.integers(0, 6), st.booleans())
def test_a_fold_is_a_loop(step, start, low, count, closed):
    """Any start, range and step: the same as the loop, an empty range giving the start."""
    turns = range(low, low + count)
    over = f"{low} .. {low + count - 1}" if closed and count else f"{low} ..< {low + count}"
    found = value_of(f"w * 0 + fold(u = 0 * w + {start} for i in {over}: {step})")
    assert math.isclose(found, loop(start, turns, STEPS[step]), rel_tol=1e-12, abs_tol=1e-12)


def test_a_multicore_prediction():
    """Kerncraft's scaling of a triad on Sandy Bridge: cycles for each cache line, by cores."""
    text = """perf 1
    analysis ecm(clock = 2.7 GHz, mem = 22.49 cycle, alone = 48.49 cycle) {
      fn wait(u: Ratio, c: Count): Ratio = c * mem / (alone + u * (c - 1) * mem / 2)
      fn busy(n: Count): Ratio = fold(u = 0 for c in 1 .. n: min(1, wait(u, c)))
      let enough = smallest(c for c in 1 .. 8 if wait(busy(c - 1), c) > 1)
      show enough as "enough"
      SHOWS
      claim "clock" clock > 1 GHz
    }
    """
    shows = "\n".join(f'show mem / busy({c}) as "{c}"' for c in range(1, 9))
    found = answers(text.replace("SHOWS", shows))
    assert value(found, "enough").value == 3
    cycles = [value(found, str(c)).value for c in range(1, 9)]
    assert cycles == pytest.approx([48.5, 26.9, 22.5, 22.5, 22.5, 22.5, 22.5, 22.5], rel=2e-3)


def test_a_plain_zero_takes_the_dimension_of_the_step():
    """`0` is any quantity; what is carried then has the unit of the step."""
    body = 'show fold(u = 0 for i in 1 .. n: u + i * 2 ms) as "t"'
    found = answers(f"perf 1\nanalysis a(n = 4) {{ {body} }}")
    assert value(found, "t").value == pytest.approx(0.02)
    assert str(value(found, "t").dim) == "s"


def test_a_fold_of_levels_and_of_rows():
    """Items of a list are carried over like numbers of a range."""
    text = """perf 1
    hardware box {
      cache l1 { size = 1 MB; bandwidth = 400 GB/s }
      memory dram { bandwidth = 100 GB/s }
      port p { serves fp32; peak = 1 TFLOP/s }
    }
    policy worst per operator = fold(t = compute for l in levels: max(t, l.time) + t / 2)
    operator copy(n: Count) { work fp32 = n * 1 FLOP; read a = n * 4 B }
    analysis a(cpu = box) {
      data runs(t: ms) { 1
        2.5
        4 }
      show predict(copy(n: 1e9), on: cpu, under: worst).time as "policy"
      show fold(s = 0 for r in runs: s / 2 + r.t) as "rows"
    }
    """
    found = answers(text)
    times = [4e9 / 400e9, 4e9 / 100e9]
    assert value(found, "policy").value == pytest.approx(
        loop(1e-3, times, lambda t, level: max(t, level) + t / 2)
    )
    assert value(found, "rows").value == pytest.approx((1e-3 / 2 + 2.5e-3) / 2 + 4e-3)


@FORTY
@given(st.integers(1, 12), st.floats(0.2, 3).map(lambda x: round(x, 2)))
def test_a_fold_is_solved_through(turns, ratio):
    """The unknown of a fold: what a loop over its value gives back."""
    goal = loop(1.0, range(turns), lambda u, _: u * ratio + 1)
    fold = f"fold(u = 1 for i in 1 .. {turns}: u * q + 1)"
    before = f"unknown q: Ratio in 0.01 .. 5\nsolve s = q from {fold} == {goal!r}"
    found = solved(answers(f"perf 1\nanalysis a {{ {before} }}"), "s").answer
    assert found.value == pytest.approx(ratio, rel=1e-9)


def test_the_values_of_a_fold_are_kept_in_order():
    """The graph knows what was carried after each turn."""
    text = "perf 1\nanalysis a(w = 3) { show fold(u = 0 for i in 1 .. 4: u * 2 + i * w) }"
    program = solution(text).program
    assert program is not None
    graph = program.graph
    (steps,) = graph.folds.values()
    (result,) = graph.folds
    assert result == steps[-1]
    assert [graph.number(node) for node in steps] == [3, 12, 33, 78]


@pytest.mark.parametrize("turns", [3000, 20_000])
def test_a_long_fold_is_no_deep_recursion(turns):
    """The winner of a long chain of maxima is found, and so is what binds it."""
    text = f"""perf 1
    analysis a(w = 3) {{
      show fold(u = 0 for i in 1 .. {turns}: max(before: u, now: i * w)) as "largest"
      claim "the last" fold(u = 0 for i in 1 .. {turns}: max(before: u, now: i * w)) bound by now
    }}
    """
    found = answers(text)
    assert value(found, "largest").value == 3 * turns
    assert shown(found, "largest").binding == "now"
    assert claim(found, "the last").verdict == "holds"


# ---------------------------------------------------------------------------- smallest and largest


CONDITIONS = {
    "c * w > 10": lambda c, b: c * 3 > 10,
    "c^2 - 7 * c + w < n": lambda c, b: c**2 - 7 * c + 3 < 5,
    "mod(c, 4) == w": lambda c, b: c % 4 == 3,
    "not (c < n or c > 2 * n)": lambda c, b: not (c < 5 or c > 10),
    "c < n - 20": lambda c, b: False,
}
BODIES = {
    "c": lambda c: c,
    "-c": lambda c: -c,
    "w * c": lambda c: 3 * c,
    "(c - n)^2": lambda c: (c - 5) ** 2,
    "1 / (c - n)": lambda c: 1 / (c - 5) if c != 5 else None,
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("cond", CONDITIONS)
@pytest.mark.parametrize("word, choose", [("smallest", min), ("largest", max)])
@pytest.mark.parametrize("low, high", [(1, 12), (6, 9), (3, 3)])
def test_the_least_and_the_greatest_that_pass(word, choose, body, cond, low, high):
    """The min or max of the bodies whose condition holds; P507 where it holds for none."""
    passed = [BODIES[body](c) for c in range(low, high + 1) if CONDITIONS[cond](c, None)]
    expr = f"{word}({body} for c in {low} .. {high} if {cond})"
    if not passed:
        assert only_codes(expr) == ["P507"]
        return
    if None in passed:
        return  # a division by zero among those that pass
    assert value_of(expr) == pytest.approx(choose(passed))


@FORTY
@given(st.integers(1, 30), st.floats(0.1, 9).map(lambda x: round(x, 1)))
def test_an_unknown_in_the_condition(wanted, step):
    """The unknown for which c is the first that is enough: the whole interval of them."""
    text = f"""perf 1
    analysis a(step = {step}) {{
      unknown u: Ratio in 0.01 .. 500
      solve s = u from smallest(c for c in 1 .. 40 if c * step >= u) == {wanted}
    }}
    """
    (part,) = solved(answers(text), "s").answer.parts
    # The first open, the last closed: (wanted - 1) * step < u <= wanted * step.
    assert part.low == pytest.approx(max((wanted - 1) * step, 0.01), rel=1e-6)
    assert part.high == pytest.approx(wanted * step, rel=1e-9)


@FORTY
@given(st.integers(2, 20), st.integers(0, 40))
def test_an_interval_in_the_condition(centre, spread):
    """Every c that is the first for some value in the interval, and no other."""
    spread = min(spread, centre) / 2
    ends = [next(c for c in range(1, 200) if c > 2 * x) for x in (centre - spread, centre + spread)]
    before = f"let x = {centre} +- {spread}"
    search = "smallest(c for c in 1 .. 200 if c > 2 * x)"
    text = f'perf 1\nanalysis a {{ {before}\n show {search} as "s" }}'
    found = value(answers(text), "s")
    assert (found.low, found.high) == (ends[0], ends[1])


def test_lists_and_quantities():
    """The least bandwidth among the levels that are large enough, however uncertain that is."""
    text = """perf 1
    hardware box {
      cache l1 { size = 1 MB; bandwidth = 400 GB/s }
      cache l2 { size = 8 MB; bandwidth = 200 GB/s }
      memory dram { size = 1 GB; bandwidth = 100 GB/s +- 20 GB/s }
      port p { serves fp32; peak = 1 TFLOP/s }
    }
    operator copy(n: Count) { work fp32 = n * 1 FLOP; read a = n * 4 B }
    policy slowest per operator = largest(l.time for l in levels if l.size >= 2 MB)
    policy fastest per operator = smallest(l.time for l in levels if l.bandwidth <= 150 GB/s)
    analysis a(cpu = box) {
      let t = predict(copy(n: 1e9), on: cpu, under: slowest).time
      show t as "slowest"
      claim "dram binds" t bound by dram
      show predict(copy(n: 1e9), on: cpu, under: fastest).time as "fastest"
    }
    """
    found = answers(text)
    assert value(found, "slowest").value == pytest.approx(0.04)
    assert value(found, "slowest").high == pytest.approx(0.05)
    assert claim(found, "dram binds").verdict == "holds"
    assert value(found, "fastest").value == pytest.approx(0.04)


def test_a_condition_that_may_never_hold_is_a_finding():
    """Best found, range not: nobody knows a bound, and the results say why."""
    text = """perf 1
    analysis a(x = 8 +- 3) { show smallest(c for c in 1 .. 9 if c > x) as "s" }
    """
    found = answers(text)
    assert value(found, "s").value == 9
    assert [f.title for f in found.findings] == ["`c > x` may hold for none of `1 .. 9`"]


def test_a_search_in_a_choice_that_is_not_taken():
    """What is not asked need not exist."""
    assert value_of("if w < 5 then 1 else smallest(c for c in 1 .. 3 if c > n)") == 1
    assert only_codes("if w > 5 then 1 else smallest(c for c in 1 .. 3 if c > n)") == ["P507"]


def test_the_ends_of_a_range_are_set_from_outside():
    """`--set` moves the range of a fold and of a search."""
    expr = "smallest(c for c in n .. 20 if c > w) + fold(u = 0 for i in 1 .. n: u + 1)"
    found: list[Any] = [value_of(expr, "", "w = 3, n = 5", f"n={n}") for n in (2, 5, 9)]
    assert found == [4 + 2, 5 + 5, 9 + 9]
