"""Wanted: which measurements the statements of an analysis ask for, and which of them are there."""

from __future__ import annotations

import math
from collections.abc import Iterable

from perfdsl.semantics.cases import MeasuredCase
from perfdsl.semantics.graph import Graph
from perfdsl.semantics.program import AnalysisProgram, Program
from perfdsl.semantics.unmet import asked, roots_of


def wanted_measurements(program: Program, analysis: str = "") -> tuple[MeasuredCase, ...]:
    """Every case that the statements of an analysis (of all of them, if none is named) ask for.

    In the order in which they are first met; those that are measured already are among them.
    """
    chosen = [each for each in program.analyses if analysis in {"", each.name}]
    graph = program.graph
    found = [graph.cases[node] for each in chosen for node in measured_inputs(graph, each)]
    return tuple(dict.fromkeys(found))


def measured_inputs(graph: Graph, analysis: AnalysisProgram) -> list[int]:
    """The measured times that the statements of an analysis ask for."""
    if not graph.cases:
        return []
    roots = [*roots_of(analysis), *(node for fit in analysis.fits for node in fit.roots)]
    return sorted(graph.cases.keys() & set(asked(graph, roots)))


def unmeasured(graph: Graph, roots: Iterable[int]) -> list[int]:
    """The measured times without a value that these nodes ask for: they have none either."""
    open_ = [node for node in graph.cases if math.isnan(graph.nodes[node].data.value)]
    return sorted(set(open_).intersection(asked(graph, roots))) if open_ else []
