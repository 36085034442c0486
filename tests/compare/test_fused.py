"""The fused program does the work of the unfused one, phase by phase, and moves fewer bytes."""

from collections import Counter

import pytest

from perfdsl.compare.phases import OPERATORS, groups
from perfdsl.semantics.models import steps_of
from perfdsl.semantics.values import Quantity
from perfdsl.syntax import tree
from tests.compare.programs import SPECS, model_of

LOADS = ((1, 1), (12, 3), (257, 1), (2048, 2))
SHAPES = (
    "",
    "(products: bf16, operands: bf16)",
    """(layers: 7 layer, d_model: 128, d_ff: 96, heads: 4 head, kv_heads: 2 head, d_head: 64,
        dense: 0, every: 3, window: 33)""",
)


def totals(spec, shape, tokens, texts):
    """Operator -> what all its runs work by kind and unit, and move by direction and role."""
    net, frame = model_of(spec, shape, tokens, texts)
    graph = frame.context.graph
    found: dict[str, Counter[tuple[str, ...]]] = {}
    for step in steps_of(net, frame):
        of = found.setdefault(step.name, Counter())
        for work in step.work:
            key = "work", work.kind, str(work.unit)
            of[key] += known(graph, step.count) * known(graph, work.node)
        for flow in step.flows:
            of[flow.direction, flow.role] += known(graph, step.count) * known(graph, flow.node)
    return found


def known(graph, node):
    number = graph.number(node)
    assert number is not None
    return number


def number_of(frame, value):
    assert isinstance(value, Quantity)
    return known(frame.context.graph, value.node)


def parameters(net):
    assert isinstance(net.origin.node, tree.Model)
    return [param.name for param in net.origin.node.params]


def by_phases(found, phases):
    """The totals of all operators that a group of phases computes."""
    names = {name for phase in phases for name in OPERATORS[phase]}
    return sum((found[name] for name in names if name in found), Counter())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("load", LOADS)
def test_work_and_weights_are_those_of_the_unfused_program(load, shape):
    """By phase, kind and unit; activations are at most those that the operators move alone."""
    unfused, fused = (totals(spec, shape, *load) for spec in SPECS)
    of_unfused = groups(OPERATORS, unfused)
    assert len(of_unfused) == len(OPERATORS) - 1  # the first norm and the others are one
    for group in of_unfused:
        plain, made = by_phases(unfused, group.phases), by_phases(fused, group.phases)
        for key in plain.keys() | made.keys():
            if key[0] == "work" or key[1] == "weights":
                assert made[key] == plain[key], (group.name, key)
    moved = [sum(of[way, "activations"] for of in found.values() for way in ("read", "write"))
             for found in (fused, unfused)]  # fmt: skip
    assert moved[0] < moved[1]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_file_holds_is_the_same(shape):
    """The parameters have the same names, so that a file's shape fills either."""
    both = [model_of(spec, shape) for spec in SPECS]
    names = "parameters layer_bytes embedding_bytes head_bytes tensor_bytes".split()
    told = [[number_of(frame, net.frame.own(name)) for name in names] for net, frame in both]
    assert told[0] == told[1]
    assert parameters(both[0][0]) == parameters(both[1][0])
