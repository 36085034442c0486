"""What `perfdsl units` prints: all units by dimension, or the meaning of one."""

from __future__ import annotations

import math
from collections.abc import Iterator

from perfdsl.diagnostics import Diagnostic, Source, Span
from perfdsl.present.style import Row, Theme, hanging, padded, paint
from perfdsl.semantics.dimensions import PURE, Dimension
from perfdsl.semantics.program import Program
from perfdsl.semantics.text import plain
from perfdsl.semantics.units import Unit, UnitError, UnitTable

NAMES = 10


def table_of(program: Program) -> UnitTable:
    """The units of a checked file."""
    assert program.entry is not None
    return program.entry.units


def page(text: str, table: UnitTable) -> str | Diagnostic:
    """`GB/s = 1e9 B/s`: what a unit means; for a wrong one what a file would be told."""
    found = table.parse(text.strip())
    if isinstance(found, UnitError):
        return _complaint(text.strip(), found)
    lines = [f"{found.text} = {_factor(found.factor)} {_base(found)}".rstrip()]
    lines += _parts(found, table)
    return paint([((line, ""),) for line in lines], Theme(width=1000))


def _complaint(text: str, error: UnitError) -> Diagnostic:
    source = Source("<units>", text)
    span = Span(source, 0, len(text))
    help_ = (
        f"did you mean `{error.instead}`?" if error.instead else "`perfdsl units` lists them all"
    )
    return Diagnostic(error.code, error.title, span, help=help_)


def _factor(factor: float) -> str:
    """In full: 1 GiB is 1,073,741,824 B, not 1.074e9."""
    whole = factor == round(factor) and abs(factor) < 1e16
    return f"{factor:,.0f}" if whole else plain(factor, 12)


def _base(unit: Unit) -> str:
    return unit.tag or ("" if unit.dim == PURE else str(unit.dim))


def _parts(unit: Unit, table: UnitTable) -> Iterator[str]:
    """What each base unit of the dimension stands for."""
    if unit.tag:
        yield "a label: it tells counts apart, and is no dimension"
    elif unit.dim == PURE:
        yield "a pure number"
    for name, exponent in unit.dim.exponents:
        doc = table.docs.get(name, "").partition("\n")[0]
        yield f"  {name}{f'^{exponent}' if exponent != 1 else ''}  {doc}".rstrip()


# ------------------------------------------------------------------------------------- listing


def listing(table: UnitTable, theme: Theme) -> str:
    """Every unit without its prefixes, by dimension; the prefixes below."""
    rows: list[Row] = []
    for dim, names in _by_dimension(table).items():
        rows += [()] if rows else []
        rows.append(((dim, "bold"),))
        if all(table.known[name].tag == name for name in names):
            rows += hanging((("  ", ""),), ", ".join(names), theme)
            continue
        for name in names:
            rows += _unit_rows(name, table, theme)
    rows += [(), (("prefixes", "bold"),), *_prefix_rows(table, theme)]
    return paint(rows, theme)


def _power(factor: float) -> str:
    """`10^9`, `2^30`: what a prefix means."""
    for base in (10, 2):
        exponent = round(math.log(factor, base))
        if math.isclose(float(base) ** exponent, factor, rel_tol=1e-12):
            return f"{base}^{exponent}"
    return plain(factor, 12)


def _by_dimension(table: UnitTable) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, unit in table.known.items():
        found.setdefault(_heading(unit.dim, unit.tag, table), []).append(name)
    return found


def _heading(dim: Dimension, tag: str, table: UnitTable) -> str:
    if tag:
        return "labels: they tell counts apart, and are no dimensions"
    if dim == PURE:
        return "pure numbers"
    return table.docs.get(str(dim), "") or str(dim)


def _unit_rows(name: str, table: UnitTable, theme: Theme) -> Iterator[Row]:
    unit = table.known[name]
    is_base = unit.factor == 1 and (unit.tag == name or str(unit.dim) == name)
    means = "" if is_base else f"= {_factor(unit.factor)} {_base(unit)}".rstrip()
    taken = [
        prefix for prefix, (_, family) in table.prefixes.items() if family in table.takes[name]
    ]
    doc = "" if is_base else table.docs.get(name, "")
    told = [means, doc, f"with {' '.join(taken)}" if taken else ""]
    text = "; ".join(part for part in told if part)
    yield from hanging((("  ", ""), (padded(name, NAMES), ""), ("  ", "")), text, theme, "dim")


def _prefix_rows(table: UnitTable, theme: Theme) -> Iterator[Row]:
    families: dict[str, list[str]] = {}
    for prefix, (factor, family) in table.prefixes.items():
        families.setdefault(family, []).append(f"{prefix} {_power(factor)}")
    for family, texts in families.items():
        lead = (("  ", ""), (padded(family, NAMES), ""), ("  ", ""))
        yield from hanging(lead, ", ".join(texts), theme, "dim")
