"""A hardware file with one false figure: it is the first to be suspected; a right one never is."""

import random
from dataclasses import replace

import pytest

from perfdsl.compare.accusations import accusations
from perfdsl.compare.bounds import subject
from perfdsl.compare.diagnosis import diagnose
from perfdsl.diagnostics import Severity
from perfdsl.numeric.intervals import Range
from perfdsl.records import replace as fields_replaced
from tests.compare.simulated import MIB, Laboratory, Machine, stated

LENGTHS = (1, 12, 256)
MACHINES = {
    "one core": Machine(cores=1, dram=40e9),
    "two cores": Machine(),
    "narrow": Machine(cores=4, width=32, clock=3.2e9, dram=50e9),
    "two dies": Machine(cores=12, shared=6, dram=80e9, dram_core=30e9),
    "server": Machine(cores=64, l3=256 * MIB, dram=350e9, dram_core=20e9, l2=2 * MIB),
}


def threads_of(machine):
    return tuple(sorted({1, machine.cores}))


def found(machine, file, folder, *, layers=8, sizes=(), probes=True, seed=0):
    """The diagnosis of a machine's measurements under what a file says."""
    laboratory = Laboratory(machine, layers, seed)
    threads = threads_of(machine)
    times = laboratory.times(LENGTHS, threads)
    rates = laboratory.probes(threads, sizes) if probes else []
    return diagnose(stated(file, folder, layers), times, rates)


def first(diagnosis):
    assert diagnosis.suspects, diagnosis
    return diagnosis.suspects[0].name


