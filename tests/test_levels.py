"""A level's own time rule, and policies that run over levels and ask for fields of one's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfdsl.rendering import render_all
from tests.answers import answers, claim, codes, shown, solution, solved, value

KIB = 2**10


def program(levels: str, policy: str, statements: str, parameters: str = "") -> str:
    """One hardware with these levels, one policy `own`, and one operator that streams."""
    return f"""perf 1
hardware box {{
  port fma {{ serves fp32; peak = 1 TMAC/s }}
{levels}
}}
policy own {policy}
operator pass(r: Count, w: Count) {{
  work fp32 = 1e6 MAC; read data = r * 1 B; write data = w * 1 B
}}
analysis a(cpu = box{parameters}) {{
{statements}
}}
"""


# ------------------------------------------------------------------------------------ time rules

RULES = {
    "": lambda r, w: (r + w) / 1e9,
    "time = (read + write) / bandwidth": lambda r, w: (r + w) / 1e9,
    "time = bytes / bandwidth": lambda r, w: (r + w) / 1e9,
    "time = max(read, write) / bandwidth": lambda r, w: max(r, w) / 1e9,
    "time = latency + (read + 2 * write) / bandwidth": lambda r, w: 80e-9 + (r + 2 * w) / 1e9,
    "time = ceil(bytes / (64 B)) * latency": lambda r, w: -(-(r + w) // 64) * 80e-9,
    "time = max(read / down, write / up)": lambda r, w: max(r / 3e9, w / 2e9),
    "time = if write > 0 B then read / up else read / down": lambda r, w: r / 2e9 if w else r / 3e9,
}


@pytest.mark.parametrize("rule", RULES)
@given(read=st.integers(0, 10**9), write=st.integers(0, 10**9))
def test_a_levels_time_is_its_rule_over_what_crosses_it(rule, read, write):
    """Half and full duplex, latency, penalties, lines, a rate for each way."""
    level = (
        f"memory m {{ bandwidth = 1 GB/s; latency = 80 ns; down = 3 GB/s; up = 2 GB/s; {rule} }}"
    )
    show = f"show predict(pass(r: {read}, w: {write}), on: cpu, under: own).m.time in s as 't'"
    found = answers(program(level, "per model = levels.m.time", show.replace("'", '"')))
    assert value(found, "t").value == pytest.approx(RULES[rule](read, write), rel=1e-12)


@pytest.mark.parametrize(
    "rule, lost", [("", 0.5), ("time = bytes / bandwidth", 0.5), ("time = read / down", 1)]
)
def test_the_bandwidth_of_a_rule_is_the_effective_one(rule, lost):
    """`predict` takes the efficiency into account, `ceiling` does not; own rates are one's own."""
    level = f"memory m {{ bandwidth = 1 GB/s; efficiency = 50 %; down = 1 GB/s; {rule} }}"
    show = "\n".join(
        f'show {word}(pass(r: 1_000_000, w: 0), on: cpu, under: own).m.time in ms as "{word}"'
        for word in ("predict", "ceiling")
    )
    found = answers(program(level, "per model = levels.m.time", show))
    assert value(found, "predict").shown == pytest.approx(1 / lost)
    assert value(found, "ceiling").shown == pytest.approx(1)


def test_a_ceiling_has_no_efficiency_in_a_rule_either():
    """A rule that multiplies its own rate by `efficiency` reaches the rate itself at the least."""
    level = "memory m { efficiency = 25 %; down = 1 GB/s; time = read / (down * efficiency) }"
    show = "\n".join(
        f'show {word}(pass(r: 1_000_000, w: 0), on: cpu, under: own).m.time in ms as "{word}"'
        for word in ("predict", "ceiling")
    )
    found = answers(program(level, "per model = levels.m.time", show))
    assert value(found, "predict").shown == pytest.approx(4)
    assert value(found, "ceiling").shown == pytest.approx(1)


# -------------------------------------------------------------------------------------- filters

levels_ = st.lists(
    st.tuples(st.booleans(), st.integers(1, 50), st.integers(0, 5)), min_size=1, max_size=5
)
STAGGERED = """per operator = max(compute, sum(l.time for l in levels if l.serial)
                                  + max(l.time for l in levels if not l.serial))"""


def written(levels: list[tuple[bool, int, int]]) -> str:
    """Levels inner to outer; the caches hold one byte, so that all crosses each of them."""
    blocks = [
        f"  {'cache' if at < len(levels) - 1 else 'memory'} l{at} {{ size = 1 B; "
        f"bandwidth = {rate} GB/s; serial = {str(serial).lower()}; cost = {cost} }}"
        for at, (serial, rate, cost) in enumerate(levels)
    ]
    return "\n".join(blocks)


@given(levels_, st.integers(1, 10**6))
def test_mixed_overlap_is_a_filter_on_an_own_field(levels, size):
    """The sum over serial levels and the largest of the others; of none it is 0."""
    show = f'show predict(pass(r: {size}, w: 0), on: cpu, under: own).time in s as "t"'
    found = answers(program(written(levels), STAGGERED, show))
    serial = sum(size / (rate * 1e9) for on, rate, _ in levels if on)
    others = max((size / (rate * 1e9) for on, rate, _ in levels if not on), default=0.0)
    assert value(found, "t").value == pytest.approx(max(1e-6, serial + others), rel=1e-12)


