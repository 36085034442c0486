"""Which bytes cross which level: derived numbers against caches that are simulated here."""

from collections import OrderedDict
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfdsl.rendering import render_all
from tests.answers import answers, claim, codes, shown, solution, value

KIB, MIB = 2**10, 2**20
LEVELS = ("l1", "l2", "l3", "dram")

MACHINE = """
hardware box {
  cores = 12 core
  port fma { serves fp32; peak = 1 TMAC/s }
  cache l1 { size = 32 KiB; private; bandwidth = 4 TB/s }
  cache l2 { size = 1 MiB; private; bandwidth = 2 TB/s }
  cache l3 { size = 32 MiB; shared by 6 core; bandwidth = 1 TB/s }
  memory dram { bandwidth = 100 GB/s }
}
scenario one_core(cpu = box) { cpu.cores = 1 core }
operator touch(w: Count, a: Count = 0) {
  work fp32 = 1 MAC
  read weights = w * 1 B
  read activations = a * 1 B
  write activations = a * 1 B
}
workload first { tokens = 1 token; start = cold }
workload later { tokens = 1 token }
"""


def program(model: str, statements: str, parameters: str = "") -> str:
    """One machine, one model of that body, and an analysis of these statements."""
    return f"""perf 1
{MACHINE}
model net() {{ {model} }}
analysis a(cpu = box, n = net, load = later{parameters}) {{
  let run = predict(n, on: cpu)
  let limit = ceiling(n, on: cpu)
  show limit.time
{statements}
}}
"""


def shows(*formulas: str) -> str:
    return "\n".join(f"  show {formula} in B" for formula in formulas)


def crossing(model: str, index: str = "", record: str = "run") -> list[float]:
    """The bytes that cross each level, inner to outer."""
    formulas = [f"{record}.{level}.bytes{index}" for level in LEVELS]
    found = answers(program(model, shows(*formulas)))
    return [value(found, formula).value for formula in formulas]


# ----------------------------------------------------------------------- nested working sets


@pytest.mark.parametrize(
    "size, served",
    [
        (12 * 32 * KIB, "l1"),
        (12 * 32 * KIB + 1, "l2"),
        (12 * MIB, "l2"),
        (12 * MIB + 1, "l3"),
        (64 * MIB, "l3"),
        (64 * MIB + 1, "dram"),
        (1000 * MIB, "dram"),
    ],
)
def test_the_innermost_level_that_holds_the_set_serves_it(size, served):
    """Its bytes cross that level and all inside it, and none outside it."""
    inside = LEVELS.index(served)
    expected = [size if at <= inside else 0 for at in range(len(LEVELS))]
    assert crossing(f"use touch(w: {size}) as x") == expected


def test_three_nested_sets_are_served_by_three_levels():
    """Activations of the largest operator, weights of one pass: each finds its own level."""
    model = f"repeat l in 0 ..< 8 {{ use touch(w: {MIB}, a: {MIB // 8}) as x }}"
    # Of activations: 8 times 1/8 MiB in and out; with the operator's weights 1.25 MiB stay in L2.
    # Of weights: 8 MiB stay in L2, too, of twelve cores; on one core they need L3.
    assert crossing(model) == [8 * MIB + 2 * MIB, 8 * MIB + 2 * MIB, 0, 0]
    assert crossing(model, "[one_core]") == [10 * MIB, 10 * MIB, 10 * MIB, 0]
    large = f"repeat l in 0 ..< 40 {{ use touch(w: {MIB}, a: {MIB // 8}) as x }}"
    assert crossing(large, "[one_core]") == [50 * MIB, 50 * MIB, 50 * MIB, 40 * MIB]
    small = f"repeat l in 0 ..< 40 {{ use touch(w: {MIB // 2}, a: {MIB // 8}) as x }}"
    assert crossing(small, "[one_core]") == [30 * MIB, 30 * MIB, 20 * MIB, 0]


@pytest.mark.parametrize("cores, instances", [(1, 1), (5, 1), (6, 1), (7, 2), (12, 2), (13, 3)])
def test_a_shared_cache_counts_as_often_as_the_running_cores_need_it(cores, instances):
    """Capacity is size * ceil(cores / shared); a private cache counts once a core."""
    text = program("use touch(w: 1) as x", shows("cpu.l3.capacity", "cpu.l2.capacity"))
    found = answers(text, f"cores={cores} core")
    assert value(found, "cpu.l3.capacity").value == instances * 32 * MIB
    assert value(found, "cpu.l2.capacity").value == cores * MIB


