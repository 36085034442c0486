"""`perfdsl history` as its user meets it: what is listed, compared, and let through the gate."""

import hashlib
import io
import json
import secrets
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from perfdsl.cli import app
from perfdsl.cli_screen import BROKEN, KEPT, MISTAKE
from perfdsl.measure import store
from perfdsl.measure.comparison import Verdict
from perfdsl.measure.header import Header
from perfdsl.measure.history import beyond_gate, entries, two
from perfdsl.measure.kinds import KINDS
from perfdsl.measure.results import Case
from perfdsl.measure.setting import differences, setting
from perfdsl.measure.store import append
from perfdsl.measure.stored import read
from perfdsl.present import comparison_page, history_page
from perfdsl.present.style import Theme
from tests.compare.validations import a_validation
from tests.measure.probed import machine
from tests.measure.records import MACHINE, SLOW, a_result, a_round, a_series

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "bench"
NOISE = (1.0, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06)


def perfdsl(*arguments, code=KEPT):
    """Standard output and standard error of a run that ends with this code."""
    out, told = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(told), pytest.raises(SystemExit) as ended:
        app.run(["history", *map(str, arguments)])
    assert ended.value.code == code, out.getvalue() + told.getvalue()
    return out.getvalue(), told.getvalue()


def timed(ours=10.0, noise=NOISE, tokens=12, **changes):
    """A series whose rounds differ by 1 % from one to the next."""
    rounds = [a_round(ours, slow=each, **changes) for each in noise]
    return a_series(tokens=tokens, rounds=rounds)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where `keep` puts records under ids that are told in advance; the tool looks there, too."""
    monkeypatch.setenv("PERFDSL_RECORDS", str(tmp_path))
    return tmp_path


@pytest.fixture
def keep(folder, monkeypatch):
    def append_as(name, result):
        monkeypatch.setattr(secrets, "token_hex", lambda _: name)
        return append(folder, result)

    return append_as


@pytest.fixture
def pair(keep):
    """A record, and one that was made with another version: slower by a fifth at 12 tokens."""
    newer = MACHINE.model_copy(update={"versions": {"python": "3.12.1"}})
    keep("aaaaaaaaaa", a_result(timed(peers={"llama.cpp": 50.0}), timed(30.0, tokens=65)))
    second = timed(12.03, peers={"llama.cpp": 50.03}), timed(30.03, tokens=65), a_series(tokens=1)
    keep("bbbbbbbbbb", a_result(*second, date="2026-02-03T04:05:06Z", environment=newer))


@pytest.mark.usefixtures("pair")
def test_records_are_listed_with_what_they_found():
    """The newest first, each with its first case and the machine."""
    page, _ = perfdsl()
    lines = page.splitlines()
    assert lines[0] == "bbbbbbbbbb  bench  2026-02-03 04:05  perfdsl 0.1.0"
    assert "time of perfdsl, 12 tokens on 2 threads: 12.39 ms (12.03 ms .. 12.75 ms," in page
    assert "3 cases" in page
    assert "Zen, 2 processors" in page
    told = json.loads(perfdsl("--format", "json")[0])
    assert [each["id"] for each in told["records"]] == ["bbbbbbbbbb", "aaaaaaaaaa"]
    assert told["records"][1]["main"]["median"] == pytest.approx(0.0103)
    assert told["records"][1]["main"]["count"] == 7
    assert told["older"] == 0


@pytest.mark.usefixtures("pair")
def test_older_ones_are_counted_and_kinds_are_filtered():
    page, _ = perfdsl("--last", 1)
    assert "aaaaaaaaaa" not in page
    assert "1 older ones are not shown" in page
    assert "bbbbbbbbbb" in perfdsl("--kind", "bench")[0]
    _, told = perfdsl("--kind", "benhc", code=MISTAKE)
    assert "did you mean bench?" in told


def test_an_empty_folder_is_no_mistake(folder):
    assert "There are no such records" in perfdsl()[0]
    assert "There are no such records" in perfdsl("--records", folder / "none")[0]
    assert json.loads(perfdsl("--format", "json")[0])["records"] == []


@pytest.mark.usefixtures("pair")
def test_what_is_not_whole_is_listed_and_never_compared(folder, keep):
    whole = keep("cccccccccc", a_result())
    cut = folder / "2026-05-05T000000-bench-dddddddddd.part"
    text = whole.read_bytes().replace(b"cccccccccc", b"dddddddddd")
    cut.write_bytes(text[:-20])
    (folder / "2026-06-06T000000-bench-eeeeeeeeee.jsonl").write_bytes(
        whole.read_bytes().replace(b"cccccccccc", b"eeeeeeeeee")
    )
    newer = whole.read_bytes().replace(b'"schema_version":1', b'"schema_version":7')
    newer = newer.replace(b"cccccccccc", b"ffffffffff").replace(b"0.1.0", b"0.7.0")
    end = newer.rindex(b'{"sha256"')
    sealed = newer[:end] + store.last_line(hashlib.sha256(newer[:end]).hexdigest())
    (folder / "2026-07-07T000000-bench-ffffffffff.jsonl").write_bytes(sealed)
    page, _ = perfdsl("--width", 120)
    assert "cut off: its end is missing: whoever wrote it was stopped" in page
    assert "damaged: its checksum does not agree: it is not what was written" in page
    assert "newer: perfdsl 0.7.0 wrote it, as version 7 of bench" in page
    assert "error[P852]" in perfdsl("cccc", "dddd", code=MISTAKE)[1]
    assert "error[P852]" in perfdsl("cccc", "eeee", code=MISTAKE)[1]
    told = perfdsl("cccc", "ffff", code=MISTAKE)[1]
    assert "error[P853]" in told
    assert "perfdsl 0.7.0 or later" in told
    states = [each["state"] for each in json.loads(perfdsl("--format", "json")[0])["records"]]
    assert states == ["newer", "damaged", "cut off", "complete", "complete", "complete"]


@pytest.mark.usefixtures("pair")
def test_two_records_are_compared_case_by_case():
    """What is not the same is said first; then each figure with its verdict."""
    page, _ = perfdsl("aaaa", "b", "--width", 120)
    first, _, rest = page.partition("time of perfdsl")
    assert "version of python: 3.11.7 in A, 3.12.1 in B" in first
    lines = [line for line in rest.splitlines() if "on 2 threads" in line]
    assert lines[0].split("  ")[-1] == "slower"
    assert "none seen" in lines[1]
    assert "only in B  1 token on 2 threads: time of perfdsl" in rest
    assert perfdsl("b", "aaaa")[0].count("faster") == 1


@pytest.mark.usefixtures("pair")
def test_a_machine_that_was_not_the_same_is_told_first(keep):
    """Memory that gave a fifth less while the calls took as long; and what a few rounds cover."""
    rates = {"int8": 1e12, "stream": 4e10}
    keep("cccccccccc", a_result(timed(10.003, rates=rates), timed(30.003, tokens=65, rates=rates)))
    page, _ = perfdsl("a", "c", "--width", 120)
    first, _, rest = page.partition("time of perfdsl")
    told = (
        "the machine itself was not the same: rate of stream on 2 threads is 0.800 times that of A"
    )
    assert told in first
    assert "rate of int8 on" not in first
    assert "With so few rounds" not in rest
    keep("dddddddddd", a_result(timed(noise=NOISE[:2])))
    assert "With so few rounds it covers it in 94 of 100." in perfdsl("a", "d", "--width", 999)[0]


def test_other_records_of_the_setting_tell_by_how_much_runs_differ(folder, keep):
    """Three of them, 8 % apart: then 6 % are no difference. Neither a copy of one nor a record of
    another setting counts."""
    keep("aaaaaaaaaa", a_result(timed()))
    keep("bbbbbbbbbb", a_result(timed(10.6)))
    keep("cccccccccc", a_result(timed(30.0), isa="avx2"))
    copied = keep("dddddddddd", a_result(timed(9.2)))
    (folder / "copy.jsonl").write_bytes(copied.read_bytes())
    (folder / "again.jsonl").write_bytes(copied.read_bytes())
    page, _ = perfdsl("a", "b", "--width", 120, "--gate", 1, code=BROKEN)
    assert "what one run differs by from the next is not known" in page
    keep("eeeeeeeeee", a_result(timed(10.0)))
    keep("ffffffffff", a_result(timed(10.8)))
    page, _ = perfdsl("a", "b", "--width", 120, "--gate", 1)
    assert "taken from 3 other records of these settings" in page
    assert "as runs differ" in page
    assert json.loads(perfdsl("a", "b", "--format", "json")[0])["other_runs"] == 3
    page, _ = perfdsl("a", "b", "--records", folder / "none", code=MISTAKE)


def test_runs_of_either_setting_tell_where_the_settings_differ(keep):
    """Those that are compared belong to their groups: two and two others are enough."""
    for number, ours in enumerate((10.0, 10.05)):
        keep(f"aaaaaaaaa{number}", a_result(timed(ours)))
        keep(f"bbbbbbbbb{number}", a_result(timed(1.5 * ours), isa="avx2"))
    page, _ = perfdsl("aaaaaaaaa0", "bbbbbbbbb0", "--width", 120)
    assert "taken from 2 other records" in page
    assert "slower" in page


@pytest.mark.usefixtures("pair")
def test_records_are_named_by_their_files_too(folder):
    paths = sorted(folder.iterdir())
    assert "slower" in perfdsl(*paths, "--records", folder / "none")[0]


NAMES = {
    "no record in": ("a", "9"),
    "begins the ids of 2 records": ("aaaaa", "b"),
    "two records can be compared, 1 are named": ("a",),
    "two records can be compared, 3 are named": ("a", "b", "b"),
    "both are the record bbbbbbbbbb": ("b", "bb"),
    "--gate needs two records": ("--gate", "5"),
    "--gate nan: a number is expected": ("aaaaaaaaaa", "b", "--gate", "nan"),
    "cannot be read: No such file": ("b", "./none.jsonl"),
}


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("message", NAMES)
def test_a_name_that_names_no_record_is_told(keep, message):
    keep("aaaaaaaaab", a_result())
    arguments = NAMES[message]
    if message.startswith("no record"):
        arguments = ("b", "9")
    _, told = perfdsl(*arguments, "--width", 120, code=MISTAKE)
    assert message in told


@pytest.mark.usefixtures("pair")
def test_the_gate_fails_what_is_slower_beyond_noise_and_beyond_it():
    """By a fifth: over 10 % it is, over 25 % it is not, and back it is faster."""
    page, _ = perfdsl("a", "b", "--gate", 10, "--width", 200, code=BROKEN)
    assert "Gate of 10 %: 1 of the main figures worse beyond noise and beyond that" in page
    assert "the worst time of perfdsl, 12 tokens on 2 threads: by 20.3 %" in page
    assert "nothing is worse beyond noise" in perfdsl("a", "b", "--gate", 25)[0]
    told = json.loads(perfdsl("a", "b", "--gate", 10, "--format", "json", code=BROKEN)[0])
    beyond = [{"case": "12 tokens on 2 threads", "quantity": "time of perfdsl"}]
    assert told["gate"] == {"percent": 10.0, "beyond": beyond}


@pytest.mark.usefixtures("pair")
def test_the_gate_does_not_pass_what_it_cannot_tell(keep):
    """Cases that are gone, and too few rounds: the comparison is printed, and a mistake told."""
    page, told = perfdsl("b", "a", "--gate", 5, code=MISTAKE)
    assert "time of perfdsl" in page
    assert "the second record does not have time of perfdsl, 1 token on 2 threads" in told
    keep("cccccccccc", a_result(timed(noise=NOISE[:2]), timed(30.0, NOISE[:2], 65)))
    page, told = perfdsl("a", "c", "--gate", 5, code=MISTAKE)
    assert "7 and 2 rounds" in page
    assert "measure at least 5 rounds in each" in told


@pytest.mark.usefixtures("pair")
def test_what_has_nothing_in_common_is_told(keep):
    keep("cccccccccc", a_result(timed(tokens=7)).model_copy(
        update={"series": (a_series(tokens=7, threads=1),)}))  # fmt: skip
    _, told = perfdsl("a", "c", "--width", 120, code=MISTAKE)
    assert "error[P855]: the records have no case in common" in told
    assert "7 tokens on 1 thread" in told


@pytest.mark.usefixtures("pair")
def test_samples_that_no_clock_gives_are_named_and_not_compared(keep):
    """A record that is sealed, and claims calls in no time, or none at all; or a round of none."""
    for name, samples in (("c", {"perfdsl": (0, 0)}), ("d", {}), ("e", {"perfdsl": ()})):
        one = a_round().model_copy(update={"samples": samples})
        keep(10 * name, a_result(a_series(rounds=[one])))
    page, _ = perfdsl("--width", 120)
    assert page.count("no figure") == 2
    assert page.count("damaged:") == 1  # the path may begin a line of its own
    page, _ = perfdsl("a", "c", "--width", 120)
    assert "without samples  12 tokens on 2 threads: time of perfdsl" in page
    assert "samples that are none" in perfdsl("a", "e", code=MISTAKE)[1]
    assert "the gate cannot tell" in perfdsl("a", "c", "--gate", 5, code=MISTAKE)[1]


VALIDATION = a_validation(
    [Case(texts=1, tokens=n, threads=2) for n in (12, 65)],
    lambda case: {"qkv": case.tokens * 1e-5, "pool": 0.0},
    {"layers": 24, "d_model": 768, "d_ff": 1152, "heads": 3, "kv_heads": 1, "d_head": 256,
     "vocab": 262_144, "dense": 3072},
)  # fmt: skip
KNOWN = {"bench": a_result(), "probe": machine(), "validation": VALIDATION}


def test_every_kind_of_record_is_shown_here():
    assert KNOWN.keys() == KINDS.keys()
    assert {record.kind for record in KNOWN.values()} == KINDS.keys()


@pytest.mark.parametrize("kind", KNOWN)
def test_every_kind_comes_back_equal_and_is_told(folder, keep, kind):
    """Listed with a main figure, and the same as itself when it is measured again."""
    record = KNOWN[kind]
    assert read(keep("aaaaaaaaaa", record)).record == record
    keep("bbbbbbbbbb", record)
    (entry, _), older = entries(folder, kind, 5)
    assert older == 0
    assert entry.told is not None
    assert entry.machine
    assert entry.subject
    comparison = two(folder, "a", "b").comparison
    assert {row.verdict for row in comparison.rows} <= {Verdict.UNSEEN, Verdict.FEW}
    assert all(row.factor.best == 1.0 for row in comparison.rows)
    assert comparison.only_first == comparison.only_second == ()
    if kind == "validation":  # a phase that took no time
        assert [each.rpartition(": ")[2] for each in comparison.unusable] == ["time of pool"] * 2
    perfdsl("a", "b")


@pytest.mark.usefixtures("pair")
def test_a_record_cannot_drive_the_terminal(keep):
    """Names of processors, tools and candidates are somebody's text."""
    evil = "\x1b]0;x\x07\u202e\n[1mfake"
    processor = MACHINE.processor.model_copy(update={"model": evil})
    changed = MACHINE.model_copy(update={"processor": processor, "versions": {evil: evil}})
    keep("cccccccccc", a_result(timed(), tool=evil, isa=evil, environment=changed))
    for arguments in ((), ("a", "c"), ("c", "a")):
        text = "".join(perfdsl(*arguments))
        assert not set(text) & set("\x1b\x07\u202e")
        assert "fake" in text


