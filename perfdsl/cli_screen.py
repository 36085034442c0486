"""The screen: exit codes, colour and width, and the one place that prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from perfdsl.cli_options import ColorChoice
from perfdsl.diagnostics import Diagnostic
from perfdsl.records import dataclass

if TYPE_CHECKING:
    from perfdsl.present.style import Theme

KEPT, BROKEN, MISTAKE, BUG, INTERRUPTED = 0, 1, 2, 70, 130
NARROW, WIDE = 40, 120


@dataclass(frozen=True, slots=True)
class Screen:
    """Colour and width as they were asked for; what they mean depends on the stream."""

    color: ColorChoice
    width: int

    def theme(self, stream: TextIO) -> Theme:
        from perfdsl.present.style import Theme

        return Theme(self.columns(stream), self.colored(stream), is_unicode(stream))

    def colored(self, stream: TextIO) -> bool:
        if self.color is not ColorChoice.AUTO:
            return self.color is ColorChoice.ALWAYS
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return stream.isatty() and not plain

    def columns(self, stream: TextIO) -> int:
        """The terminal's width up to a readable one; 80 where there is none."""
        if self.width:
            return max(NARROW, self.width)
        if not stream.isatty() and "COLUMNS" not in os.environ:
            return 80
        import shutil  # 1.5 ms: it knows archives, too

        return max(NARROW, min(WIDE, shutil.get_terminal_size((80, 24)).columns))

    def problems(self, found: Sequence[Diagnostic]) -> None:
        """Problems go to standard error."""
        if found:
            from perfdsl.rendering import render_all

            stream = sys.stderr
            text = render_all(found, color=self.colored(stream), width=self.columns(stream))
            write(text, stream)


def is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def write(text: str, stream: TextIO | None = None) -> None:
    """A text and a line end; what the stream cannot write is spelled out, a closed one is left."""
    stream = stream or sys.stdout
    encoding = stream.encoding or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
    except BrokenPipeError:
        # Whoever read has enough. The interpreter flushes once more at its end: into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
