"""Whatever is wrong with a model file: embedding with it gives vectors, or an error."""

from collections import Counter
from itertools import chain

import numpy as np
import pytest

from perfdsl.runner.errors import RunnerError
from perfdsl.runner.model import EmbeddingModel
from tests.runner.mutants import damaged, mutants
from tests.runner.tiny_file import TINY

# Ids that touch the first and the last row, one text of a token, one that a window does not cover.
TEXTS = [np.array([2, 0, 511, 1]), np.array([3]), np.arange(40) * 11]


def vectors(path):
    """What a file gives: vectors, or the kind of its error."""
    try:
        with EmbeddingModel.open(path, threads=2) as model:
            texts = [ids % model.config.vocab for ids in TEXTS]
            found = model.embed_ids(text[: model.config.context] for text in texts)
    except RunnerError as error:
        return type(error).__name__
    assert found.dtype == np.float32
    assert found.shape == (len(TEXTS), model.config.d_model)
    return found


def outcome(path, data):
    """A word for what became of a file.

    Weights that are finite can still overflow on the way: then a vector is NaN, or nothing is left
    of it. That is what the arithmetic says of such weights, and takes nothing else with it.
    """
    path.write_bytes(data)
    found = vectors(path)
    if isinstance(found, str):
        return found
    lengths = np.linalg.norm(found.astype(np.float64), axis=1)
    return "vectors" if np.allclose(lengths, 1, atol=1e-5) else "overflow"


def outcomes(path, count, seed=0):
    files = chain(mutants(count // 2, seed + 100), damaged(count - count // 2, seed))
    return Counter(outcome(path, each.data) for each in files)


def test_two_thousand_mutants_give_vectors_or_an_error(tmp_path):
    """No crash and no other exception, from the header to the last product."""
    found = outcomes(tmp_path / "mutant.gguf", 2000)
    assert found.total() == 2000
    assert found["vectors"] > 400
    assert found["NumberError"] > 100
    assert found["ModelFileError"] > 100
    assert found["overflow"] < 100


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(1, 11))
def test_many_more_mutants_give_vectors_or_an_error(tmp_path, seed):
    """The same for mutants that nobody has seen."""
    assert outcomes(tmp_path / "mutant.gguf", 10_000, seed).total() == 10_000


def test_a_model_after_a_bad_one_is_as_before(tmp_path):
    """Nothing of a refused file stays behind."""
    before = vectors(TINY)
    outcomes(tmp_path / "mutant.gguf", 50, seed=3)
    assert np.array_equal(vectors(TINY), before)
