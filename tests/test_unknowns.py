"""Answers as sets: points, intervals, several, none; against scipy, z3 and dense grids."""

import itertools
import math

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from tests.answers import answers, claim, codes, shown, solved

TINY = 1e-9


def solve(relation, unknown="u: Ratio in 0 .. 10", before=""):
    """The answer to one question about one unknown."""
    body = f"{before}\nunknown {unknown}\nsolve s = u from {relation}"
    text = f"perf 1\nanalysis a() {{\n{body}\n}}\n"
    return solved(answers(text), "s").answer


def parts(relation, unknown="u: Ratio in 0 .. 10", before=""):
    """The parts of the answer as pairs, in base units."""
    return [tuple(part) for part in solve(relation, unknown, before).parts]


def near(found, wanted, tolerance=TINY):
    assert len(found) == len(wanted), (found, wanted)
    for part, (low, high) in zip(found, wanted, strict=True):
        assert math.isclose(part[0], low, rel_tol=tolerance, abs_tol=tolerance), (found, wanted)
        assert math.isclose(part[1], high, rel_tol=tolerance, abs_tol=tolerance), (found, wanted)


# ----------------------------------------------------------------------------------- one of each


@pytest.mark.parametrize(
    "relation, wanted",
    [
        ("3 * u == 12", [(4, 4)]),
        ("u + 1 / u == 2.5", [(0.5, 0.5), (2, 2)]),
        ("u^2 == 2", [(2**0.5, 2**0.5)]),
        ("u^2 + 6 == 5 * u", [(2, 2), (3, 3)]),
        ("(u - 1) * (u - 2) * (u - 3) == 0", [(1, 1), (2, 2), (3, 3)]),
        ("abs(u - 3) == 1", [(2, 2), (4, 4)]),
        ("max(u, 4) == 4", [(0, 4)]),
        ("1 + 7 / (max(u, 90) - 80) == 1.7", [(0, 10)]),
        ("min(u, 4) == 4", [(4, 10)]),
        ("max(2, min(u, 4)) == 3", [(3, 3)]),
        ("max(u, 4) + min(u, 4) == 6", [(2, 2)]),
        ("max(u, 4) - u == 0", [(4, 10)]),
        ("u - u == 0", [(0, 10)]),
        ("sqrt(u) == 3", [(9, 9)]),
        ("exp(u) == 100", [(math.log(100), math.log(100))]),
        ("log2(u) == -3", [(0.125, 0.125)]),
        ("u == 0", [(0, 0)]),
        ("u == 10", [(10, 10)]),
        ("u == 10.001", []),
        ("u * u == -1", []),
        ("floor(u) == 3", [(3, 4)]),
        ("ceil(u) == 3", [(2, 3)]),
        ("floor(u) == 2.5", []),
        ("floor(u) + ceil(u) == 6", [(3, 3)]),
        ("(if u > 5 then 2 else 1) == 1", [(0, 5)]),
        ("(if u > 5 then u else 1) == 1.5", []),
        ("(if u > 5 then u else 10 - u) == 7", [(3, 3), (7, 7)]),
        ("mod(u, 4) == 1", [(1, 1), (5, 5), (9, 9)]),
        ("1 / u == 0.5", [(2, 2)]),
        ("1 / u == 0.05", []),
        ("5 / (10 - u) == 2", [(7.5, 7.5)]),
        ("max(0.1, 1 / u) == 2", [(0.5, 0.5)]),
        ("max(1 / u, 0.2) == 0.2", [(5, 10)]),
        ("max(0.2, 1 / u) == 0.2", [(5, 10)]),
        ("min(1 / u, 3) == 3", [(0, 1 / 3)]),
        ("1 / u + 1 / (10 - u) == 0.4", [(5, 5)]),
        ("3 * u <= 12", [(0, 4)]),
        ("3 * u >= 12", [(4, 10)]),
        ("max(u, 4) < 4", []),
        ("min(u, 4) > 4", []),
        ("max(u, 4) <= 4", [(0, 4)]),
        ("u + 1 / u == 2", [(1, 1)]),
        ("(if u > 5 then u else 10 - u) == 5", [(5, 5)]),
        ("u + 1 / u <= 2.5", [(0.5, 2)]),
        ("u + 1 / u >= 2.5", [(0, 0.5), (2, 10)]),
        ("(u - 1) * (u - 2) * (u - 3) >= 0", [(1, 2), (3, 10)]),
        ("1 / u <= 0.5", [(2, 10)]),
        ("max(3, u) <= 2", []),
        ("max(1, u) <= 20", [(0, 10)]),
    ],
)
def test_each_kind(relation, wanted):
    """The answer is exactly the set of values that fit, and is called what it is."""
    answer = solve(relation)
    near([tuple(p) for p in answer.parts], wanted)
    kind = "none" if not wanted else "several" if len(wanted) > 1 else "point"
    if len(wanted) == 1 and wanted[0][0] < wanted[0][1]:
        kind = "interval"
    assert answer.kind == kind
    assert answer.reach == answer.parts


