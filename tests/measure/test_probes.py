"""Probes execute the instructions that they count, and nothing beside them; rates are divisions."""

import importlib
import os
import re
import subprocess
import sys
import threading
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from perfdsl.measure import probes
from perfdsl.measure.limits import rates
from perfdsl.measure.probes import clock, latency, loops, meeting, peaks, stream, transfers
from perfdsl.measure.probes.gate import abreast
from perfdsl.measure.probes.memory import memories, memory, small_pages
from perfdsl.measure.probes.together import apart, together
from perfdsl.measure.timing import Stopwatch
from perfdsl.runner.kernels.target import FORCE, HOST, TARGETS, host_features, runs_on
from perfdsl.runner.memory import HUGE
from perfdsl.runner.pool import Pool
from tests.measure.test_timing import FakeClock
from tests.runner.machine_code import assembly

# What the loop of each peak is made of, once for each of its sums.
PEAKS = {
    ("avx512-vnni", "int8"): ["vpdpbusd"],
    ("avx512-vnni", "bf16"): ["vdpbf16ps"],
    ("avx512-vnni", "fp32"): ["vfmadd231ps"],
    ("avx-vnni", "int8"): ["vpdpbusd"],
    ("avx-vnni", "fp32"): ["vfmadd231ps"],
    ("avx2", "int8"): ["vpmaddubsw", "vpmaddwd", "vpaddd"],
    ("avx2", "fp32"): ["vfmadd231ps"],
    ("neon", "int8"): ["sdot"],
    ("neon", "fp32"): ["fmla"],
}
CONTROL = {"incq", "addq", "subq", "cmpq", "jb", "jne", "add", "cmp", "b.lo", "b.ne"}


def innermost(emit, arguments, target):
    """How often each instruction stands in the first loop, as LLVM makes it for a target."""
    code = "\n".join(assembly(emit, arguments, target))
    for label in re.finditer(r"^(\.LBB\w+):", code, re.MULTILINE):
        back = re.search(rf"^\s+(?:j|b\.)\S+\s+{re.escape(label[1])}$", code, re.MULTILINE)
        if back and back.start() > label.start():
            body = code[label.end() : back.end()].replace("{vex}", "")
            return Counter(re.findall(r"^\s+([a-z][\w.]*)", body, re.MULTILINE)), body
    raise AssertionError("there is no loop")


@pytest.mark.parametrize("name, family", PEAKS)
def test_a_peak_is_made_of_its_instruction_alone(name, family):
    """As many as it has sums; besides them nothing but the counting of turns: no move, no spill."""
    target = TARGETS[name]
    found, _ = innermost(peaks.peak_loop(peaks.Family(family)), "i", target)
    expected = dict.fromkeys(PEAKS[name, family], peaks.sums(target))
    assert {k: n for k, n in found.items() if k not in CONTROL} == expected


@pytest.mark.parametrize("name", ["avx512-vnni", "avx-vnni", "avx2"])
def test_a_stream_is_made_of_loads_from_four_places(name):
    """Each instruction adds what it reads; there is no other access."""
    found, body = innermost(stream.read, "iii", TARGETS[name])
    loads = len(re.findall(r"vpaddd\s+-?\d*\(%r", body))
    turns = loads // (stream.PLACES * stream.VECTORS)
    assert loads == found["vpaddd"] == turns * stream.PLACES * stream.VECTORS
    assert turns >= 1
    assert set(found) - CONTROL == {"vpaddd"}


def test_the_chain_of_the_clock_takes_a_cycle_a_link():
    """As many operations as it says, each on the result of the one before."""
    found, body = innermost(clock.chain, "i", TARGETS["avx2"])
    chain = re.findall(r"^\s+(?:xorq|addq)\s+%\w+, (%\w+)$", body, re.MULTILINE)
    assert len(chain) == clock.CYCLES
    assert len(set(chain)) == 1
    assert found["xorq"] == clock.CYCLES // 2


HERE = [name for name, target in TARGETS.items() if runs_on(target, host_features())]


@pytest.mark.parametrize("name", HERE)
def test_the_limits_are_measured_on_each_path_of_this_host(name):
    """In a process of its own: every family has a rate for one thread and for two."""
    code = (
        "from perfdsl.measure.limits import *\n"
        "watch = Stopwatch(settle=0, least=1, seconds=0)\n"
        "for probe in (Peaks(), Stream(3_000_000)):\n"
        "    for threads in (1, 2):\n"
        "        found = probe.rates(threads, watch)\n"
        "        assert all(min(each) > 1e6 for each in found.values()), found\n"
        "        print(*found)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, FORCE: name},
        capture_output=True,
        check=False,
        text=True,
        timeout=200,
    )
    families = "int8 bf16 fp32" if HOST.bf16 and name == HOST.name else "int8 fp32"
    told = [f"clock {families}"] * 2 + ["stream"] * 2
    assert (done.stdout.splitlines(), done.stderr) == (told, "")


