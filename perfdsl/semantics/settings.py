"""`--set name=value`: a definition replaced from the command line, checked as in a file."""

from __future__ import annotations

from typing import NamedTuple

from perfdsl.diagnostics import Diagnostic, Source, Span, did_you_mean
from perfdsl.semantics.program import Program, Settable
from perfdsl.syntax import tree
from perfdsl.syntax.parser import parse


class Setting(NamedTuple):
    """`name` may be a whole path (`cpu.dram.channels`) or its end (`channels`)."""

    name: str
    value: str


def replacements(
    settings: tuple[Setting, ...], program: Program
) -> tuple[dict[Span, tree.Expr], list[Diagnostic]]:
    """The definitions that the settings replace, by their place, and what was wrong with them."""
    found: dict[Span, tree.Expr] = {}
    problems: list[Diagnostic] = []
    for setting in settings:
        targets = _targets(setting, program, problems)
        if not targets:
            continue
        expr = _expression(setting, targets[0], problems)
        if expr is None:
            continue
        for target in targets:
            found[target.span] = expr
    return found, problems


def declared_unit(name: str, program: Program) -> str | None:
    """The unit in which a definition is written; None where it is computed, or there is none."""
    targets = _targets(Setting(name, ""), program, [])
    expr = targets[0].expr if targets else None
    while not isinstance(expr, tree.Number):
        match expr:
            case tree.PlusMinus(centre=inner) | tree.Skew(best=inner) | tree.Noted(value=inner):
                expr = inner
            case _:
                return None
    return expr.unit


def _targets(setting: Setting, program: Program, problems: list[Diagnostic]) -> list[Settable]:
    """What a name means: in each analysis the one definition that it ends."""
    found: dict[Span, Settable] = {}
    every: list[str] = []
    for items in program.settable.values():
        every.extend(item.path for item in items)
        matches = _matches(setting.name, items)
        if len({item.span for item in matches}) > 1:
            paths = ", ".join(item.path for item in matches[:6])
            title = f"--set {setting.name}: several things are called so"
            problems.append(Diagnostic("P109", title, None, help=f"choose one of {paths}"))
            return []
        for item in matches[:1]:
            found[item.span] = item
    if not found:
        ends = [path.rsplit(".", 1)[-1] for path in every]
        near = did_you_mean(setting.name, [*every, *ends])
        help_ = f"did you mean `{near}`?" if near else "`perfdsl list FILE` names what can be set"
        title = f"--set {setting.name}: there is nothing of this name"
        problems.append(Diagnostic("P101", title, None, help=help_))
    return list(found.values())


def _matches(name: str, items: tuple[Settable, ...]) -> list[Settable]:
    """The definitions with that path, else those whose path ends so; nearest to the top first."""
    exact = [item for item in items if item.path == name]
    if exact:
        return exact[:1]
    ending = [item for item in items if item.path.endswith("." + name)]
    # What the parameters of the analysis hold comes before the other declarations of the file,
    # and an outer field (cpu.clock) before one inside a block.
    if not ending:
        return []
    depth = min(item.path.count(".") for item in ending)
    nearest = [item for item in ending if item.path.count(".") == depth]
    held = [item for item in nearest if item.held]
    return held or nearest


def _expression(setting: Setting, target: Settable, problems: list[Diagnostic]) -> tree.Expr | None:
    """The value as an expression; a bare count takes the unit of what it replaces."""
    value = setting.value.strip()
    unit = target.expr.unit if isinstance(target.expr, tree.Number) else ""
    units = target.frame.module.units
    if value.replace("_", "").isdigit() and (unit in units.counted or _is_label(unit, target)):
        value = f"{value} {unit}"
    source = Source(f"--set {setting.name}", f"let value = {value}")
    parsed = parse(source)
    body = parsed.file.body
    if parsed.problems or len(body) != 1 or not isinstance(body[0], tree.Let) or body[0].notes:
        title = f"--set {setting.name}={setting.value}: this is not a value"
        help_ = parsed.problems[0].title if parsed.problems else "write a number and its unit"
        problems.append(Diagnostic("P003", title, None, help=help_))
        return None
    return body[0].value


def _is_label(unit: str, target: Settable) -> bool:
    known = target.frame.module.units.known.get(unit)
    return known is not None and bool(known.tag)
