"""The bar: drawn where somebody watches, taken away at the end, and not drawn too often."""

import io
from contextlib import contextmanager, redirect_stderr

import pytest

from perfdsl.cli_progress import bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@contextmanager
def drawn(stream):
    """A bar on a stream that stands for standard error."""
    with redirect_stderr(stream), bar("writing") as progress:
        yield progress


def lines(stream):
    return stream.getvalue().split("\r")[1:]


def test_a_bar_grows_and_goes():
    """From nothing to all, and blanks in its place at the end."""
    terminal = Terminal()
    with drawn(terminal) as progress:
        for done in (0, 1, 2):
            progress(done, 2)
    assert lines(terminal) == [
        f"writing [{'.' * 30}]   0 %",
        f"writing [{'#' * 15}{'.' * 15}]  50 %",
        f"writing [{'#' * 30}] 100 %",
        " " * 46,
        "",
    ]


def test_a_bar_is_drawn_when_it_has_grown():
    """A million steps are a hundred and one pictures."""
    terminal = Terminal()
    with drawn(terminal) as progress:
        for done in range(1_000_001):
            progress(done, 1_000_000)
    assert len(lines(terminal)) == 101 + 2


def test_a_bar_of_nothing_is_full():
    terminal = Terminal()
    with drawn(terminal) as progress:
        progress(0, 0)
    assert "100 %" in lines(terminal)[0]


def test_a_bar_goes_with_a_mistake():
    """Whatever ends the work, the line is empty for what is said of it."""
    terminal = Terminal()

    def interrupted():
        with drawn(terminal) as progress:
            progress(1, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert lines(terminal)[-2:] == [" " * 46, ""]


def test_nothing_is_drawn_where_no_one_watches():
    stream = io.StringIO()
    with drawn(stream) as progress:
        progress(1, 2)
    assert stream.getvalue() == ""
