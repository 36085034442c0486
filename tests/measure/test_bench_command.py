"""`perfdsl bench` as its user meets it, on the tiny model: pages, records, and what is refused."""

import io
import json
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from perfdsl.cli import app
from perfdsl.cli_screen import INTERRUPTED, KEPT, MISTAKE
from perfdsl.measure.results import Result
from perfdsl.measure.startup import StartupError, startup
from perfdsl.measure.stored import files, read
from perfdsl.measure.summary import rows
from perfdsl.measure.work import work
from perfdsl.runner.config import read_config
from perfdsl.runner.gguf import open_gguf
from tests.measure.records import a_result

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests" / "data" / "runner" / "embeddinggemma-random-tiny-Q8_0.gguf"
QUICK = ["--rounds", "1", "--starts", "0", "--threads", "1", "--tokens", "2"]


def perfdsl(*arguments, code=KEPT):
    """Standard output and standard error of a run that ends with this code."""
    out, told = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(told), pytest.raises(SystemExit) as ended:
        app.run(["bench", *map(str, arguments)])
    assert ended.value.code == code, out.getvalue() + told.getvalue()
    return out.getvalue(), told.getvalue()


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """The record, the page and the progress of a run with every kind of case and a missing peer."""
    record = tmp_path_factory.mktemp("bench") / "record.json"
    page, told = perfdsl(
        TINY, "--tokens", "1,12", "--batch", "3x5", "--threads", "1,2", "--rounds", "1",
        "--starts", "1", "--peer", "llama.cpp", "--output", record,
    )  # fmt: skip
    return Result.model_validate_json(record.read_bytes()), page, told


def test_every_case_has_its_rounds_and_its_work(measured):
    """Lengths and batches with each number of threads; work as the file's shape has it."""
    result, _, _ = measured
    cases = [(s.case.texts, s.case.tokens, s.case.threads) for s in result.series]
    assert cases == [(1, 1, 1), (1, 1, 2), (1, 12, 1), (1, 12, 2), (3, 5, 1), (3, 5, 2)]
    config = read_config(open_gguf(TINY))
    for series in result.series:
        assert len(series.rounds) == 1
        assert series.work == work(config, [series.case.tokens] * series.case.texts)
        assert series.beside == (256 if series.case.texts > 1 else 0)  # as long as it takes


def test_limits_are_measured_in_every_round(measured):
    """With a share of both bounds for each case, and the clock."""
    result, _, _ = measured
    for row in rows(result):
        assert {"int8", "fp32", "stream", "clock"} <= row.limits.keys()
        assert row.hard is not None
        assert row.structural is not None
        assert 0 < row.hard.median <= row.structural.median
        assert (row.of_one_text is not None) == (row.case.texts > 1)


def test_a_new_process_tells_its_times_and_memory(measured):
    (start,) = measured[0].startup
    assert (start.threads, start.tokens) == (2, 256)
    assert min(start.imports, start.open, start.first, start.again) > 0
    assert 0 < start.resident_open <= start.peak_open <= start.peak
    assert start.resident <= start.peak


def test_a_peer_that_is_not_there_is_told_and_the_rest_runs(measured):
    """A warning with how to install it; our own rounds are complete."""
    result, page, told = measured
    assert "warning[P8" in told
    assert "llama" in told
    assert [each.name for each in result.candidates] == ["perfdsl"]
    assert "Peers" not in page


def test_the_page_has_each_table(measured):
    _, page, told = measured
    titles = ("Time of a call", "Rates, and", "Many texts", "Limits of this", "New processes")
    assert [title for title in titles if title in page] == list(titles)
    assert "round 1 of 1" in told


def test_rounds_are_added_to_a_record(tmp_path):
    """--append: the case that is there has more rounds, another one is put behind."""
    record = tmp_path / "record.json"
    perfdsl(TINY, *QUICK, "-o", record)
    perfdsl(TINY, *QUICK[:-1], "2,3", "-o", record, "--append")
    found = Result.model_validate_json(record.read_bytes())
    assert [(s.case.tokens, len(s.rounds)) for s in found.series] == [(2, 2), (3, 1)]
    assert list(tmp_path.iterdir()) == [record]


def test_a_record_is_printed_as_json_or_as_a_table():
    """What is printed as JSON is a record, with each raw sample."""
    printed, _ = perfdsl(TINY, *QUICK, "--format", "json")
    result = Result.model_validate_json(printed)
    assert all(result.series[0].rounds[0].samples.values())
    table, _ = perfdsl(TINY, *QUICK, "--format", "markdown")
    assert table.startswith("| tokens | threads | perfdsl |")
    assert "schema_version" in json.loads(printed)


