"""Bounds of a measurement, by hand: what of it is above its ceiling, and what is not."""

from dataclasses import replace

import pytest

from perfdsl.compare.bounds import Setup, least_times, operators, reading_pass
from perfdsl.compare.ceilings import (
    NOISE,
    Probed,
    Timed,
    exceeded,
    excess_of,
    held_probes,
    held_times,
    lucky,
    with_expected,
)
from perfdsl.compare.diagnosis import diagnose
from perfdsl.numeric.intervals import Range
from perfdsl.solve.extent import extent
from perfdsl.solve.reading import Reading
from perfdsl.solve.unknowns import answer_range, answer_value
from tests.compare.simulated import MIB, POINTWISE, SQUARE, WIDE, Machine, stated

MACHINE = Machine()
FASTEST = 1.02  # the clock is stated with two percent
ONE = Setup(1, 1, 1)
LAYERS = 48  # 96 and 48 MiB of weights


@pytest.fixture(scope="module")
def of(tmp_path_factory):
    return stated(MACHINE, tmp_path_factory.mktemp("ceilings"), LAYERS)


@pytest.fixture
def reading(of):
    return Reading(of.graph, answer_value, extent, answer_range)


def timed(seconds, *names, setup=ONE, high=None):
    ends = Range(seconds, high or seconds)
    return Timed(" + ".join(names) or "the call", setup, seconds, ends, frozenset(names) or None)


def least(of, *names, setup=ONE, **how):
    """Seconds by port and level."""
    steps = [step for step in operators(of, setup) if not names or step.name in names]
    return {b.resource: of.graph.number(b.node) for b in least_times(of, steps, setup, **how)}


def test_a_phase_is_bound_by_each_port_and_level_that_it_uses(of):
    """Work over peak; all bytes over the inner cache; over memory what the caches cannot hold."""
    found = least(of, "wide")
    weights, moved = LAYERS * WIDE, LAYERS * (1024 + 4 * 2048)
    assert found["int8_dot"] == pytest.approx(LAYERS * WIDE / (4e9 * 128))
    assert found["l2"] == pytest.approx((weights + moved) / (4e9 * 64))
    assert found["dram"] == pytest.approx((weights - 32 * MIB) / 40e9)
    assert "fp32_fma" not in found


def test_the_cache_is_there_once(of):
    """Each product alone could have 32 MiB of its weights from it, and so could both together."""
    whole = LAYERS * (WIDE + SQUARE)
    apart = least(of, "wide")["dram"] + least(of, "square")["dram"]
    assert least(of)["dram"] == pytest.approx((whole - 32 * MIB) / 40e9)
    assert apart == pytest.approx((whole - 64 * MIB) / 40e9)
    assert least(of)["dram"] > apart


def test_a_cold_call_fetches_everything(of):
    """No cache has anything of the weights; what is read in turn is expected to be fetched too."""
    whole = LAYERS * (WIDE + SQUARE) / 40e9
    assert least(of, setup=Setup(1, 1, 1, cold=True))["dram"] == pytest.approx(whole)
    assert least(of, streaming=True)["dram"] == pytest.approx(whole)


def test_cores_and_texts_are_those_of_the_setup(of):
    """Two cores have twice the peak, and four texts four times the rows."""
    many = least(of, "wide", setup=Setup(4, 1, 2))
    assert many["int8_dot"] == pytest.approx(4 * least(of, "wide")["int8_dot"] / 2)


def test_kinds_of_work_may_take_turns_or_not(of):
    """`compute` is the sum over ports: told only where no port alone is outrun."""
    found = least(of)
    ports = found["int8_dot"], found["fp32_fma"]
    assert found["int8_dot and fp32_fma"] == pytest.approx(sum(ports))
    assert ports[1] == pytest.approx(LAYERS * POINTWISE / (4e9 * 32))


def above(of, reading, *times):
    return exceeded(held_times(of, times), reading)


def test_below_its_ceiling_nothing_is_told(of, reading):
    """A time that is as long as the fastest rates of the file's intervals allow."""
    bound = max(least(of, "square").values()) / FASTEST
    assert above(of, reading, timed(bound * 1.001, "square")) == ()


