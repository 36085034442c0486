"""A probe's plan, rounds, doubts and record: what is measured, and what speaks against it."""

import pytest

from perfdsl.measure import machine_session
from perfdsl.measure.environment import Cache
from perfdsl.measure.hardware_words import RESERVED, interval, name_of, number, printable, size_text
from perfdsl.measure.kinds import KINDS
from perfdsl.measure.machine import DRAM, HUGE, SMALL, Machine
from perfdsl.measure.machine_doubts import NoisyError, check_noise, doubts
from perfdsl.measure.machine_figures import Key, figures
from perfdsl.measure.machine_levels import deep, levels, stretch, thread_counts
from perfdsl.measure.machine_plan import Gauge, Loop
from perfdsl.measure.machine_rounds import Protocol, rounds
from perfdsl.measure.machine_session import ProbeError, probed
from perfdsl.measure.recorded import text
from perfdsl.measure.scaling import Law, law
from perfdsl.measure.statistics import estimate
from perfdsl.measure.timing import Stopwatch
from perfdsl.syntax import table
from tests.measure.probed import GIB, KIB, L1, L2, L3, MEMORY, MIB, NOISE, changed, machine
from tests.measure.records import MACHINE as WHERE
from tests.measure.test_timing import FakeClock

# -- the plan


@pytest.mark.parametrize(
    "cores, usual, quick",
    [(1, (1,), (1,)), (2, (1, 2), (1, 2)), (6, (1, 2, 4, 6), (1, 6)),
     (64, (1, 2, 4, 8, 16, 32, 64), (1, 64))],
)  # fmt: skip
def test_threads_double_up_to_all(cores, usual, quick):
    assert thread_counts(cores, quick=False) == usual
    assert thread_counts(cores, quick=True) == quick


def caches(*rows):
    made = (dict(zip(("level", "kind", "size", "shared"), row, strict=True)) for row in rows)
    processor = WHERE.processor.model_copy(
        update={"caches": tuple(Cache(line=64, **each) for each in made)}
    )
    return levels(processor, WHERE.system)


def test_levels_are_told_in_cores():
    """The system counts threads; caches for instructions are not levels of data."""
    found = caches(
        (1, "Data", 48 * KIB, 2), (1, "Instruction", 32 * KIB, 2), (2, "Unified", MIB, 2),
        (3, "Unified", 32 * MIB, 16),
    )  # fmt: skip
    told = [(each.name, each.size, each.shared) for each in found]
    assert told == [
        ("l1", 48 * KIB, 1), ("l2", MIB, 1), ("l3", 32 * MIB, 8), (DRAM, WHERE.system.memory, 0),
    ]  # fmt: skip


def test_where_no_cache_is_told_there_is_memory():
    assert [each.name for each in caches()] == [DRAM]


KNOWN = (L1, L2, L3, MEMORY)


