"""Where the parser could go no further, and what would let it go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from perfdsl.diagnostics import Source, Span
from perfdsl.syntax.recovery import Cut
from perfdsl.syntax.table import ACTIONS, KEYWORDS, RESERVED, RULES
from perfdsl.syntax.token import Token

# A word in front of one of these is a name, even where a statement could start with it.
AFTER_A_NAME = {"EQUAL", "COLON", "DOT"}


def terminal(tokens: Sequence[Token], at: int, state: int) -> str:
    """The terminal that a token stands for: a word is a keyword only where one can stand."""
    token = tokens[at]
    if token.kind != "NAME":
        return token.kind
    keyword = KEYWORDS.get(token.text)
    if keyword is None:
        return "NAME"
    if token.text in RESERVED:
        return keyword
    actions = ACTIONS[state]
    if keyword not in actions:
        return "NAME"
    soft = "NAME" in actions and tokens[at + 1].kind in AFTER_A_NAME
    return "NAME" if soft else keyword


class Stuck(NamedTuple):
    """At which token, as which terminal, with which states on the stack."""

    at: int
    kind: str
    states: tuple[int, ...]
    too_deep: bool = False


class Situation(NamedTuple):
    """The parser is stuck within the statement tokens[first:last]."""

    source: Source
    tokens: list[Token]
    stuck: Stuck
    first: int
    last: int
    wanted: frozenset[str]
    """The terminals that could have stood there."""

    @property
    def token(self) -> Token:
        return self.tokens[self.stuck.at]

    @property
    def before(self) -> Token | None:
        """The token in front of it, within the statement."""
        at = self.stuck.at - 1
        return self.tokens[at] if at >= self.first and self.tokens[at].kind != "_SEP" else None

    def near(self, offset: int) -> Token:
        """The token so far behind the one at fault; $END beyond the statement's ends."""
        at = self.stuck.at + offset
        return self.tokens[at] if self.first <= at < self.last else self.tokens[-1]

    def span(self, *tokens: Token) -> Span:
        return Span(self.source, tokens[0].start, tokens[-1].end)

    def behind(self, token: Token) -> Span:
        return Span(self.source, token.end, token.end)

    def goes_on_with(self, *tokens: Token, skip: int = 0) -> int:
        """How many tokens could be read on, if these stood in the place of the next `skip`."""
        at = self.stuck.at
        rest = [*tokens, *self.tokens[at + skip : self.last], self.tokens[-1]]
        return _readable(rest, list(self.stuck.states)) - len(tokens) + skip


def situation(source: Source, tokens: list[Token], stuck: Stuck, cut: Cut) -> Situation:
    """As the parser stood when it first saw the token at fault.

    By now it may have reduced more than that token allows (LALR tables do), which would hide what
    else could have stood there; so the statement is read once more up to there.
    """
    states = list(stuck.states[: cut.height + 1])
    for at in range(cut.first, stuck.at):
        _shifted(states, terminal(tokens, at, states[-1]))
    terminals = [kind for kind in ACTIONS[states[-1]] if kind.isupper() or kind == "$END"]
    wanted = frozenset(kind for kind in terminals if _shifted(list(states), kind))
    exact = stuck._replace(states=tuple(states))
    # A last statement is cut out with the separator in front of it, which is no part of it.
    first = cut.first + (tokens[cut.first].kind == "_SEP" and cut.first < stuck.at)
    return Situation(source, tokens, exact, first, cut.last, wanted)


def _shifted(states: list[int], kind: str) -> bool:
    """Read one terminal: the states then, in place, and whether it fits."""
    while (action := ACTIONS[states[-1]].get(kind)) is not None and action < 0:
        rule = RULES[-1 - action]
        if rule.left == "start":
            return kind == "$END"
        del states[len(states) - rule.pops :]
        states.append(ACTIONS[states[-1]][rule.left])
    if action is not None:
        states.append(action)
    return action is not None


def _readable(tokens: Sequence[Token], states: list[int]) -> int:
    """How many of these tokens can be read one after another; the last one only ends them."""
    for at in range(len(tokens) - 1):
        if not _shifted(states, terminal(tokens, at, states[-1])):
            return at
    return len(tokens) - 1
