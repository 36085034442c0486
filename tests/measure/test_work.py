"""Work and bytes are those of the shipped model, as the solver counts them; bounds follow."""

import numpy as np
import pytest

import perfdsl
from perfdsl.measure.bounds import Limits, hard, structural
from perfdsl.measure.work import pairs, work
from perfdsl.records import replace
from tests.measure.records import FULL

# What the solver makes of the model for one text, or for texts of one length.
PROGRAM = """perf 1
from "lib/models/embeddinggemma_300m" import embeddinggemma
hardware any {
  port dot { serves int8; peak = 1 TMAC/s }
  port fma { serves fp32; peak = 1 TMAC/s }
  port add { serves fp32; peak = 1 Top/s }
  memory dram { bandwidth = 1 GB/s }
}
workload given { tokens = 12 token; batch = 1 sequence }
analysis counts(cpu = any, net = embeddinggemma, load = given) {
  let ops = predict(net, on: cpu).ops
  let layer = (ops["attn_q"].work + ops["attn_k"].work + ops["attn_v"].work
               + ops["attn_output"].work + ops["ffn_gate"].work + ops["ffn_up"].work
               + ops["ffn_down"].work)
  let head = ops["dense_2"].work + ops["dense_3"].work
  show (count(net.layers) * layer + head) / 1 MAC as "int8"
  show (4 * ops["attn (l mod 6 = 5)"].work
        + 20 * ops["attn (l mod 6 = 0, 1, 2, 3, 4)"].work) / 1 MAC as "attention"
  show ops["token_embd"].bytes[weights] in B as "rows"
  show predict(net, on: cpu).bytes[weights] in B as "weights"
}
"""
LENGTHS = (1, 2, 11, 12, 65, 256, 257, 258, 512, 600, 2048)


@pytest.fixture(scope="module")
def counts(tmp_path_factory):
    file = tmp_path_factory.mktemp("program") / "counts.perf"
    file.write_text(PROGRAM, "utf-8")
    return perfdsl.load(str(file)).analysis("counts")


@pytest.mark.parametrize("texts", [1, 64])
@pytest.mark.parametrize("tokens", LENGTHS)
def test_work_and_bytes_are_those_of_the_model(counts, tokens, texts):
    """Every count equals that of `specs/models/embeddinggemma_300m.perf`."""
    found = work(FULL, [tokens] * texts)
    told = counts.solve(tokens=tokens, batch=texts).values
    assert found.int8_macs == told["int8"].value
    assert found.attention_macs == told["attention"].value
    assert found.row_bytes == told["rows"].value
    assert found.weight_bytes + found.row_bytes == told["weights"].value
    assert found.tokens == tokens * texts


@pytest.mark.parametrize("tokens", [1, 2, 7, 8, 9, 17, 40])
@pytest.mark.parametrize("reach", [0, 1, 7, 8, 100, None])
def test_pairs_are_those_that_a_mask_leaves(tokens, reach):
    """Counted one by one."""
    apart = np.abs(np.arange(tokens)[:, None] - np.arange(tokens))
    assert pairs(tokens, reach) == (apart <= (tokens if reach is None else reach)).sum()


def test_texts_of_unequal_length_add_up():
    """Weights are read once for all of them, attention is within each."""
    both, one, other = work(FULL, [3, 600]), work(FULL, [3]), work(FULL, [600])
    assert both.int8_macs == one.int8_macs + other.int8_macs
    assert both.attention_macs == one.attention_macs + other.attention_macs
    assert both.weight_bytes == one.weight_bytes
    assert both.macs == both.int8_macs + both.attention_macs


def test_a_model_without_a_head_has_neither_its_work_nor_its_bytes():
    """dense_2 and dense_3 are 768 x 3072 weights each, 34 bytes for 32 of them."""
    plain, whole = work(replace(FULL, dense=0), [1]), work(FULL, [1])
    weights = 2 * 768 * 3072
    assert whole.int8_macs - plain.int8_macs == weights
    assert whole.weight_bytes - plain.weight_bytes == weights * 34 // 32


def test_the_hard_bound_is_the_longer_of_arithmetic_and_stream():
    """In closed form, from rates that are easy to divide by."""
    done = work(FULL, [512])
    limits = Limits(int8=1e12, attention=2e11, stream=5e10)
    bound = hard(done, limits)
    assert bound.compute == done.int8_macs / 1e12 + done.attention_macs / 2e11
    assert bound.memory == done.weight_bytes / 5e10
    assert (bound.seconds, bound.binding) == (bound.compute, "compute")


def test_the_structural_bound_takes_the_int8_peak_at_eight_tenths():
    """Attention and stream stay."""
    done = work(FULL, [65])
    limits = Limits(int8=1e12, attention=2e11, stream=5e10)
    bound = structural(done, limits)
    expected = done.int8_macs / 8e11 + done.attention_macs / 2e11
    assert bound.compute == pytest.approx(expected, rel=1e-15)
    assert bound.memory == hard(done, limits).memory


def test_one_token_waits_for_memory():
    done = work(FULL, [1])
    assert hard(done, Limits(int8=1e12, attention=2e11, stream=5e10)).binding == "memory"
