"""`perfdsl validate` as its user meets it, on the tiny model: records, reports, and mistakes."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from perfdsl.cli import app
from perfdsl.cli_screen import BROKEN, KEPT, MISTAKE
from perfdsl.compare import report
from perfdsl.compare.proposals import Candidate, Proposal
from perfdsl.measure.stored import read
from perfdsl.measure.validation_record import Validation
from perfdsl.runner.config import read_config
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.kernels.target import HOST
from tests.compare.machines import MACHINE
from tests.compare.validations import PHASES

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests" / "data" / "runner" / "embeddinggemma-random-tiny-Q8_0.gguf"
# A hundred times as fast as the machine of other tests: nothing is above its ceilings, on any.
FAST = (
    MACHINE.replace("clock = 4 GHz +- 0.1 GHz", "clock = 400 GHz")
    .replace("1 core: 49 GB/s", "1 core: 4900 GB/s")
    .replace("2 core: 60 GB/s", "2 core: 6000 GB/s")
)
ANALYSIS = """perf 1
import "lib/hardware/ryzen_9_7900" as hw
import "lib/models/embeddinggemma_300m" as m
workload short { tokens = 12 token }
analysis on_cpu(cpu = hw.ryzen_9_7900, net = m.embeddinggemma, load = short) {
  show predict(net, on: cpu).time
}
"""


def perfdsl(*arguments, code=KEPT):
    """Standard output and standard error of a run that ends with this code."""
    out, told = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(told), pytest.raises(SystemExit) as ended:
        app.run(["validate", *map(str, arguments)])
    assert ended.value.code == code, out.getvalue() + told.getvalue()
    return out.getvalue(), told.getvalue()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("validate")
    analysis, machine = folder / "a.perf", folder / "m.perf"
    analysis.write_text(ANALYSIS)
    machine.write_text(FAST)
    return analysis, machine, folder / "records"


@pytest.fixture(scope="module")
def measured(files):
    """The record, and the page of the run that made it."""
    analysis, machine, records = files
    page, told = perfdsl(
        analysis, "--machine", machine, "--model", TINY, "--tokens", "1,12", "--threads", "1,2",
        "--rounds", "2", "--records", records, "--no-counts",
    )  # fmt: skip
    (file,) = records.iterdir()
    record = read(file).needed()
    assert isinstance(record, Validation)
    return record, page, told, file


def test_every_case_is_measured_by_phase_as_a_whole_and_cold(measured):
    """In each round; warm-up calls are kept apart from those that count."""
    record, _, _, _ = measured
    cases = [(each.case.tokens, each.case.threads) for each in record.measured]
    assert cases == [(1, 1), (1, 2), (12, 1), (12, 2)]
    for each in record.measured:
        # on two threads there are more where a host moved the cores, twice as many at most
        assert len(each.turns) == 2 or 2 < len(each.turns) * (each.case.threads - 1) <= 4
        for turn in each.turns:
            assert turn.calls
            assert turn.cold
            assert turn.warm_up
            assert all(tuple(phases) == PHASES for phases in turn.phases)
            assert all(ns > 0 for ns in (*turn.calls, *turn.cold, *turn.warm_up))


def test_two_threads_alone_are_measured_beside_the_rates_of_one(files, tmp_path):
    """What a cache keeps is told by what one thread reaches, which has no case here."""
    analysis, machine, _ = files
    page, _ = perfdsl(
        analysis, "--machine", machine, "--model", TINY, "--tokens", "1", "--threads", "2",
        "--rounds", "2", "--records", tmp_path, "--no-counts",
    )  # fmt: skip
    (file,) = tmp_path.iterdir()
    record = read(file).needed()
    assert isinstance(record, Validation)
    assert [(each.case.tokens, each.case.threads) for each in record.measured] == [(1, 2)]
    assert {each.threads for each in record.rates} == ({1, 2} if record.kept else {2})
    assert "Whole calls" in page


def test_rates_of_the_machine_stand_in_the_same_rounds(measured):
    """Each number of threads has them in each round."""
    record, _, _, _ = measured
    assert [each.threads for each in record.rates] == [1, 2]
    for each in record.rates:
        assert len(each.rounds) == 2
        assert all({"clock", "int8", "fp32", "stream"} <= rates.keys() for rates in each.rounds)


def test_caches_are_flushed_by_four_times_the_last_one(measured):
    record, _, _, _ = measured
    last = max(cache.size for cache in record.environment.processor.caches)
    assert record.flushed >= 4 * last


def test_the_shape_is_that_of_the_file(measured):
    record, _, _, _ = measured
    config = read_config(open_gguf(TINY))
    assert record.shape["layers"] == config.layers
    assert record.shape["window"] == 2 * config.reach + 1
    assert record.complete


def test_a_replay_tells_the_same_without_measuring(files, measured):
    """The same analysis and machine give the same page, and no new record."""
    analysis, machine, records = files
    _, page, _, file = measured
    again, told = perfdsl(analysis, "--machine", machine, "--replay", file)
    assert again == page
    assert told == ""
    assert len(list(records.iterdir())) == 1


def test_the_page_tells_every_case_and_its_phases(measured):
    _, page, told, _ = measured
    for words in ("Whole calls", "12 tokens on 2 threads", "gate up", "all phases", "Gop/s"):
        assert words in page
    assert "round 2 of 2" in told


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--tokens", "x", "--model", TINY], "--tokens x"),
        (["--tokens", ",", "--model", TINY], "nothing to measure"),
        (["--tokens", "5000", "--model", TINY], "5,000 tokens"),
        ([], "a model file is missing"),
        (["--model", "no.gguf"], "no.gguf"),
        (["--model", TINY, "--policy", "fast"], "no such policy"),
        (["--model", TINY, "--threads", "64"], "P506"),
        (["--replay", "no.jsonl"], "no.jsonl"),
        (["--model", TINY, "--set", "x"], "--set x"),
        (["--model", TINY, "--tokens", "1,12", "--fit", "3"], "--fit 3"),
        (["--model", TINY, "--picture", "a.gif"], "a picture ends in"),
    ],
)
def test_mistakes_end_with_2_before_anything_is_measured(files, arguments, words):
    analysis, machine, records = files
    before = len(list(records.iterdir())) if records.exists() else 0
    _, told = perfdsl(
        analysis, "--machine", machine, "--records", records, *arguments, code=MISTAKE
    )
    assert words in told
    assert (len(list(records.iterdir())) if records.exists() else 0) == before


@pytest.fixture(scope="module")
def counted(files):
    """A run of the fused program whose counts were taken, and its report as JSON."""
    analysis, machine, _ = files
    same = analysis.with_name("same.perf")
    kind, format_ = ("bf16", "bf16") if HOST.bf16 else ("fp32", "f32")
    of = f"embeddinggemma(products: {kind}, operands: {format_})"
    text = ANALYSIS.replace("embeddinggemma_300m", "embeddinggemma_300m_fused")
    same.write_text(text.replace("m.embeddinggemma,", f"m.{of},"))
    out, _ = perfdsl(
        same, "--machine", machine, "--model", TINY, "--tokens", "12", "--threads", "1",
        "--rounds", "1", "--no-record", "--format", "json",
    )  # fmt: skip
    return json.loads(out)


def test_the_counts_of_the_runner_are_those_of_the_program(counted):
    """Every multiply-add and byte of the tiny model, for 12 tokens."""
    (told,) = counted["counts"]
    assert told["lengths"] == [12]
    assert told["equal"]
    assert {"gate_up", "attention"} <= {each["phase"] for each in told["padding"]}


def test_the_document_has_every_figure_in_base_units(counted):
    (case,) = counted["cases"]
    assert counted["schema_version"] == 1
    assert (case["texts"], case["tokens"], case["threads"]) == (1, 12, 1)
    assert case["throughput"]["convention"] == "2 op/MAC"
    assert case["efficiency"] == case["ceiling"]["seconds"] / case["call"]["median"]
    assert sum(part["share"] or 0.0 for part in case["parts"]) == pytest.approx(1.0)
    assert counted["answers"]["analyses"][0]["name"] == "on_cpu"


def test_a_wrong_program_ends_with_1(files, measured):
    """One more head in the model than the file has: the shape is the file's, so the claim fails."""
    analysis, machine, _ = files
    _, _, _, file = measured
    wrong = analysis.with_name("wrong.perf")
    wrong.write_text(ANALYSIS.replace("show predict(net, on: cpu).time", WRONG))
    page, _ = perfdsl(wrong, "--machine", machine, "--replay", file, code=BROKEN)
    assert "never" in page


