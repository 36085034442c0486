"""After a mistake: which tokens to take out, and how much of the stack to keep."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

from perfdsl.diagnostics import did_you_mean
from perfdsl.syntax.brackets import CLOSER, OPENER
from perfdsl.syntax.table import ACTIONS
from perfdsl.syntax.token import Token


class Cut(NamedTuple):
    """Take out tokens[first:last], and keep `height` values of the stack."""

    height: int
    first: int
    last: int


def cut_around(
    tokens: list[Token], states: list[int], places: list[tuple[int, int]], at: int
) -> Cut:
    """The innermost statement that holds a token, with its docs, its block and one separator."""
    height = len(places)
    while height and "LET" not in ACTIONS[states[height]]:
        height -= 1
    first = _token_at(tokens, places[height][0], at) if height < len(places) else at
    if first and tokens[first - 1].kind == "DOC" and height:
        height, first = height - 1, first - 1
    last = _end(tokens, first)
    if tokens[last].kind == "_SEP":
        last += 1
    elif first and tokens[first - 1].kind == "_SEP" and height:
        height, first = height - 1, first - 1
    return Cut(height, first, last)


def _token_at(tokens: list[Token], offset: int, at: int) -> int:
    """The token that starts there, not a bracket that was put in front of it."""
    first = bisect_left(tokens, offset, hi=at, key=lambda token: token.start)
    while first < at and tokens[first].start == tokens[first].end:
        first += 1
    return first


CLAIMS = ("claim", "refute")


def _is_titled(tokens: list[Token]) -> bool:
    """A claim whose word is misspelt: behind its title the statement goes on in the next line."""
    if [token.kind for token in tokens] != ["NAME", "STRING", "_SEP"]:
        return False
    word = tokens[0].text
    return word in {"assert", "expect"} or did_you_mean(word, CLAIMS) is not None


def _end(tokens: list[Token], first: int) -> int:
    """The first token behind the statement that starts at `first`."""
    depth = 0
    start = first + 3 if _is_titled(tokens[first : first + 3]) else first
    for position in range(start, len(tokens)):
        token = tokens[position]
        if not depth and token.kind in {"_SEP", "RBRACE", "$END"}:
            return position
        depth += (token.text in CLOSER) - (token.text in OPENER)
    return len(tokens) - 1
