"""Roots: of the messages that follow from one mistake, the one at the place to edit.

Three rules, applied when everything has been checked:
- What states that something is absent (no port serves this work, nothing was observed of this) may
  follow from any other mistake, and is kept only where there is no other.
- A name that nothing has is one message, however often it is written.
- If a name is missed several times (or the language asks for it), and a definition of nearly that
  name is used by nobody, then the definition is misspelt, and is blamed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from perfdsl.diagnostics import (
    Diagnostic,
    Edit,
    Fix,
    Label,
    Severity,
    Source,
    Span,
    did_you_mean,
)
from perfdsl.records import replace
from perfdsl.semantics.scope import Context, Module, parts
from perfdsl.syntax import tree


def roots(context: Context, modules: Iterable[Module]) -> list[Diagnostic]:
    """The problems of a context, each mistake told once."""
    own = [module for module in dict.fromkeys(modules) if not module.name.startswith("std/")]
    kept = _independent(context.problems, context.follows)
    names = {id(problem): context.missing[id(problem)]
             for problem in kept if id(problem) in context.missing}  # fmt: skip
    groups: dict[str, list[Diagnostic]] = {}
    for problem in kept:
        if id(problem) in names:
            groups.setdefault(names[id(problem)], []).append(problem)
    told = {name: _told(name, group, own) for name, group in groups.items()}
    found: list[Diagnostic] = []
    for problem in kept:
        found.extend([problem] if id(problem) not in names else told.pop(names[id(problem)], []))
    return found


def _independent(problems: list[Diagnostic], follows: set[int]) -> list[Diagnostic]:
    """Without what may follow from another error; the same absence is told once."""
    others = any(p.severity is Severity.ERROR and id(p) not in follows for p in problems)
    broken = any(problem.severity is Severity.ERROR for problem in problems)
    titles: set[str] = set()
    kept = []
    for problem in problems:
        if id(problem) in follows:
            if problem.severity is Severity.WARNING and broken:
                continue
            if others or problem.title in titles:
                continue
            titles.add(problem.title)
        kept.append(problem)
    return kept


def _told(name: str, group: list[Diagnostic], modules: list[Module]) -> list[Diagnostic]:
    """What is said of a name that is nowhere defined."""
    twice = len(group) > 1 or group[0].code == "P406"
    misspelt = _misspelt(name, modules) if twice else None
    if misspelt is not None and group[0].span is not None:
        return [_blamed(name, misspelt, group[0].span, group)]
    first = group[0]
    lines = sorted({p.span.line for p in group[1:] if p.span and p.span.source is _source(first)})
    others = [line for line in lines if first.span is None or line != first.span.line]
    if not others:
        return [first]
    listed = ", ".join(str(line) for line in others[:6]) + (" ..." if len(others) > 6 else "")
    note = f"also on line {listed}" if len(others) == 1 else f"also on lines {listed}"
    return [replace(first, notes=(*first.notes, note))]


def _source(problem: Diagnostic) -> Source | None:
    return problem.span.source if problem.span else None


def _blamed(name: str, place: Span, use: Span, group: list[Diagnostic]) -> Diagnostic:
    title = f"`{place.text}` is used by nothing, and `{name}` is defined nowhere"
    why = (Label(use, f"`{name}` is used here"),)
    fix = Fix(f"write `{name}`", (Edit(place, name),), safe=False)
    return Diagnostic(group[0].code, title, place, secondary=why, fix=fix,
                      help=f"did you mean `{name}`?")  # fmt: skip


def _misspelt(name: str, modules: list[Module]) -> Span | None:
    """The definition of nearly that name that nobody uses."""
    words = [_words(module.source.text) for module in modules]
    unused = {
        place.text: place
        for module in modules
        for place in _definitions(module.file)
        if sum(each.get(place.text, 0) for each in words) == 1
    }
    near = did_you_mean(name, sorted(unused, key=lambda word: len(word) < len(name)))
    return unused[near] if near is not None else None


def _words(text: str) -> Mapping[str, int]:
    """How often each word is written outside comments."""
    counts: dict[str, int] = {}
    for word in re.findall(r"\w+", re.sub(r"#[^\n]*", "", text)):
        counts[word] = counts.get(word, 0) + 1
    return counts


def _definitions(file: tree.File) -> Iterator[Span]:
    """Where names are defined in a file."""
    todo: list[tree.Node] = [file]
    while todo:
        node = todo.pop()
        todo.extend(parts(node))
        name = _defined(node)
        found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", node.span.text) if name else None
        if found:
            start = node.span.start
            yield Span(node.span.source, start + found.start(), start + found.end())


def _defined(node: tree.Node) -> str:
    match node:
        case tree.Declaration(name=name) | tree.Let(name=name) | tree.Function(name=name):
            return name
        case tree.Policy(name=name) | tree.Unknown(name=name) | tree.Param(name=name):
            return name
        case tree.Observe(name=name) | tree.Use(name=name):
            return name
        case tree.Assign(path=(name,)) | tree.Imported(alias=name) | tree.Import(name=name):
            return name
        case tree.Flow(role=name):
            return name
        case _:
            return ""
