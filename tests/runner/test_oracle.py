"""The oracle's counts against loops over the model's shape, and the instruments' phases."""

from pathlib import Path

import numpy as np
import pytest

from perfdsl.runner.config import read_config
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.instruments import timed
from perfdsl.runner.layer import PHASES
from perfdsl.runner.layout import parts
from perfdsl.runner.model import EmbeddingModel
from perfdsl.runner.oracle import counted

TINY = Path(__file__).resolve().parent.parent / "data/runner/embeddinggemma-random-tiny-Q8_0.gguf"
LENGTHS = (1, 17, 18, 40)  # the window of 16 begins to cut at 18


@pytest.fixture(scope="module")
def config():
    return read_config(open_gguf(TINY))


@pytest.fixture(scope="module")
def counts(config):
    rng = np.random.default_rng(8)
    texts = [rng.integers(0, config.vocab, length) for length in LENGTHS]
    return texts, counted(TINY, texts, threads=2)


def test_useful_work_of_products_is_rows_times_the_matrix(config, counts):
    _, found = counts
    rows = sum(LENGTHS)
    for part in parts(config):
        operator = part.name.removesuffix(".weight").rpartition(".")[2]
        if part.layer is None or len(part.shape) == 1:
            continue
        one = next(x for x in found.operators if (x.operator, x.layer) == (operator, part.layer))
        assert one.useful == one.executed == rows * part.shape[0] * part.shape[1]
        assert one.weights + one.scales == part.nbytes
    for name in ("dense_2", "dense_3"):
        part = next(part for part in parts(config) if part.name == f"{name}.weight")
        total = found.total(name)
        assert total.useful == len(LENGTHS) * part.shape[0] * part.shape[1]
        assert total.weights + total.scales == part.nbytes


def test_useful_work_of_attention_is_the_pairs_inside_window_and_text(config, counts):
    _, found = counts
    for layer, full in enumerate(config.full):
        reach = config.context if full else config.reach
        pairs = sum(
            abs(i - j) <= reach for length in LENGTHS for i in range(length) for j in range(length)
        )
        one = next(x for x in found.operators if (x.operator, x.layer) == ("attn", layer))
        assert one.useful == 2 * pairs * config.heads * config.d_head
        assert one.executed >= one.useful
        assert one.weights == one.scales == 0


def test_rows_of_the_embedding_are_counted_once(counts):
    texts, found = counts
    assert found.embedding_rows == len(np.unique(np.concatenate(texts)))


def test_each_phase_is_timed_in_order_of_execution(config, counts):
    texts, _ = counts
    with EmbeddingModel.open(TINY, threads=2) as model:
        phases = timed(model, texts)
    assert [each.name for each in phases if each.layer == 1] == list(PHASES)
    assert [each.name for each in phases][:2] == ["embed", "first_norm"]
    assert [each.name for each in phases][-1] == "normalise"
    assert all(each.seconds >= 0 for each in phases)
    assert len(phases) == 2 + len(PHASES) * config.layers + 6
