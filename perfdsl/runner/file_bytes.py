"""An open file, read by place: never past its end, never more than asked for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from perfdsl.runner.errors import ModelFileError, UnreadableFileError


class FileBytes:
    """The bytes of a file, in pieces.

    Reading by place (pread) moves nothing that threads share, and gives memory that belongs to the
    reader: a file that somebody cuts short meanwhile is an error, where a map of it would be a
    signal. The file stays open, so that what is read later is the file that was checked.
    """

    __slots__ = ("descriptor", "path", "size")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.descriptor = -1
        self.path = Path(path)
        try:
            # A pipe without a writer would block the opening itself, hence O_NONBLOCK.
            self.descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            found = os.fstat(self.descriptor)
        except (OSError, ValueError) as error:  # a ValueError: a name with a NUL in it
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise UnreadableFileError(f"the file cannot be opened: {why}") from None
        if not stat.S_ISREG(found.st_mode):
            self.close()
            raise UnreadableFileError("this is a folder, a device or a pipe, and no file")
        self.size = found.st_size

    def close(self) -> None:
        """Let the file go; nothing can be read from then on."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __del__(self) -> None:
        self.close()

    def some(self, at: int, length: int) -> bytes:
        """The bytes from `at` on, as many as there are up to `length`."""
        try:
            return os.pread(self.descriptor, max(0, min(length, self.size - at)), at)
        except OSError as error:
            raise UnreadableFileError(f"reading fails: {error.strerror}", at) from None

    def read(self, at: int, length: int) -> bytes:
        """Exactly these bytes."""
        found = self.some(at, length)
        while len(found) < length:
            more = self.some(at + len(found), length - len(found))
            if not more:
                raise _ended(at + len(found))
            found += more
        return found

    def fill(self, at: int, place: memoryview) -> None:
        """Read into memory as many bytes as it holds (at least one)."""
        done = 0
        while done < len(place):
            try:
                count = os.preadv(self.descriptor, [place[done:]], at + done)
            except OSError as error:
                raise UnreadableFileError(f"reading fails: {error.strerror}", at + done) from None
            if count == 0:
                raise _ended(at + done)
            done += count


def _ended(at: int) -> ModelFileError:
    return ModelFileError("the file ends here, in the middle of something", at)