WRONG = """let real = measured(net, on: cpu)
  claim "never" real.time[load: load with { tokens = 12 token }] >= 1000 s"""


def test_other_lengths_can_be_fitted_and_predicted(files, measured):
    """Fitted to 12 tokens, the model says what one takes, and what would tell more of it."""
    analysis, machine, _ = files
    _, _, _, file = measured
    given = (analysis, "--machine", machine, "--replay", file, "--fit", "12", "--next")
    document = json.loads(perfdsl(*given, "--format", "json")[0])
    for one in document["calibrated"]:
        assert [each["fitted"] for each in one["cases"]] == [False, True]
        assert all(each["verdict"] in VERDICTS for each in one["unknowns"])
    page, _ = perfdsl(*given)
    assert "fitted on 12 tokens" in page
    assert {each["tokens"] for each in document["next"]} <= set(range(2, 12))
    for each in document["next"][:3]:
        assert f"next: {each['tokens']} tokens" in page


VERDICTS = {"identified", "bounded", "confounded", "unseen"}


def test_markdown_has_the_same_tables(files, measured):
    analysis, machine, _ = files
    _, _, _, file = measured
    page, _ = perfdsl(analysis, "--machine", machine, "--replay", file, "--format", "markdown")
    assert "| tokens | threads | ceiling |" in page
    assert "## Counts" in page


def test_the_proposed_measurement_is_made_and_fitted_to(files, tmp_path, monkeypatch):
    """With --next: it has a record of its own, and stands in the report beside the others."""
    analysis, machine, _ = files
    proposal = Proposal(Candidate(5, 1, (), 1.0), 2.0, (), "5 tokens on 1 thread tell most")
    asked = iter([(proposal,), ()])
    monkeypatch.setattr(report, "next_cases", lambda *_: next(asked))
    page, told = perfdsl(
        analysis, "--machine", machine, "--model", TINY, "--tokens", "1,12", "--threads", "1",
        "--rounds", "2", "--records", tmp_path, "--no-counts", "--fit", "12", "--next",
        "--format", "json",
    )  # fmt: skip
    assert "next: 5 tokens on 1 thread tell most" in told
    (one,) = json.loads(page)["calibrated"]
    fitted = {each["tokens"]: each["fitted"] for each in one["cases"]}
    assert fitted == {1: False, 12: True, 5: True}
    lengths = []
    for file in tmp_path.iterdir():
        record = read(file).needed()
        assert isinstance(record, Validation)
        lengths.append([each.case.tokens for each in record.measured])
    assert sorted(lengths) == [[1, 12], [5]]