def test_without_a_word_on_sharing_there_is_one_instance():
    """A cache with neither `shared by` nor `private` is one for all cores."""
    text = program("use touch(w: 1) as x", shows("cpu.l3.capacity"))
    assert "shared by 6 core; " in text
    found = answers(text.replace("shared by 6 core; ", ""))
    assert value(found, "cpu.l3.capacity").value == 32 * MIB


def test_a_cache_without_a_bandwidth_holds_but_takes_no_time():
    """It decides what crosses the levels outside it, and is no ceiling itself."""
    text = program("use touch(w: 1_000_000) as x", "  show run.l3.time\n  show run.dram.bytes\n")
    found = answers(text.replace("; bandwidth = 1 TB/s", ""))
    assert value(found, "run.l3.time").value == 0
    assert value(found, "run.dram.bytes").value == 0


def test_two_models_in_one_analysis_do_not_see_each_other():
    """Each prediction has the machine to itself: both sets stay, though not both at once."""
    model = f"use touch(w: {40 * MIB}) as x"
    other = f"model other() {{ use touch(w: {50 * MIB}) as x }}\n"
    body = "  let two = predict(o, on: cpu)\n  let both = predict(p, on: cpu)\n" + shows(
        "run.dram.bytes", "two.dram.bytes", "both.dram.bytes"
    )
    text = program(model, body, ", o = other, p = all")
    each = f"model all() {{ {model}; use touch(w: {50 * MIB}) as y }}\n"
    found = answers(text.replace("analysis a", other + each + "analysis a"))
    assert value(found, "run.dram.bytes").value == 0
    assert value(found, "two.dram.bytes").value == 0
    assert value(found, "both.dram.bytes").value == 90 * MIB


# ------------------------------------------------------------------- streaming, least, cold


def test_predict_streams_and_ceiling_keeps_what_it_can():
    """Over the capacity, LRU misses all of a cyclic pass; no replacement can avoid the rest."""
    model = f"use touch(w: {100 * MIB}) as x"
    assert crossing(model)[-1] == 100 * MIB
    assert crossing(model, record="limit")[-1] == 36 * MIB
    assert crossing(model, "[one_core]", "limit")[-1] == 68 * MIB
    # What L3 sends inwards: L2 keeps 12 MiB of it, as far as the least goes.
    assert crossing(model, record="limit") == [100 * MIB, (100 - 0.375) * MIB, 88 * MIB, 36 * MIB]


def test_a_cold_start_reads_everything_from_outside():
    """The first pass finds nothing: the weights cross every level, even where they would stay."""
    model = f"use touch(w: {2 * MIB}, a: {KIB}) as x"
    assert crossing(model)[-1] == 0
    assert crossing(model, "[first]")[-1] == 2 * MIB
    assert crossing(model, "[first]", "limit")[-1] == 2 * MIB


def test_activations_compare_the_largest_operator_and_weights_a_whole_pass():
    """Many small layers: activations stay near the core, while the weights stream."""
    model = f"repeat l in 0 ..< 100 {{ use touch(w: {MIB}, a: {MIB}) as x }}"
    assert crossing(model) == [300 * MIB, 300 * MIB, 100 * MIB, 100 * MIB]
    # One operator with activations of 40 MiB each way drives those of all operators out.
    wide = f"{model}; use touch(w: 0, a: {40 * MIB}) as y"
    assert crossing(wide)[-1] == 100 * MIB + 200 * MIB + 80 * MIB


def test_a_role_of_ones_own_shares_the_pass_with_weights():
    """Weights and kv of 40 MiB each: neither stays in 64 MiB, since one pass touches both."""
    model = f"""
      use {{ work fp32 = 1 MAC; read weights = {40 * MIB} B }} as w
      use {{ work fp32 = 1 MAC; read kv = {40 * MIB} B }} as k"""
    assert crossing(model)[-1] == 80 * MIB
    assert crossing(model, record="limit")[-1] == 16 * MIB


