"""Words of the command line that are lists of numbers, and what is wrong with them."""

from __future__ import annotations

from perfdsl.diagnostics import Diagnostic

MOST = 10_000  # tokens, texts, threads: more is a slip of the finger


class BadWordError(Exception):
    """Something on the command line cannot be done as it is said. help_: what can."""

    def __init__(self, what: str | Diagnostic, help_: str = "") -> None:
        found = Diagnostic("P003", what, None, help=help_) if isinstance(what, str) else what
        super().__init__(found.title)
        self.diagnostic = found


def numbers(option: str, text: str) -> list[int]:
    """`1,12,65`: numbers from 1 to MOST. Raises BadWordError."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not all(word.isascii() and word.isdigit() and 0 < int(word) <= MOST for word in words):
        title = f"{option} {text}: numbers from 1 to {MOST:,} are expected, with commas between"
        raise BadWordError(title, f"such as {option} 1,2")
    return [int(word) for word in words]
