"""Progress: a bar on standard error while something takes long; none where no one watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

CELLS = 30


@contextmanager
def bar(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Gives what is to be called with how much is done, and how much there is in all.

    The bar is drawn again when it has grown by a hundredth, and taken away at the end.
    """
    stream = sys.stderr
    drawn = ""

    def draw(done: int, whole: int) -> None:
        nonlocal drawn
        percent = 100 * done // whole if whole else 100
        full = percent * CELLS // 100
        text = f"{doing} [{'#' * full}{'.' * (CELLS - full)}] {percent:3} %"
        if text != drawn:
            stream.write(f"\r{text}")
            stream.flush()
            drawn = text

    def ignore(_done: int, _whole: int) -> None:
        pass

    try:
        yield draw if stream.isatty() else ignore
    finally:
        if drawn:
            stream.write("\r" + " " * len(drawn) + "\r")
            stream.flush()


@contextmanager
def steps() -> Iterator[Callable[[str, int, int], None]]:
    """Gives what is to be called with what begins, how much is done, and how much there is in all.

    On a terminal a line that is written over; elsewhere a line whenever a new thing begins: what
    stands before a colon tells which.
    """
    stream, shown = sys.stderr, ""

    def told(text: str, done: int, whole: int) -> None:
        nonlocal shown
        if stream.isatty():
            line = f"{done * 100 // max(1, whole):3} % {text}"[:100]
            stream.write("\r" + line.ljust(len(shown)))
            shown = line
        elif (begun := text.partition(":")[0]) != shown:
            stream.write(f"{begun}\n")
            shown = begun
        stream.flush()

    try:
        yield told
    finally:
        if stream.isatty() and shown:
            stream.write("\r" + " " * len(shown) + "\r")
            stream.flush()
