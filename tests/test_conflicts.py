"""Contradictions: found, made smallest, and how far each statement alone would have to move."""

import itertools
import math

import pytest
import z3
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.answers import ROOT, answers, member, names, solution

CEILING = ROOT / "specs" / "analyses" / "theoretical_ceiling.perf"
BOX = """perf 1
hardware box {
  cores = 4 core                           @assumed("all of them")
  clock: GHz in 2 GHz .. 4 GHz = 3 GHz     @assumed("no measurement")
  turbo: Ratio in 1 .. 1.25 = 1            @assumed("off")
  port dot { serves int8; peak = cores * clock * turbo * 16 MAC/(cycle*core) }
  memory dram { bandwidth: GB/s in 10 GB/s .. 30 GB/s = 20 GB/s  @assumed("one channel") }
}
"""
# 6 GMAC at 192 GMAC/s: 31.25 ms; 100 MB at 20 GB/s: 5 ms.
TIMES = """
  unknown efficiency: Ratio in 0 .. 1
  let arithmetic = 6 GMAC / cpu.dot.peak
  let streaming  = 100 MB / cpu.dram.bandwidth
  let latency    = max(compute: arithmetic / efficiency, dram: streaming)
"""


def ceiling_with(*changes):
    """The conflicts of the ceiling analysis with some of its text replaced."""
    text = CEILING.read_text("utf-8").partition("## What the true architecture")[0]
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    text = text.replace('import "models/embeddinggemma_300m" as truth\n', "")
    return answers(text).conflicts


def conflicts(body, *set_, hardware=BOX):
    """The conflicts of an analysis of a box with these statements."""
    return answers(f"{hardware}analysis a(cpu = box) {{{body}}}\n", *set_).conflicts


def observed(milliseconds, more=""):
    return f'{TIMES}\n  observe "x" latency = {milliseconds} as seen\n{more}'


# ---------------------------------------------------------------------------- the first program


def test_the_first_program():
    """The 65-token measurement conflicts with tokens, cores and peak; the other three do not."""
    (found,) = ceiling_with()
    assert names(found) == {"llama_long", "tokens", "cores", "int8_peak"}
    needed = {n: member(found, n).needed.shown for n in names(found)}
    assert {n: round(v, 2) for n, v in needed.items()} == {
        "llama_long": 22.9,
        "tokens": 51.1,
        "cores": 1.27,
        "int8_peak": 732.69,
    }
    assert round(member(found, "clock").needed.shown, 2) == 5.72
    assert not member(found, "clock").allowed


@pytest.mark.parametrize(
    "change",
    [
        ("tokens = 65 token", "tokens = 50 token"),
        ("tokens = 65 token", "tokens = 51 token"),
        ("cpu.cores = 1 core  @assumed", "cpu.cores = 2 core  @assumed"),
        ("latency[long] = 18 ms", "latency[long] = 24 ms"),
        ("latency[long] = 18 ms", "latency[long] = 18 ms +- 5 ms"),
    ],
)
def test_the_conflict_is_found_not_written(change):
    """With 50 tokens, with 2 cores, with 24 ms there is no conflict."""
    assert ceiling_with(change) == ()


@pytest.mark.parametrize(
    "change, needed",
    [
        (("tokens = 65 token", "tokens = 52 token"), 18.3173),
        (("latency[long] = 18 ms", "latency[long] = 22.8 ms"), 22.8966),
        (("latency[long] = 18 ms", "latency[long] = 18 ms +- 4.8 ms"), 22.8966),
    ],
)
def test_the_conflict_stays_just_before_peace(change, needed):
    """With 52 tokens or 22.8 ms the same statements conflict still; now the clock alone could."""
    (found,) = ceiling_with(change)
    assert names(found) == {"llama_long", "tokens", "cores", "int8_peak", "clock"}
    assert all(m.allowed for m in found.members)
    assert math.isclose(member(found, "llama_long").needed.shown, needed, rel_tol=1e-5)


def test_another_conflict():
    """12 tokens in 0.4 ms are too fast for what the caches cannot hold, on any number of cores."""
    found = ceiling_with(
        ("latency[long] = 18 ms", "latency[long] = 24 ms"),
        ("latency[short] = 6 ms", "latency[short] = 0.4 ms"),
    )
    assert len(found) == 1
    assert "llama_short" in names(found[0])
    assert math.isclose(member(found[0], "llama_short").needed.shown, 0.489078, rel_tol=1e-5)


