"""Guards refuse, by name, a figure whose probe was not where it claims, on made-up samples."""

import pytest

from perfdsl.measure.guards import refusals, size_seen
from perfdsl.measure.machine import DRAM, SMALL
from perfdsl.measure.machine_figures import Key
from perfdsl.measure.to_hardware import to_hardware
from tests.measure.probed import L1, L2, L3, LATENCY, MEMORY, MIB, changed, machine, moved


def refused(record):
    """What is refused and why, by the figure's name."""
    return {each.what: each.why for each in refusals(record)}


def test_a_machine_as_it_tells_is_refused_nothing():
    assert refused(machine(2)) == {}
    assert refused(machine(64)) == {}
    assert refused(machine(8, levels=(L1, L2, MEMORY))) == {}


def in_l3(name, level, threads):
    """What is to be L2 moves as L3 does."""
    return moved(name, "l3" if level == "l2" else level, threads)


def test_a_buffer_that_fits_a_larger_cache_only_is_refused_by_its_rate():
    """Every way of moving, every number of threads; the level that it lies in is not."""
    found = refused(machine(2, rate=in_l3))
    assert {each.split(" on ")[0] for each in found} == {"read of l2", "write of l2", "copy of l2"}
    why = found["read of l2 on 2 threads, huge pages"]
    assert why == "it lies in l3, or cannot be told from it: 239.8 GB/s, and l3 239.8"


def test_one_way_that_is_as_fast_in_the_next_level_is_no_reason():
    """Where reads tell the levels apart, the same buffer's writes are believed."""

    def rate(name, level, threads):
        return moved(name, "l2" if (name, level) == ("write", "l1") else level, threads)

    assert refused(machine(2, rate=rate)) == {}


def test_a_buffer_in_a_cache_instead_of_memory_is_refused_by_its_size():
    """Memory of which the cache holds a half supplies half of the rate from there."""
    record = changed(machine(2), "read", DRAM, size=60 * MIB)
    assert refused(record) == {
        "read of dram on 1 thread, huge pages": "60 MiB a thread fit into l3"
    }
    assert refused(changed(machine(2), "read", DRAM, size=65 * MIB)) == {}


def test_a_buffer_in_the_next_smaller_cache_is_refused_by_its_size():
    record = changed(machine(2), "copy", "l2", threads=2, size=48 * 1024)
    assert refused(record) == {"copy of l2 on 2 threads, huge pages": "48 KiB a thread fit into l1"}


def test_a_buffer_beyond_its_cache_is_refused_by_its_size():
    """Each of eight threads has an eighth of the cache that they share."""
    record = changed(machine(8), "read", "l3", threads=8, size=5 * MIB)
    why = "5 MiB a thread are more than l3 has"
    assert refused(record) == {"read of l3 on 8 threads, huge pages": why}


@pytest.mark.parametrize(
    "level, seconds, why",
    [
        ("l2", 12e-9, "it lies in l3: 12 ns, and l3 takes 13"),
        ("l2", 1.1e-9, "it lies in l1, or something foresees the loads: 1.1 ns, and l1 takes 1"),
        (DRAM, 14e-9, "it lies in l3, or something foresees the loads: 14 ns, and l3 takes 13"),
    ],
)
def test_loads_that_take_as_long_as_in_another_level_are_refused(level, seconds, why):
    """A level's latency is far from that of its neighbours, or it is not that level's."""
    found = refused(machine(1, latency={**LATENCY, level: seconds}))
    assert found[f"latency of {level} on 1 thread, huge pages"] == why


def test_small_pages_where_huge_ones_were_asked_for_are_refused():
    """Where pages matter: L1 fits into few. The figures on small pages stay, and are told."""
    record = machine(2, small=0.4)
    found = refused(record)
    assert found["read of dram on 2 threads, huge pages"] == "40% of its memory lies on small pages"
    assert "read of l3 on 1 thread, huge pages" in found
    assert "read of l1 on 1 thread, huge pages" not in found
    assert not any(each.endswith("small pages") for each in found)
    text = to_hardware(record, "box")
    assert "# On small pages: the system gave no huge ones." in text
    assert "# Left out: read of dram on 2 threads, huge pages: 40% of its memory" in text