def test_a_flat_region_ends_at_its_exact_breakpoint():
    """max(13/92 / e, 1) is 1 from e = 13/92 on: an interval, not the end of a bracket."""
    answer = solve("max(compute: 13 s / u, dram: 92 s) == 92 s", "u: Ratio in 0 .. 1")
    assert answer.kind == "interval"
    assert math.isclose(answer.parts[0].low, 13 / 92, rel_tol=1e-11)
    assert answer.parts[0].high == 1
    assert answer.binding == "dram"


@pytest.mark.parametrize(
    "order", ["compute: 13 s / u, dram: 92 s", "dram: 92 s, compute: 13 s / u"]
)
def test_the_order_of_terms_does_not_matter(order):
    """Dividing by the end 0 of the range has no value, wherever the quotient stands in a max."""
    near(parts(f"max({order}) == 130 s", "u: Ratio in 0 .. 1"), [(0.1, 0.1)])
    near(parts(f"max({order}) == 92 s", "u: Ratio in 0 .. 1"), [(13 / 92, 1)])
    assert solve(f"max({order}) == 130 s", "u: Ratio in 0 .. 1").binding == "compute"
    assert parts(f"max({order}) == 91 s", "u: Ratio in 0 .. 1") == []


def test_what_cannot_be_reached():
    """Nothing fits: the nearest value, where it is reached, and what binds there."""
    answer = solve("max(compute: 2 s / u, dram: 5 s) == 1 s", "u: Ratio in 0 .. 1")
    assert answer.kind == "none"
    assert answer.nearest.value == 5
    assert 0.4 <= answer.nearest.at <= 1
    assert answer.nearest.binding == "dram"
    answer = solve("max(compute: 2 s / u, dram: 0.5 s) == 1 s", "u: Ratio in 0 .. 1")
    assert math.isclose(answer.nearest.value, 2)
    assert answer.nearest.at == 1
    assert answer.nearest.binding == "compute"


def test_the_nearest_value_in_a_valley():
    """(u - 3)^2 + 4 comes nearest to 1 at 3, where it is 4."""
    answer = solve("(u - 3)^2 + 4 == 1")
    assert math.isclose(answer.nearest.value, 4, rel_tol=1e-9)
    assert math.isclose(answer.nearest.at, 3, abs_tol=1e-4)


@pytest.mark.parametrize(
    "relation, wanted",
    [
        ("3 * u == 12", [(4, 4)]),
        ("1e9 / u == 1e-3", [(1e12, 1e12)]),
        ("u <= 7", [(1e-150, 7)]),
        ("u + 1 / u == 2.5", [(0.5, 0.5), (2, 2)]),
        ("max(1 / u, 4) == 4", [(0.25, 1e150)]),
        ("1 / u == 0", []),
    ],
)
def test_without_a_range(relation, wanted):
    """An unknown without a range is any positive number."""
    near(parts(relation, "u: Ratio"), wanted)


# ----------------------------------------------------------------------------------- whole numbers


