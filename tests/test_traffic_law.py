"""Traffic as a law of the supplying level: against a simulated cache and published conditions."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.answers import answers, claim, codes, shown, solution, solved, told, value
from tests.test_residency import lru_misses

KIB, MIB = 2**10, 2**20

# One element is one byte, and a cache line holds one element: misses are bytes.
STENCIL = """perf 1
hardware box {{
  port fma {{ serves fp32; peak = 1 TMAC/s }}
  cache inner {{ size = {inner} B }}
  cache outer {{ size = {outer} B }}
  memory dram {{ bandwidth = 1 GB/s }}
}}
operator stencil(cols: Count) {{
  work fp32 = cols * 1 MAC
  read grid(from) = 1 B * (
    if 3 * cols - 4 <= from.inner.capacity / (1 B) then cols else 3 * cols - 4
  )
}}
analysis a() {{
  let run = predict(stencil(cols: {cols}), on: box)
  show run.outer.read in B
  show run.dram.read in B
}}
"""


def sweep(rows: int, cols: int) -> list[int]:
    """The elements that a five-point stencil touches, in order: above, left, right, below."""
    found = []
    for j in range(1, rows - 1):
        for i in range(1, cols - 1):
            at = j * cols + i
            found += [at - cols, at - 1, at + 1, at + cols]
    return found


def misses_of_a_row(cols: int, room: int) -> int:
    """Misses of one more row, far from the ends, in a cache that drops what waited longest."""
    few, many = sweep(7, cols), sweep(8, cols)
    return lru_misses(many, room, 0) - lru_misses(few, room, 0)


@settings(max_examples=60)
@given(st.integers(12, 40), st.tuples(st.integers(8, 140), st.integers(8, 140)).map(sorted))
def test_layer_conditions_are_the_misses_of_a_simulated_cache(cols, rooms):
    """Three rows fit: each element is missed once; they do not: once in each of three rows."""
    # Between the two regimes some neighbours are still held; the law draws one line.
    assume(all(room >= 3 * cols - 4 or room < 3 * cols - 8 for room in rooms))
    found = answers(STENCIL.format(inner=rooms[0], outer=rooms[1], cols=cols))
    for level, room in zip(("outer", "dram"), rooms, strict=True):
        assert value(found, f"run.{level}.read").value == misses_of_a_row(cols, room)


# ------------------------------------------------------------------------ published conditions


@pytest.fixture(scope="module")
def peer():
    """What kerncraft says of examples/kernels/2d-5pt.c on SandyBridgeEP_E5-2680.yml."""
    return {"N_max": {"L1": 1024, "L2": 8192, "L3": 655360},
            "holds_at_10000": {"L1": False, "L2": False, "L3": True},
            "misses": {"full_cache": 0, "layer": 2, "none": 4}}  # fmt: skip


KERNCRAFT = """perf 1
hardware sandy_bridge {
  port fma { serves fp64; peak = 21.6 GFLOP/s }
  cache L1 { size = 32 KiB; bandwidth = 1 GB/s }
  cache L2 { size = 256 KiB; bandwidth = 1 GB/s }
  cache L3 { size = 20 MiB; bandwidth = 1 GB/s }
  memory dram { bandwidth = 38 GB/s }
}
# Streams that miss in the level inside, 8 B for each point: none where both grids fit, those of a
# leading row where three rows of a and one of b fit (but for two points), else those of four rows.
operator points(rows: Count, n: Count) {
  work fp64     = rows * n * 4 FLOP
  read a(from)  = rows * n * 8 B * case {
    2 * rows * n * 8 B <= from.inner.capacity: 0,
    4 * n * 8 B <= from.inner.capacity + 2 * 8 B: 1,
    else: 3
  }
  read b(from)  = if 2 * rows * n * 8 B <= from.inner.capacity then 0 B else rows * n * 8 B
}
analysis a(cpu = sandy_bridge) {
  unknown n: Count in 1000 .. 10_000_000
  let wide = predict(points(rows: 100_000, n: n), on: cpu)
  let here = predict(points(rows: 100_000, n: 10_000), on: cpu)
  let tiny = predict(points(rows: 8, n: 40), on: cpu)
  solve L1 = n from wide.L2.read <= 2 * 100_000 * 8 B * n
  solve L2 = n from wide.L3.read <= 2 * 100_000 * 8 B * n
  solve L3 = n from wide.dram.read <= 2 * 100_000 * 8 B * n
  show here.L2.read / (1e9 * 8 B) as "misses of L1"
  show here.L3.read / (1e9 * 8 B) as "misses of L2"
  show here.dram.read / (1e9 * 8 B) as "misses of L3"
  show tiny.L2.read / (320 * 8 B) as "full cache"
}
"""


def test_published_layer_conditions_are_inverted(peer):
    """The largest n for which a level still holds the rows, as kerncraft's conditions say."""
    found = answers(KERNCRAFT)
    for level, largest in peer["N_max"].items():
        part = solved(found, level).answer.parts[-1]
        assert part.high == largest
    misses = peer["misses"]
    for level, holds in peer["holds_at_10000"].items():
        expected = misses["layer"] if holds else misses["none"]
        assert value(found, f"misses of {level}").value == expected
    assert value(found, "full cache").value == misses["full_cache"]