def test_pages_of_which_nothing_is_told_are_believed():
    """Not every system says; then nobody claims to know."""
    record = machine(1)
    for name in ("read", "write", "copy", "latency"):
        record = changed(record, name, DRAM, small_pages=None)
    assert refused(record) == {}


def test_a_loop_that_was_not_executed_is_refused():
    """Three times what the widest of cores can do: the compiler saw through it."""
    record = machine(2, families={"int8": (64, 40.0), "fp32": (16, 2.0), "add": (16, 2.0)})
    found = refused(record)
    assert set(found) == {"int8 on 1 thread", "int8 on 2 threads"}
    assert found["int8 on 1 thread"] == "40 instructions a cycle are more than a core executes"
    assert "port int8_dot" not in to_hardware(record, "box")


def test_too_few_rounds_and_too_short_runs_are_refused():
    few = changed(machine(1), "fp32", nanoseconds=((4_000_000,), (4_000_000,)))
    assert refused(few) == {"fp32 on 1 thread": "the time was over after 2 rounds"}
    short = changed(machine(1), "fp32", amount=10**6, nanoseconds=((9_000,),) * 5)
    assert refused(short) == {
        "fp32 on 1 thread": "a run took 9,000 ns, of which the start is too much"
    }


def test_a_figure_is_refused_once_and_left_out_of_the_file():
    """With its name and what was seen in a comment, and no number in its place."""
    record = machine(2, rate=in_l3)
    text = to_hardware(record, "box")
    left_out = [line for line in text.splitlines() if line.startswith("# Left out: read of l2")]
    assert len(left_out) == 4  # two numbers of threads, two kinds of pages
    block = text[text.index("cache l2") : text.index("cache l3")]
    assert "bandwidth" not in block.replace("# There is no rate of l2 that can be vouched for.", "")
    assert "size = 1 MiB" in block


# -- cache sizes


def test_a_size_is_what_the_curve_of_loads_agrees_with():
    seen = size_seen(machine(1), L2)
    assert seen is not None
    assert (seen.low, seen.high, seen.agrees) == (MIB, 2 * MIB, True)


def ends(part):
    """Seconds of a load where L3 goes on to such a part of what the system tells."""

    def beyond(level, times):
        if level is L3:
            return LATENCY["l3"] if times <= part else LATENCY[DRAM]
        return LATENCY[level.name] if times <= 1 else LATENCY[{"l1": "l2", "l2": "l3"}[level.name]]

    return beyond


@pytest.mark.parametrize(
    "part, low, high",
    [(0.3, 8 * MIB, 16 * MIB), (2, 64 * MIB, 256 * MIB)],
)
def test_a_size_that_the_curve_contradicts_is_told_as_it_was_seen(part, low, high):
    """With what the system says in a comment."""
    record = machine(1, beyond=ends(part))
    seen = size_seen(record, L3)
    assert seen is not None
    assert (seen.low, seen.high, seen.agrees) == (low, high, False)
    text = to_hardware(record, "box")
    stated = f"{low // MIB} MiB .. {high // MIB} MiB = {low // MIB} MiB"
    assert f"size: KiB in {stated}  @measured" in text
    assert "# The system tells 32 MiB: loads take " in text
    assert size_seen(record, L2) == size_seen(machine(1), L2)


def test_a_size_that_ends_a_little_early_is_the_size():
    """At its very size a cache has room for other things, too."""
    seen = size_seen(machine(1, beyond=ends(0.6)), L3)
    assert seen is not None
    assert (seen.low, seen.high, seen.agrees) == (16 * MIB, 32 * MIB, True)


def test_a_size_is_assumed_where_the_curve_says_nothing():
    """Loads of two levels that take as long tell no border."""
    record = machine(1, latency={**LATENCY, DRAM: 14e-9})
    assert size_seen(record, L3) is None
    assert '@assumed("told by the system; what loads take does not say")' in to_hardware(
        record, "x"
    )


def test_the_figures_of_small_pages_stay_beside_refused_ones():
    record = machine(2, small=1.0)
    gone = {each.key for each in refusals(record)}
    assert Key("read", DRAM, 1, "huge") in gone
    assert Key("read", DRAM, 1, SMALL) not in gone
