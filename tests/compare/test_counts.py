"""Counts first: program and oracle agree with `==`; one step on either side is told."""

from functools import cache

import numpy as np
import pytest

from perfdsl.compare.counts import count_findings, paddings, uncounted
from perfdsl.compare.model_counts import model_counts
from perfdsl.compare.whole import values_of
from perfdsl.measure.executed import Executed, executed
from perfdsl.measure.inputs import texts
from perfdsl.semantics.values import Quantity
from tests.compare.programs import SPECS, analysis, analysis_of, arguments_for, edited
from tests.runner.tiny_file import rewritten

LENGTHS = (1, 2, 11, 12, 65, 256, 257, 258, 512, 600, 2048)
VOCABULARY = 512
OF_A_LAYER = (
    "attn_q", "attn_k", "attn_v", "attn", "attn_output", "ffn_gate", "ffn_up", "ffn_down",
)  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The tiny model with the context and the window of the full one."""
    path = tmp_path_factory.mktemp("model") / "wide.gguf"
    names = "gemma-embedding.context_length", "gemma-embedding.attention.sliding_window"

    def widened(keys):
        for name, value in zip(names, (2048, 512), strict=True):
            keys[name] = keys[name][0], value

    path.write_bytes(rewritten(widened))
    return path


@pytest.fixture(scope="module")
def ran(file):
    """What the oracle counted for one text of so many tokens: each in a process of its own."""
    return cache(lambda tokens: executed(file, texts(1, tokens, VOCABULARY)))


@pytest.mark.parametrize("tokens", LENGTHS)
def test_every_count_of_the_oracle_is_that_of_the_programs(file, ran, tokens):
    """Both programs, operator by operator and layer by layer."""
    found = ran(tokens)
    assert [each.operator for each in found.operators] == [*OF_A_LAYER * 2, "dense_2", "dense_3"]
    for spec in SPECS:
        assert count_findings(analysis(spec, arguments_for(file, found)), "net", found) == ()


def test_texts_of_unequal_length_in_one_call_add_up(file):
    """Weights are read once for all, rows of the embedding once for each distinct id."""
    random = np.random.default_rng(3)
    given = [random.integers(0, VOCABULARY, length) for length in (1, 33, 270, 33, 600)]
    found = executed(file, given, threads=2)
    assert found.embedding_rows == found.distinct_ids < sum(found.lengths)
    for spec in SPECS:
        assert count_findings(analysis(spec, arguments_for(file, found)), "net", found) == ()


def test_what_was_executed_can_be_recorded(ran):
    """JSON and back."""
    assert Executed.model_validate_json(ran(12).model_dump_json()) == ran(12)


def test_what_the_oracle_does_not_count_is_told(file, ran):
    """Norms of the unfused program: 3 of d_model = 96 in each layer, and so on."""
    found = ran(12)
    told = uncounted(analysis(SPECS[0], arguments_for(file, found)), "net", found)
    by_name = {each.operator: (each.macs, each.weight_bytes) for each in told}
    width = 2 * 12 * 96, 2 * 96 * 4  # two layers
    norms = "attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"
    assert all(by_name.pop(name) == width for name in norms)
    assert by_name == {
        "attn_q_norm": (2 * 12 * 3 * 32, 2 * 32 * 4),
        "attn_k_norm": (2 * 12 * 32, 2 * 32 * 4),
        "output_norm": (12 * 96, 96 * 4),
        "l2": (96, 0),
    }


def test_padding_is_of_attention_alone(ran):
    """Products take their tiles as long as they are; attention takes panels of keys."""
    told = {each.phase: each for each in paddings(ran(11))}
    assert list(told) == [
        "qkv", "attention", "attn_output", "gate_up", "ffn_down", "dense_2", "dense_3",
    ]  # fmt: skip
    assert [phase for phase, each in told.items() if each.share] == ["attention"]
    assert told["attention"].useful == 2 * 2 * 11 * 11 * 96  # two layers, all pairs, d_q = 96
    assert told["attention"].executed > told["attention"].useful


@pytest.mark.parametrize("spec", SPECS)
def test_the_exact_reading_is_that_of_floats_where_these_are_exact(spec):
    """Every count of the program, as it was written."""
    made = analysis(spec, tokens=600, texts=3)
    told, graph = model_counts(made, "net", [600] * 3), made.frame.context.graph
    for parts in told.parts.values():
        for part in parts:
            values = values_of(graph, part.node, {})
            assert {node: float(value) for node, value in values.items()} == {
                node: graph.number(node) for node in values
            }


# ------------------------------------------------------- one step, in the program


# What -> (text of the program, or of the arguments, and what stands there instead; the operators
# concerned; the number that would mend it).
EDITS = {
    "a loop bound": (
        ("repeat l in 0 ..< layers {", "repeat l in 1 ..< layers {"),
        {*OF_A_LAYER},
        "net.layers = 3",
    ),
    "a head count": (
        ("heads: 3 head", "heads: 4 head"),
        {"attn_q", "attn", "attn_output"},
        "net.heads = 3",
    ),
    "the window": (
        ("then none else window", "then none else window - 1"),
        {"attn"},
        "net.window = 514",
    ),
}


@pytest.mark.parametrize("what", EDITS)
@pytest.mark.parametrize("spec", SPECS)
def test_a_program_changed_by_one_is_told_by_operator_and_formula(file, ran, spec, what, tmp_path):
    """Those operators alone, the formula with its numbers, and the step that would mend it."""
    (old, new), operators, mend = EDITS[what]
    found = ran(600)
    arguments = arguments_for(file, found)
    if old in arguments:
        made = analysis(spec, arguments.replace(old, new))
    else:
        made = edited(spec, arguments, {old: new}, tmp_path)
    told = count_findings(made, "net", found)
    assert {each.operator for each in told} == operators
    for each in told:
        assert each.predicted != each.counted
        assert mend in each.edits
        assert sum(part.layers * part.each for part in each.classes) == each.predicted
        assert sum(count * len(layers) for count, layers in each.layers) == each.counted
        text = "\n".join(each.lines())
        assert each.written[0][0].startswith("use ")
        assert each.written[0][0].endswith(f"as {each.operator}")
        assert each.classes[0].formula.text in text
        assert f"{mend.partition(' =')[0]} = " in text


@pytest.mark.parametrize("spec", SPECS)
def test_heads_of_attention_alone_are_refused_before_anything_is_counted(spec, tmp_path):
    """What stands before and behind it does not fit any more: the checker says so."""
    old = "attention(heads: heads" if spec == SPECS[0] else "attention_quantised(heads: heads"
    with pytest.raises(AssertionError, match="takes rows of 1024"):
        edited(spec, "", {f"use {old}": f"use {old} + 1"}, tmp_path)


# ------------------------------------------------------- one step, in what was counted


def changed(found: Executed, operator: str, layer: int, **by: int) -> Executed:
    """The record with one operator's numbers in one layer moved."""
    operators = tuple(
        each.model_copy(update={name: getattr(each, name) + step for name, step in by.items()})
        if (each.operator, each.layer) == (operator, layer)
        else each
        for each in found.operators
    )
    return found.model_copy(update={"operators": operators})


