"""The word and sign of a text, between scanner and parser."""

from __future__ import annotations

from typing import NamedTuple


class Token(NamedTuple):
    """A terminal of the grammar and where it stands; words are NAME until the parser knows more."""

    kind: str
    start: int
    end: int
    text: str