def test_a_record_that_is_there_is_not_lost(tmp_path):
    """Nothing is timed before it is told; --force replaces it."""
    record = tmp_path / "record.json"
    record.write_text("mine", "utf-8")
    _, told = perfdsl(TINY, *QUICK, "-o", record, code=MISTAKE)
    assert "is there already" in told
    assert "round" not in told.split("help:")[0]
    assert record.read_text("utf-8") == "mine"
    perfdsl(TINY, *QUICK, "-o", record, "--force")
    assert Result.model_validate_json(record.read_bytes()).series


@pytest.mark.parametrize("text", ["mine", "{}", '{"schema_version": 9}', "[1"])
def test_rounds_are_not_added_to_what_is_no_record(tmp_path, text):
    record = tmp_path / "record.json"
    record.write_text(text, "utf-8")
    _, told = perfdsl(TINY, *QUICK, "-o", record, "--append", code=MISTAKE)
    assert "is no record of this version" in told
    assert record.read_text("utf-8") == text


def test_each_run_is_kept_as_a_record_of_its_own(tmp_path):
    """Beside what -o joins: two runs, two records, each with its own rounds; none if so asked."""
    folder, output = tmp_path / "records", tmp_path / "all.json"
    arguments = (TINY, *QUICK, "--records", folder, "-o", output)
    _, told = perfdsl(*arguments)
    perfdsl(*arguments, "--append")
    perfdsl(*arguments, "--append", "--no-record")
    kept = [read(path).record for path in files(folder)]
    assert [len(each.series[0].rounds) for each in kept if isinstance(each, Result)] == [1, 1]
    assert len(Result.model_validate_json(output.read_bytes()).series[0].rounds) == 3
    assert str(folder) in told


def test_what_was_measured_is_printed_where_no_record_can_be_kept(tmp_path):
    """And written to the file that was named; the message says what to do."""
    folder, output = tmp_path / "file", tmp_path / "all.json"
    folder.write_text("mine", "utf-8")
    page, told = perfdsl(TINY, *QUICK, "--records", folder, "-o", output, code=MISTAKE)
    assert "Time of a call" in page
    assert "error[P851]: the record was not kept" in told
    assert "--no-record" in told
    assert Result.model_validate_json(output.read_bytes()).series
    assert folder.read_text("utf-8") == "mine"


def test_a_record_is_kept_though_the_rounds_cannot_be_joined(tmp_path):
    """The file is of another shape of model: the run is no loss."""
    folder, output = tmp_path / "records", tmp_path / "all.json"
    output.write_text(a_result().model_dump_json(), "utf-8")
    page, told = perfdsl(TINY, *QUICK, "--records", folder, "-o", output, "--append", code=MISTAKE)
    assert "the rounds cannot be added" in told
    assert "Time of a call" in page
    assert len(files(folder)) == 1
    assert Result.model_validate_json(output.read_bytes()) == a_result()


MISTAKES = {
    "such as --tokens 1,2": ["--tokens", "12,long"],
    "--threads 0: numbers from 1": ["--threads", "0"],
    "such as --batch 64x12": ["--batch", "64*12"],
    "--batch 1x12": ["--batch", "1x12"],
    "there is nothing to time": ["--tokens", ","],
    "did you mean llama.cpp?": ["--peer", "lama.cpp"],
    "there are llama.cpp, torch": ["--peer", "numpy"],
    "--append needs a record": ["--append"],
    "texts of 257 tokens are asked for, the model takes 256": ["--tokens", "257"],
}


@pytest.mark.parametrize("message", MISTAKES)
def test_a_slip_is_told_before_anything_is_timed(message):
    _, told = perfdsl(TINY, "--starts", "0", *MISTAKES[message], code=MISTAKE)
    assert message in told
    assert "round 1" not in told


def test_a_file_that_is_no_model_is_told(tmp_path):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF\0\0")
    for path in (file, tmp_path / "none.gguf"):
        _, told = perfdsl(path, *QUICK, code=MISTAKE)
        assert "error[P80" in told


def test_an_interrupt_keeps_the_rounds_that_are_whole(tmp_path):
    """Ctrl-C in the middle of many rounds: a record of those before, and the code for it."""
    record = tmp_path / "record.json"
    command = [sys.executable, "-m", "perfdsl", "bench", str(TINY), *QUICK, "-o", str(record)]
    command[command.index("--rounds") + 1] = "1000"
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if line.startswith("round 3 "):
                run.send_signal(signal.SIGINT)
                break
        run.communicate(timeout=60)
    assert run.returncode == INTERRUPTED
    found = Result.model_validate_json(record.read_bytes())
    assert 2 <= len(found.series[0].rounds) < 1000


def test_a_start_that_fails_says_why(tmp_path):
    """The last line that the process wrote; a file that is none here."""
    with pytest.raises(StartupError, match="No such file"):
        startup(tmp_path / "none.gguf", 1, 1)


def test_a_start_that_takes_too_long_is_ended():
    began = time.monotonic()
    with pytest.raises(StartupError, match="did not answer within"):
        startup(TINY, 1, 1, seconds=0.05)
    assert time.monotonic() - began < 30
