"""The file of a probe: the checker takes it, and its numbers are those of the record."""

import re

import pytest

from perfdsl.measure.hardware_levels import write_cost
from perfdsl.measure.machine import DRAM
from perfdsl.measure.machine_figures import figures
from perfdsl.measure.to_hardware import to_hardware
from perfdsl.solve.answers import Number
from tests.answers import answers, solution
from tests.measure.probed import ARM, L1, L2, L3, LATENCY, MEMORY, machine, moved

NO_BF16 = {"int8": (32, 2.0), "fp32": (8, 2.0), "add": (8, 2.0)}


def falling(threads):
    """A clock that falls by 5 % with each doubling of the cores."""
    return 4e9 * 0.95 ** (threads.bit_length() - 1)


def saturating(name, level, threads):
    """Memory that no formula of a few parameters tells."""
    return moved(name, level, threads) * (1 + threads / 10 if level == DRAM else 1)


def siblings(_, threads):
    """Two threads of a core share what one has."""
    return 512e9 if threads == 1 else 600e9


def without_l2(name, level, threads):
    """A buffer that is to be in L2, and lies in L3."""
    return moved(name, "l3" if level == "l2" else level, threads)


def small_l3(level, times):
    """Seconds of a load: half of what the system tells of L3 is all that there is."""
    if level is L3:
        return LATENCY["l3"] if times < 0.5 else LATENCY[DRAM]
    return LATENCY[level.name] if times <= 1 else LATENCY[{"l1": "l2", "l2": "l3"}[level.name]]


MACHINES = {
    "one core": machine(1),
    "two cores": machine(2),
    "64 cores": machine(64),
    "a clock that falls": machine(64, clock=falling),
    "memory by a table": machine(16, rate=saturating),
    "threads that share a core": machine(2, peak=siblings),
    "odd issue": machine(2, families={"int8": (64, 1.7), "fp32": (16, 2.0), "add": (16, 2.0)}),
    "no bf16": machine(4, isa="avx2", families=NO_BF16),
    "Arm without L3": machine(8, isa="neon", families=ARM, levels=(L1, L2, MEMORY)),
    "no caches told": machine(2, levels=(MEMORY,)),
    "no huge pages": machine(2, small=1.0),
    "noisy": machine(2, noise=(1.0, 1.5, 0.8, 1.2, 1.9, 1.0, 0.7)),
    "few rounds": machine(2, noise=(1.0, 1.1, 0.9)),
    "nothing but refusals": machine(2, noise=(1.0, 1.1)),
    "a refused L2": machine(2, rate=without_l2),
    "a smaller L3": machine(2, beyond=small_l3),
}  # fmt: skip


@pytest.mark.parametrize("name", MACHINES)
def test_a_file_is_checked_without_a_word(name):
    """No error, no warning, whatever was measured and whatever was refused."""
    text = to_hardware(MACHINES[name], "box")
    assert solution(text).problems == ()
    assert not re.search(r"nan|inf|None|\$|[0-9]e[-+]?[0-9]", text), text


def shown(text, settings):
    """The number that the only `show` of a text has."""
    value = answers(text, *settings).shows[0].value
    assert isinstance(value, Number)
    return value


def told(record, names, cores):
    """The values of fields in a file, with so many cores."""
    shows = "; ".join(f'show cpu.{name} as "{name}"' for name in names)
    text = to_hardware(record, "box") + f"analysis a(cpu = box) {{ {shows} }}"
    found = answers(text, *([f"cpu.cores={cores} core"] if record.cores > 1 else []))
    return {each.title: each.value for each in found.shows}


CASES = [
    (name, cores)
    for name in ("one core", "two cores", "64 cores", "a clock that falls", "Arm without L3",
                 "memory by a table", "threads that share a core", "odd issue", "no huge pages")
    for cores in (1, 2, 4, 64)
    if cores <= MACHINES[name].cores
]  # fmt: skip


@pytest.mark.parametrize("name, cores", CASES)
def test_a_rate_is_what_was_measured_with_so_many_threads(name, cores):
    """For each number of cores for which there is a measurement: totals, not shares of the last."""
    record = MACHINES[name]
    known = figures(record)
    pairs = {"int8_dot.peak": ("int8", ""), "fp32_fma.peak": ("fp32", ""), "clock": ("clock", "")}
    pairs |= {f"{each.name}.bandwidth": ("read", each.name) for each in record.levels}
    values = told(record, pairs, cores)
    for field, (what, level) in pairs.items():
        wanted, found = known.best(what, level, cores), values[field]
        assert wanted is not None
        assert found.value == pytest.approx(wanted.median, rel=0.031), field
        assert found.low <= wanted.median * 1.03, field
        assert found.high >= wanted.median * 0.97, field


# -- writing


@pytest.mark.parametrize(
    "write, copy, rule, cost",
    [
        (0.5, 1.0, "time = max(read, write_cost * write) / bandwidth", 2.0),  # both at once
        (0.5, 2 / 3, "time = (read + write_cost * write) / bandwidth", 2.0),  # one after the other
        (0.5, 0.8, "time = (read + write_cost * write) / bandwidth", 1.5),  # cheaper in a copy
        (0.8, 0.5, "time = (read + write_cost * write) / bandwidth", 1.25),  # a copy costs more
    ],
)
def test_what_a_write_costs_follows_from_what_writes_and_copies_take(write, copy, rule, cost):
    """Relative to reads. What the file predicts for either is no longer than what was measured."""

    def rate(name, level, threads):
        return moved("read", level, threads) * {"read": 1.0, "write": write, "copy": copy}[name]

    text = to_hardware(machine(1, rate=rate), "box")
    block = text[text.index("cache l2") : text.index("cache l3")]
    assert rule in block
    assert f"write_cost = {cost:g} +- " in block
    assert cost <= 1 / write + 1e-9
    copied = max(1, cost) if "max" in rule else 1 + cost
    assert copied <= 2 / copy + 1e-9


def test_a_noisy_round_that_copies_faster_than_it_reads_costs_something():
    """A cost is above zero, whatever the rounds say."""
    assert write_cost(1.0, 0.1, 5.0, at_once=False) > 0


def test_a_field_can_be_overlaid_by_name():
    """Clock, width and issue are assumptions of their own: half a width is half a peak."""
    text = to_hardware(machine(2), "box") + "analysis a(cpu = box) { show cpu.int8_dot.peak }"
    usual, halved, slow = (
        shown(text, each).value
        for each in ([], ["cpu.int8_dot.width=32 MAC/instr"], ["cpu.clock=2 GHz"])
    )
    assert halved == pytest.approx(usual / 2)
    assert slow == pytest.approx(usual / 2, rel=0.01)


def test_processor_names_stay_in_their_comment():
    """Whatever the system calls itself, it is no code of the file."""
    record = machine(1)
    processor = record.environment.processor.model_copy(update={"model": 'A\n}\x1b[2J"'})
    where = record.environment.model_copy(update={"processor": processor})
    text = to_hardware(record.model_copy(update={"environment": where}), "box")
    assert solution(text).problems == ()
    assert text.splitlines()[1] == "# A?}?[2J?: 1 core, avx512-vnni"