def test_both_conflicts_of_one_file():
    """Two measurements that contradict the assumptions are two conflicts."""
    found = ceiling_with(("latency[short] = 6 ms", "latency[short] = 0.4 ms"))
    assert len(found) == 2
    assert {n for c in found for n in names(c) if n.startswith("llama")} == {
        "llama_short",
        "llama_long",
    }


# ------------------------------------------------------------------------------------ small boxes


def test_no_conflict():
    """What an efficiency below 1 explains is no conflict, nor is the ceiling itself."""
    assert conflicts(observed("40 ms")) == ()
    assert conflicts(observed("31.25 ms")) == ()


def test_faster_than_the_ceiling():
    """20 ms where 31.25 ms are the least: the cores alone could, clock and turbo together could."""
    (found,) = conflicts(observed("20 ms"))
    assert math.isclose(found.reachable.shown, 31.25, rel_tol=1e-8)
    assert found.direction == "at least"
    cores = member(found, "cores")
    assert cores.allowed
    assert cores.whole
    assert math.isclose(cores.needed.shown, 4 * 31.25 / 20, rel_tol=1e-8)
    for name, needed in (("clock", 3 * 31.25 / 20), ("turbo", 31.25 / 20)):
        assert not member(found, name).allowed
        assert math.isclose(member(found, name).needed.shown, needed, rel_tol=1e-8)
    assert "bandwidth" not in {m.name.rsplit(".", 1)[-1] for m in found.members + found.others}


def test_two_that_make_peace_only_together():
    """27 % too fast: clock (33 %) could alone, turbo (25 %) could not; 60 %: only both."""
    sure = BOX.replace('@assumed("all of them")', "")
    (alone,) = conflicts(observed("24.5 ms"), hardware=sure)
    assert member(alone, "clock").allowed
    assert not member(alone, "turbo").allowed
    (both,) = conflicts(observed("20 ms"), hardware=sure)
    assert not any(m.allowed for m in both.members[1:])
    pairs = {frozenset({p.first.rsplit(".")[-1], p.second.rsplit(".")[-1]}): p for p in both.pairs}
    pair = pairs[frozenset({"clock", "turbo"})]
    at_end = {"turbo": (1.25, 3.75), "clock": (4.0, 31.25 / 20 * 3 / 4)}
    first, second = at_end[pair.first.rsplit(".")[-1]]
    assert math.isclose(pair.first_value.shown, first)
    assert math.isclose(pair.second_value.shown, second, rel_tol=1e-8)


def test_no_peace_at_all():
    """Where nothing within its range makes peace, the measurement stands alone against the rest."""
    sure = BOX.replace('@assumed("all of them")', "")
    (found,) = conflicts(observed("10 ms"), hardware=sure)
    assert names(found) == {"seen"}
    assert found.pairs == ()


def test_slower_than_the_range_of_the_unknown_allows():
    """With an efficiency of at least 50 %, 100 ms are too slow: at most 62.5 ms are predicted."""
    text = observed("100 ms").replace("0 .. 1\n", "0.5 .. 1\n")
    (found,) = conflicts(text)
    assert found.direction == "at most"
    assert "slower" in found.title
    assert math.isclose(found.reachable.shown, 62.5, rel_tol=1e-8)
    cores = member(found, "cores")
    assert cores.direction == "at most"
    assert math.isclose(cores.needed.shown, 2.5, rel_tol=1e-8)
    assert not member(found, "clock").allowed
    assert conflicts(text.replace("100 ms", "62 ms")) == ()


def test_two_observations_of_one_quantity():
    """Two values of one quantity by one subject exclude each other unless their ranges meet."""
    second = '  observe "x" latency = 50 ms +- 1 ms as again\n'
    (found,) = conflicts(observed("40 ms +- 2 ms", second))
    assert names(found) == {"seen", "again"}
    assert member(found, "seen").needed.shown == 49
    assert member(found, "again").needed.shown == 42
    assert conflicts(observed("47 ms +- 2 ms", second)) == ()
    assert conflicts(observed("40 ms", second.replace('"x"', '"y"'))) == ()


def test_two_observations_of_one_formula_written_twice():
    """The quantity is the same where the formula is, though its numbers are written again."""
    text = """
  unknown e: Ratio in 0 .. 1
  observe "x" max(a: 5 ms * cpu.turbo, b: 1 ms / e) = 7 ms +- 1 ms as seen
  observe "x" max(a: 5 ms * cpu.turbo, b: 1 ms / e) = 5.5 ms as again
"""
    (found,) = conflicts(text)
    assert names(found) == {"seen", "again"}
    assert conflicts(text.replace("5.5 ms", "6.5 ms")) == ()