# ----------------------------------------------------------------------------- resident, fits


@pytest.mark.parametrize("level", ["l3", "dram"])
def test_resident_may_move_a_role_outwards(level):
    """Weights that would stay in L2 cross every level up to the declared one."""
    model = f"use touch(w: {2 * MIB}, a: {KIB}) as x"
    formulas = [f"run.{name}.bytes" for name in LEVELS]
    found = answers(program(model, f"  resident weights in {level}\n" + shows(*formulas)))
    # The operator's weights crowd the activations out of L1.
    both = 2 * MIB + 2 * KIB
    expected = [both, both, 2 * MIB, 2 * MIB if level == "dram" else 0]
    assert [value(found, formula).value for formula in formulas] == expected


def test_resident_moves_the_role_that_it_names():
    """`resident activations` leaves the weights where they are."""
    model = f"use touch(w: {2 * MIB}, a: {KIB}) as x"
    found = answers(program(model, "  resident activations in dram\n" + shows("run.dram.bytes")))
    assert value(found, "run.dram.bytes").value == 2 * KIB


def test_resident_inwards_is_refused_with_both_numbers():
    """What a cache cannot hold cannot be declared to stay in it: the message has size and room."""
    text = program(f"use touch(w: {100 * MIB}) as x", "  resident weights in l3\n  show run.time")
    assert set(codes(text)) == {"P404"}
    message = render_all(solution(text).problems, color=False, width=200)
    assert "104.9 MB" in message
    assert "67.11 MB" in message
    assert "37.75 MB must come from further out" in message


@pytest.mark.parametrize("size, verdict", [(64 * MIB, "holds"), (64 * MIB + 1, "fails")])
def test_fits_is_the_same_test_as_residency(size, verdict):
    """A set that fits crosses no level outside; one byte more, and all of it does."""
    text = program(f"use touch(w: {size}) as x", '  claim "c" fits(n.weights, cpu.l3)')
    assert claim(answers(text), "c").verdict == verdict
    assert crossing(f"use touch(w: {size}) as x")[-1] == (0 if verdict == "holds" else size)


def test_fits_of_activations_asks_for_the_largest_operator():
    """Not for the sum over the model: 100 operators of 1 MiB fit where one of them does."""
    model = f"repeat l in 0 ..< 100 {{ use touch(w: {MIB}, a: {MIB}) as x }}"
    body = "  show fits(n.activations, cpu.l2)\n  show fits(n.activations, cpu.l2)[one_core]"
    found = answers(program(model, body))
    assert shown(found, "fits(n.activations, cpu.l2)").value is True
    assert shown(found, "fits(n.activations, cpu.l2)[one_core]").value is False


# ----------------------------------------------------------------------------------- policies


def test_the_maximum_of_sums_is_no_sum_of_maxima():
    """One operator waits for memory, one for arithmetic: only per model they overlap."""
    text = """perf 1
hardware box {
  port fma { serves fp32; peak = 1 TMAC/s }
  memory dram { bandwidth = 100 GB/s }
}
model net() {
  use { work fp32 = 3e9 MAC } as busy
  use { work fp32 = 1e9 MAC; read weights = 2e8 B } as waiting
}
policy each per operator = max(compute, max(l.time for l in levels))
analysis a(n = net) {
  let time = predict(n, on: box).time
  show time in ms as "per model"
  show time[each] in ms as "per operator"
  show time[serial] in ms as "serial"
}
"""
    found = answers(text)
    assert value(found, "per model").shown == pytest.approx(4)
    assert value(found, "per operator").shown == pytest.approx(5)
    assert value(found, "serial").shown == pytest.approx(6)


# ----------------------------------------------------------------------------------- oracles


def lru_misses(accesses: Sequence[int], room: int, warm: int) -> int:
    """Misses of the accesses from `warm` on, where the block that waited longest goes first."""
    held: OrderedDict[int, None] = OrderedDict()
    misses = 0
    for at, block in enumerate(accesses):
        if block in held:
            held.move_to_end(block)
            continue
        misses += at >= warm
        held[block] = None
        if len(held) > room:
            held.popitem(last=False)
    return misses


