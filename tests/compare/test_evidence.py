"""A record held against its file: the times it gives, the figure it accuses, and what is told."""

import pytest

from perfdsl.compare.accusations import accusations
from perfdsl.compare.bounds import Setup, subject
from perfdsl.compare.ceilings import CALL
from perfdsl.compare.evidence import diagnosed, fetched_of, probes_of, times_of
from perfdsl.compare.forecast import Forecast, forecasts
from perfdsl.compare.phases import groups
from perfdsl.compare.substitution import Substituted
from perfdsl.diagnostics import Severity
from perfdsl.measure.results import Case
from perfdsl.measure.validation_record import Rates
from tests.compare.machines import MACHINE, PUBLISHED, asked, held
from tests.compare.validations import PHASES, a_validation

ONE = Case(texts=1, tokens=1, threads=1)
LONG = Case(texts=1, tokens=256, threads=2)
REACHED = {
    1: {"int8": 4.9e11, "bf16": 2.5e11, "fp32": 1.2e11, "stream": 4.7e10, "clock": 4.0e9},
    2: {"int8": 9.8e11, "bf16": 4.9e11, "fp32": 2.4e11, "stream": 5.8e10, "clock": 4.0e9},
}
SLOW = (1.0, 1.02, 1.01, 0.99, 1.0, 1.01)


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Substituted:
    return held(asked(tmp_path_factory.mktemp("right")))


def spoilt(folder, old, new) -> Substituted:
    """The same analysis with a machine file of which one line is another."""
    assert old in MACHINE
    return held(asked(folder, machine=MACHINE.replace(old, new)))


@pytest.fixture(scope="module")
def record(program):
    """Each phase takes a quarter more than its ceiling, and a cold call a millisecond more."""

    def times(case):
        (found,) = forecasts(program, [case], "roofline")
        assert isinstance(found, Forecast)
        seconds = {each.name: each.seconds for each in found.operators}
        return {
            phase: 1.25 * sum(seconds[name] for name in group.operators) if not at else 1e-9
            for group in groups(PHASES, seconds)
            for at, phase in enumerate(group.phases)
        }

    made = a_validation([ONE, LONG], times, PUBLISHED, slow=SLOW, cold=1e-3)
    return made.model_copy(update={"rates": rates()})


def rates():
    """What one core and two reach, round by round."""
    return tuple(
        Rates(
            threads=threads,
            rounds=tuple({name: (rate / each,) for name, rate in found.items()} for each in SLOW),
        )
        for threads, found in REACHED.items()
    )


def test_a_record_gives_each_case_as_a_whole_cold_and_by_groups(program, record):
    """Medians of rounds, with the interval of their median; names as the program has them."""
    of = subject(program.analysis, program.net, program.cpu, program.load)
    found = times_of(of, record)
    whole = [each for each in found if each.what == CALL]
    assert [each.setup for each in whole] == [
        Setup(1, 1, 1), Setup(1, 1, 1, cold=True), Setup(1, 256, 2), Setup(1, 256, 2, cold=True),
    ]  # fmt: skip
    assert whole[1].best == pytest.approx(whole[0].best + 1e-3, rel=0.01)
    (qkv, _) = (each for each in found if each.what == "qkv")
    assert qkv.operators == frozenset({"attn_q", "attn_k", "attn_v"})
    assert qkv.seconds.low <= qkv.best <= qkv.seconds.high


def test_a_record_gives_each_rate_of_each_number_of_threads(record):
    """The stream ran over the bytes that the caches were flushed with."""
    found = {(each.what, each.threads): each for each in probes_of(record)}
    assert found.keys() == {(name, threads) for threads in (1, 2) for name in REACHED[threads]}
    assert found["stream", 1].size == record.flushed
    assert found["int8", 2].best == pytest.approx(9.8e11, rel=0.02)


def test_a_right_file_is_not_accused(program, record):
    """Whatever is slower than its ceiling is no contradiction; a slow probe is a doubt."""
    found = diagnosed(program, record)
    assert found.excesses == ()
    assert accusations(found) == ()


@pytest.mark.parametrize(
    "old, new, name",
    [
        ("clock = 4 GHz +- 0.1 GHz", "clock = 2 GHz +- 0.1 GHz", "clock"),
        ("clock * 128 MAC", "clock * 64 MAC", "int8_dot.peak"),
        ("1 core: 49 GB/s, 2 core: 60 GB/s", "1 core: 20 GB/s, 2 core: 25 GB/s", "dram.bandwidth"),
    ],
)
def test_a_false_figure_is_accused_where_it_is_written(old, new, name, record, tmp_path):
    """By name, in the machine's file, with what it would have to be."""
    found = diagnosed(spoilt(tmp_path, old, new), record)
    assert found.suspects[0].name == name
    (message, *_) = accusations(found)
    assert f"`{name}`" in message.title
    assert message.span is not None
    assert message.span.source.name.endswith("m.perf")
    assert message.severity is Severity.ERROR
    assert message.code in {"P865", "P866"}
    assert "at least" in message.label
    assert len(message.notes) >= 1


def test_probes_that_accuse_alone_have_a_code_of_their_own(tmp_path):
    """A model that takes a second for everything shows nothing."""
    slow = a_validation([ONE], lambda _: dict.fromkeys(PHASES, 1.0), PUBLISHED)
    slow = slow.model_copy(update={"rates": rates()})
    file = spoilt(tmp_path, "clock = 4 GHz +- 0.1 GHz", "clock = 2 GHz +- 0.1 GHz")
    (message,) = accusations(diagnosed(file, slow))
    assert (message.code, "`clock`" in message.title) == ("P866", True)
    assert all("probe" in note for note in message.notes if "more" not in note)


def test_what_a_warm_call_fetched(program, record):
    """108 MB of weights, 32 MiB of cache: as the published page could have been answered."""
    found = fetched_of(program, record)[ONE]
    assert found.capacity == 32 * 2**20
    assert found.weights == pytest.approx(113e6, rel=0.01)
    assert found.least == found.weights - found.capacity
    assert found.answer == "no"
    assert found.noticed
    assert not found.allows(5e6)
