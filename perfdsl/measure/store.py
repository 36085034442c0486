"""The store: each measurement is a file of its own in a folder, written whole or not at all.

A file gets a passing name first (`.part`), is written, checked by a checksum in its last line and
forced to the disk, and is then linked to its lasting name. A link is never made over a file that is
there, so two processes cannot take each other's name. Whoever is killed in between leaves a `.part`
file, which says itself whether it is whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from perfdsl.measure.header import ID_DIGITS, TOLD, Header, Storable
from perfdsl.measure.lines import dumped, to_lines
from perfdsl.runner.errors import RunnerError

WHOLE, PART = ".jsonl", ".part"
# A benchmark of 12 cases and 7 rounds takes 100 kB, one of 1000 rounds 15 MB. Parsed, a file made
# of nothing but `{},` takes twenty times its bytes: 700 MB is what anybody can make us use.
MOST_BYTES = 32 * 2**20
TRIES = 100  # names that are taken: 40 random bits do not repeat by chance


class StoreError(RunnerError):
    """A record cannot be written."""

    code = "P851"
    usual = "name a folder that can be written with --records DIR, or use --no-record"


def default_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """PERFDSL_RECORDS, else where programs of this user keep their data (XDG)."""
    named = environment.get("PERFDSL_RECORDS", "")
    if named:
        return Path(named)
    data = environment.get("XDG_DATA_HOME", "")
    if Path(data).is_absolute():  # the specification has others ignored
        return Path(data) / "perfdsl" / "records"
    try:
        return Path.home() / ".local" / "share" / "perfdsl" / "records"
    except RuntimeError as error:
        raise StoreError("there is no home folder to keep records in") from error


def fingerprint(texts: Mapping[str, str]) -> str:
    """SHA-256 over specs: their names in order, each with its text, and where each ends."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        for part in (name.encode(), texts[name].encode()):
            digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def append(folder: Path, record: Storable, specs: str = "") -> Path:
    """The file that the record is in from now on; the folder is made if need be.

    specs: the fingerprint of those that were used. Raises StoreError; then no file has got its
    lasting name, and all that was there is as it was.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for _ in range(TRIES):
            name = secrets.token_hex(ID_DIGITS // 2)
            with suppress(FileExistsError):
                return _kept(folder, _stem(record, name), _content(record, name, specs))
    except OSError as error:
        raise StoreError(f"the record was not kept: {error.strerror}: {folder}") from error
    raise StoreError(f"the record was not kept: all names are taken: {folder}")


def _stem(record: Storable, name: str) -> str:
    """Names in the order of their dates: 2026-01-02T030405-bench-0123456789."""
    date = re.sub(r"[^0-9T-]", "", record.date[:19])
    return f"{date}-{record.kind}-{name}"


def _content(record: Storable, name: str, specs: str) -> bytes:
    """The whole file."""
    plain = record.model_dump(mode="json")
    body = list(to_lines({each: plain[each] for each in plain if each not in TOLD}))
    header = Header(
        kind=record.kind,
        schema_version=record.schema_version,
        id=name,
        date=record.date,
        tool=record.tool,
        specs=specs,
        environment=record.environment,
        lines=len(body),
    )
    text = "".join(f"{line}\n" for line in (dumped(header.model_dump(mode="json")), *body)).encode()
    content = text + last_line(hashlib.sha256(text).hexdigest())
    if len(content) > MOST_BYTES:
        size = f"it has {len(content):,} bytes, {MOST_BYTES:,} are read"
        raise StoreError(f"the record was not kept: {size}", "measure in fewer rounds")
    return content


def last_line(digest: str) -> bytes:
    """digest: SHA-256 of all lines before, in hexadecimal."""
    return dumped({"sha256": digest}).encode() + b"\n"


def _kept(folder: Path, stem: str, content: bytes) -> Path:
    """Raises FileExistsError where one of the names is taken, and OSError."""
    part, whole = folder / (stem + PART), folder / (stem + WHOLE)
    number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(number)
        _named(part, whole)
    except OSError:
        _removed(part)  # of no use any more, and a full disk has a little room again
        raise
    _removed(part)
    _forced(folder)
    return whole


def _removed(part: Path) -> None:
    with suppress(OSError):
        part.unlink()


def _named(part: Path, whole: Path) -> None:
    """Give a file its lasting name, and never to one that has it. Raises FileExistsError."""
    try:
        os.link(part, whole)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the name is taken first, then the file put there
        os.close(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            part.replace(whole)
        except OSError:
            whole.unlink()
            raise


def _forced(folder: Path) -> None:
    """A name lasts when its folder is on the disk; some file systems need no such thing."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