@pytest.mark.parametrize(
    "relation, wanted",
    [
        ("3 * u * 4 B <= 4096 B", [(1, 341)]),
        ("3 * u * 4 B >= 4096 B", [(342, 1000)]),
        ("3 * u < 12", [(1, 3)]),
        ("3 * u <= 12", [(1, 4)]),
        ("3 * u > 12", [(5, 1000)]),
        ("3 * u >= 12", [(4, 1000)]),
        ("u * 0.1 <= 0.3", [(1, 3)]),
        ("u * 0.1 >= 0.3", [(3, 1000)]),
        ("u * 6 == 24", [(4, 4)]),
        ("u * 6 == 25", []),
        ("floor(u / 7) == 3", [(21, 27)]),
        ("ceil(u / 7) == 3", [(15, 21)]),
        ("ceil(u / 32) * 34 <= 340", [(1, 320)]),
        ("floor(u / 7) < 3", [(1, 20)]),
        ("u * u == 49", [(7, 7)]),
        ("(u - 3) * (u - 8) == 0", [(3, 3), (8, 8)]),
        ("(u - 3) * (u - 8) < 0", [(4, 7)]),
        ("mod(u, 400) == 5", [(5, 5), (405, 405), (805, 805)]),
    ],
)
def test_counts_have_whole_answers(relation, wanted):
    """The answers of a Count are whole, rounded by the direction of the relation, and exact."""
    answer = solve(relation, "u: Count in 1 .. 1000")
    assert [tuple(p) for p in answer.parts] == wanted
    assert answer.whole


def test_the_nearest_whole_number():
    """20 of 6 each cannot be: 18 at 3 is nearest, not 3.33."""
    answer = solve("u * 6 == 20", "u: Count in 1 .. 100")
    assert answer.kind == "none"
    assert (answer.nearest.at, answer.nearest.value) == (3, 18)


@settings(max_examples=60, derandomize=True, database=None)
@given(
    st.integers(1, 30),
    st.integers(1, 40),
    st.integers(0, 400),
    st.sampled_from(["<=", "<", ">=", ">", "=="]),
    st.sampled_from(
        ["floor({a} * u / {b})", "ceil({a} * u / {b})", "{a} * u / {b}", "{a} / u * {b}"]
    ),
)
def test_counts_against_every_number(a, b, goal, op, shape):
    """Whole answers are what trying every number of the range gives."""
    relation = f"{shape.format(a=a, b=b)} {op} {goal}"
    tests = {
        "floor": lambda u: math.floor(a * u / b),
        "ceil(": lambda u: math.ceil(a * u / b),
        "{a} *": lambda u: a * u / b,
        "{a} /": lambda u: a / u * b,
    }
    compare = {
        "<=": lambda x: x <= goal + 1e-12 * goal,
        "<": lambda x: x < goal - 1e-12 * goal,
        ">=": lambda x: x >= goal - 1e-12 * goal,
        ">": lambda x: x > goal + 1e-12 * goal,
        "==": lambda x: abs(x - goal) <= 1e-9 * goal,
    }[op]
    fits = [u for u in range(1, 201) if compare(tests[shape[:5]](u))]
    found = parts(relation, "u: Count in 1 .. 200")
    listed = [u for low, high in found for u in range(int(low), int(high) + 1)]
    assert listed == fits


# ------------------------------------------------------------------------------ regimes of ceilings


@st.composite
def regimes(draw):
    """Operators with work a and bytes b, and a time between."""
    count = draw(st.integers(1, 6))
    work = [draw(st.integers(1, 50)) for _ in range(count)]
    bytes_ = [draw(st.integers(1, 50)) for _ in range(count)]
    return (
        work,
        bytes_,
        draw(st.sampled_from(["floor", "inside", "below", "end"])),
        draw(st.floats(0.02, 0.98)),
    )