# ------------------------------------------------------------------------------ what a law sees

MACHINE = """perf 1
hardware box {
  cores = 4 core
  port fma { serves fp32; peak = 1 TMAC/s }
  cache l1 { size = 32 KiB; private; bandwidth = 4 TB/s; weight = 3 }
  cache l2 { size = 1 MiB; shared by 2 core; bandwidth = 2 TB/s; weight = 5 }
  memory dram { bandwidth = 100 GB/s; size = 16 GiB; weight = 7 }
}
"""
LEVELS = ("l1", "l2", "dram")


def crossing(law, model="", shows=(), statements="", before=""):
    """Bytes that cross l1, l2 and dram under a law of one operator."""
    text = f"""{MACHINE}
{before}
operator pass(n: Count = 1000) {{ work fp32 = 1 MAC; {law} }}
model net() {{ {model or "use pass() as x"} }}
analysis a(cpu = box, m = net) {{
  let run = predict(m, on: cpu)
  let limit = ceiling(m, on: cpu)
  {statements}
  {"; ".join(f"show {formula}" for formula in shows)}
  {"; ".join(f"show run.{level}.bytes in B" for level in LEVELS)}
}}
"""
    found = answers(text)
    return [value(found, f"run.{level}.bytes").value for level in LEVELS], found


@pytest.mark.parametrize(
    "bytes_, expected",
    [
        ("from.inner.capacity", [0, 4 * 32 * KIB, 2 * MIB]),
        ("from.inner.size", [0, 32 * KIB, MIB]),
        ("from.inner.share * 1 core", [0, 32 * KIB, MIB / 2]),
        ("from.capacity", [4 * 32 * KIB, 2 * MIB, 16 * 2**30]),
        ("from.weight * 1 B", [3, 5, 7]),
        ('(if from.name == "l2" then 1 B else 2 B)', [2, 1, 2]),
        ('(if from.inner.name == "core" then 1 B else 2 B)', [1, 2, 2]),
        ("from.inner.capacity / from.bandwidth * 2 TB/s", [0, 4 * 32 * KIB, 40 * MIB]),
        ("case { from.inner.capacity == 0 B: 5 B, else: 1 B }", [5, 1, 1]),
        ("0", [0, 0, 0]),
    ],
)
def test_a_law_sees_its_level_and_the_one_inside(bytes_, expected):
    """Capacity, size, the share of a core, the name, own fields; the core holds 0 B."""
    found, _ = crossing(f"read grid(from) = {bytes_}")
    assert found == expected


def test_the_level_inside_may_be_asked_for_the_one_inside_it():
    """`from.inner.inner` of the outermost of three levels is the innermost."""
    law = 'read grid(from) = if from.name == "dram" then from.inner.inner.size else 0 B'
    assert crossing(law)[0] == [0, 0, 32 * KIB]


def test_a_law_takes_the_place_of_what_residency_derives():
    """The bytes would stay in L1, yet cross as the law says; those of other roles are derived."""
    law = "read grid(from) = n * 1 B * from.weight; read weights = n * 1 B"
    assert crossing(law)[0] == [3000 + 1000, 5000, 7000]