def best_misses(accesses: Sequence[int], room: int, warm: int) -> int:
    """Misses under the best replacement: the block that is needed last goes, or is never kept."""
    following: list[float] = [0.0] * len(accesses)
    seen: dict[int, int] = {}
    for at in reversed(range(len(accesses))):
        following[at] = seen.get(accesses[at], float("inf"))
        seen[accesses[at]] = at
    held: dict[int, float] = {}
    misses = 0
    for at, block in enumerate(accesses):
        misses += at >= warm and block not in held
        held[block] = following[at]
        if len(held) > room:
            del held[max(held, key=held.__getitem__)]
    return misses


BLOCKS = """perf 1
hardware box {{
  port fma {{ serves fp32; peak = 1 TMAC/s }}
  cache small {{ size = {inner} B }}
  cache large {{ size = {outer} B }}
  memory dram {{ bandwidth = 1 GB/s }}
}}
model net() {{ use {{ work fp32 = 1 MAC; read weights = {size} B }} as pass }}
analysis a(n = net) {{
  let run = predict(n, on: box)
  let limit = ceiling(n, on: box)
  show run.large.read in B
  show run.dram.read in B
  show limit.large.read in B
  show limit.dram.read in B
}}
"""
PASSES = 12

rooms = st.tuples(st.integers(1, 12), st.integers(0, 12)).map(lambda r: (r[0], r[0] + r[1]))


@given(rooms, st.integers(1, 30))
def test_cyclic_passes_miss_as_predicted_under_lru(capacities, size):
    """Block by block through two caches: steady misses a pass are the streamed bytes, exactly."""
    found = answers(BLOCKS.format(inner=capacities[0], outer=capacities[1], size=size))
    accesses = [*range(size)] * PASSES
    for level, room in zip(("large", "dram"), capacities, strict=True):
        misses = lru_misses(accesses, room, warm=size)
        assert value(found, f"run.{level}.read").value * (PASSES - 1) == misses


@given(rooms, st.integers(1, 30))
def test_no_replacement_moves_less_than_the_ceiling(capacities, size):
    """Belady's choice, which knows the future, attains the least traffic: the best there is."""
    found = answers(BLOCKS.format(inner=capacities[0], outer=capacities[1], size=size))
    accesses = [*range(size)] * PASSES
    for level, room in zip(("large", "dram"), capacities, strict=True):
        least = value(found, f"limit.{level}.read").value
        assert least == pytest.approx(max(0, size - room))
        assert best_misses(accesses, room, warm=size) == pytest.approx(least * (PASSES - 1))


operators = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4)), min_size=1, max_size=5)


@given(operators, st.integers(1, 30))
def test_a_model_moves_no_more_than_predicted_and_no_less_than_the_ceiling(shapes, room):
    """Operators in turn read weights and one buffer and write another: LRU stays between both."""
    body = "\n".join(
        f"  use {{ work fp32 = 1 MAC; read weights = {w} B;"
        f" read activations = {a} B; write activations = {a} B }} as op{i}"
        for i, (w, a) in enumerate(shapes)
    )
    text = f"""perf 1
hardware box {{
  port fma {{ serves fp32; peak = 1 TMAC/s }}
  cache only {{ size = {room} B }}
  memory dram {{ bandwidth = 1 GB/s }}
}}
model net() {{
{body}
}}
analysis a(n = net) {{
  show predict(n, on: box).dram.bytes in B as "streamed"
  show ceiling(n, on: box).dram.bytes in B as "least"
}}
"""
    found = answers(text)
    widest = max(a for _, a in shapes)
    one_pass = []
    for i, (w, a) in enumerate(shapes):
        here, there = (0, 1) if i % 2 == 0 else (1, 0)
        one_pass += [("buffer", here, k) for k in range(a)]
        one_pass += [("weights", i, k) for k in range(w)]
        one_pass += [("buffer", there, k) for k in range(a)]
    numbers = {place: n for n, place in enumerate(dict.fromkeys(one_pass))}
    accesses = [numbers[place] for place in one_pass] * 20
    best = best_misses(accesses, room, warm=len(one_pass)) / 19
    assert best >= value(found, "least").value * (1 - 1e-9)
    if room >= len(numbers) + widest:
        assert lru_misses(accesses, room, warm=len(one_pass)) == 0
        assert value(found, "streamed").value == 0