@settings(max_examples=60, derandomize=True, database=None)
@given(regimes(), st.booleans())
def test_sums_of_maxima_against_brentq(case, per_operator):
    """Sum of max(a/e, b), and max of sums: flat from an exact breakpoint on, else one root."""
    work, bytes_, where, share = case

    def time(e):
        if per_operator:
            return sum(max(a / e, b) for a, b in zip(work, bytes_, strict=True))
        return max(sum(work) / e, sum(bytes_))

    least = sum(bytes_) if per_operator else max(sum(bytes_), 0)
    goal = {"floor": least, "inside": time(share), "below": least * 0.9, "end": time(1)}[where]
    pairs = zip(work, bytes_, strict=True)
    text = " + ".join(f"max({a} / u, {b})" for a, b in pairs)
    if not per_operator:
        text = f"max({' + '.join(f'{a} / u' for a in work)}, {sum(bytes_)})"
    found = parts(f"{text} == {goal!r}", "u: Ratio in 0 .. 1")
    flat = sum(work) / least
    if per_operator:
        flat = max(a / b for a, b in zip(work, bytes_, strict=True))
    if goal < time(1) * (1 - 1e-12):
        assert found == []
    elif math.isclose(goal, least, rel_tol=1e-13) and flat < 1:
        near(found, [(flat, 1)])
    elif time(1) >= goal * (1 - 1e-12):
        near(found, [(1, 1)], 1e-8)
    else:
        root = brentq(lambda e: time(e) - goal, 1e-6, 1, xtol=1e-15, rtol=1e-14)
        near(found, [(root, root)])


@settings(max_examples=40, derandomize=True, database=None)
@given(
    st.lists(st.integers(-6, 6), min_size=1, max_size=3, unique=True),
    st.sampled_from(["==", "<=", ">="]),
)
def test_polynomials_against_z3(roots, op):
    """z3 agrees about every value between, at and beyond the roots of a polynomial."""
    text = " * ".join(f"(u - {r})" if r >= 0 else f"(u + {-r})" for r in roots)
    found = parts(f"{text} {op} 0", "u: Ratio in 0 .. 10")
    for twice in range(21):
        u = z3.Q(twice, 2)
        solver = z3.Solver()
        product = z3.RealVal(1)
        for r in roots:
            product = product * (u - r)
        solver.add({"==": product == 0, "<=": product <= 0, ">=": product >= 0}[op])
        fits = solver.check() == z3.sat
        inside = any(low - TINY <= twice / 2 <= high + TINY for low, high in found)
        assert fits == inside, (twice / 2, found)


# -------------------------------------------------------------------------------- random programs


@st.composite
def expressions(draw, depth=3):
    """A random formula of u, as text and as a function; and whether it is continuous."""
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        if draw(st.booleans()):
            return "u", lambda u: u, True
        number = draw(st.integers(1, 12))
        return str(number), lambda u: float(number), True
    op = draw(st.sampled_from(["+", "*", "/", "max", "min", "max", "-", "floor", "abs", "sqrt"]))
    left, f, smooth = draw(expressions(depth - 1))
    if op == "floor":
        return f"floor({left})", lambda u: float(math.floor(f(u))), False
    if op == "abs":
        return f"abs({left} - 2)", lambda u: abs(f(u) - 2), smooth
    if op == "sqrt":
        return f"sqrt(abs({left}))", lambda u: math.sqrt(abs(f(u))), smooth
    right, g, also = draw(expressions(depth - 1))
    both = smooth and also
    if op in {"max", "min"}:
        choose = max if op == "max" else min
        return f"{op}({left}, {right})", lambda u: choose(f(u), g(u)), both
    if op == "/":
        return f"({left} / (abs({right}) + 1))", lambda u: f(u) / (abs(g(u)) + 1), both
    join = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}[op]
    return f"({left} {op} {right})", lambda u: join(f(u), g(u)), both


GRID = [0.5 + i * 7.5 / 600 for i in range(601)]


@settings(max_examples=120, derandomize=True, database=None)
@given(expressions(), st.sampled_from(GRID))
def test_equations_against_a_grid(case, somewhere):
    """A formula set equal to its own value somewhere: that place is in the answer, everything in
    the answer fits, and no change of sign is left out."""
    text, f, smooth = case
    if "u" not in text:
        return
    goal = f(somewhere)
    if 0 < abs(goal) < 1e-9:
        return  # a rounding error away from touching zero, which is no place to ask for
    found = parts(f"{text} == {goal!r}", "u: Ratio in 0.5 .. 8")
    size = max(1.0, abs(goal))
    # A step may have a value at a single place, which no width of it fits.
    if smooth or abs(f(somewhere - 1e-9) - goal) + abs(f(somewhere + 1e-9) - goal) < 1e-6:
        assert any(low - 1e-6 <= somewhere <= high + 1e-6 for low, high in found), found
    for low, high in found:
        inset = 1e-6 * (high - low)
        for u in (low + inset, (low + high) / 2, high - inset):
            # ... nor is a single place left out at which a step has another value.
            near = [f(u)] if smooth else [f(u - 1e-9), f(u + 1e-9)]
            assert any(abs(v - goal) <= 1e-7 * size for v in near), (u, near, goal)
    if smooth:
        for a, b in itertools.pairwise(GRID):
            if (f(a) - goal) * (f(b) - goal) < 0:
                assert any(low <= b and high >= a for low, high in found), (a, b, found)


