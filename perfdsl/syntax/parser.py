"""Tokens -> tree: drives the LALR table, and goes on after a mistake.

After an error the statement that holds it is taken out, its part of the stack too, and the rest is
parsed: statements end at the newline, so nothing spurious follows (deleting single tokens instead
invented 1,245 errors where 80 had been made). At most MAX_ERRORS are reported for a file.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from perfdsl.diagnostics import Diagnostic, Source, Span, sort_diagnostics
from perfdsl.syntax import tree
from perfdsl.syntax.build import BUILD
from perfdsl.syntax.recovery import Cut, cut_around
from perfdsl.syntax.scanner import Limits, scan
from perfdsl.syntax.stuck import Stuck, situation, terminal
from perfdsl.syntax.table import ACTIONS, RULES, START
from perfdsl.syntax.token import Token

MAX_ERRORS = 20


class Parsed(NamedTuple):
    """A file's tree, what was wrong, and the names that stood in statements taken out."""

    file: tree.File
    problems: tuple[Diagnostic, ...]
    doubtful: frozenset[str]


class Stack(NamedTuple):
    """What the parser holds: states[i + 1] was entered with values[i], whose tree is deep[i]."""

    states: list[int]
    values: list[Any]
    places: list[tuple[int, int]]
    deep: list[int]

    def cut(self, height: int) -> None:
        """Keep so many values."""
        del (
            self.states[height + 1 :],
            self.values[height:],
            self.places[height:],
            self.deep[height:],
        )


def parse(source: Source, limits: Limits | None = None) -> Parsed:
    """The tree of a text. Never raises for a mistake in the text."""
    limits = limits or Limits()
    tokens, problems = scan(source, limits)
    stack = Stack([START], [], [], [])
    doubtful: set[str] = set()
    blamed: set[int] = set()
    at = 0
    while isinstance(outcome := _run(source, tokens, at, stack, limits.depth), Stuck):
        cut = cut_around(tokens, stack.states, stack.places, outcome.at)
        line = source.position(tokens[outcome.at].start)[0]
        # Loaded with the first mistake: what its message needs takes 2 % of a whole check.
        from perfdsl.syntax.complaint import with_complaint

        if line not in blamed:
            problems = with_complaint(situation(source, tokens, outcome, cut), problems)
        blamed.add(line)
        at = cut.first
        if len(blamed) > MAX_ERRORS or at == cut.last:
            return _parsed(_unread(source, stack), problems, doubtful)
        doubtful.update(_named(tokens, stack, cut))
        stack.cut(cut.height)
        del tokens[at : cut.last]
    return _parsed(outcome, problems, doubtful)


def _named(tokens: list[Token], stack: Stack, cut: Cut) -> set[str]:
    """The names in what is taken out: in the tokens, and in the values that were made of some."""
    first = cut.first
    if cut.height < len(stack.places):
        start = stack.places[cut.height][0]
        while first and tokens[first - 1].start >= start:
            first -= 1
    return {token.text for token in tokens[first : cut.last] if token.kind == "NAME"}


def _parsed(file: tree.File, problems: list[Diagnostic], doubtful: set[str]) -> Parsed:
    return Parsed(file, sort_diagnostics(problems)[:MAX_ERRORS], frozenset(doubtful))


def _unread(source: Source, stack: Stack) -> tree.File:
    """A file with too many mistakes: no more than its edition."""
    edition = next((value for value in stack.values if isinstance(value, int)), 0)
    return tree.File(edition, (), span=Span(source, 0, len(source.text)))


def _run(
    source: Source, tokens: list[Token], at: int, stack: Stack, depth: int
) -> tree.File | Stuck:
    """Drive the table over the tokens, to the tree or to the first token that does not fit."""
    states, values, places, deep = stack
    end = tokens[at - 1].end if at else 0
    while True:
        token = tokens[at]
        kind = terminal(tokens, at, states[-1])
        while (action := ACTIONS[states[-1]].get(kind)) is not None and action < 0:
            left, pops, callback, kept, passes, deepens = RULES[-1 - action]
            if passes:
                states[-1] = ACTIONS[states[-2]][left]
                continue
            if pops:
                children, spots, level = values[-pops:], places[-pops:], max(deep[-pops:])
                del values[-pops:], places[-pops:], states[-pops:], deep[-pops:]
                place = (spots[0][0], spots[-1][1])
            else:
                children, level, place = [], 0, (end, end)
            if level >= depth:
                return Stuck(at - 1, kind, tuple(states), too_deep=True)
            value = _reduced(source, callback, kept, children, place)
            if left == "start":
                file: tree.File = value
                return file
            values.append(value)
            places.append(place)
            deep.append(level + deepens)
            states.append(ACTIONS[states[-1]][left])
        if action is None:
            if kind == "DOC":  # in front of a row or an arm it is a comment
                at += 1
                continue
            return Stuck(at, kind, tuple(states))
        states.append(action)
        values.append(token)
        places.append((token.start, token.end))
        deep.append(0)
        end = token.end
        at += 1


def _reduced(
    source: Source,
    callback: str,
    kept: tuple[int, ...],
    children: list[Any],
    place: tuple[int, int],
) -> Any:
    """The value of a rule: spliced children are lists, absent ones None."""
    parts: list[Any]
    if callback == "_" and kept[:1] == (0,) and isinstance(children[0], list):
        parts, kept = children[0], kept[1:]  # a list that grows: copying it would take squares
    else:
        parts = []
    for number in kept:
        if number < 0:
            parts.append(None)
        elif isinstance(children[number], list):
            parts.extend(children[number])
        else:
            parts.append(children[number])
    return parts if callback == "_" else BUILD[callback](Span(source, *place), parts)