def test_a_rate_is_what_was_done_over_the_time_of_all_threads():
    """A loop of 1000 turns a millisecond on each thread, on a clock that a test can foresee."""
    fake = FakeClock()
    turned = []

    def share(turns, _):
        turned.append(turns)
        fake.now += turns * 1000

    watch = Stopwatch(clock=fake, sleep=fake.sleep, settle=0.25)
    found = rates(64, share, 1, watch)
    assert found == pytest.approx([64 * 1e6] * len(found))
    assert turned[-1] == 4000  # 4 ms
    assert fake.now > 0.25 * 1e9


def test_a_clock_that_stands_still_is_no_endless_search():
    fake = FakeClock()
    watch = Stopwatch(clock=fake, sleep=fake.sleep, least=1, most=1, settle=0.0)
    with pytest.raises(ZeroDivisionError):
        rates(64, lambda turns, thread: None, 1, watch)


# -- threads and memory


def test_shares_run_on_as_many_threads_at_once():
    """All of them are inside at the same time, each with its number; the longest one counts."""
    inside = threading.Barrier(3, timeout=30)
    seen = []

    def share(thread):
        inside.wait()
        seen.append((thread, threading.get_ident()))

    spent = together(3, share, Stopwatch().clock)
    assert sorted(thread for thread, _ in seen) == [0, 1, 2]
    assert len({ident for _, ident in seen}) == 3
    assert spent > 0


def test_a_share_that_fails_ends_the_others_and_is_told():
    def share(thread):
        raise ValueError(f"share {thread}")

    with pytest.raises(ValueError, match="share"):
        together(2, share, Stopwatch().clock)