@settings(max_examples=120, derandomize=True, database=None)
@given(expressions(), st.sampled_from(GRID), st.sampled_from(["<=", ">="]))
def test_inequalities_against_a_grid(case, somewhere, op):
    """Every place of a grid is in the answer if it fits clearly, and is not if it fails clearly."""
    text, f, _ = case
    if "u" not in text:
        return
    goal = f(somewhere) + 0.01
    found = parts(f"{text} {op} {goal!r}", "u: Ratio in 0.5 .. 8")
    sign = 1 if op == "<=" else -1
    for u in GRID:
        gap = sign * (f(u) - goal)
        inside = any(low - 1e-9 <= u <= high + 1e-9 for low, high in found)
        # Where steps meet, a single place may differ from all around it.
        at_end = any(abs(u - end) < 1e-9 for part in found for end in part)
        at_end = at_end or abs(f(u - 1e-9) - f(u)) + abs(f(u + 1e-9) - f(u)) > 1e-6
        if abs(gap) > 1e-6 * max(1.0, abs(goal)) and not at_end:
            assert inside == (gap < 0), (u, gap, found)


# ------------------------------------------------------------------------ uncertainty and several


def test_an_observation_with_a_range():
    """6 ms +- 0.5 ms: the best value, and all that fits within the range."""
    answer = solve("3 ms / u == t", "u: Ratio in 0 .. 1", "let t = 6 ms +- 0.5 ms")
    near([tuple(p) for p in answer.parts], [(0.5, 0.5)])
    near([tuple(p) for p in answer.reach], [(3 / 6.5, 3 / 5.5)])
    assert math.isclose(answer.min, 3 / 6.5, rel_tol=1e-9)
    assert math.isclose(answer.max, 3 / 5.5, rel_tol=1e-9)


def test_an_observation_whose_range_meets_a_flat_region():
    """The range of the observation reaches the memory-bound region: up to all of it fits."""
    before = "let t = 6 ms +- 2 ms"
    answer = solve("max(compute: 3 ms / u, dram: 5 ms) == t", "u: Ratio in 0 .. 1", before)
    near([tuple(p) for p in answer.parts], [(0.5, 0.5)])
    near([tuple(p) for p in answer.reach], [(3 / 8, 1)])


@settings(max_examples=40, derandomize=True, database=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 60),
    st.integers(0, 20),
    st.integers(0, 9),
)
def test_reach_against_a_grid(work, bytes_, seen, off, loose):
    """All that fits while measurement and work run over their ranges, by a dense grid."""
    before = f"let t = {seen + off} +- {off}\nlet w = {work + loose} +- {loose}"
    answer = solve(f"max(w / u, {bytes_}) == t", "u: Ratio in 0.1 .. 1", before)

    def fits(u):
        low, high = max(work / u, bytes_), max((work + 2 * loose) / u, bytes_)
        return low <= seen + 2 * off and high >= seen

    reach = [tuple(p) for p in answer.reach]
    for i in range(181):
        u = 0.1 + i * 0.005
        edge = any(abs(u - end) < 1e-9 for part in reach for end in part)
        inside = any(low <= u <= high for low, high in reach)
        assert edge or inside == fits(u), (u, reach)


def test_the_end_of_an_uncertain_input_in_a_question():
    """low(t) is one number, and so the answer is a point; low(t / u) moves with the unknown."""
    before = "let t = 6 ms +- 2 ms"
    near(parts("3 ms / u == low(t)", "u: Ratio in 0 .. 1", before), [(0.75, 0.75)])
    near(parts("high(t / u) == 16 ms", "u: Ratio in 0.1 .. 1", before), [(0.5, 0.5)])


