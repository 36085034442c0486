"""Numbers and texts of a GGUF file, one behind the other; whatever they claim is checked first."""

from __future__ import annotations

from struct import Struct

from perfdsl.runner.errors import ModelFileError
from perfdsl.runner.file_bytes import FileBytes

U32, U64 = Struct("<I"), Struct("<Q")

PIECE = 1 << 16  # bytes read at once: a header of 8 MB is then 120 calls of some 10 us


class Cursor:
    """A place in the file that moves forward as things are read; at: the next byte."""

    __slots__ = ("_piece", "_start", "at", "file")

    def __init__(self, file: FileBytes, at: int = 0) -> None:
        self.file = file
        self.at = at
        self._piece = b""
        self._start = 0

    @property
    def left(self) -> int:
        """The bytes between here and the end of the file."""
        return self.file.size - self.at

    def take(self, length: int, what: str) -> bytes:
        """The next bytes. what: they are, for the message where there are fewer."""
        place = self.at - self._start
        if place + length > len(self._piece):
            self._fetch(length, what)
            place = 0
        self.at += length
        return self._piece[place : place + length]

    def number(self, form: Struct, what: str) -> int | float:
        """One number of a fixed size."""
        place = self.at - self._start
        if place + form.size > len(self._piece):
            self._fetch(form.size, what)
            place = 0
        self.at += form.size
        found: int | float = form.unpack_from(self._piece, place)[0]
        return found

    def _fetch(self, length: int, what: str) -> None:
        """Have at least so many bytes from here on in memory."""
        if length > self.left:
            raise ModelFileError(
                f"{what} would take {length:,} bytes here, but {self.left:,} are left", self.at
            )
        self._start = self.at
        self._piece = self.file.read(self.at, max(length, min(PIECE, self.left)))

    def u32(self, what: str) -> int:
        return int(self.number(U32, what))

    def count(self, least: int, what: str) -> int:
        """How many things follow, of at least so many bytes each: no more than fit in the file."""
        at = self.at
        found = int(self.number(U64, f"the number of {what}"))
        if found * least > self.left:
            raise ModelFileError(f"{found:,} {what} do not fit in the rest of the file", at)
        return found

    def text(self, what: str, limit: int) -> str:
        """A length and so many bytes of UTF-8."""
        at = self.at
        length = self.count(1, f"bytes of {what}")
        if length > limit:
            raise ModelFileError(f"{what} has {length:,} bytes, more than {limit:,}", at)
        return decoded(self.take(length, what), self.at - length, what)

    def skip(self, length: int) -> None:
        """Go on without reading; the caller knows that so many bytes are there."""
        self.at += length

    def skip_texts(self, number: int, what: str) -> None:
        """Walk past so many texts, reading their lengths alone.

        This is nearly all that opening a model file does: a vocabulary has 262,144 of them.
        """
        unpack, head = U64.unpack_from, U64.size
        while number:
            start = self.at
            piece = self.file.some(start, PIECE)
            last = len(piece) - head
            begin = place = 0
            while number and place <= last:
                begin = place
                place += head + unpack(piece, place)[0]
                number -= 1
            if place == 0 or place > self.left:
                raise ModelFileError(f"{what} ends behind the end of the file", start + begin)
            self.at += place


def decoded(data: bytes, at: int, what: str) -> str:
    """Bytes as text; at: their place in the file."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as found:
        raise ModelFileError(f"{what} is not UTF-8", at + found.start) from None