def test_the_setting_tells_all_that_matters():
    """Of two records of one machine nothing, whatever the load was; else each by its name."""

    def of(**changes):
        system = MACHINE.system.model_copy(update=changes)
        record = a_result(environment=MACHINE.model_copy(update={"system": system}))
        return setting(
            Header(
                kind="bench", schema_version=1, id="0" * 10, date=record.date, tool=record.tool,
                specs="", environment=record.environment, lines=1,
            ),
            record,
        )  # fmt: skip

    assert differences(of(), of(load=9.0)) == ()
    (found,) = differences(of(), of(huge_pages="never"))
    assert (found.name, found.first, found.second) == ("system huge pages", "madvise", "never")


PAGES = ["history.txt", "comparison.txt"]


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_it_was_read(folder, keep, name, update_golden):
    """Every character of it."""
    loud = [a_series(tokens=12, rounds=[a_round(10.2, slow=each) for each in SLOW])]
    keep("cccccccccc", a_result(*loud, timed(31.0, tokens=65), date="2026-03-03T01:02:03Z"))
    if name == "history.txt":
        found, older = entries(folder, "", 2)
        page = history_page.page(found, older, "the folder", Theme())
    else:
        both = two(folder, "a", "c")
        page = comparison_page.page(both, Theme(width=100), 2.0, beyond_gate(both, 0.02))
    file = GOLDEN / name
    if update_golden:
        file.write_text(page + "\n", "utf-8")
    assert page + "\n" == file.read_text("utf-8")