def test_two_unknowns_from_one_equation():
    """What each can be while the other runs over its range; and the answer is called joint."""
    text = (
        "perf 1\nanalysis a() {\nunknown u: Ratio in 0 .. 10\nunknown v: Ratio in 2 .. 4\n"
        "solve s = u, v from 3 * u + v == 9\n}\n"
    )
    found = answers(text)
    first, second = solved(found, "s", "u").answer, solved(found, "s", "v").answer
    assert first.joint
    assert second.joint
    near([tuple(p) for p in first.parts], [(5 / 3, 7 / 3)])
    near([tuple(p) for p in second.parts], [(2, 4)])


@pytest.mark.parametrize(
    "relation, wanted",
    [
        ("u + (v - 1)^2 == 3", [(0, 3)]),
        ("v * (u - 5) == -3", [(2, 3.5)]),
        ("v * (u - 5) == 3", [(6.5, 8)]),
        ("abs(v - 1.5) + u == 1", [(0.5, 1)]),
        ("u - v + v == 4", [(4, 4)]),
    ],
)
def test_what_one_unknown_can_be_while_another_runs(relation, wanted):
    """Also where the other one moves the formula up in one part of its range, down in another."""
    low, high = (0, 3) if "^2" in relation else (1, 2)
    text = (
        "perf 1\nanalysis a() {\nunknown u: Ratio in 0 .. 10\n"
        f"unknown v: Ratio in {low} .. {high}\nsolve s = u, v from {relation}\n}}"
    )
    near([tuple(p) for p in solved(answers(text), "s", "u").answer.parts], wanted, 1e-3)


def test_an_unknown_that_does_not_occur():
    """A question in which its unknown does not occur is refused."""
    text = "perf 1\nanalysis a() {\nunknown u: Ratio in 0 .. 1\nsolve s = u from 3 == 3\n}\n"
    assert "P502" in codes(text)


ASKED = """perf 1
hardware box {{ work = 3 ms; bytes = 5 ms }}
analysis a(cpu = box) {{
  unknown u: Ratio in 0 .. 1
  let time = max(compute: cpu.work / u, dram: cpu.bytes)
  observe "x" time = {seen}
  solve one = u from time
  claim "value" one.value ~= 50 %
  claim "min" one.min ~= {low} %
  claim "max" one.max ~= {high} %
  claim "at least" one.min >= 20 %
  show one
}}
"""


def test_the_parts_of_an_answer_in_claims():
    """A point has value, min and max; of an interval the value is undecided, its ends are known."""
    point = answers(ASKED.format(seen="6 ms", low=50, high=50))
    assert [c.verdict for c in point.claims] == ["holds"] * 4
    flat = answers(ASKED.format(seen="5 ms", low=60, high=100))
    assert [c.verdict for c in flat.claims] == ["undecided", "holds", "holds", "holds"]
    assert shown(flat, "one").value.answer.kind == "interval"
    vague = answers(ASKED.format(seen="6 ms +- 0.5 ms", low=3 / 6.5 * 100, high=3 / 5.5 * 100))
    assert claim(vague, "min").verdict == "holds"
    assert claim(vague, "max").verdict == "holds"
    assert claim(vague, "value").verdict == "undecided"


def test_nothing_reached_leaves_claims_undecided():
    """Where no value fits there is no number to judge."""
    none = answers(ASKED.format(seen="4 ms", low=50, high=50))
    assert [c.verdict for c in none.claims] == ["undecided"] * 4
    assert solved(none, "one").answer.nearest.value == pytest.approx(5e-3)


def test_an_observed_expression_is_found_by_its_name():
    """`solve u from time` takes the observation of `time`; what it says is `==` with its range."""
    found = solved(answers(ASKED.format(seen="6 ms +- 0.5 ms", low=1, high=1)), "one")
    assert found.op == "=="
    assert found.target.shown == 6
    assert math.isclose(found.target.low, 5.5e-3)
