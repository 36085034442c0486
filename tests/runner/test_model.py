"""A whole model: vectors against independent ones, on any threads, whatever else is in the call."""

from pathlib import Path

import numpy as np
import pytest

from perfdsl.runner.errors import InputError, NumberError, TooLongError
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.model import EmbeddingModel

DATA = Path(__file__).resolve().parent.parent / "data/runner"
TINY = DATA / "embeddinggemma-random-tiny-Q8_0.gguf"
LENGTHS = (1, 12, 65, 200)


@pytest.fixture(scope="module")
def model():
    with EmbeddingModel.open(TINY, threads=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def references():
    return np.load(DATA / "ref-hf-tiny.npz"), np.load(DATA / "ref-llama-tiny.npz")


def _texts(model, *lengths, seed=3):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, model.config.vocab, length) for length in lengths]


@pytest.mark.parametrize("length", LENGTHS)
def test_vectors_are_those_of_hugging_face_but_for_quantised_activations(model, references, length):
    hugging_face, llama = references
    vector = model.embed_ids([hugging_face[f"ids_{length}"]])[0]
    exact = hugging_face[f"dense_{length}"].reshape(-1)
    theirs = llama[f"vec_{length}"].reshape(-1) if f"vec_{length}" in llama else None
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    # One text scatters: llama.cpp's own single errors lie between 0.7e-4 and 1.8e-4 here. The mean
    # over many texts is held against llama.cpp's in benchmarks/accuracy.py.
    assert 1 - vector @ exact < 5e-4
    if theirs is not None:
        assert 1 - vector @ (theirs / np.linalg.norm(theirs)) < 1e-3


def test_a_vector_depends_neither_on_threads_nor_on_the_rest_of_the_call(model):
    texts = _texts(model, 1, 7, 12, 33, 65, 1, 200, 17, 18, 5)  # 359 rows: each thread has its own
    together = model.embed_ids(texts)
    apart = np.concatenate([model.embed_ids([text]) for text in texts])
    assert np.array_equal(together, apart)
    for threads in (1, 3, 5):
        with EmbeddingModel.open(TINY, threads=threads) as other:
            assert np.array_equal(other.embed_ids(texts), together)
    assert np.array_equal(model.embed_ids(texts[::-1])[::-1], together)


def test_many_texts_go_through_in_several_passes(model):
    texts = _texts(model, *[100] * 20)
    seen = []
    vectors = model.embed_ids(texts, told=lambda done, count: seen.append((done, count)))
    assert seen[-1] == (20, 20)
    assert len(seen) > 1
    assert np.array_equal(vectors[13], model.embed_ids([texts[13]])[0])


def test_shorter_vectors_are_cut_and_have_length_1_again(model):
    texts = _texts(model, 9, 30)
    whole, short = model.embed_ids(texts), model.embed_ids(texts, dim=64)
    assert short.shape == (2, 64)
    cut = whole[:, :64]
    np.testing.assert_allclose(short, cut / np.linalg.norm(cut, axis=1, keepdims=True), rtol=1e-5)


def test_texts_are_embedded_with_the_tokenizer_of_the_file(model):
    ids = model.tokenizer.ids("How fast could it run?")
    assert np.array_equal(model.embed(["How fast could it run?"]), model.embed_ids([ids]))
    query = model.embed(["it"], prompt="query")
    assert not np.array_equal(query, model.embed(["it"], prompt="document"))


def test_no_texts_give_no_vectors(model):
    assert model.embed_ids([]).shape == (0, model.config.d_model)


@pytest.mark.parametrize(
    "ids, words",
    [
        ([], "text 1 has no ids"),
        ([[1, 2]], "shape"),
        ([1.5], "float64"),
        (["a"], "whole numbers"),
        ([-1], "the id -1"),
        ([512], "the id 512; ids are 0 to 511"),
        ([2**40], "ids are 0 to 511"),
        (np.array([2**63], np.uint64), "ids are 0 to 511"),
        ([True], "bool"),
        ([None], "whole numbers"),
    ],
)
def test_ids_that_are_none_are_refused(model, ids, words):
    with pytest.raises(InputError, match=words):
        model.embed_ids([[1], ids])


def test_too_long_a_text_is_refused_or_cut_before_its_last_token(model):
    (text,) = _texts(model, 257)
    with pytest.raises(TooLongError, match="257 tokens, the model takes 256"):
        model.embed_ids([text])
    cut = np.concatenate([text[:255], text[-1:]])
    assert np.array_equal(model.embed_ids([text], truncate=True), model.embed_ids([cut]))


def test_an_embedding_row_with_an_infinite_scale_is_told_when_it_is_used(tmp_path):
    content = bytearray(TINY.read_bytes())
    with EmbeddingModel.open(TINY, threads=1) as whole:
        place = whole.file.tensors["token_embd.weight"].offset + 7 * 96 // 32 * 34
    content[place : place + 2] = b"\x00\x7c"
    file = tmp_path / "infinite.gguf"
    file.write_bytes(content)
    with EmbeddingModel.open(file, threads=2) as model:
        good = model.embed_ids([[5, 6, 8]])
        with pytest.raises(NumberError, match="row 7") as found:
            model.embed_ids([[5, 7, 8]])
        assert found.value.offset == place
        assert np.array_equal(model.embed_ids([[5, 6, 8]]), good)


def _with_norm(path, name, value):
    """The tiny file with each weight of a norm that value."""
    content = bytearray(TINY.read_bytes())
    found = open_gguf(TINY).tensors[name]
    weights = np.full(found.shape, value, np.float32).tobytes()
    content[found.offset : found.offset + found.nbytes] = weights
    path.write_bytes(content)
    return path


def test_weights_that_overflow_are_told_with_the_first_text_whose_vector_they_spoil(tmp_path):
    """Row 7 of the embedding has one value that is not 0, and that one is large: normalised, it is
    sqrt(96) = 9.8, which 5e37 makes infinite. No value of another text comes near 6.8."""
    file = _with_norm(tmp_path / "large.gguf", "output_norm.weight", 5e37)
    content = bytearray(file.read_bytes())
    row = open_gguf(TINY).tensors["token_embd.weight"].offset + 7 * 3 * 34
    content[row : row + 3 * 34] = b"\xff\x7b\x7f" + bytes(3 * 34 - 3)  # fp16 65504, int8 127
    file.write_bytes(content)
    with EmbeddingModel.open(file, threads=2) as model:
        good = model.embed_ids([[5], [6], [8]])
        np.testing.assert_allclose(np.linalg.norm(good, axis=1), 1, atol=1e-6)
        words = r"the vector of text 2 is not finite: the weights of large\.gguf overflow"
        with pytest.raises(NumberError, match=words):
            model.embed_ids([[5], [6], [7], [8], [7]])
        assert np.array_equal(model.embed_ids([[5], [6], [8]]), good)


def test_a_model_that_leaves_nothing_of_a_text_gives_zeros(tmp_path):
    file = _with_norm(tmp_path / "zeros.gguf", "output_norm.weight", 0.0)
    with EmbeddingModel.open(file, threads=2) as model:
        assert np.array_equal(model.embed_ids([[5, 6, 8], [7]]), np.zeros((2, 96), np.float32))
