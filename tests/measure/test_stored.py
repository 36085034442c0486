"""Reading what others wrote: a later version's records, damaged ones, and files made to harm."""

import hashlib
import json
import os
import socket

import pytest

from perfdsl.measure import stored
from perfdsl.measure.lines import LineError, from_lines, to_lines
from perfdsl.measure.store import append, last_line
from perfdsl.measure.stored import (
    NewerRecordError,
    State,
    UnreadableRecordError,
    files,
    read,
)
from tests.measure.records import a_result


@pytest.fixture
def lines(tmp_path):
    """Of a record, without its checksum: the header, and what is below."""
    header, *body, _ = append(tmp_path / "one", a_result()).read_text("ascii").splitlines()
    return json.loads(header), body


def sealed(folder, header, body):
    """The file of some lines with a checksum that agrees."""
    text = "".join(f"{line}\n" for line in (json.dumps(header), *body)).encode()
    file = folder / "made.jsonl"
    file.write_bytes(text + last_line(hashlib.sha256(text).hexdigest()))
    return file


@pytest.mark.parametrize(
    "newer",
    [{"schema_version": 2}, {"perfdsl_record": 2, "zest": 1}, {"kind": "sweep"}],
)
def test_a_newer_record_is_kept_and_the_version_that_reads_it_is_named(tmp_path, lines, newer):
    header, body = lines
    told = header | newer | {"tool": "perfdsl 7.1"}
    if "zest" in newer:  # a newer form may look otherwise below its first line
        body = ["?"]
    file = sealed(tmp_path, told, body)
    before = file.read_bytes()
    found = read(file)
    assert found.state is State.NEWER
    assert found.start is not None
    assert found.start.id == header["id"]
    with pytest.raises(NewerRecordError, match=r"perfdsl 7\.1 or later"):
        found.needed()
    assert file.read_bytes() == before


def test_what_is_sealed_as_it_was_is_whole(tmp_path, lines):
    """So that the tests below fail by what they change."""
    assert read(sealed(tmp_path, *lines)).record == a_result()


HEADERS = [
    {"lines": 3},
    {"lines": -1},
    {"id": "../../x"},
    {"id": "AAAAAAAAAA"},
    {"date": "\x1b[2J"},
    {"tool": "x" * 1000},
    {"kind": "a/b"},
    {"specs": "mine"},
    {"environment": {}},
    {"schema_version": "1"},
    {"schema_version": 0},
    {"schema_version": True},
    {"more": 1},
]


@pytest.mark.parametrize("changes", HEADERS, ids=str)
def test_a_header_that_is_none_is_damage(tmp_path, lines, changes):
    """Although the checksum agrees."""
    header, body = lines
    found = read(sealed(tmp_path, header | changes, body))
    assert found.state is State.DAMAGED
    with pytest.raises(UnreadableRecordError):
        found.needed()


BODIES = {
    "no JSON": ["{", "{]", "", "\x00", "\xff"],
    "no object": ["[]", "1", '"x"', "null"],
    "nested": ["[" * 100_000, '{"a":' * 100_000],
    "numbers": ['{"small_pages": NaN}', '{"small_pages": 1e999}', '{"small_pages": ' + "9" * 5000],
    "fields": ["{}", '{"more": 1}', '{"tool": "x"}', '{"environment": {}}'],
}


@pytest.mark.parametrize("sort", BODIES)
def test_a_body_that_is_none_is_damage(tmp_path, lines, sort):
    header, _ = lines
    for text in BODIES[sort]:
        assert read(sealed(tmp_path, header | {"lines": 1}, [text])).state is State.DAMAGED


ADDED = [
    '{"to": ["series"], "add": {}}',
    '{"to": ["series", 0, "rounds"], "add": 1}',
    '{"to": ["nowhere"], "add": {}}',
    '{"to": ["series", -1, "rounds"], "add": {}}',
    '{"to": ["series", 1e0, "rounds"], "add": {}}',
    '{"to": ["series", 9, "rounds"], "add": {}}',
    '{"to": ["isa"], "add": {}}',
    '{"to": [], "add": {}}',
    '{"to": "series", "add": {}}',
    '{"to": [["series"]], "add": {}}',
    '{"to": ["series"]}',
]


@pytest.mark.parametrize("text", ADDED)
def test_a_line_that_adds_to_nothing_is_damage(tmp_path, lines, text):
    header, body = lines
    found = read(sealed(tmp_path, header | {"lines": len(body) + 1}, [*body, text]))
    assert found.state is State.DAMAGED


@pytest.mark.parametrize("numbers", ['["ns", 0]', '{"perfdsl": [1e30]}', '{"perfdsl": [NaN]}'])
def test_samples_are_what_they_shall_be(tmp_path, lines, numbers):
    header, body = lines
    added = f'{{"order": [], "rates": {{}}, "samples": {numbers}}}'
    text = f'{{"to": ["series", 0, "rounds"], "add": {added}}}'
    found = read(sealed(tmp_path, header | {"lines": len(body) + 1}, [*body, text]))
    assert found.state is State.DAMAGED


def test_a_file_that_is_too_large_is_not_parsed(tmp_path, monkeypatch):
    file = append(tmp_path, a_result())
    monkeypatch.setattr(stored, "MOST_BYTES", file.stat().st_size)
    assert read(file).state is State.WHOLE
    monkeypatch.setattr(stored, "MOST_BYTES", file.stat().st_size - 1)
    assert "too large" in read(file).why


def test_what_is_no_file_is_told_and_does_not_wait(tmp_path):
    """A folder, a pipe without a writer, a socket, a link that leads nowhere, a device."""
    (tmp_path / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "link.jsonl").symlink_to("none")
    (tmp_path / "zero.jsonl").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.jsonl"))
        found = [read(path) for path in files(tmp_path)]
    assert len(found) == 5
    assert {each.state for each in found} == {State.DAMAGED}


def test_only_records_are_listed_the_newest_first(tmp_path):
    names = ["2026-01-01-b.jsonl", "2026-01-02-a.jsonl", "2026-01-03-c.part", "notes.txt"]
    for name in [*names, "2026-01-01-b.part"]:
        (tmp_path / name).write_text("", "utf-8")
    assert [path.name for path in files(tmp_path)] == [names[2], names[1], names[0]]
    assert files(tmp_path / "none") == []
    with pytest.raises(UnreadableRecordError):
        files(tmp_path / "notes.txt")


PLAIN = [
    {},
    {"a": [], "b": [{}], "c": [[{"x": 1}], [{}]], "d": {"e": [{"f": [{"g": [1]}, {"g": []}]}]}},
    {
        "a": [{"b": [{"c": 1}, {"c": 2}], "d": [{"e": [{"f": 0}]}]}, {"b": [], "d": []}],
        "z": [1, {}],
    },
    {"é\n": [{"\u2028": "\x00"}], "to": [{"add": [{"to": 1}]}]},
]


@pytest.mark.parametrize("plain", PLAIN, ids=range(len(PLAIN)))
def test_lines_make_the_same_object_again(plain):
    """Whatever its fields are called; no line has a line end in it."""
    lines = list(to_lines(plain))
    assert not any(set(line) & {"\n", "\u2028"} for line in lines)
    assert from_lines(lines) == plain


def test_no_lines_are_no_object():
    with pytest.raises(LineError):
        from_lines([])