@given(levels_, st.integers(0, 6), st.sampled_from(["sum", "max"]))
def test_a_filter_on_a_number_and_a_name_takes_the_levels_that_pass(levels, least, word):
    """`if l.cost >= 2 and l.name != "l0"`, against a loop."""
    policy = (
        f"""per model = {word}(l.time for l in levels if l.cost >= {least} and l.name != "l0")"""
    )
    show = 'show predict(pass(r: 1_000_000, w: 0), on: cpu, under: own).time in s as "t"'
    found = answers(program(written(levels), policy, show))
    times = [1e-3 / rate for at, (_, rate, cost) in enumerate(levels) if cost >= least and at]
    expected = sum(times) if word == "sum" else max(times, default=0.0)
    assert value(found, "t").value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("word", ["sum", "max"])
def test_a_filter_that_rests_on_an_unknown_stays_in_the_formula(word):
    """Which levels count is asked again for each value of the unknown: steps at 1, 2 and 3."""
    levels = [(True, 8, 1), (True, 4, 2), (True, 2, 3)]
    policy = f"""per model = {word}(l.time for l in levels if l.cost <= l.limit)"""
    blocks = written(levels).replace("serial = true", "serial = true; limit = top")
    body = """  unknown u: Ratio in 0 .. 5
  let t = predict(pass(r: 8_000_000, w: 0), on: cpu with { top = u }, under: own).time
  solve some = u from t >= 2 ms
  solve all = u from t >= 4 ms
  solve more = u from t > 7.5 ms
"""
    found = answers(program("  top = 4\n" + blocks, policy, body))
    some = solved(found, "some").answer.parts
    assert [tuple(part) for part in some] == [pytest.approx((2, 5), rel=1e-9)]
    assert [tuple(p) for p in solved(found, "all").answer.parts] == [pytest.approx((3, 5))]
    assert solved(found, "more").answer.kind == "none"


def test_a_filter_that_rests_on_an_uncertain_number_gives_an_interval():
    """Cost = 2 +- 1 passes `> 2.5` or does not: the sum is 0.5 or 1.5 ms."""
    blocks = written([(True, 2, 3), (True, 1, 2)]).replace("cost = 2", "cost = 2 +- 1")
    policy = "per model = sum(l.time for l in levels if l.cost > 2.5)"
    show = 'show predict(pass(r: 1_000_000, w: 0), on: cpu, under: own).time in ms as "t"'
    found = value(answers(program(blocks, policy, show)), "t")
    assert (found.shown, found.low, found.high) == pytest.approx((0.5, 0.5e-3, 1.5e-3))


def test_the_levels_of_a_filter_can_bind():
    """`bound by` knows the levels inside a filtered maximum by name, and all of them by family."""
    body = """  let t = predict(pass(r: 1_000_000, w: 0), on: cpu, under: own).time
  claim "name" t bound by l1
  claim "family" t bound by memory
  refute "another" t bound by compute
"""
    policy = "per model = max(compute, max(l.time for l in levels if not l.serial))"
    found = answers(program(written([(True, 1, 0), (False, 2, 0)]), policy, body))
    assert [claim(found, name).verdict for name in ("name", "family", "another")] == [
        "holds", "holds", "fails",
    ]  # fmt: skip


def test_one_level_is_asked_for_by_its_name():
    """`levels.m.time`, however many others there are."""
    show = 'show predict(pass(r: 1_000_000, w: 0), on: cpu, under: own).time in ms as "t"'
    policy = "per model = max(compute, levels.l1.time)"
    found = answers(program(written([(True, 1, 0), (True, 2, 0)]), policy, show))
    assert shown(found, "t").value.shown == pytest.approx(0.5)


# ------------------------------------------------------------------------------------- mistakes


def test_a_field_that_one_level_lacks_is_asked_for_at_that_level():
    """One message, whatever the number of mentions, naming level, hardware and policy."""
    blocks = written([(True, 1, 0), (True, 2, 0)])
    first, second = blocks.splitlines()
    text = program(
        "\n".join([first, second.replace("serial = true;", "")]),
        STAGGERED,
        "  show predict(pass(r: 1, w: 0), on: cpu, under: own).time",
    )
    assert codes(text) == ["P106"]
    message = render_all(solution(text).problems, color=False, width=200)
    assert "the memory `l1` of `box` has no `serial`" in message
    assert "the policy `own` asks each level for it" in message


def test_a_policy_is_checked_against_the_hardware_that_it_was_written_for():
    """`levels.l3` is fine where some hardware has it, even if the first one does not."""
    text = program(
        written([(True, 1, 0)]),
        "per model = levels.l3.time",
        "  show cpu.l0.size",
    )
    big = "hardware big { cache l3 { size = 1 MiB; bandwidth = 1 GB/s } }\n"
    assert codes(text) == ["P106"]
    assert codes(text.replace("policy own", big + "policy own")) == []
