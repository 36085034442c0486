"""Fields of one's own that nothing reads, called nearly like one that the language reads.

`efficency = 80 %` is a field like any other, and would silently do nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial

from perfdsl.diagnostics import Diagnostic, Edit, Fix, Severity, Span, did_you_mean
from perfdsl.semantics.fields import EXPECTED
from perfdsl.semantics.scope import Context, Module
from perfdsl.syntax import tree

# What the language reads of a block besides what `EXPECTED` types.
READ: dict[str, frozenset[str]] = {
    "port": frozenset({"peak"}),
    "cache": frozenset({"time"}),
    "memory": frozenset({"time"}),
    "link": frozenset({"time"}),
    "workload": frozenset({"start"}),
}


def report_unread(modules: Iterable[Module], context: Context) -> None:
    """Each such field of the files that are no library; none of a block with another mistake."""
    own = [module for module in dict.fromkeys(modules) if not module.name.startswith("std/")]
    wrong = [each for each in context.problems if each.severity is Severity.ERROR]
    for module in own:
        for block, field in _fields(module.file.body):
            near = _meant(block, field)
            if near and not _read(field.path[0], own) and not any(map(partial(_in, block), wrong)):
                _report(block, field, near, context)


def _fields(body: Iterable[tree.Statement]) -> Iterator[tuple[tree.Declaration, tree.Assign]]:
    """The fields of hardware, its blocks, workloads and formats."""
    for statement in body:
        if isinstance(statement, tree.Declaration) and _sort(statement) in EXPECTED:
            yield from _fields_of(statement)
            if isinstance(statement, tree.Hardware):
                yield from _fields(statement.body)


def _fields_of(block: tree.Declaration) -> Iterator[tuple[tree.Declaration, tree.Assign]]:
    for statement in block.body:
        if isinstance(statement, tree.Assign) and len(statement.path) == 1:
            yield block, statement


def _sort(block: tree.Declaration) -> str:
    return block.sort if isinstance(block, tree.Block) else block.word


def _meant(block: tree.Declaration, field: tree.Assign) -> str | None:
    """The field that is meant: one that the language reads, of nearly this name, and missing."""
    known = EXPECTED[_sort(block)].keys() | READ.get(_sort(block), frozenset())
    given = {each.path[0] for _, each in _fields_of(block)}
    name = field.path[0]
    return None if name in known else did_you_mean(name, sorted(known - given))


def _read(name: str, modules: Iterable[Module]) -> bool:
    """Whether the word is written anywhere but where it is defined."""
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    texts = (re.sub(r"#[^\n]*", "", module.source.text) for module in modules)
    return sum(len(word.findall(text)) for text in texts) > 1


def _in(block: tree.Declaration, problem: Diagnostic) -> bool:
    """Whether a mistake points into a block."""
    spans = [problem.span, *(label.span for label in problem.secondary)]
    return any(
        span is not None
        and span.source is block.span.source
        and block.span.start <= span.start < block.span.end
        for span in spans
    )


def _report(block: tree.Declaration, field: tree.Assign, near: str, context: Context) -> None:
    name = field.path[0]
    start = field.span.start
    place = Span(field.span.source, start, start + len(name))
    title = f"nothing reads the field `{name}` of the {_sort(block)} `{block.name}`"
    fix = Fix(f"write `{near}`", (Edit(place, near),), safe=False)
    context.report("P106", title, place, help_=f"did you mean `{near}`?", fix=fix)
