"""`perfdsl embed` and `perfdsl model profile` as a user runs them, on the tiny model."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from perfdsl.runner.model import EmbeddingModel

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests/data/runner/embeddinggemma-random-tiny-Q8_0.gguf"


def _run(*words, given=b""):
    command = [sys.executable, "-m", "perfdsl", *map(str, words)]
    return subprocess.run(
        command, check=False, cwd=ROOT, input=given, capture_output=True, timeout=300
    )


@pytest.fixture(scope="module")
def expected():
    """Of the text `a b` alone, and as a query."""
    with EmbeddingModel.open(TINY, threads=1) as model:
        return model.embed(["a b"])[0], model.embed(["a b"], prompt="query")[0]


def test_a_text_gives_a_line_of_numbers_that_are_the_float32(expected):
    done = _run("embed", TINY, "a b")
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    (line,) = done.stdout.decode().splitlines()
    assert np.array_equal(np.array(line.split(), np.float32), expected[0])


def test_lines_of_standard_input_are_texts_as_json(expected):
    done = _run("embed", TINY, "--format", "json", "--prompt", "query", given=b"a b\r\n\nc\n")
    found = json.loads(done.stdout)
    assert found["model"] == str(TINY)
    first, empty, last = found["embeddings"]
    assert np.array_equal(np.array(first["vector"], np.float32), expected[1])
    assert empty["tokens"] < first["tokens"]
    assert len(last["vector"]) == 96


def test_an_array_goes_to_a_file_or_a_pipe_and_replaces_nothing(tmp_path, expected):
    file = tmp_path / "vectors.npy"
    words = ("embed", TINY, "a b", "--format", "numpy", "--dim", "64")
    assert _run(*words, "-o", file).returncode == 0
    cut = expected[0][:64]
    np.testing.assert_allclose(np.load(file)[0], cut / np.linalg.norm(cut), rtol=1e-5)
    assert np.array_equal(np.load(io.BytesIO(_run(*words).stdout)), np.load(file))
    again = _run(*words, "-o", file)
    assert again.returncode == 2
    assert b"is there already" in again.stderr


@pytest.mark.parametrize(
    "words, given, code, told",
    [
        (("--ids", "2,x,1"), b"", b"P811", b"`x` is no token id"),
        (("--ids", "2,512"), b"", b"P811", b"ids are 0 to 511"),
        (("--ids", "--prompt", "query", "2"), b"", b"P811", b"no prompt in front"),
        (("--prompt", "poem", "a"), b"", b"P811", b"there is no prompt `poem`"),
        (("--dim", "33", "a"), b"", b"P811", b"multiple of 32"),
        (("a " * 300,), b"", b"P812", b"the model takes 256"),
        ((), b"", b"P811", b"nothing to embed"),
        ((), b"a\n\xff\n", b"P811", b"line 2 of standard input is not UTF-8"),
    ],
)
def test_what_is_wrong_is_told_in_one_message(words, given, code, told):
    done = _run("embed", TINY, *words, given=given)
    assert done.returncode == 2
    assert done.stdout == b""
    assert code in done.stderr
    assert told in done.stderr
    assert done.stderr.count(b"error[") == 1


def test_too_long_a_text_can_be_cut():
    done = _run("embed", TINY, "a " * 300, "--truncate", "--format", "json")
    assert json.loads(done.stdout)["embeddings"][0]["tokens"] == 256


def test_a_profile_tells_each_phase_and_what_it_executed():
    done = _run("model", "profile", TINY, "--tokens", 20, "--rounds", 3, "--counts")
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert "20 tokens on" in text
    for phase in ("qkv", "attention", "gate up", "ffn down", "dense 3"):
        assert phase in text
    form = ("--tokens", 20, "--rounds", 3, "--counts", "--format", "json")
    found = json.loads(_run("model", "profile", TINY, *form).stdout)
    phases = {phase["name"]: phase for phase in found["phases"]}
    assert phases["ffn_down"]["useful"] == 2 * 20 * 96 * 128
    assert phases["ffn_down"]["read"] == 2 * 96 * 128 * 34 // 32
    assert phases["heads"]["useful"] is None
