"""The activations that the fused program moves are what the runner's phases touch, with ==."""

import numpy as np
import pytest

from perfdsl.compare.phases import OPERATORS, operators_of
from perfdsl.runner.config import read_config
from perfdsl.runner.forward import LAST_PHASES
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.layer import PHASES
from perfdsl.semantics.models import steps_of
from tests.compare.programs import SPECS, TINY, model_of, shape_of
from tests.compare.touched import phases_of

FUSED = SPECS[1]
VOCABULARY = 512
WINDOW, WHOLE = 0, 1  # the tiny model's layers: one of each
OF_TILES = ("qkv", "attn_output", "gate_up", "ffn_down", "dense_2", "dense_3")
LOADS = ((16, 2), (40, 1), (7, 3), (2, 1))  # tokens of each text, texts
PLACES = (
    ("embed", WINDOW), ("first_norm", WINDOW),
    *((phase, layer) for layer in (WINDOW, WHOLE) for phase in PHASES),
    *((phase, WHOLE) for phase, _ in LAST_PHASES),
)  # fmt: skip


def touched(load):
    """What each phase touches, in a layer with a window and in one without."""
    tokens, texts = load
    random = np.random.default_rng(load)
    ids = [random.integers(0, VOCABULARY, tokens) for _ in range(texts)]
    with phases_of(TINY, ids) as phases:
        return {place: phases.touched(*place, random) for place in PLACES}


def predicted(load):
    """(operator, layer) -> bytes of activations that one run reads and writes in the program."""
    net, frame = model_of(FUSED, shape_of(TINY, bf16=HOST.bf16), *load)
    graph = frame.context.graph
    found: dict[tuple[str, int], list[float]] = {}
    for step in steps_of(net, frame):
        moved = [0.0, 0.0]
        for flow in step.flows:
            if flow.role == "activations":
                moved[flow.direction == "write"] += graph.number(flow.node) or 0
        layers = {"l mod 2 = 0": (WINDOW,), "l mod 2 = 1": (WHOLE,)}.get(step.index, (0, 1))
        found.update({(step.name, layer): moved for layer in layers})
    return found


def of_phase(moved, phase, layer):
    """The sums over the operators of a phase; behind the last layer stands another norm."""
    own = set(operators_of(phase, {name for name, _ in moved}))
    own -= {"attn_norm"} if layer == WHOLE else {"output_norm"}
    return [sum(column) for column in zip(*(moved[name, layer] for name in own), strict=True)]


def padding(load):
    """Keys and values that are packed behind the end of a text: K by lanes, V by pairs."""
    tokens, texts = load
    config = read_config(open_gguf(TINY))
    of_token = texts * config.d_kv * (2 if HOST.bf16 else 4)
    return [(-tokens % size) * of_token for size in (HOST.lanes, HOST.pairs)]


def expected(load, phase, reads, writes):
    """With what the program leaves out: padding of packed heads, and words that have no say."""
    of_keys, of_values = padding(load)
    if phase == "heads":
        writes += of_keys + of_values
    if phase == "attention":
        reads += of_values
    if phase in OF_TILES and not HOST.unsigned_weights:
        reads -= reads * 4 // 40  # what a tile holds for unsigned weights
    return reads, writes


@pytest.mark.parametrize("load", LOADS, ids=str)
def test_each_phase_reads_and_writes_what_the_program_says(load):
    """To the byte, in every phase of a layer with a window and of one without."""
    moved = predicted(load)
    said = {
        (phase, layer): expected(load, phase, *of_phase(moved, phase, layer))
        for phase, layer in PLACES
    }
    assert {
        place: (sum(found.read.values()), sum(found.written.values()))
        for place, found in touched(load).items()
    } == said


def test_every_phase_is_tried():
    assert {phase for phase, _ in PLACES} == OPERATORS.keys()
