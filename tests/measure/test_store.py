"""The store: a record comes back equal, or is known not to be whole; none is ever written over."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from perfdsl.measure import store
from perfdsl.measure.results import Result
from perfdsl.measure.store import StoreError, append, default_folder, fingerprint
from perfdsl.measure.stored import State, files, read
from tests.measure.records import a_result, a_round, a_series, a_start

ROOT = Path(__file__).resolve().parents[2]
LONG = a_result(a_series(rounds=[a_round(slow=1 + n / 7) for n in range(100)]), a_series(threads=1))

RECORDS = {
    "usual": a_result(),
    "two series": LONG,
    "startup": a_result(startup=(a_start(), a_start())),
    "nothing measured": a_result(a_series(rounds=[a_round(rates={})]), small_pages=None),
    "odd texts": a_result(tool='"\\ \u2028 \n } {"sha256":"', isa="\x1b[31m ü\u202e"),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_comes_back_equal(tmp_path, name):
    """With its header; a sample is the same integer, a rate the same float to the bit."""
    record = RECORDS[name]
    found = read(append(tmp_path / "new" / "folder", record, "0" * 64))
    assert found.state is State.WHOLE, found.why
    assert found.record == record
    assert found.header is not None
    assert found.header.specs == "0" * 64
    assert found.header.environment == record.environment


def test_each_round_has_a_line(tmp_path):
    """What is long is in lines: header, record, candidates, series, disturbance, rounds, end."""
    path = append(tmp_path, LONG)
    assert len(path.read_text("ascii").splitlines()) == 1 + 1 + 2 + 2 + 2 + 100 + 7 + 1


def test_nothing_is_left_beside_the_record(tmp_path):
    path = append(tmp_path, a_result())
    assert list(tmp_path.iterdir()) == [path]
    assert path.name.startswith("2026-01-02T030405-bench-")


def test_a_record_that_lost_its_end_is_cut_off(tmp_path):
    """Wherever the end was lost: no shorter file is taken for a record."""
    content = append(tmp_path, a_result()).read_bytes()
    assert len(content) > 2000
    file = tmp_path / "x.jsonl"
    for length in range(len(content)):
        file.write_bytes(content[:length])
        assert read(file).state is State.CUT, length


def test_a_record_with_one_other_byte_is_not_trusted(tmp_path):
    content = bytearray(append(tmp_path, a_result()).read_bytes())
    file = tmp_path / "x.jsonl"
    for place in range(len(content)):
        content[place] ^= 1
        file.write_bytes(content)
        assert read(file).state is not State.WHOLE, place
        content[place] ^= 1


# ------------------------------------------------------------------------- killed, and at once

KILLED = """
import os, signal, sys
from pathlib import Path
from perfdsl.measure import store
from perfdsl.measure.results import Result
from tests.measure.test_store import LONG

