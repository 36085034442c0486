"""Readings of a graph under other inputs: what one has from another is right."""

import math
import random

from perfdsl.semantics.dimensions import PURE
from perfdsl.semantics.graph import Graph, Input
from perfdsl.semantics.units import Unit
from perfdsl.solve.extent import extent
from perfdsl.solve.reading import Reading
from perfdsl.solve.unknowns import answer_range, answer_value
from tests.strategies import NOWHERE

OPERATIONS = {"sum": (1, -1), "product": (1, -1), "max": None, "min": None, "sqrt": None}


def grown(graph, rng, count):
    """So many more nodes of random operations on random earlier ones."""
    for _ in range(count):
        op = rng.choice(list(OPERATIONS))
        args = [rng.randrange(len(graph.nodes)) for _ in range(1 if op == "sqrt" else 2)]
        graph.add(op, args, OPERATIONS[op])


def graph_of(rng):
    graph = Graph()
    for number in range(8):
        value = rng.uniform(0.5, 4.0)
        unit = Unit("", 1.0, PURE, "")
        source = Input(f"x{number}", value, value, value, PURE, unit, NOWHERE, "model")
        graph.add("input", (), source)
    grown(graph, rng, 60)
    return graph


def reading(graph, given):
    """A reading that has nothing from another one."""
    return Reading(graph, answer_value, extent, answer_range, given)


def same(left, right):
    return left == right or (math.isnan(left) and math.isnan(right))


def test_a_changed_reading_is_as_one_made_anew():
    """Changes of changes, of inputs and of computed nodes, while the graph goes on growing."""
    rng = random.Random(7)  # noqa: S311  no secret, only numbers
    for _ in range(40):
        graph = graph_of(rng)
        given: dict[int, float] = {}
        found = reading(graph, given)
        for _ in range(4):
            found.value(rng.randrange(len(graph.nodes)))
            change = {rng.randrange(len(graph.nodes)): rng.uniform(0.5, 4.0) for _ in range(2)}
            found, given = found.changed(change), given | change
            grown(graph, rng, 5)
            fresh = reading(graph, given)
            for node in range(len(graph.nodes)):
                assert same(found.value(node), fresh.value(node))


def test_cones_and_dependents_are_each_others_inverse():
    """A node is in the cone of all that depends on it, and of nothing else; added nodes as well."""
    rng = random.Random(8)  # noqa: S311  no secret, only numbers
    graph = graph_of(rng)
    for _ in range(3):
        count = len(graph.nodes)
        cones = [set(graph.cone(node)) for node in range(count)]
        for node in range(count):
            assert graph.dependents(node) == {n for n in range(count) if node in cones[n]}
            assert list(graph.cone(node)) == graph.needed([node])
        grown(graph, rng, 10)