def test_the_calling_thread_stays_where_it_was():
    """Only the probe's own threads are tied to cores."""
    before = os.sched_getaffinity(0)
    together(2, lambda thread: None, Stopwatch().clock)
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize(
    "siblings, expected",
    [
        ({0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}, [0, 1, 2, 3]),
        ({0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"}, [0, 2, 1, 3]),
        ({4: "", 7: ""}, [4, 7]),
    ],
)
def test_threads_are_put_on_cores_of_their_own_first(siblings, expected):
    assert apart(list(siblings), siblings.__getitem__) == expected


def test_memory_begins_at_a_huge_page_and_was_written():
    found = memory(3 * HUGE + 5)
    assert found.data.size == 3 * HUGE + 5
    assert found.address % HUGE == 0
    assert np.all(found.data == 1)


def test_each_thread_of_a_probe_writes_to_its_own_memory():
    """First, and from its own core: there a system with several nodes puts it."""
    made = memories([HUGE, 3 * HUGE, 64])
    assert [each.data.size for each in made] == [HUGE, 3 * HUGE, 64]
    assert all(np.all(each.data == 1) for each in made)
    spans = sorted((each.address, each.address + each.data.size) for each in made)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


SMAPS = """{0:x}-{1:x} rw-p 00000000 00:00 0
Size: 4096 kB
AnonHugePages:    {2} kB
VmFlags: rd wr
7fff0000000-7fff0001000 rw-p 00000000 00:00 0 [stack]
AnonHugePages:      2048 kB
"""


@pytest.mark.parametrize("huge, expected", [(4096, 0.0), (2048, 0.5), (0, 1.0), (99999, 0.0)])
def test_small_pages_are_counted_from_what_the_system_tells(tmp_path, huge, expected):
    """Of the area in which the memory lies, and of no other."""
    found = memory(2 * HUGE)
    smaps = tmp_path / "smaps"
    smaps.write_text(SMAPS.format(found.address, found.address + 2 * HUGE, huge), "ascii")
    assert small_pages(found, smaps) == expected
    assert small_pages(found, Path("/nowhere/smaps")) is None


def test_memory_that_is_to_have_small_pages_has_them():
    """On a system that tells."""
    assert small_pages(memory(4 * HUGE, huge=False)) in {1.0, None}


# -- transfers, chains, meetings


MOVES = {"read": (transfers.reading, "iii"), "write": (transfers.writing, "iii"),
         "copy": (transfers.copying, "iiii")}  # fmt: skip


@pytest.mark.parametrize("name", ["avx512-vnni", "avx2", "neon"])
@pytest.mark.parametrize("places", transfers.SHAPES)
@pytest.mark.parametrize("move", MOVES)
def test_a_transfer_is_made_of_its_loads_and_stores_alone(move, places, name):
    """A turn has as many as its blocks have vectors: none left out, none merged with the next."""
    make, arguments = MOVES[move]
    _, body = innermost(make(places), arguments, TARGETS[name])
    loads, stores = accesses(body, name)
    each = places * stream.VECTORS
    assert (loads, stores) == ({"read": each, "write": 0, "copy": each}[move],
                               {"read": 0, "write": each, "copy": each}[move])  # fmt: skip
    assert "call" not in body
    assert "memset" not in body


def accesses(body, name):
    """Vectors that a loop's text loads and stores; Arm may take two in one instruction."""
    if name == "neon":
        counts = {
            each: len(re.findall(rf"^\s+{each}\s+q", body, re.MULTILINE))
            for each in ("ldu?r", "ldp", "stu?r", "stp")
        }
        return counts["ldu?r"] + 2 * counts["ldp"], counts["stu?r"] + 2 * counts["stp"]
    vector = r"%[yz]mm\d+"
    loads = len(re.findall(rf"^\s+vmovup\w\s+-?\w*\(.*\), {vector}", body, re.MULTILINE))
    return loads, len(re.findall(rf"^\s+vmovup\w\s+{vector}, -?\w*\(", body, re.MULTILINE))


@pytest.mark.parametrize("name", ["avx512-vnni", "avx2"])
def test_pairs_are_made_as_avx2_makes_them(name):
    """On half a vector where there are wider ones."""
    target = TARGETS[name]
    found, body = innermost(peaks.peak_loop(peaks.Family.PAIRS), "i", target)
    count = peaks.sums(target)
    assert {k: n for k, n in found.items() if k not in CONTROL} == {
        "vpmaddubsw": count, "vpmaddwd": count, "vpaddd": count,
    }  # fmt: skip
    assert "%zmm" not in body


def test_additions_are_additions():
    found, _ = innermost(peaks.peak_loop(peaks.Family.ADD), "i", TARGETS["avx2"])
    assert {k: n for k, n in found.items() if k not in CONTROL} == {
        "vaddps": peaks.sums(TARGETS["avx2"])
    }


def test_a_chain_of_loads_waits_for_each():
    """Each load's address is what the one before it brought."""
    _, body = innermost(latency.follow, "ii", TARGETS["avx2"])
    chain = re.findall(r"^\s+movq\s+\((%\w+)\), (%\w+)$", body, re.MULTILINE)
    assert len(chain) == latency.LINKS
    assert all(made == used for (_, made), (used, _) in pairwise(chain))


@pytest.mark.parametrize("count", [1, 2, 5, 1000])
def test_a_cycle_meets_every_line_once(count):
    following = latency.cycle(count)
    at, met = 0, []
    for _ in range(count):
        met.append(at)
        at = int(following[at])
    assert at == 0
    assert sorted(met) == list(range(count))


def test_a_chain_stays_in_its_stretch():
    """Each line holds the address of another one of the stretch; all else is as it was."""
    found = memory(HUGE)
    latency.chain(found, 64 * 100, 64)
    words = found.data[: 64 * 100].view(np.int64).reshape(100, 8)
    assert sorted(words[:, 0] - found.address) == list(range(0, 6400, 64))
    assert np.all(found.data[6400:] == 1)


@pytest.mark.parametrize("stretch", [6 * 1024, 24 * 1024, 512 * 1024, 5_931_008])
@pytest.mark.parametrize("places", transfers.SHAPES)
def test_places_are_apart_and_inside(stretch, places):
    """No two at the same place of a page, no block beyond the stretch, and most of it used."""
    gap = transfers.gap_of(stretch, places)
    assert gap % stream.BLOCK == 0
    assert 0 < places * gap <= stretch
    starts = {number * gap % transfers.PAGE for number in range(places)}
    assert len(starts) == places
    assert stretch < 20_000 or places * gap > 0.8 * stretch


def test_threads_go_through_the_gate_together():
    """All of them have begun before the first may end, and each tells its own time."""
    seen = []

    def share(gate, thread):
        seen.append(thread)
        meeting.gated_wait(gate, thread, 3, 10, barrier.address)

    barrier = meeting.Barrier()
    assert abreast(3, share) > 0
    assert sorted(seen) == [0, 1, 2]


def test_a_job_takes_some_time():
    """Awake or asleep, and the pool answers again."""
    with_helpers = Pool(2)
    try:
        clock = Stopwatch().clock
        assert all(meeting.job(with_helpers, clock, asleep=each) > 0 for each in (False, True))
    finally:
        with_helpers.close()


def test_every_gated_kernel_is_compiled_before_it_is_timed():
    """Whatever file of probes it stands in; of families only those that this host has."""
    found = set()
    for path in Path(probes.__file__).parent.glob("*.py"):
        module = importlib.import_module(f"perfdsl.measure.probes.{path.stem}")
        found |= {each for name, each in vars(module).items() if name.startswith("gated_")}
    missing = {peaks.GATED[each] for each in peaks.Family if each not in peaks.every_family()}
    assert found - missing == set(loops.LOOPS) - {meeting.nothing}


def test_each_thread_reads_where_its_memory_lies_best():
    """Some place of its own memory, with room for what is read there."""
    made = memories([HUGE, HUGE // 2 + transfers.SPARE])
    chosen = transfers.smoothest(made, HUGE // 4)
    assert len(chosen) == 2
    for address, each in zip(chosen, made, strict=True):
        offset = address - each.address
        assert offset % (HUGE // 4) == 0
        assert 0 <= offset <= each.data.size - HUGE // 4 - transfers.SPARE