def far(machine, times=4):
    """Layers of a model whose weights are so many times the last cache."""
    return int(times * machine.l3 * -(-machine.cores // machine.shared) / (3 * MIB)) + 1


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("size", ["small", "large"])
def test_a_right_file_is_not_suspected(name, size, tmp_path):
    """Whether or not the weights fit into the cache."""
    machine = MACHINES[name]
    layers = 4 if size == "small" else far(machine)
    quiet(found(machine, machine, tmp_path, layers=layers, sizes=(24 * MIB,)))


def by_chance(seed):
    """A machine of any size."""
    chance = random.Random(seed)  # noqa: S311  the same machines each time
    return Machine(
        cores=chance.choice((1, 2, 8, 24, 64)),
        clock=chance.uniform(1e9, 6e9),
        issue=chance.choice((1, 2, 4)),
        width=chance.choice((16, 32, 64)),
        l2=chance.choice((MIB // 4, MIB, 2 * MIB)),
        l3=chance.choice((16, 32, 96)) * MIB,
        shared=chance.choice((2, 8, 64)),
        l3_core=chance.uniform(20e9, 200e9),
        dram_core=chance.uniform(5e9, 60e9),
        dram=chance.uniform(20e9, 600e9),
    )


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(1, 31))
def test_no_noise_makes_a_suspect_of_a_right_file(seed, tmp_path):
    """Machines, models and noise by chance."""
    machine = by_chance(seed)
    for layers in (2, 8, far(machine)):
        quiet(found(machine, machine, tmp_path, layers=layers, seed=seed, sizes=(24 * MIB,)))


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(1, 31))
@pytest.mark.parametrize(
    "field, names",
    [
        ("clock", {"clock"}),
        ("width", {"int8_dot.width", "int8_dot.issue"}),
        ("dram", {"dram.bandwidth"}),
        ("l3_core", {"l3.per_core"}),
        ("l3", {"l3.size"}),
    ],
)
def test_half_of_a_figure_is_found_on_any_machine(field, names, seed, tmp_path):
    """What shows at all is explained by the figure that was halved; clock and width always show."""
    machine = by_chance(seed)
    changes = {field: getattr(machine, field) / 2, "l3": machine.l3}
    if field == "dram":
        changes["dram_core"] = machine.dram_core / 2
    if field == "width":
        changes = {"width": machine.width // 2}
    if field == "l3":
        changes = {"l3": machine.l3 // 4}
    room = int(0.75 * machine.l3)
    diagnosis = found(machine, replace(machine, **changes), tmp_path, seed=seed, sizes=(room,))
    assert diagnosis.excesses or field in {"dram", "l3_core", "l3"}
    assert not diagnosis.excesses or first(diagnosis) in names


def quiet(diagnosis):
    """Nothing is suspected."""
    assert diagnosis.excesses == ()
    assert diagnosis.suspects == ()
    assert diagnosis.conflicts == ()


@pytest.mark.parametrize("name", MACHINES)
def test_half_the_bandwidth(name, tmp_path):
    """A stream and cold calls outrun it; a cache that would explain them contradicts the stream."""
    machine = MACHINES[name]
    file = replace(machine, dram=machine.dram / 2, dram_core=machine.dram_core / 2)
    diagnosis = found(machine, file, tmp_path, layers=far(machine))
    assert first(diagnosis) == "dram.bandwidth"
    assert diagnosis.explanations[0] == ("dram.bandwidth",)
    (suspect,) = diagnosis.accused
    likely = suspect.likely or suspect.needed
    truth = machine.rate("dram", suspect.threads)
    assert 0.9 * truth <= likely.value <= 1.02 * truth
    assert suspect.cleared == ()


@pytest.mark.parametrize("name", MACHINES)
def test_half_the_cache(name, tmp_path):
    """Weights that the true cache holds come faster than memory, which the stream confirms."""
    machine = MACHINES[name]
    file = replace(machine, l3=machine.l3 // 4)
    room = machine.l3 // (3 * MIB) - 1
    diagnosis = found(machine, file, tmp_path, layers=room, sizes=(machine.l3 * 3 // 4,))
    assert first(diagnosis) == "l3.size"
    (suspect,) = diagnosis.accused
    assert suspect.needed.value <= machine.l3
    assert all(each.cleared for each in diagnosis.suspects if each.name.startswith("dram"))


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("probes", [True, False])
def test_half_the_clock(name, probes, tmp_path):
    """All ports outrun it at once, and the clock's own probe where there is one."""
    machine = MACHINES[name]
    diagnosis = found(machine, replace(machine, clock=machine.clock / 2), tmp_path, probes=probes)
    assert first(diagnosis) == "clock"
    (suspect,) = diagnosis.accused
    assert suspect.needed.value == pytest.approx(machine.clock, rel=0.15)
    if probes:
        assert ("clock",) in diagnosis.conflicts
        assert diagnosis.alike == ()


@pytest.mark.parametrize("name", MACHINES)
def test_half_the_width_of_a_port(name, tmp_path):
    """Clock and cores are cleared by the other port; width and issue nothing can tell apart."""
    machine = MACHINES[name]
    diagnosis = found(machine, replace(machine, width=machine.width // 2), tmp_path)
    assert first(diagnosis) == "int8_dot.width"
    assert diagnosis.alike == ("int8_dot.issue",)
    cleared = {each.name for each in diagnosis.suspects if each.cleared}
    assert {"clock", "cores"} <= cleared
    (suspect,) = diagnosis.accused
    assert suspect.needed.value == pytest.approx(machine.width, rel=0.1)
    assert suspect.direction == "at least"


def test_an_issue_that_is_declared_to_be_no_more_leaves_the_width(tmp_path):
    """A figure moves within its declared range alone."""
    machine = MACHINES["two cores"]
    text = replace(machine, width=32).text()
    port = text.index("port int8_dot")
    declared = "issue: instr/(cycle*core) in 1 instr/(cycle*core) .. 2 instr/(cycle*core) = 2"
    text = text[:port] + text[port:].replace("issue = 2", declared, 1)
    laboratory = Laboratory(machine)
    diagnosis = diagnose(
        stated(machine, tmp_path, text=text),
        laboratory.times(LENGTHS, (1, 2)),
        laboratory.probes((1, 2)),
    )
    assert diagnosis.explanations[0] == ("int8_dot.width",)
    assert diagnosis.alike == ()
    assert all("int8_dot.issue" not in members for members in diagnosis.conflicts)


def test_cores_that_were_not_asked_for(tmp_path):
    """Times of two cores that pass for those of one: every port and level is outrun alike."""
    machine = MACHINES["two cores"]
    twice = Laboratory(replace(machine, clock=2 * machine.clock))
    probes = Laboratory(machine).probes((1, 2))
    diagnosis = diagnose(stated(machine, tmp_path), twice.times((256,), (1,)), probes)
    names = {each.name for each in diagnosis.suspects}
    assert {"cores", "clock"} <= names
    assert all(each.cleared for each in diagnosis.suspects if each.name in {"cores", "clock"})


def test_two_false_figures_are_found_together(tmp_path):
    """No single figure explains a port and a memory: the smallest set does."""
    machine = MACHINES["two cores"]
    file = replace(machine, width=32, dram=30e9, dram_core=20e9)
    diagnosis = found(machine, file, tmp_path, layers=far(machine))
    assert diagnosis.explanations[0] == ("int8_dot.width", "dram.bandwidth")
    assert {each.name for each in diagnosis.accused} == {"int8_dot.width", "dram.bandwidth"}
    assert all(len(each) == 2 for each in diagnosis.explanations)


def test_probes_alone_contradict_a_file(tmp_path):
    """A model that is far too slow to show anything: a tenth of what the machine gives."""
    machine = MACHINES["two cores"]
    laboratory = Laboratory(machine, far(machine), reach=0.1)
    of = stated(replace(machine, width=32), tmp_path, far(machine))
    diagnosis = diagnose(of, laboratory.times(LENGTHS, (1, 2)), laboratory.probes((1, 2)))
    assert first(diagnosis) == "int8_dot.width"
    assert all(each.by_probe for each in diagnosis.excesses)
    reached, allowed = diagnosis.excesses[0].rate
    assert reached == pytest.approx(2 * allowed, rel=0.05)


def test_a_slow_probe_is_a_doubt(tmp_path):
    """Half of what the file says contradicts nothing: others may have used the machine."""
    machine = MACHINES["two cores"]
    slow = Laboratory(replace(machine, dram=machine.dram / 2, dram_core=machine.dram_core / 2))
    diagnosis = diagnose(stated(machine, tmp_path), [], slow.probes((1, 2)))
    assert diagnosis.excesses == ()
    assert [each.threads for each in diagnosis.doubts] == [1, 2]
    assert all(0.45 < each.share < 0.55 for each in diagnosis.doubts)
    assert all(each.what.startswith("stream") for each in diagnosis.doubts)


def test_a_stream_that_no_cache_could_bring_is_told_with_care(tmp_path):
    """24 of 32 MiB, 16 stated: a cache that sees into the future would do, so it is not sure."""
    machine = MACHINES["two cores"]
    laboratory = Laboratory(machine)
    probes = laboratory.probes((1,), (24 * MIB,))
    diagnosis = diagnose(stated(replace(machine, l3=16 * MIB), tmp_path), [], probes)
    assert first(diagnosis) == "l3.size"
    assert [each.sure for each in diagnosis.excesses] == [False]
    (message,) = accusations(diagnosis)
    assert (message.code, message.severity) == ("P867", Severity.WARNING)
    assert message.title.startswith("`l3.size` may be false")


def test_what_the_program_counts_is_doubted_unless_an_oracle_has_counted_it(tmp_path):
    """A phase of which the program counts twice the work, on a machine whose probes agree."""
    machine = MACHINES["two cores"]
    laboratory = Laboratory(machine)
    times = [
        replace(each, best=each.best / 2, seconds=Range(*(end / 2 for end in each.seconds)))
        for each in laboratory.times((256,), (1, 2))
        if each.what == "wide"
    ]
    counted = stated(machine, tmp_path)
    doubted = subject(counted.analysis, "net", "cpu", "load", ("square", "pointwise"))
    probes = laboratory.probes((1, 2))
    assert first(diagnose(doubted, times, probes)) == "wide.work[int8]"
    assert all(each.cleared for each in diagnose(counted, times, probes).suspects)


def test_what_nothing_explains_is_told_with_its_conflict(tmp_path):
    """Without a suspect there is a message all the same: the measurements, and what conflicts."""
    machine = MACHINES["two cores"]
    found_ = found(machine, replace(machine, width=32), tmp_path)
    (message,) = accusations(fields_replaced(found_, suspects=(), explanations=()))
    assert (message.code, message.span) == ("P865", None)
    assert any("`int8_dot.width`" in note for note in message.notes)
    assert "int8 probe on 1 thread: 1.9" in message.notes[0]


def test_figures_that_nothing_tells_apart_are_named_together(tmp_path):
    """The message of a width says that it may be the issue."""
    machine = MACHINES["two cores"]
    (message,) = accusations(found(machine, replace(machine, width=32), tmp_path))
    assert "nothing measured tells it from `int8_dot.issue`" in message.notes
    assert message.label.startswith("32 MAC/instr is stated, at least 6")