def end(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

class Dying:
    def __init__(self, file, share):
        self.file, self.share = file, share
    def __enter__(self):
        return self
    def __exit__(self, *_):
        self.file.close()
    def write(self, content):
        self.file.write(content[: int(len(content) * self.share)])
        self.file.flush()
        end()

folder, where = Path(sys.argv[1]), sys.argv[2]
match where:
    case "made" | "begun" | "half" | "nearly":
        share = {"made": 0.0, "begun": 0.01, "half": 0.5, "nearly": 0.9999}[where]
        opened = os.fdopen
        os.fdopen = lambda *a: Dying(opened(*a), share)
    case "written":
        os.fsync = end
    case "forced":
        os.link = end
    case "named":
        Path.unlink = end
    case "removed":
        store._forced = end
store.append(folder, LONG)
"""

AFTER = {
    "made": [State.CUT],
    "begun": [State.CUT],
    "half": [State.CUT],
    "nearly": [State.CUT],
    "written": [State.WHOLE],
    "forced": [State.WHOLE],
    "named": [State.WHOLE],
    "removed": [State.WHOLE],
}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Folders with one record, in each of which a process was killed that wrote a second one."""
    folders = {where: tmp_path_factory.mktemp(where) for where in AFTER}
    ends = {}
    for where, folder in folders.items():
        append(folder, a_result())
        command = [sys.executable, "-c", KILLED, str(folder), where]
        ends[where] = subprocess.run(command, cwd=ROOT, timeout=300, check=False).returncode
    assert set(ends.values()) == {-signal.SIGKILL}
    return folders


@pytest.mark.parametrize("where", AFTER)
def test_a_writer_that_is_killed_costs_no_other_record(killed, where):
    """What it wrote is whole, or known to be cut off, wherever it was killed; never under a lasting
    name if it is not whole."""
    found = [read(path) for path in files(killed[where])]
    assert sorted(each.state for each in found) == sorted([*AFTER[where], State.WHOLE])
    assert [each.record for each in found].count(a_result()) == 1
    whole = [each.record == LONG for each in found if each.state is State.WHOLE]
    assert sum(whole) == AFTER[where].count(State.WHOLE)
    lasting = [read(path).state for path in killed[where].glob("*.jsonl")]
    assert set(lasting) == {State.WHOLE}


MANY = """
import sys
from pathlib import Path
from perfdsl.measure.store import append
from tests.measure.test_store import a_result
print("ready", flush=True)
sys.stdin.readline()
for number in range(100):
    append(Path(sys.argv[1]), a_result(isa=f"{sys.argv[2]} {number}"))
"""


def test_two_processes_at_once_keep_all_of_theirs(tmp_path):
    """Two hundred records of one kind and one second; each is there, and whole."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", MANY, str(tmp_path), name],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name in "ab"
    ]  # fmt: skip
    for each in writers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in writers:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    for each in writers:
        each.communicate(timeout=300)
        assert each.returncode == 0
    found = [read(path) for path in files(tmp_path)]
    assert {each.state for each in found} == {State.WHOLE}
    expected = {f"{name} {number}" for name in "ab" for number in range(100)}
    assert {each.record.isa for each in found if isinstance(each.record, Result)} == expected
    assert len(found) == len(expected)


def test_a_name_that_is_taken_is_not_taken_away(tmp_path, monkeypatch):
    """Both its lasting and its passing name: another one is drawn."""
    drawn = iter(["aaaaaaaaaa", "aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"])
    monkeypatch.setattr(secrets, "token_hex", lambda _: next(drawn))
    first = append(tmp_path, a_result())
    second = append(tmp_path, a_result(isa="second"))
    found = [read(path).start for path in (first, second)]
    assert [each.id for each in found if each is not None] == ["aaaaaaaaaa", "bbbbbbbbbb"]
    monkeypatch.setattr(secrets, "token_hex", lambda _: "aaaaaaaaaa")
    with pytest.raises(StoreError, match="all names are taken"):
        append(tmp_path, a_result(isa="third"))
    assert sorted(tmp_path.iterdir()) == [first, second]


@pytest.mark.parametrize("taken", [False, True])
def test_a_file_system_without_links_keeps_records(tmp_path, monkeypatch, taken):
    """The lasting name is made first, and only if it is free."""

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    drawn = iter(["aaaaaaaaaa"] * (1 + taken) + ["bbbbbbbbbb"])
    monkeypatch.setattr(secrets, "token_hex", lambda _: next(drawn))
    kept = [append(tmp_path, each) for each in (a_result(), a_result(isa="2"))[: 1 + taken]]
    assert sorted(tmp_path.iterdir()) == kept
    assert {read(path).state for path in kept} == {State.WHOLE}


# ----------------------------------------------------------------------------------- no room

FULL = """
import resource, sys
from pathlib import Path
from perfdsl.measure.store import StoreError, append
from tests.measure.test_store import LONG
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    append(Path(sys.argv[1]), LONG)
except StoreError as error:
    print(error)
"""


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    """A limit on the size of files stops the write in its middle; what was there stays."""
    kept = append(tmp_path, a_result())
    command = [sys.executable, "-c", FULL, str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, timeout=300, check=True, capture_output=True, text=True)
    assert "the record was not kept: File too large" in run.stdout
    assert "--records DIR" in run.stdout
    assert list(tmp_path.iterdir()) == [kept]
    assert read(kept).record == a_result()


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_disk_that_is_full_at_the_end_is_told_as_well(tmp_path, monkeypatch, call):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, refuse)
    if call == "link":  # then the name is made first: no room for that either
        monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(StoreError, match="No space left on device"):
        append(tmp_path, a_result())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_or_cannot_be_made_is_told(tmp_path):
    """Also for a user who may write everywhere."""
    (tmp_path / "file").write_text("mine", "utf-8")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/records")):
        with pytest.raises(StoreError, match="the record was not kept"):
            append(folder, a_result())
    assert (tmp_path / "file").read_text("utf-8") == "mine"


def test_a_folder_that_is_closed_is_told(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StoreError, match="Permission denied"):
        append(tmp_path, a_result())


def test_a_record_that_would_not_be_read_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MOST_BYTES", 1000)
    with pytest.raises(StoreError, match="measure in fewer rounds"):
        append(tmp_path, a_result())
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------- where


@pytest.mark.parametrize(
    "told, folder",
    [
        ({"PERFDSL_RECORDS": "here", "XDG_DATA_HOME": "/data"}, "here"),
        ({"XDG_DATA_HOME": "/data"}, "/data/perfdsl/records"),
        ({"XDG_DATA_HOME": "data"}, "~/.local/share/perfdsl/records"),
        ({"PERFDSL_RECORDS": ""}, "~/.local/share/perfdsl/records"),
        ({}, "~/.local/share/perfdsl/records"),
    ],
)
def test_the_folder_is_that_of_the_user(told, folder):
    assert default_folder(told) == Path(folder).expanduser()


def test_without_a_home_the_folder_has_to_be_named(monkeypatch):
    def nowhere():
        raise RuntimeError

    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(StoreError, match="no home folder"):
        default_folder({})


def test_a_fingerprint_is_of_names_and_texts():
    """Not of their order; and nothing can move from a name into a text."""
    one = fingerprint({"a": "bc", "d": ""})
    assert one == fingerprint({"d": "", "a": "bc"})
    others = [{"a": "b", "d": ""}, {"ab": "c", "d": ""}, {"a": "bcd", "": ""}, {"a": "bc"}, {}]
    assert len({one, *map(fingerprint, others)}) == 6
