"""Models that the analyses have read: they need no further reading on their own."""

from __future__ import annotations

import re
from collections.abc import Iterable

from perfdsl.diagnostics import has_errors
from perfdsl.semantics.fields import instantiate, value_key
from perfdsl.semantics.models import steps_of
from perfdsl.semantics.scope import Context, Module
from perfdsl.semantics.values import Declared, Instance, Key, Quantity, Value
from perfdsl.syntax import tree


def read_the_rest(models: list[Instance], modules: Iterable[Module]) -> None:
    """Read the operators of those models that no analysis has read without a mistake; none is left.

    An analysis reads a model under a workload that somebody wrote, its own reading is under one
    that has the fields of all: the same, where the workloads have fields of the same sorts.
    """
    if not models:
        return
    context = models[0].frame.context
    hasty = not has_errors(context.problems) and _alike(modules)
    known = _read(context) if hasty else set()
    while models:
        model = models.pop(0)
        if value_key(model) not in known:
            steps_of(model, model.frame)


def _read(context: Context) -> set[object]:
    """The models that were read without a mistake, under no workload or one as it is written."""
    found: set[object] = set()
    for key in context.steps:
        match key:
            case (read, None | ("instance", _, "", Key(given=(), changed=()))):
                found.add(read)
            case _:
                pass
    return found


def _alike(modules: Iterable[Module]) -> bool:
    """Whether a field that several workloads have is of one sort in all of them."""
    files = list(dict.fromkeys(modules))
    sorts: dict[str, object] = {}
    return all(
        sorts.setdefault(name, sort) == sort or not _asked(name, files)
        for module in files
        for statement in module.file.body
        if isinstance(statement, tree.Workload)
        for name, sort in _sorts(instantiate(Declared(statement, module)))
    )


def _sorts(load: Instance) -> list[tuple[str, object]]:
    names = (*load.frame.bindings, *load.frame.values)
    return [(name, _sort(load.frame.own(name))) for name in names]


def _sort(value: Value | None) -> object:
    """Of a number its dimension, since the number may be any; of a word the word."""
    if isinstance(value, Quantity):
        return value.dim, value.tag, value.kinds
    return value


def _asked(name: str, files: list[Module]) -> bool:
    """Whether a field of this name is read anywhere."""
    field = re.compile(rf"\.\s*{re.escape(name)}(?!\w)")
    return any(field.search(module.source.text) for module in files)
