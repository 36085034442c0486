"""Model files of random weights: the published structure, the same bytes for the same seed."""

import hashlib
import io
import resource
import subprocess
import sys

import gguf
import numpy as np
import pytest
from gguf.quants import dequantize, quantize
from scipy import stats

from perfdsl.records import replace
from perfdsl.runner.config import PUBLISHED, read_config
from perfdsl.runner.errors import OutputError
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.gguf_types import TensorType
from perfdsl.runner.layout import check, parts
from perfdsl.runner.random_bits import Stream, normal, student_t
from perfdsl.runner.synth import SIZES, save_model, write_model
from perfdsl.runner.synth_weights import quantised
from perfdsl.runner.tokenizer import make_tokenizer
from perfdsl.runner.vocabulary import Kind, read_vocabulary

SHA256 = {
    "tiny": "ba09c3be13aae6882600deb7f9bf7c99bf1a87e551f279f261d8dff11180a7ba",
    "small": "a550b84d1062f97ba53c788c7a7fb5188f7d681d568adc284d51e9148b0f9f71",
}
FULL_SHA256 = "e4ef01c3f62528a9f12570e25b59c56064dbe669f742d252af61bcc5bc1cf77e"


def made(size, seed=0):
    stream = io.BytesIO()
    write_model(stream, size, seed, ignored)
    return stream.getvalue()


def ignored(_done, _whole):
    pass


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("model") / "small.gguf")
    save_model(path, "small", 0, ignored)
    return path


@pytest.fixture(scope="module")
def oracle(small):
    return gguf.GGUFReader(small)


# ---------------------------------------------------------------------------------- same bytes


@pytest.mark.parametrize("size", SHA256)
def test_the_bytes_are_the_same_everywhere(size):
    """Whatever the version of NumPy, and whatever the machine."""
    assert hashlib.sha256(made(size)).hexdigest() == SHA256[size]


def test_another_seed_makes_other_weights():
    """The vocabulary and the structure stay; the name tells the seed, and all of it is used."""
    one, other = made("tiny", 1), made("tiny", 2**64 - 1)
    assert one != other
    assert b"(tiny, seed 18446744073709551615)" in other
    assert len(made("tiny", 0)) == len(one)


# ----------------------------------------------------------------------------------- structure


def test_the_keys_are_those_of_the_published_file(oracle):
    """With their types; general.license and general.tags aside, for there is no licence to tell."""
    shape = {
        "context_length": 2048, "embedding_length": 768, "block_count": 6,
        "feed_forward_length": 1152, "attention.head_count": 3, "attention.head_count_kv": 1,
        "attention.key_length": 256, "attention.value_length": 256,
        "attention.sliding_window": 512, "pooling_type": 1, "dense_2_feat_in": 768,
        "dense_2_feat_out": 3072, "dense_3_feat_in": 3072, "dense_3_feat_out": 768,
    }  # fmt: skip
    reals = {
        "attention.layer_norm_rms_epsilon": np.float32(1e-6),
        "rope.freq_base": 1e6,
        "rope.freq_base_swa": 1e4,
    }
    tokenizer = {
        "model": "llama", "pre": "default", "bos_token_id": 2, "eos_token_id": 1,
        "unknown_token_id": 3, "padding_token_id": 0, "add_bos_token": True,
        "add_sep_token": False, "add_eos_token": True, "add_space_prefix": False,
    }  # fmt: skip
    wanted = {
        "general.architecture": "gemma-embedding",
        "general.type": "model",
        "general.name": "EmbeddingGemma random weights (small, seed 0)",
        "general.basename": "embeddinggemma",
        "general.size_label": "small",
        "general.file_type": 7,
        "general.quantization_version": 2,
        **{f"gemma-embedding.{name}": value for name, value in (shape | reals).items()},
        **{f"tokenizer.ggml.{name}": value for name, value in tokenizer.items()},
    }
    found = {name: each.contents() for name, each in oracle.fields.items() if "GGUF." not in name}
    lists = {
        name: found.pop(f"tokenizer.ggml.{name}") for name in ("tokens", "scores", "token_type")
    }
    assert found == wanted
    assert {name: len(items) for name, items in lists.items()} == dict.fromkeys(lists, 512)
    kinds = {name: oracle.fields[f"gemma-embedding.{name}"].types for name in shape | reals}
    assert {kinds[name][0] for name in shape} == {gguf.GGUFValueType.UINT32}
    assert {kinds[name][0] for name in reals} == {gguf.GGUFValueType.FLOAT32}


def test_the_full_model_has_the_published_tensors():
    """316 tensors, 171 in Q8_0; with the table of the embedding 326 MB."""
    found = list(parts(PUBLISHED))
    assert len(found) == 316
    assert sum(part.type is TensorType.Q8_0 for part in found) == 171
    assert sum(part.nbytes for part in found) == 327_060_480


@pytest.mark.parametrize("size", ["small", "tiny"])
def test_a_made_file_is_what_its_size_says(size, tmp_path):
    """Our own reader finds the shape, every tensor, and nothing else."""
    path = tmp_path / "model.gguf"
    path.write_bytes(made(size))
    file = open_gguf(path)
    found = read_config(file)
    assert found.eps == np.float32(1e-6)
    assert replace(found, eps=1e-6) == SIZES[size]
    assert check(file, SIZES[size]) == ()