def test_each_subject_has_its_conflict():
    """Two subjects that were both too fast are two conflicts, a third that was not is none."""
    more = '  observe "y" latency = 25 ms as yours\n  observe "z" latency = 35 ms as fine\n'
    found = conflicts(observed("20 ms", more))
    assert sorted(c.subject for c in found) == ["x", "y"]
    assert [round(c.observed.shown) for c in sorted(found, key=lambda c: c.subject)] == [20, 25]


def test_independent_conflicts_have_their_own_members():
    """Too fast for the ports, and too fast for the memory: each names its own assumptions."""
    more = '  observe "y" streaming / efficiency = 4 ms as read\n'
    first, second = sorted(conflicts(observed("20 ms", more)), key=lambda c: c.subject)
    assert names(first) == {"seen", "cores", "turbo"}
    assert names(second) == {"read", "bandwidth"}
    assert math.isclose(member(second, "bandwidth").needed.shown, 25, rel_tol=1e-8)


def test_a_measurement_below_a_ceiling_of_predict():
    """Without any unknown, a time that is less than the machine needs is a contradiction."""
    text = """
  let least = ceiling(net, on: cpu)
  let run = predict(net, on: cpu)
  observe "x" WHAT.time = 1 us as seen
"""
    model = """
model sieve { use { work int8 = load.rows * 6e6 * 1 MAC; read weights = 1e6 * 1 B } as all }
workload brief { tokens = 1 token }
"""

    def found(what):
        body = text.replace("WHAT", what)
        head = "analysis a(cpu = box, net = sieve, load = brief)"
        return answers(f"{BOX}{model}{head} {{{body}}}").conflicts

    # 6 MMAC at 192 GMAC/s are 31 us, 1 MB at 20 GB/s are 50 us: both must become faster.
    for (one,) in (found("least"), found("run")):
        assert math.isclose(one.reachable.shown, 50, rel_tol=1e-8)
        assert names(one) <= {"seen", "cores", "bandwidth", "turbo", "clock"}


@pytest.mark.parametrize("milliseconds", [5, 12, 20, 25, 31])
def test_what_is_needed_is_just_enough(milliseconds):
    """Set to what is needed (and a millionth more) there is peace; a millionth less, none."""
    (found,) = conflicts(observed(f"{milliseconds} ms"))
    tried = 0
    for name, unit in (("cores", "core"), ("clock", "GHz")):
        item = member(found, name) if name in names(found) else None
        if item is None or not item.allowed:
            continue
        up = 1 if item.direction == "at least" else -1
        for nudge in (1e-6, -1e-6):
            number = item.needed.shown * (1 + up * nudge)
            set_ = f"{name}={number!r} {unit}"
            done = solution(
                f"{BOX}analysis a(cpu = box) {{{observed(f'{milliseconds} ms')}}}\n", set_
            )
            assert (done.answers[0].conflicts == ()) == (nudge > 0), set_
            tried += 1
    mine = member(found, "seen").needed.shown
    assert conflicts(observed(f"{mine * (1 + 1e-6)!r} ms")) == ()
    assert len(conflicts(observed(f"{mine * (1 - 1e-6)!r} ms"))) == 1
    assert tried >= 2


# --------------------------------------------------------------------------------- against oracles

COEFFICIENTS = st.integers(1, 9)


@st.composite
def linear_programs(draw):
    """A time that is a sum of assumed parts within ranges, some with a minus, and one unknown."""
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        low = draw(st.integers(1, 20))
        high = low + draw(st.integers(1, 20))
        now = draw(st.integers(low, high))
        sign = draw(st.sampled_from([1, 1, -1]))
        parts.append((sign * draw(COEFFICIENTS), low, now, high))
    slack = draw(st.integers(1, 30))
    seen = draw(st.integers(-200, 600))
    return parts, slack, seen


