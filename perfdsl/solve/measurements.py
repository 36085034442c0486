"""Measured times as answers: each case that an analysis asks for, with its time or without."""

from __future__ import annotations

from collections.abc import Iterator

from perfdsl.semantics.graph import Graph, Input
from perfdsl.semantics.program import AnalysisProgram
from perfdsl.semantics.wanted import measured_inputs
from perfdsl.solve.answers import Measured
from perfdsl.solve.numbers import of_input


def measurements(program: AnalysisProgram, graph: Graph) -> Iterator[Measured]:
    """In the order in which the cases are first met."""
    for node in measured_inputs(graph, program):
        source = graph.nodes[node].data
        assert isinstance(source, Input)
        yield Measured(graph.cases[node], of_input(source), source.span)
