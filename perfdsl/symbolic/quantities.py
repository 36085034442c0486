"""The quantities of an analysis by name, each as a formula: shown, defined, claimed, and of runs.

A run tells its time, compute, work by kind, bytes by role, each level, every operator, and for
each port and level the ridge point: the peak of the one over the bandwidth of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sympy.core import Expr

from perfdsl.diagnostics import Span
from perfdsl.semantics.dimensions import PURE, Dimension
from perfdsl.semantics.graph import Graph
from perfdsl.semantics.program import AnalysisProgram
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import Condition, Instance, Quantity, Record, Sequence, Value
from perfdsl.symbolic.formulas import Formulas


@dataclass(frozen=True, slots=True)
class Named:
    """A quantity and what an author would call it. unit: as asked for, "" where nobody did.

    sort: show, let, claim, observe, solve; part (of a run or other record), ridge.
    """

    name: str
    node: int
    dim: Dimension
    sort: str
    unit: str = ""
    written: str = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Formula:
    """A named quantity with its expression in base units."""

    named: Named
    expr: Expr

    @property
    def name(self) -> str:
        return self.named.name

    @property
    def node(self) -> int:
        return self.named.node

    @property
    def dim(self) -> Dimension:
        return self.named.dim

    @property
    def unit(self) -> str:
        return self.named.unit


def quantities(analysis: AnalysisProgram, formulas: Formulas) -> tuple[Formula, ...]:
    """The formulas of all that `named` lists."""
    found = tuple(named(analysis))
    exprs = formulas.exprs([item.node for item in found])
    return tuple(map(Formula, found, exprs))


def named(analysis: AnalysisProgram) -> tuple[Named, ...]:
    """Every quantity of an analysis, each name once: what is asked for comes first."""
    found: dict[str, Named] = {}
    for item in (*_asked(analysis), *_defined(analysis)):
        found.setdefault(item.name, item)
    return tuple(found.values())


def _asked(analysis: AnalysisProgram) -> Iterator[Named]:
    for show in analysis.shows:
        for part in of_value(show.formula, show.value, "show", analysis.frame):
            fits = _fits(show.unit, part.dim, show.frame)
            title = show.title if part.name == show.formula else ""
            yield Named(title or part.name, part.node, part.dim, part.sort,
                        show.unit if fits else "", show.formula, show.span)  # fmt: skip
    for claim in analysis.claims:
        for row, one in claim.rows or (("", claim),):
            if isinstance(one.value, Quantity):
                name = claim.id or claim.title or claim.formula
                yield Named(f"{name}[{row}]" if row else name, one.left, one.value.dimension,
                            "claim", "", one.formula, one.span)  # fmt: skip
    for seen in analysis.observations:
        yield Named(seen.formula, seen.target.node, seen.target.dimension, "observe", "",
                    seen.formula, seen.span)  # fmt: skip
    for solve in analysis.solves:
        yield Named(f"{solve.name} from", solve.left, solve.dim, "solve", "", solve.formula,
                    solve.span)  # fmt: skip


def _fits(unit: str, dim: Dimension, frame: Frame) -> bool:
    return bool(unit) and getattr(frame.module.units.parse(unit), "dim", None) == dim


def _defined(analysis: AnalysisProgram) -> Iterator[Named]:
    for item in analysis.definitions:
        for part in of_value(item.name, item.value, "let", analysis.frame):
            yield Named(part.name, part.node, part.dim, part.sort, "", item.formula, item.span)


# ----------------------------------------------------------------------------------- of records


def of_value(name: str, value: Value, sort: str, frame: Frame) -> Iterator[Named]:
    """A quantity; of a record all that it holds, named as an author would ask for it."""
    match value:
        case Quantity():
            yield Named(name, value.node, value.dimension, sort)
        case Condition():
            yield Named(name, value.node, PURE, sort)
        case Record(fields=fields, rows=rows, default=default):
            if isinstance(default, Quantity):
                yield Named(name, default.node, default.dimension, sort)
            for key in fields:
                yield from _field(name, key, fields[key], frame)
            for key in rows:
                index = f'["{key}"]' if key in _texts(rows[key]) else f"[{key}]"
                yield from of_value(f"{name}{index}", rows[key], "part", frame)
            if {"time", "ops", "hardware"} <= set(fields):
                yield from _ridges(name, fields["hardware"], frame.context.graph)
        case _:
            pass


def _field(name: str, key: str, value: Value, frame: Frame) -> Iterator[Named]:
    if isinstance(value, Instance) and value.sort == "hardware":
        for block in _blocks(value):
            for own, rate in _rates(block, frame.context.graph):
                yield Named(f"{name}.{key}.{block.name}.{own}", rate.node, rate.dimension, "part")
    elif not isinstance(value, Sequence):
        yield from of_value(f"{name}.{key}", value, "part", frame)


def _texts(row: Value) -> tuple[str, ...]:
    """A row of a table of operators is found by its name, which is a text."""
    own = row.fields.get("name") if isinstance(row, Record) else None
    return (getattr(own, "text", ""),)


# ------------------------------------------------------------------------------------ of machines


def _blocks(hardware: Instance) -> list[Instance]:
    values = hardware.frame.values.values()
    sorts = {"port", "cache", "memory", "link"}
    return [v for v in values if isinstance(v, Instance) and v.sort in sorts]


def _rates(block: Instance, graph: Graph) -> Iterator[tuple[str, Quantity]]:
    """The peak or bandwidth of a block, and its efficiency where one was set."""
    for own in ("peak", "bandwidth", "efficiency", "size"):
        value = block.frame.own(own)
        if isinstance(value, Quantity) and graph.nodes[value.node].op != "const":
            yield own, value


def _ridges(name: str, hardware: Value, graph: Graph) -> Iterator[Named]:
    """Work a byte at which a port and a level take the same time: `run.ridge[fma, dram]`."""
    blocks = _blocks(hardware) if isinstance(hardware, Instance) else []
    peaks = [(b, p) for b in blocks if (p := _effective(b, "peak", graph)) is not None]
    widths = [(b, w) for b in blocks if (w := _effective(b, "bandwidth", graph)) is not None]
    for port, peak in peaks:
        for level, bandwidth in widths:
            node = graph.ratio(peak.node, bandwidth.node)
            dim = peak.dimension / bandwidth.dimension
            yield Named(f"{name}.ridge[{port.name}, {level.name}]", node, dim, "ridge")


def _effective(block: Instance, own: str, graph: Graph) -> Quantity | None:
    value, efficiency = block.frame.own(own), block.frame.own("efficiency")
    if not isinstance(value, Quantity) or block.sort == "link":
        return None
    if not isinstance(efficiency, Quantity):
        return value
    return Quantity(graph.product([value.node, efficiency.node]), value.dim)
