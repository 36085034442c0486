"""Whatever is wrong with a model file: embedding with it gives vectors, or an error."""

from collections import Counter
from itertools import chain

import numpy as np
import pytest

from perfdsl.runner.errors import NumberError, RunnerError
from perfdsl.runner.model import EmbeddingModel
from tests.runner.mutants import damaged, mutants
from tests.runner.tiny_file import TINY

# Ids that touch the first and the last row, one text of a token, one that a window does not cover.
TEXTS = [np.array([2, 0, 511, 1]), np.array([3]), np.arange(40) * 11]


def vectors(path):
    """What a file gives: vectors, or the kind of its error: overflow, where weights that are finite
    make a vector that is not."""
    try:
        with EmbeddingModel.open(path, threads=2) as model:
            texts = [ids % model.config.vocab for ids in TEXTS]
            found = model.embed_ids(text[: model.config.context] for text in texts)
    except RunnerError as error:
        overflow = isinstance(error, NumberError) and error.what.startswith("the vector of text")
        return "overflow" if overflow else type(error).__name__
    assert found.dtype == np.float32
    assert found.shape == (len(TEXTS), model.config.d_model)
    return found


def outcome(path, data):
    """A word for what became of a file: vectors of length 1, zeros (of weights that leave nothing
    of a text), or the kind of its error."""
    path.write_bytes(data)
    found = vectors(path)
    if isinstance(found, str):
        return found
    lengths = np.linalg.norm(found.astype(np.float64), axis=1)
    some = lengths != 0
    assert np.allclose(lengths[some], 1, rtol=0, atol=1e-5), lengths  # so none is NaN
    return "vectors" if some.all() else "zeros"


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
    assert found["overflow"] > 20
    assert 0 < found["zeros"] < 100


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