def test_a_law_adds_to_no_working_set():
    """Weights that fit stay in L1 beside however many bytes of a law."""
    law = "read grid(from) = 1 GB; read weights = n * 1 B"
    assert crossing(law)[0] == [10**9 + 1000, 10**9, 10**9]


def test_a_law_writes_as_well_as_it_reads():
    """`write x(from)`: reads and writes of one role cross each by its own law."""
    law = "read x(from) = from.weight * 1 B; write x(from) = from.weight * 10 B"
    found, all_ = crossing(law, shows=[f"run.{level}.write in B" for level in LEVELS])
    assert found == [33, 55, 77]
    assert [value(all_, f"run.{level}.write").value for level in LEVELS] == [30, 50, 70]


def test_the_ceiling_takes_a_law_as_it_is():
    """No replacement is thought of where the law says what crosses."""
    law = "read grid(from) = case { from.inner.capacity < 1 MiB: 3 B, else: 1 B }"
    found, all_ = crossing(law, shows=[f"limit.{level}.bytes in B" for level in LEVELS])
    assert found == [value(all_, f"limit.{level}.bytes").value for level in LEVELS] == [3, 3, 1]


def test_the_bytes_of_a_run_are_those_of_the_outermost_level():
    """`bytes`, `read` and `intensity` of a run tell what comes from the memory."""
    law = "read grid(from) = from.weight * 1 B; read weights = n * 1 B"
    shows = ["run.bytes[grid] in B", "run.read[grid] in B", "run.intensity"]
    _, found = crossing(law, shows=shows)
    assert value(found, "run.bytes[grid]").value == 7
    assert value(found, "run.read[grid]").value == 7
    assert value(found, "run.intensity").value == pytest.approx(1 / 1007)


def test_equal_turns_of_a_repeat_stay_one_step():
    """Six classes of turns of one law are one row; a law that asks for a name is not compared."""
    model = "repeat l in 0 ..< 12 {{ use pass(n: if mod(l, 6) == {cut} then 2000 else 1000) as x }}"
    law = "read grid(from) = n * 1 B * case { from.inner.capacity < 1 MiB: 3, else: 1 }"
    found, all_ = crossing(law, model.format(cut=7), shows=["run.ops columns name, count"])
    assert found == [36_000, 36_000, 12_000]
    assert len(shown(all_, "run.ops").value.rows) == 1
    found, all_ = crossing(law, model.format(cut=5), shows=["run.ops columns name, count"])
    assert found == [42_000, 42_000, 14_000]
    assert len(shown(all_, "run.ops").value.rows) == 2
    named = 'read grid(from) = if from.name == "l2" then n * 1 B else 0 B'
    assert crossing(named, model.format(cut=5))[0] == [0, 14_000, 0]


def test_laws_that_run_over_a_range_of_the_level_are_told_apart():
    """Two sums that agree in their first turn are not one law; nor are two turns of a repeat."""
    law = """read grid(from) = sum(mod(i, 3) * 1 B for i in 1 .. from.inner.size / (1 KiB) + 1)
      read other(from) = sum(mod(i, 3) * 1 B for i in 1 .. 2 * from.inner.size / (1 KiB) + 2)
      read third(from) = to(from.inner.size / (1 KiB) + 1)
      write third(from) = to(n * from.inner.size / (1 KiB) + n)"""
    before = "fn to(n: Count): B = sum(mod(i, 3) * 1 B for i in 1 .. n)"
    model = "repeat l in 0 ..< 4 { use pass(n: if mod(l, 2) == 1 then 2 else 1) as x }"

    def up_to(n):
        return sum(i % 3 for i in range(1, n + 1))

    expected = [
        4 * (up_to(w) + up_to(2 * w)) + 4 * up_to(w) + 2 * up_to(w) + 2 * up_to(2 * w)
        for w in (1, 33, 1025)
    ]
    assert crossing(law, model, before=before)[0] == expected


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 9)), min_size=1, max_size=4))
def test_laws_of_several_operators_add_up_by_how_often_they_run(uses):
    """The sum over operators of count times law, at each level."""
    model = "; ".join(
        f"repeat l{i} in 0 ..< {count} {{ use pass(n: {n}) as x{i} }}"
        for i, (n, count) in enumerate(uses)
    )
    law = "read grid(from) = n * 1 B * case { 4000 * n * 1 B <= from.inner.capacity: 1, else: 3 }"
    found, _ = crossing(law, model)
    rooms = [0, 4 * 32 * KIB, 2 * MIB]
    for room, bytes_ in zip(rooms, found, strict=True):
        assert bytes_ == sum(c * n * (1 if 4000 * n <= room else 3) for n, c in uses)


