"""`perfdsl probe` as its user meets it, on machines that nobody has: pages, files, and refusals."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout

import pytest

from perfdsl import cli_probe
from perfdsl.cli import app
from perfdsl.cli_screen import KEPT, MISTAKE
from perfdsl.measure.machine import Machine
from perfdsl.measure.to_hardware import to_hardware
from tests.answers import solution
from tests.measure.probed import NOISE, machine, moved


def perfdsl(*arguments, code=KEPT):
    """Standard output and standard error of a run that ends with this code."""
    out, told = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(told), pytest.raises(SystemExit) as ended:
        app.run(["probe", *map(str, arguments)])
    assert ended.value.code == code, out.getvalue() + told.getvalue()
    return out.getvalue(), told.getvalue()


@pytest.fixture
def here(monkeypatch, tmp_path):
    """What stands for this machine: a function that says which, and how often it was measured."""
    asked = []

    def stand_in(record):
        def measured(*, quick):
            asked.append(quick)
            return record

        monkeypatch.setattr(cli_probe, "measured", measured)
        return asked

    monkeypatch.setenv("PERFDSL_RECORDS", str(tmp_path / "records"))
    return stand_in


def test_a_page_tells_arithmetic_memory_and_what_meeting_costs(here):
    """Medians by the number of threads, what a core does a cycle, and the spread."""
    asked = here(machine(2))
    page, told = perfdsl("--no-record")
    lines = [line.split() for line in page.splitlines()]
    assert ["clock", "3.996", "3.996", "GHz", "0.4", "%", "-"] in lines
    assert ["int8_dot", "511.5", "1,023", "GMAC/s", "0.4", "%", "128"] in lines
    assert ["l2", "read", "huge", "249.8", "499.5", "GB/s", "0.4", "%"] in lines
    assert ["dram", "latency", "small", "130.1", "-", "ns", "0.4", "%"] in lines
    assert ["barrier", "0.04004", "us", "0.4", "%"] in lines
    assert "left out" not in page
    assert told == ""
    assert asked == [False]


def test_a_page_calls_ports_as_the_file_does(here):
    """The int8 product of AVX2 is no dot product."""
    here(machine(1, isa="avx2", families={"int8": (32, 1.0), "fp32": (8, 2.0), "add": (8, 2.0)}))
    page, _ = perfdsl("--no-record")
    assert "int8_avx2" in page
    assert "int8_dot" not in page


def test_what_is_refused_is_said_below_the_tables(here):
    here(machine(2, rate=lambda name, level, n: moved(name, "l3" if level == "l2" else level, n)))
    page, _ = perfdsl("--no-record", "--width", "120")
    assert "left out: read of l2 on 1 thread, huge pages: it lies in l3, or cannot be told" in page
    assert not any(line.split()[:2] == ["l2", "read"] for line in page.splitlines())


def test_a_file_is_written_named_after_itself_and_checks(here, tmp_path):
    asked = here(machine(2))
    path = tmp_path / "my-box.perf"
    page, told = perfdsl("--quick", "-o", path, "--no-record")
    assert path.read_text() == to_hardware(machine(2), "my_box")
    assert solution(path.read_text()).problems == ()
    assert "Arithmetic" in page
    assert told == f"written: {path}\n"
    assert asked == [True]


def test_a_file_that_is_there_is_kept_and_nothing_is_measured(here, tmp_path):
    """Unless it is to be replaced."""
    asked = here(machine(2))
    path = tmp_path / "box.perf"
    path.write_text("perf 1\n")
    _, told = perfdsl("-o", path, code=MISTAKE)
    assert f"{path} is there already" in told
    assert "replace it with --force" in told
    assert path.read_text() == "perf 1\n"
    assert asked == []
    perfdsl("-o", path, "--force")
    assert path.read_text() == to_hardware(machine(2), "box")


def test_a_folder_that_is_not_there_is_told_before_a_minute_is_spent(here, tmp_path):
    asked = here(machine(2))
    _, told = perfdsl("-o", tmp_path / "none" / "box.perf", code=MISTAKE)
    assert "there is no such folder" in told
    assert asked == []


def test_the_record_is_printed_and_kept(here, tmp_path):
    """As JSON with every sample; and in the folder of records, of which the place is told."""
    here(machine(2))
    page, told = perfdsl("--format", "json")
    assert Machine.model_validate_json(page) == machine(2)
    assert json.loads(page)["kind"] == "probe"
    (kept,) = (tmp_path / "records").iterdir()
    assert told == f"record: {kept}\n"
    assert "-probe-" in kept.name
    perfdsl("--records", tmp_path / "others")
    perfdsl("--no-record")
    assert len([*(tmp_path / "records").iterdir(), *(tmp_path / "others").iterdir()]) == 2


def test_a_noisy_machine_is_told_with_what_was_seen_and_no_file_is_written(here, tmp_path):
    """The record stays: it has what was seen."""
    here(machine(2, others=0.4))
    path = tmp_path / "box.perf"
    page, told = perfdsl("-o", path, code=MISTAKE)
    assert "error[P841]: the machine is too busy to be measured" in told
    assert "others had 40% of the processors' time" in told
    assert page == ""
    assert not path.exists()
    assert len([*(tmp_path / "records").iterdir()]) == 1


def test_doubts_stand_on_the_page(here):
    here(machine(2, noise=NOISE[:4], others=0.06))
    page, _ = perfdsl("--no-record", "--width", "120")
    assert "? other programs took 6% of the processors' time" in page
    assert "? so few rounds miss the true median" in page


def test_history_lists_a_probe(here):
    here(machine(2))
    perfdsl()
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit) as ended:
        app.run(["history"])
    assert ended.value.code == KEPT
    assert "probe" in out.getvalue()