@pytest.mark.parametrize("operator", OF_A_LAYER)
def test_one_multiply_add_too_many_in_one_layer_is_told(file, ran, operator):
    found = changed(ran(65), operator, 1, useful=1, executed=1)
    for spec in SPECS:
        (told,) = count_findings(analysis(spec, arguments_for(file, found)), "net", found)
        assert (told.operator, told.counted - told.predicted) == (operator, 1)


def test_layers_that_make_up_for_each_other_are_told(file, ran):
    """The total is right, and two layers are wrong."""
    found = changed(changed(ran(65), "attn", 0, useful=64), "attn", 1, useful=-64)
    (told,) = count_findings(analysis(SPECS[0], arguments_for(file, found)), "net", found)
    assert told.operator == "attn"
    assert told.predicted == told.counted


def test_a_line_of_weights_that_was_not_read_is_told(file, ran):
    found = changed(ran(12), "ffn_up", 0, weight_bytes=-64)
    (told,) = count_findings(analysis(SPECS[1], arguments_for(file, found)), "net", found)
    assert (told.operator, told.quantity) == ("ffn_up", "weight bytes")
    assert told.predicted - told.counted == 64


def test_executing_less_than_what_is_useful_is_told(file, ran):
    """As if a panel of values had been left out: pairs are counted, their sums are not made."""
    found = changed(ran(256), "attn", 1, executed=-(2 * 256 * 256 * 96 // 2))
    (told,) = count_findings(analysis(SPECS[0], arguments_for(file, found)), "net", found)
    assert (told.operator, told.quantity) == ("attn", f"{found.attention} MAC executed")
    assert told.counted < told.predicted


def test_a_row_of_the_embedding_too_many_is_told(file, ran):
    found = ran(12).model_copy(update={"embedding_rows": ran(12).embedding_rows + 1})
    (told,) = count_findings(analysis(SPECS[0], arguments_for(file, found)), "net", found)
    assert (told.operator, told.counted - told.predicted) == ("token_embd", 3 * 34)


def test_attention_in_another_kind_is_told(file, ran):
    """As if it were computed in the other kind: neither the one nor the other is right."""
    found = ran(12)
    program = analysis(SPECS[1], arguments_for(file, found))
    told = count_findings(program, "net", found.model_copy(update={"bf16": not found.bf16}))
    assert [(each.operator, each.quantity) for each in told] == [
        ("attn", f"{found.attention} MAC"),
        ("attn", f"{'fp32' if found.bf16 else 'bf16'} MAC"),
    ]
    assert [each.counted == 0 for each in told] == [True, False]
    assert told[1].written == ()


# ------------------------------------------------------- what is told


def test_the_formula_is_one_of_the_language_and_gives_the_number(file, ran, tmp_path):
    """Each formula of a finding, written into a program with its numbers."""
    found = changed(
        changed(ran(600), "attn", 0, useful=1, executed=1), "ffn_down", 1, useful=1, executed=1
    )
    told = count_findings(analysis(SPECS[0], arguments_for(file, found)), "net", found)
    assert [each.operator for each in told] == ["attn", "ffn_down"]
    for finding in told:
        for each in finding.classes:
            text, lets = each.formula.text, ""
            for number, (name, value) in enumerate(each.formula.values):
                text = text.replace(name, f"x{number}")
                lets += f"  let x{number} = {value.replace(',', '')}\n"
            program = f"perf 1\nanalysis a() {{\n{lets}  show {text} in MAC\n}}\n"
            (shown,) = analysis_of(program, tmp_path).shows
            graph = shown.frame.context.graph
            assert isinstance(shown.value, Quantity)
            assert graph.number(shown.value.node) == each.each