@pytest.mark.parametrize("threads", [1, 2, 8, 64])
def test_buffers_lie_in_their_level(threads):
    """Above the next smaller cache, within a thread's share of their own; memory beyond all."""
    for size in (stretch, deep):
        assert size(KNOWN, 0, threads) <= L1.size
        assert L1.size < size(KNOWN, 1, threads) <= L2.size
        assert L2.size < size(KNOWN, 2, threads) <= L3.size // min(threads, 8)
        instances = -(-threads // 8)
        assert threads * size(KNOWN, 3, threads) > 7 * instances * L3.size


def test_a_buffer_never_takes_more_than_an_eighth_of_the_memory():
    little = MEMORY.model_copy(update={"size": GIB // 2})
    assert stretch((L1, L2, L3, little), 3, 1) == GIB // 16


# -- rounds


def gauge(name, fake, *a_turn, fixed=False):
    """A gauge whose loops take so many nanoseconds a turn on a clock that a test can foresee."""

    def loop(each):
        def run(turns):
            fake.now += each * turns
            return each * turns

        return Loop(100, run)

    return Gauge(name, 1, tuple(map(loop, a_turn)), fixed=fixed)


def quiet(*_):
    pass


def test_each_gauge_has_its_turn_in_each_round():
    """Runs last as long as they are to, by a gauge's fastest loop; a fixed one is a turn."""
    fake = FakeClock()
    gauges = [gauge("slow", fake, 5000), gauge("two ways", fake, 40, 10),
              gauge("job", fake, 3000, fixed=True)]  # fmt: skip
    found = rounds(gauges, Protocol(9, 1e-3, 2, 4), Stopwatch(clock=fake), quiet, 0)
    assert [each.name for each in found] == ["slow", "two ways", "job"]
    assert [len(each.nanoseconds) for each in found] == [4, 4, 4]
    assert [len(each.nanoseconds[0]) for each in found] == [2, 2, 2]
    slow, ways, job = found
    assert 5e5 <= slow.nanoseconds[0][0] <= 2e6
    assert 5e5 <= ways.nanoseconds[0][0] <= 2e6
    assert ways.amount * 10 == ways.nanoseconds[0][0] * 100  # by the loop that takes 10
    assert job.nanoseconds == ((3000, 3000),) * 4


def test_the_end_of_the_time_ends_a_round_and_keeps_it():
    """The first round is whole, however long it takes."""
    fake = FakeClock()
    gauges = [gauge(str(n), fake, 1_000_000) for n in range(10)]
    found = rounds(gauges, Protocol(0.12, 1e-3, 1, 50), Stopwatch(clock=fake), quiet, 0)
    counts = [len(each.nanoseconds) for each in found]
    assert len(counts) == 10
    assert min(counts) >= 1
    assert max(counts) - min(counts) <= 2
    assert fake.now * 1e-9 < 0.2


# -- laws


@pytest.mark.parametrize(
    "totals, expected",
    [
        ({1: 10.0}, Law.EACH),
        ({1: 10.0, 2: 20.1, 4: 39.5}, Law.EACH),
        ({1: 10.0, 2: 20.0, 4: 25.0, 8: 25.2}, Law.UP_TO),
        ({1: 10.0, 2: 12.0}, Law.UP_TO),
        ({1: 10.0, 2: 15.0, 4: 25.0}, Law.TABLE),
        ({2: 20.0, 4: 40.0}, Law.TABLE),
    ],
)
def test_a_rate_follows_the_simplest_law_that_tells_all_of_it(totals, expected):
    rates = {n: estimate([each] * 9) for n, each in totals.items()}
    assert law(rates) is expected


# -- figures, doubts


def test_figures_are_of_the_fastest_run_of_each_round():
    record = changed(machine(1), "fp32", amount=10**9, nanoseconds=((2, 1), (4, 3), (2, 9)))
    assert figures(record).found[Key("fp32", "", 1, "")].median == pytest.approx(10**18 / 2)


def test_a_quiet_machine_is_doubted_nothing():
    check_noise(machine(2))
    assert doubts(machine(2)) == ()


@pytest.mark.parametrize(
    "record, words",
    [
        (machine(2, others=0.3), "others had 30% of the processors' time"),
        (machine(2, others=0.1, stolen=0.15), "others had 25% of the processors' time"),
        (machine(2, noise=(1, 2, 1, 3, 1, 2, 2)), "clock on 1 thread from 1.33 to 4 G/s"),
        (machine(2, noise=(1.0, 1.1)), "no figure can be vouched for: clock on 1 thread"),
    ],
)
def test_a_machine_that_is_too_noisy_is_refused_with_what_was_seen(record, words):
    with pytest.raises(NoisyError) as told:
        check_noise(record)
    assert words in told.value.what
    assert told.value.code == "P841"
    assert told.value.mend == "end other programs, or wait for a quieter hour"


def test_a_quick_probe_that_is_too_noisy_may_be_a_usual_one():
    record = machine(2, noise=(1, 2, 1, 3, 1, 2, 2)).model_copy(update={"quick": True})
    with pytest.raises(NoisyError) as told:
        check_noise(record)
    assert told.value.mend == "leave `--quick` out: it has few rounds"


@pytest.mark.parametrize(
    "record, words",
    [
        (machine(2, others=0.06), "other programs took 6% of the processors' time"),
        (machine(2, stolen=0.02), "the host took 2% of the processors' time"),
        (machine(2, noise=(1, 1.05, 1, 1.01, 1, 1, 1)), "the clock of one core moved by 5%"),
        (machine(2, noise=NOISE[:4]), "so few rounds miss the true median with a chance of"),
        (machine(1, levels=(L1, L2, L3.model_copy(update={"shared": 1}), MEMORY),
                 beyond=lambda level, times: 1e-9 if level is L1 else 3.4e-9),
         "l1 is not as large as the system tells: loads take 1 ns from 24 KiB"),
    ],
)  # fmt: skip
def test_what_speaks_against_a_probe_is_told(record, words):
    assert any(words in each for each in doubts(record)), doubts(record)


def test_a_wide_spread_is_told_with_the_worst_figures():
    runs = tuple((round(4e6 * each),) for each in (1, 1, 1.6, 1, 1.6, 1.6, 1.6))
    record = changed(machine(2), "read", DRAM, threads=2, nanoseconds=runs)
    (told,) = doubts(record)
    assert told == "quartiles of rounds are far apart: read of dram on 2 threads, huge pages 60%"


# -- the record


def test_a_record_comes_back_equal():
    record = machine(2)
    assert Machine.model_validate_json(text(record)) == record
    assert KINDS["probe"].made is Machine
    found = KINDS["probe"].figures(record)
    assert len(found) == len(record.series)
    (one,) = [
        e for e in found if (e.quantity, e.case) == ("read", "of dram on 1 thread, huge pages")
    ]
    assert (one.unit, one.less, one.main, len(one.samples)) == ("B/s", False, True, len(NOISE))


def test_this_machine_is_probed(monkeypatch):
    """Every property once, in rounds as short as they may be, with little memory; what was found is
    not judged here."""
    little = (L1, L2, MEMORY.model_copy(update={"size": 64 * MIB}))
    monkeypatch.setattr(machine_session, "levels", lambda *_: little)
    protocol = Protocol(seconds=0.0, run=1e-4, samples=1, rounds=1)
    record = probed("perfdsl 0", quiet, quick=True, protocol=protocol)
    names = {each.name for each in record.series}
    assert {"clock", "int8", "fp32", "add", "read", "write", "copy", "latency"} <= names
    assert {each.pages for each in record.series} == {"", HUGE, SMALL}
    assert {each.threads for each in record.series} == set(thread_counts(record.cores, quick=True))
    assert all(min(map(min, each.nanoseconds)) > 0 for each in record.series)
    assert Machine.model_validate_json(text(record)) == record


@pytest.mark.parametrize(
    "error, words",
    [
        (RuntimeError("can't start new thread"), "threads cannot be started"),
        (MemoryError("no room"), "there is no memory for a probe: no room"),
        (OSError(12, "Cannot allocate memory"), "there is no memory for a probe"),
    ],
)
def test_what_the_system_refuses_is_told(monkeypatch, error, words):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(machine_session, "rounds", refuse)
    monkeypatch.setattr(machine_session, "_gauges", lambda *_, **__: [])
    with pytest.raises(ProbeError) as told:
        probed("perfdsl 0", quiet, quick=True)
    assert words in told.value.what
    assert told.value.code == "P842"


# -- words


@pytest.mark.parametrize(
    "value, expected",
    [(4.0635e9, "4064000000"), (0.041063, "0.04106"), (1.2e-7, "0.00000012"), (512.0, "512")],
)
def test_numbers_have_no_exponent(value, expected):
    assert number(value) == expected


def test_an_interval_stays_above_zero():
    found = estimate([1.0, 1.0, 9.0])
    assert interval(found, 1, "GB/s") == "1 GB/s +- 0.99 GB/s"


@pytest.mark.parametrize("size, told", [(48 * KIB, "48 KiB"), (MIB, "1 MiB"), (1000, "1000 B")])
def test_sizes_are_whole(size, told):
    assert size_text(size) == told


@pytest.mark.parametrize(
    "stem, name",
    [("epyc_zen4", "epyc_zen4"), ("My-Machine 2", "my_machine_2"), ("9700x", "machine_9700x"),
     ("with", "machine_with"), ("\u00fc", "machine"), ("x; drop", "x_drop")],
)  # fmt: skip
def test_a_files_name_becomes_a_name_of_the_language(stem, name):
    assert name_of(stem) == name


def test_words_that_cannot_be_names_are_those_of_the_language():
    assert RESERVED == table.RESERVED


def test_what_a_system_calls_its_processor_stays_in_its_line():
    assert printable('A "B"\n\\c\x1b[31m', 20) == "A ?B???c?[31m"
