"""The forward pass in NumPy: Hugging Face's vectors of the tiny model, and what a token sees."""

from functools import cache

import numpy as np
import pytest

from perfdsl.records import replace
from perfdsl.runner.config import read_config
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.reference import embed_reference, forward, rope_table, rotated, visible
from perfdsl.runner.tensors import Tensors
from tests.runner.tiny_file import DATA, TINY

LENGTHS = (1, 12, 65, 200)
# llama.cpp multiplies int8 by int8: 1 - cos of its vectors to float32, on this file, 2 to 7e-5.
INT8 = 2e-4


@cache
def tiny():
    file = open_gguf(TINY)
    return read_config(file), Tensors(file)


@cache
def recorded(name):
    with np.load(DATA / name) as arrays:
        return dict(arrays)


@cache
def everything():
    """All texts in one call."""
    config, tensors = tiny()
    texts = [recorded("ref-hf-tiny.npz")[f"ids_{n}"] for n in LENGTHS]
    return {n: place for place, n in enumerate(LENGTHS)}, forward(config, tensors, texts)


def apart(one, other):
    """1 - cos."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    return 1 - one @ other / np.linalg.norm(one) / np.linalg.norm(other)


@pytest.mark.parametrize("tokens", LENGTHS)
def test_vectors_are_hugging_faces(tokens):
    """Before and behind the head, by angle and by each of the numbers."""
    places, found = everything()
    expected = recorded("ref-hf-tiny.npz")
    mean = found.means[places[tokens]]
    mean = mean / np.linalg.norm(mean)
    vector = found.vectors[places[tokens]]
    for ours, theirs in ((mean, expected[f"mean_{tokens}"]), (vector, expected[f"dense_{tokens}"])):
        assert ours.dtype == np.float32
        assert apart(ours, theirs) <= 1e-10
        assert np.abs(ours - theirs).max() <= 2e-6


@pytest.mark.parametrize("tokens", [n for n in LENGTHS if n <= 65])
def test_states_are_hugging_faces(tokens):
    """Each token's last state, of which the largest number is about 4."""
    places, found = everything()
    expected = recorded("ref-hf-tiny.npz")[f"tok_{tokens}"]
    assert np.abs(found.states[places[tokens]] - expected).max() <= 2e-5


@pytest.mark.parametrize("tokens", LENGTHS)
def test_llama_cpp_is_as_near_as_int8_allows(tokens):
    """An implementation of others that shares nothing with Hugging Face's agrees on the graph."""
    places, found = everything()
    expected = recorded("ref-llama-tiny.npz")
    assert (expected[f"ids_{tokens}"] == recorded("ref-hf-tiny.npz")[f"ids_{tokens}"]).all()
    assert apart(found.vectors[places[tokens]], expected[f"vec_{tokens}"]) <= INT8


def test_a_window_of_512_reaches_256_to_either_side():
    """Pairs of the mask that attention uses: all of 257 tokens, all but two of 258."""
    config = replace(tiny()[0], window=512)
    pairs = {n: int(visible(config, n, full=False).sum()) for n in (1, 257, 258, 600)}
    assert pairs == {1: 1, 257: 257**2, 258: 258**2 - 2, 600: 513 * 600 - 256 * 257}
    assert visible(config, 600, full=True).all()


def test_what_a_token_does_not_see_changes_nothing():
    """In layers with a window alone, a change at the end reaches `reach` tokens a layer."""
    config, tensors = tiny()
    config = replace(config, full=(False, False))
    ids = recorded("ref-hf-tiny.npz")["ids_65"]
    other = ids.copy()
    other[-1] = ids[-1] + 1
    before, after = (forward(config, tensors, [each]).states[0] for each in (ids, other))
    changed = np.flatnonzero((before != after).any(axis=1))
    assert changed.min() == len(ids) - 1 - 2 * config.reach


def test_a_text_is_embedded_alike_in_company():
    """Texts share no more than the weights; the head takes them as one matrix, which rounds."""
    config, tensors = tiny()
    places, together = everything()
    for tokens in (12, 65):
        alone = forward(config, tensors, [recorded("ref-hf-tiny.npz")[f"ids_{tokens}"]])
        assert np.array_equal(alone.states[0], together.states[places[tokens]])
        assert np.abs(alone.vectors[0] - together.vectors[places[tokens]]).max() <= 1e-6


def test_vectors_alone_are_those_of_the_whole():
    config, tensors = tiny()
    ids = [recorded("ref-hf-tiny.npz")["ids_12"]]
    assert np.array_equal(
        embed_reference(config, tensors, ids), forward(config, tensors, ids).vectors
    )


def test_without_a_head_the_mean_is_normalised():
    config, tensors = tiny()
    found = forward(replace(config, dense=0), tensors, [recorded("ref-hf-tiny.npz")["ids_12"]])
    assert apart(found.vectors[0], recorded("ref-hf-tiny.npz")["mean_12"]) <= 1e-10


def test_rope_turns_pairs_by_position():
    """Lengths stay, and what two tokens say to each other depends on their distance alone."""
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((2, 1, 1, 32), np.float32)
    cos, sin = rope_table(2000, 32, 1e4)
    turned = [rotated(np.repeat(each, 2000, axis=0), cos, sin)[:, 0] for each in (q, k)]
    assert np.allclose(np.linalg.norm(turned[0], axis=1), np.linalg.norm(q), rtol=1e-5)
    at_seven = (turned[0][:-7] * turned[1][7:]).sum(axis=1)
    assert np.ptp(at_seven) <= 1e-4
