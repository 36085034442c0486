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

LAST = re.compile(rb'\{"sha256":"([0-9a-f]{64})"\}')


class UnreadableRecordError(RunnerError):
    """A record is cut off, damaged, too large, or none."""

    code = "P852"
    usual = "`perfdsl history` lists the records that are whole"


class NewerRecordError(RunnerError):
    """A later version of the tool wrote the record."""

    code = "P853"


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


def read(path: Path) -> Stored:
    """What is in a file. Raises nothing for what it may hold."""
    try:
        content = _content(path)
    except OSError as error:
        return Stored(path, State.DAMAGED, f"it cannot be read: {error.strerror}")
    except LineError as error:
        return Stored(path, State.DAMAGED, str(error))
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


def _content(path: Path) -> bytes:
    """At most as many bytes as a record may have. Raises OSError, LineError."""
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would wait for its writer
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise LineError("it is no file")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise LineError(f"it is too large: {MOST_BYTES:,} bytes are read at most")
    return content


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
