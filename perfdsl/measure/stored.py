"""Stored records, read again: which are whole, which are not and why, and what a whole one holds.

Nothing in a file is believed before its checksum agrees, nothing at all of a file that is too
large, and what is then read has to be what its kind's class says. A file that cannot be read stays
as it is.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from perfdsl.measure.header import FORM, TOLD, Header, Start
from perfdsl.measure.kinds import KINDS
from perfdsl.measure.lines import LineError, from_lines, parsed
from perfdsl.measure.recorded import Recorded
from perfdsl.measure.store import MOST_BYTES, PART, WHOLE
from perfdsl.records import dataclass
from perfdsl.runner.errors import RunnerError

FIRST_LINE = 2**16  # a header has some 2 kB
NAMED = 4  # ids in a message
MORE = "give more of the one that is meant"
LAST = re.compile(rb'\{"sha256":"([0-9a-f]{64})"\}')


class UnreadableRecordError(RunnerError):
    """A record is cut off, damaged, too large, or none."""

    code = "P852"
    usual = "`perfdsl history` lists the records that are whole"


class NewerRecordError(RunnerError):
    """A later version of the tool wrote the record."""

    code = "P853"


class UnknownRecordError(RunnerError):
    """Nothing of this name is stored, or more than one thing."""

    code = "P854"
    usual = "`perfdsl history` lists the records"


class State(StrEnum):
    """Whether a record can be trusted. CUT: its end is missing. DAMAGED: it is not what was
    written, or was never a record. NEWER: only a later version of the tool can read it."""

    WHOLE = "complete"
    CUT = "cut off"
    DAMAGED = "damaged"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class Stored:
    """One file. start: what any version can tell, None where there is none of it.

    why: it is not whole; header and record: of one that is.
    """

    path: Path
    state: State
    why: str = ""
    start: Start | None = None
    header: Header | None = None
    record: Recorded | None = None

    def needed(self) -> Recorded:
        """The record. Raises UnreadableRecordError and NewerRecordError."""
        if self.state is State.NEWER:
            raise NewerRecordError(f"{self.path}: {self.why}", _update(self.start))
        if self.record is None:
            raise UnreadableRecordError(f"{self.path}: {self.why}")
        return self.record


def files(folder: Path) -> list[Path]:
    """Files of records, the newest first; a `.part` only where its writer was stopped.

    Raises UnreadableRecordError where the folder is there and cannot be read.
    """
    try:
        names = {each.name for each in folder.iterdir()}
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnreadableRecordError(f"{folder}: {error.strerror}") from error
    found = {name for name in names if name.endswith(WHOLE)}
    parts = {name for name in names if name.endswith(PART)}
    found |= {name for name in parts if name.removesuffix(PART) + WHOLE not in found}
    return [folder / name for name in sorted(found, reverse=True)]


def find(folder: Path, name: str) -> Path:
    """The file of a record that is named by its path or by what its id begins with.

    Raises UnknownRecordError and UnreadableRecordError.
    """
    if os.sep in name or name.endswith((WHOLE, PART)):
        return Path(name)
    known = {path: start.id for path in files(folder) if (start := _glimpse(path)) is not None}
    found = [path for path, each in known.items() if name and each.startswith(name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UnknownRecordError(f"no record in {folder} has an id that begins with `{name}`")
    some = ", ".join(known[path] for path in found[:NAMED]) + (", ..." * (len(found) > NAMED))
    raise UnknownRecordError(f"`{name}` begins the ids of {len(found)} records: {some}", MORE)


def _glimpse(path: Path) -> Start | None:
    """The start of a file that has one."""
    try:
        return _start(_content(path, FIRST_LINE).partition(b"\n")[0])
    except (OSError, LineError):
        return None


def read(path: Path) -> Stored:
    """What is in a file. Raises nothing for what it may hold."""
    try:
        content = _content(path, MOST_BYTES + 1)
    except OSError as error:
        return Stored(path, State.DAMAGED, f"it cannot be read: {error.strerror}")
    except LineError as error:
        return Stored(path, State.DAMAGED, str(error))
    if len(content) > MOST_BYTES:
        return Stored(
            path, State.DAMAGED, f"it is too large: {MOST_BYTES:,} bytes are read at most"
        )
    start = _start(content.partition(b"\n")[0])
    state, why = _state(content, start)
    if state is not State.WHOLE:
        return Stored(path, state, why, start)
    try:
        header, record = _parsed(content)
    except LineError as error:
        return Stored(path, State.DAMAGED, str(error), start)
    except ValidationError as error:
        return Stored(path, State.DAMAGED, _wrong(error), start)
    return Stored(path, State.WHOLE, "", start, header, record)


def _content(path: Path, most: int) -> bytes:
    """The first bytes of a file. Raises OSError, LineError."""
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait for its writer
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise LineError("it is no file")
        return file.read(most)


def _start(line: bytes) -> Start | None:
    try:
        return Start.model_validate(parsed(line))
    except (LineError, ValidationError):
        return None


def _state(content: bytes, start: Start | None) -> tuple[State, str]:
    if not content.endswith(b"\n"):
        return State.CUT, "its end is missing: whoever wrote it was stopped"
    if start is None:
        return State.DAMAGED, "its first line is not that of a record"
    if start.perfdsl_record > FORM:
        return State.NEWER, f"{start.tool} wrote it, in a form that is newer than is read here"
    before, _, last = content[:-1].rpartition(b"\n")
    told = LAST.fullmatch(last)
    if told is None:
        return State.CUT, "its last line is missing: whoever wrote it was stopped"
    if told[1].decode() != hashlib.sha256(before + b"\n").hexdigest():
        return State.DAMAGED, "its checksum does not agree: it is not what was written"
    known = KINDS.get(start.kind)
    if known is None or start.schema_version > known.version:
        what = f"as version {start.schema_version} of {start.kind}"
        return State.NEWER, f"{start.tool} wrote it, {what}, which is newer than is read here"
    return State.WHOLE, ""


def _parsed(content: bytes) -> tuple[Header, Recorded]:
    """Raises LineError and ValidationError."""
    header = Header.model_validate(parsed(content.partition(b"\n")[0]))
    inner = content.count(b"\n") - 2
    if header.lines != inner:
        raise LineError(f"it has {inner:,} lines where its header tells {header.lines:,}")
    plain = from_lines(content.split(b"\n")[1:-2])
    if TOLD & plain.keys():
        raise LineError("it tells again what its header tells")
    made = KINDS[header.kind].made
    told = {name: getattr(header, name) for name in TOLD & made.model_fields.keys()}
    return header, made.model_validate(plain | told)


def _wrong(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or "it"
    return f"{where[:80]}: {first['msg'][:120]}"


def _update(start: Start | None) -> str:
    tool = start.tool if start is not None else "a later version"
    return f"read it with {tool} or later; it stays as it is"