def linear_text(parts, slack, seen):
    fields = "\n".join(
        f'  x{i}: Ratio in {low} .. {high} = {now}  @assumed("part {i}")'
        for i, (_, low, now, high) in enumerate(parts)
    )
    total = " ".join(
        f"{'-' if factor < 0 else '+'} {abs(factor)} s * cpu.x{i}"
        for i, (factor, *_) in enumerate(parts)
    )
    return (
        f"perf 1\nhardware box {{\n{fields}\n}}\nanalysis a(cpu = box) {{\n"
        f"  unknown u: s in 0 s .. {slack} s\n"
        f'  observe "x" (0 s {total} + u) = {seen} s as seen\n}}\n'
    )


def possible(parts, slack, seen, free):
    """Whether z3 finds values when the parts in `free` may move."""
    solver = z3.Solver()
    terms = []
    for i, (factor, low, now, high) in enumerate(parts):
        if i in free:
            x = z3.Real(f"x{i}")
            solver.add(x >= low, x <= high)
            terms.append(factor * x)
        else:
            terms.append(z3.RealVal(factor * now))
    u = z3.Real("u")
    solver.add(u >= 0, u <= slack, z3.Sum([*terms, u]) == seen)
    return solver.check() == z3.sat


@settings(max_examples=150, derandomize=True, database=None)
@given(linear_programs())
def test_linear_programs_against_z3(program):
    """A conflict is reported if and only if z3 finds none of the values possible; its members
    conflict however the others move, and no longer if any one of them may move too."""
    parts, slack, seen = program
    found = answers(linear_text(parts, slack, seen)).conflicts
    assert bool(found) == (not possible(parts, slack, seen, set()))
    if not found:
        return
    (conflict,) = found
    members = {int(m.name.rsplit("x", 1)[-1]) for m in conflict.members[1:]}
    others = set(range(len(parts))) - members
    assert not possible(parts, slack, seen, others)
    if members:
        for one in members:
            assert possible(parts, slack, seen, others | {one})
    else:
        assert not possible(parts, slack, seen, set(range(len(parts))))
    for item in (*conflict.members[1:], *conflict.others):
        at = int(item.name.rsplit("x", 1)[-1])
        assert item.allowed == possible(parts, slack, seen, {at})
        if item.needed is not None:
            check_needed(parts, slack, seen, at, item)


def check_needed(parts, slack, seen, at, item):
    """With that value there is peace; it is the nearest one."""
    rest = sum(f * now for i, (f, _, now, _) in enumerate(parts) if i != at)
    factor, _, now, _ = parts[at]
    ends = [(seen - rest - u) / factor for u in (0, slack)]
    nearest = min(ends, key=lambda x: abs(x - now))
    assert math.isclose(item.needed.value, nearest, rel_tol=1e-6, abs_tol=1e-6)


@st.composite
def ratio_programs(draw):
    """A time a*b/(c*d) with assumed factors within ranges."""
    parts = []
    for _ in range(4):
        low = draw(st.integers(1, 8))
        high = low + draw(st.integers(1, 8))
        parts.append((low, draw(st.integers(low, high)), high))
    return parts, draw(st.integers(1, 400)) / 10


@settings(max_examples=80, derandomize=True, database=None)
@given(ratio_programs())
def test_products_against_a_grid(program):
    """The same for products and quotients, by brute force over the corners of the ranges."""
    parts, seen = program
    fields = "\n".join(
        f'  x{i}: Ratio in {low} .. {high} = {now}  @assumed("part")'
        for i, (low, now, high) in enumerate(parts)
    )
    text = (
        f"perf 1\nhardware box {{\n{fields}\n}}\nanalysis a(cpu = box) {{\n"
        "  unknown e: Ratio in 0 .. 1\n"
        f'  observe "x" (1 s * cpu.x0 * cpu.x1 / (cpu.x2 * cpu.x3) / e) = {seen} s as seen\n}}\n'
    )

    def least(free):
        corners = itertools.product(
            *[(low, high) if i in free else (now,) for i, (low, now, high) in enumerate(parts)]
        )
        return min(a * b / (c * d) for a, b, c, d in corners)

    everything = [least(set(s)) for n in range(5) for s in itertools.combinations(range(4), n)]
    assume(all(abs(value / seen - 1) > 1e-6 for value in everything))
    found = answers(text).conflicts
    assert bool(found) == (least(set()) > seen)
    if found:
        members = {int(m.name.rsplit("x", 1)[-1]) for m in found[0].members[1:]}
        others = set(range(4)) - members
        assert least(others) > seen
        assert all(least(others | {one}) < seen for one in members)
        for item in found[0].members[1:]:
            at = int(item.name.rsplit("x", 1)[-1])
            assert item.allowed == (least({at}) < seen)