def test_a_condition_over_an_unknown_is_inverted_at_its_jumps():
    """Both conditions of a law are found: 1 up to a third, 2 up to a half of the capacity."""
    law = """read grid(from) = n * 1 B * case { 3 * n * 1 B <= from.inner.capacity: 1,
      2 * n * 1 B <= from.inner.capacity: 2, else: 3 }"""
    body = """
  unknown n: Count in 10 .. 10_000_000
  let t = predict(pass(n: n), on: cpu)
  solve once = n from t.dram.read <= 1 B * n
  solve twice = n from t.dram.read <= 2 B * n"""
    found = crossing(law, statements=body)[1]
    assert solved(found, "once").answer.parts[-1].high == 2 * MIB // 3
    assert solved(found, "twice").answer.parts[-1].high == MIB


def test_an_uncertain_capacity_reaches_through_a_law():
    """A size that is 64 +- 32 KiB decides between 1 and 3, so the bytes are an interval."""
    law = "read grid(from) = n * 1 B * case { 48 KiB <= from.inner.size: 1, else: 3 }"
    text = f"""{MACHINE.replace("size = 32 KiB", "size = 64 KiB +- 32 KiB")}
operator pass(n: Count = 1000) {{ work fp32 = 1 MAC; {law} }}
analysis a(cpu = box) {{ show predict(pass(), on: cpu).l2.read in B as "r" }}
"""
    found = value(answers(text), "r")
    assert (found.value, found.low, found.high) == (1000, 1000, 3000)


def test_a_scenario_reaches_through_a_law():
    """The law is read again under the overlaid hardware."""
    text = f"""{MACHINE}
operator pass(n: Count = 1000) {{
  work fp32 = 1 MAC
  read grid(from) = n * 1 B * case {{ 48 KiB <= from.inner.size: 1, else: 3 }}
}}
scenario larger(cpu = box) {{ cpu.l1.size = 64 KiB }}
analysis a(cpu = box) {{
  let bytes_ = predict(pass(), on: cpu).l2.read
  claim "three" bytes_ == 3000 B
  claim "one" bytes_[larger] == 1000 B
}}
"""
    found = answers(text)
    assert {claim(found, title).verdict for title in ("three", "one")} == {"holds"}


# ------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    "law, statement, code",
    [
        ("read grid(from) = n * 1", "show run.time", "P202"),
        ("read grid(from) = n * from.inner.share", "show run.time", "P202"),
        ("read grid(from) = n * from.capcity", "show run.time", "P106"),
        ("read grid(from) = n * from.inner.inner.inner.size", "show run.time", "P106"),
        ("read grid(from) = n * 1 B", "show run.time; resident grid in dram", "P408"),
        ("read grid(from) = n * 1 B", "show run.time; show fits(m.grid, cpu.l2)", "P408"),
        ("read grid(from) = n * 1 B", "show run.time; show pass().bytes", "P408"),
        ("read grid(from) = n * 1 B", "show run.time; show pass().intensity", "P408"),
        ("read grid(from) = n * 1 B * nn", "show run.time", "P101"),
        ("read grid(from) = 1 B - from.capacity", "show run.time", "P306"),
        ("read grid(from) = n * 8 B * case { n <= from.inner.capacity: 1, else: 2 }",
         "show run.time", "P210"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_law_is_one_message(law, statement, code):
    """Wherever it is found: alone, or at a level; never twice, and never a number of it."""
    text = f"""{MACHINE}
operator pass(n: Count = 1000) {{ work fp32 = 1 MAC; {law} }}
model net() {{ use pass() as x; use pass(n: 5) as y }}
analysis a(cpu = box, m = net) {{
  let run = predict(m, on: cpu)
  {statement}
}}
"""
    assert codes(text) == [code], told(solution(text))