@pytest.mark.fuzz
def test_the_full_model_is_the_same_everywhere(tmp_path):
    """335 MB; 262,144 tokens, each once, and nearly all of them pieces that text can become."""
    path = tmp_path / "full.gguf"
    save_model(str(path), "full", 0, ignored)
    with path.open("rb") as stream:
        assert hashlib.file_digest(stream, "sha256").hexdigest() == FULL_SHA256
    file = open_gguf(path)
    assert check(file, read_config(file)) == ()
    found = read_vocabulary(file)
    assert len(set(found.tokens)) == 262_144
    normal = found.of_kind(Kind.NORMAL)
    assert len(normal) > 250_000
    ids = make_tokenizer(found).ids
    apart = [n for n, token in normal.items() if ids(token.decode())[1:-1] != [n]]
    assert apart == []


# ------------------------------------------------------------------------------------- numbers


def test_weights_have_the_spread_of_their_input(oracle):
    """Standard deviation 1 / sqrt(columns), heavy tails; norms around 1, q and k around 1.4."""
    for each in oracle.tensors:
        values = dequantize(each.data, each.tensor_type).astype(float)
        if values.ndim == 2:
            scaled = values * np.sqrt(values.shape[1])
            assert abs(scaled.std() - 1) < 0.01, each.name
            assert abs(scaled.mean()) < 0.01, each.name
            assert 4.5 < stats.kurtosis(scaled, axis=None, fisher=False) < 8, each.name
        else:
            middle = 1.4 if "_q_norm" in each.name or "_k_norm" in each.name else 1.0
            assert abs(values.mean() - middle) < 0.03, each.name
            assert 0.08 < values.std() < 0.12, each.name


def test_no_two_matrices_are_alike(oracle):
    """Each tensor has a stream of its own."""
    heads = [each.data.tobytes()[:256] for each in oracle.tensors]
    assert len(set(heads)) == len(heads)


def test_the_table_is_students_t():
    """Against SciPy: quantiles of 6 degrees of freedom, over their own standard deviation."""
    table = student_t()
    quantiles = stats.t(6).ppf((np.arange(65_536) + 0.5) / 65_536)
    np.testing.assert_allclose(table, quantiles / quantiles.std(), rtol=2e-7)


def test_sums_of_uniform_numbers_are_nearly_normal():
    """A Kolmogorov-Smirnov distance of a few thousandths, against SciPy."""
    found = normal(Stream(0, 1), 200_000)
    assert abs(found.mean()) < 0.01
    assert abs(found.std() - 1) < 0.01
    assert stats.kstest(found, "norm").statistic < 0.01


def test_blocks_are_quantised_as_ggml_does():
    """Against the `gguf` package: the same scales, values that differ by one where both are as
    near, within rounding."""
    values = student_t().take(Stream(0, 2).words(32 * 4096))
    ours = np.frombuffer(quantised(values), np.uint8).reshape(-1, 34)
    theirs = quantize(values.reshape(4096, 32), gguf.GGMLQuantizationType.Q8_0).reshape(-1, 34)
    assert (ours[:, :2] == theirs[:, :2]).all()
    apart = np.abs(ours[:, 2:].view(np.int8).astype(int) - theirs[:, 2:].view(np.int8))
    assert apart.max() <= 1
    assert (apart == 1).mean() < 1e-4


# --------------------------------------------------------------------------------------- files


def test_a_file_is_not_replaced_without_a_word(tmp_path):
    """--force replaces it; a folder or a device stays one."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="is there already"):
        save_model(str(path), "tiny", 0, ignored)
    assert path.read_bytes() == b"mine"
    assert save_model(str(path), "tiny", 0, ignored, force=True) == path.stat().st_size == 226_816
    for other in (str(tmp_path), "/dev/null"):
        with pytest.raises(OutputError, match="is a folder or a device"):
            save_model(other, "tiny", 0, ignored, force=True)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["missing/model.gguf", "model\0.gguf", "x" * 300])
def test_a_name_that_cannot_be_is_an_error(name, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        save_model(str(tmp_path / name), "tiny", 0, ignored)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_nothing_is_left_of_a_file_that_was_not_finished(stop, tmp_path):
    """Interrupted, or without space: what was there before stays there, and nothing else."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"mine")

    def halfway(done, whole):
        if 2 * done > whole:
            raise stop

    with pytest.raises((KeyboardInterrupt, OutputError)):
        save_model(str(path), "tiny", 0, halfway, force=True)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"mine"


def test_a_file_has_the_usual_rights(tmp_path):
    """Those of any other new file: not the closed ones of a temporary file."""
    path, other = tmp_path / "model.gguf", tmp_path / "other"
    save_model(str(path), "tiny", 0, ignored)
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode


def test_progress_goes_from_nothing_to_all():
    told = []
    write_model(io.BytesIO(), "tiny", 0, lambda done, whole: told.append((done, whole)))
    amounts = [done for done, _ in told]
    assert amounts == sorted(amounts)
    assert {whole for _, whole in told} == {amounts[-1]}
    assert amounts[0] == 0


# ------------------------------------------------------------------------------------- command


def command(*words, **options):
    """The program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "perfdsl", "model", "synth", *words],
        check=False, capture_output=True, text=True, timeout=100, **options,
    )  # fmt: skip


def test_the_command_writes_a_file(tmp_path):
    """What it says it wrote is what is there; no bar where standard error is no terminal."""
    path = tmp_path / "model.gguf"
    run = command("--size", "tiny", "--seed", "7", "-o", str(path))
    assert (run.returncode, run.stderr) == (0, "")
    assert "226,816 bytes" in run.stdout
    assert path.read_bytes() == made("tiny", 7)


def test_a_full_disk_is_told(tmp_path):
    """A limit on the size of files stands for it."""
    run = command(
        "--size", "tiny", "-o", str(tmp_path / "model.gguf"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )  # fmt: skip
    assert run.returncode == 2
    assert "error[P831]" in run.stderr
    assert "File too large" in run.stderr
    assert list(tmp_path.iterdir()) == []