def test_above_its_ceiling_a_time_is_told_with_what_it_outran(of, reading):
    """By the slowest time that the noise allows, and by more than a share of rows can be off."""
    bound = least(of, "square", setup=Setup(1, 256, 1))["int8_dot"] / FASTEST
    setup = Setup(1, 256, 1)
    (found,) = above(of, reading, timed(bound * 0.9, "square", setup=setup))
    excess = excess_of(found, reading)
    assert (excess.sort, excess.resource, excess.what) == ("port", "int8_dot", "square")
    assert excess.ratio == pytest.approx(1 / 0.9)
    assert excess.least == pytest.approx(bound)
    assert above(of, reading, timed(bound * (1 - NOISE / 2), "square", setup=setup)) == ()
    noisy = timed(bound * 0.5, "square", setup=setup, high=bound * 1.1)
    assert above(of, reading, noisy) == ()


def test_phases_that_outran_memory_are_held_against_it_together(of, reading):
    """Each leaves 20 MiB to a cache of 32, which is allowed; both leave 40."""
    fetched = {"wide": LAYERS * WIDE - 20 * MIB, "square": LAYERS * SQUARE - 20 * MIB}
    times = [timed(size / 40e9, name) for name, size in fetched.items()]
    found = [excess_of(each, reading) for each in above(of, reading, *times)]
    assert [(each.what, each.resource) for each in found] == [("wide + square", "dram")]
    assert above(of, reading, times[0]) == above(of, reading, times[1]) == ()


def test_a_probe_is_an_operator(of):
    """A buffer of 48 MiB: 16 of them at least from memory, all of them if it is read in turn."""
    steps = [reading_pass(of, 48 * MIB)]
    at_least = {b.resource: of.graph.number(b.node) for b in least_times(of, steps, ONE)}
    in_turn = least_times(of, steps, ONE, streaming=True)
    assert at_least["dram"] == pytest.approx(16 * MIB / 40e9)
    assert at_least["l3"] == pytest.approx(47 * MIB / 100e9)
    assert {b.resource: of.graph.number(b.node) for b in in_turn}["dram"] == pytest.approx(
        48 * MIB / 40e9
    )


@pytest.mark.parametrize(
    "what, rate, size, resource",
    [
        ("clock", 4e9, 0, "clock"),
        ("int8", 512e9, 0, "int8_dot"),
        ("fp32", 128e9, 0, "fp32_fma"),
        ("stream", 40e9 * 4 / 3, 128 * MIB, "dram"),
    ],
)
def test_a_rate_above_the_files_is_told(of, reading, what, rate, size, resource):
    """By the slowest rate that the noise allows; a stream by what no replacement could keep."""
    room = FASTEST if what != "stream" else 1.0
    fast = Probed(what, 1, rate * room * 1.1, Range(rate * room * 1.05, rate * room * 1.2), size)
    slow = replace_rate(fast, rate * room * 0.999)
    (found,) = exceeded(held_probes(of, [fast]), reading)
    assert found.bound.resource == resource
    assert excess_of(found, reading).rate == pytest.approx((rate * room * 1.1, rate * room))
    assert exceeded(held_probes(of, [slow]), reading) == ()


def replace_rate(probe, rate):
    return Probed(probe.what, probe.threads, rate, Range(rate, rate), probe.size)


def test_a_kind_that_no_port_serves_is_no_probe_of_the_file(of):
    """bf16 was measured, and the file says nothing of it."""
    assert held_probes(of, [Probed("bf16", 1, 1e12, Range(1e12, 1e12))]) == []


def test_luck_of_the_cache_is_told_apart(of, reading):
    """48 MiB as fast as only a cache that foresees could bring them: possible, and not expected."""
    rate = 48 * MIB / (20 * MIB / 40e9)
    probe = Probed("stream", 1, rate, Range(rate, rate), 48 * MIB)
    held = with_expected(of, held_probes(of, [probe]))
    assert exceeded(held, reading) == ()
    (found,) = lucky(held, reading)
    assert not found.sure
    assert found.bound.resource == "dram"
    assert lucky(held[:0], reading) == []


def test_activations_are_doubted_with_the_bytes_that_the_program_counts(tmp_path):
    """A level that is outrun because of bytes that nobody moves: they are in the conflict."""
    text = replace(MACHINE, l3=64 * MIB).text().replace("* 4096 * 4 B", "* 4_096_000 * 4 B")
    of = stated(MACHINE, tmp_path, 4, text)
    seconds = 4 * 4_096_000 * 4 / (4e9 * 64) / 3
    found = diagnose(of, [timed(seconds, "pointwise")], [])
    assert any("bytes[activations]" in members for members in found.conflicts)
    assert "bytes[activations]" in {each.name for each in found.suspects}
