"""The grammar's table, read from table.json: see generate.py for where it comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

_DATA: dict[str, Any] = json.loads(Path(__file__).with_name("table.json").read_text("utf-8"))

LITERALS: dict[str, str] = _DATA["literals"]
PATTERNS: dict[str, str] = _DATA["patterns"]
SYMBOLS: list[str] = _DATA["symbols"]
START: int = _DATA["start"]
KEYWORDS: dict[str, str] = {text: name for text, name in LITERALS.items() if text[0].isalpha()}


class Rule(NamedTuple):
    """left: the symbol that it makes. pops: how many. kept: which children, -1 for an absent one.

    callback: a node's name, or `_` where the children are spliced into the parent. passes: the
    only child is passed on, as an expression without an operator is at each level of precedence.
    deepens: 1 where the tree gets a level deeper.
    """

    left: str
    pops: int
    callback: str
    kept: tuple[int, ...]
    passes: bool
    deepens: int


# Rules that make no node of their own.
FLAT = set("_ statement body overlay value params notes names row".split())


def _rule(left: int, pops: int, callback: str, kept: list[int]) -> Rule:
    passes = callback[0] == "?" and pops == len(kept) == 1
    name = callback.lstrip("?")
    return Rule(SYMBOLS[left], pops, name, tuple(kept), passes, int(name not in FLAT))


RULES: list[Rule] = [_rule(*row) for row in _DATA["rules"]]

# Action of each symbol in each state: a state to go to, or -1 - rule to reduce.
ACTIONS: list[dict[str, int]] = [
    {SYMBOLS[row[i]]: row[i + 1] for i in range(0, len(row), 2)} for row in _DATA["states"]
]

# Words of expressions: never a name. The other keywords are keywords only where a statement starts.
RESERVED = frozenset("if then else case for in and or not within with fold".split())
