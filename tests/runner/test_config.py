"""The shape of a model is what its keys say, in every published form of the file."""

import numpy as np
import pytest

from perfdsl.runner.config import Config, read_config
from perfdsl.runner.errors import ModelFileError, OtherModelError, TensorError, VocabularyError
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.gguf_types import TensorType, ValueType
from perfdsl.runner.gguf_write import Items
from perfdsl.runner.layout import check, parts
from tests.runner.tiny_file import TINY, rewritten, tensor

PREFIX = "gemma-embedding."
DENSE = [f"{PREFIX}dense_{n}_feat_{way}" for n in (2, 3) for way in ("in", "out")]

EXPECTED = Config(
    layers=2, d_model=96, d_ff=128, heads=3, kv_heads=1, d_head=32, vocab=512, context=256,
    window=16, full=(False, True), eps=float(np.float32(1e-6)), theta_full=1e6, theta_window=1e4,
    dense=128,
)  # fmt: skip


@pytest.fixture
def opened(tmp_path):
    """Writes the tiny file with changes, and gives its shape."""

    def read(keys=lambda keys: None, tensors=lambda tensors: None):
        path = tmp_path / "changed.gguf"
        path.write_bytes(rewritten(keys, tensors))
        file = open_gguf(path)
        config = read_config(file)
        check(file, config)
        return config

    return read


def without(*names):
    def change(keys):
        for name in names:
            del keys[name]

    return change


def with_value(name, kind, value):
    return lambda keys: keys.update({PREFIX + name: (kind, value)})


def with_pattern(kind, items):
    name = PREFIX + "attention.sliding_window_pattern"
    return lambda keys: keys.update({name: Items(kind, items)})


def test_the_tiny_model():
    """Each number stands where it belongs."""
    found = read_config(open_gguf(TINY))
    assert found == EXPECTED
    assert (found.reach, found.d_q, found.d_kv) == (8, 96, 32)


def test_a_file_without_the_dense_head(opened):
    """The first published form: neither the keys nor the tensors of the head, nor some others."""
    early = [*DENSE, PREFIX + "rope.freq_base_swa", PREFIX + "attention.sliding_window_pattern"]

    def headless(tensors):
        tensors[:] = [each for each in tensors if not each.name.startswith("dense")]

    found = opened(without(*early), headless)
    assert found.dense == 0
    assert found.theta_window == 1e4
    assert found.full == (False, False)  # every sixth layer: none of two


def test_a_head_without_keys_is_as_wide_as_its_tensor(opened):
    """A file may have the tensors of the head alone."""
    assert opened(without(*DENSE)).dense == 128


@pytest.mark.parametrize("missing", ["dense_2", "dense_3"])
def test_half_a_head_is_refused(opened, missing):
    """The keys or the other tensor say that there is a head."""

    def halve(tensors):
        tensors[:] = [each for each in tensors if not each.name.startswith(missing)]

    with pytest.raises(TensorError, match=missing):
        opened(tensors=halve)


@pytest.mark.parametrize(
    "every, full",
    [(1, (True, True)), (2, (False, True)), (3, (False, False)), (0, (False, False))],
)
def test_every_nth_layer_sees_the_whole_text(opened, every, full):
    """The last of each group; 0 is none, as in llama.cpp."""
    change = with_value("attention.sliding_window_pattern", ValueType.UINT32, every)
    assert opened(change).full == full


@pytest.mark.parametrize("kind", [ValueType.BOOL, ValueType.INT32])
def test_a_list_says_which_layers_have_a_window(opened, kind):
    """True: the layer has a window."""
    assert opened(with_pattern(kind, [0, 1])).full == (True, False)


@pytest.mark.parametrize(
    "kind, items",
    [
        (ValueType.BOOL, [0]),
        (ValueType.BOOL, [0, 1, 0]),
        (ValueType.INT32, [0, 2]),
        (ValueType.FLOAT32, [0.0, 1.0]),
        (ValueType.STRING, ["a", "b"]),
    ],
)
def test_a_list_of_another_kind_is_refused(opened, kind, items):
    """Too short, too long, neither 0 nor 1, or no truth values."""
    with pytest.raises(OtherModelError):
        opened(with_pattern(kind, items))


@pytest.mark.parametrize("kind", [ValueType.UINT8, ValueType.INT64, ValueType.UINT16])
def test_any_whole_number_will_do(opened, kind):
    """The type of a whole number is not held against the file."""
    assert opened(with_value("attention.head_count", kind, 3)) == EXPECTED


NEEDED = """
    block_count attention.key_length embedding_length feed_forward_length attention.head_count
    attention.head_count_kv context_length attention.sliding_window
    attention.layer_norm_rms_epsilon rope.freq_base
""".split()


@pytest.mark.parametrize("name", NEEDED)
def test_a_key_that_is_needed_is_missed(opened, name):
    """The error names it."""
    with pytest.raises(OtherModelError, match="missing") as found:
        opened(without(PREFIX + name))
    assert found.value.name == PREFIX + name


@pytest.mark.parametrize("name", NEEDED)
def test_a_key_of_another_type_is_refused(opened, name):
    """A text where a number belongs; the error says where it stands."""
    with pytest.raises(OtherModelError, match="`two`") as found:
        opened(with_value(name, ValueType.STRING, "two"))
    assert found.value.name == PREFIX + name
    assert found.value.offset is not None


WRONG = [
    ("block_count", ValueType.UINT32, 0, OtherModelError),
    ("block_count", ValueType.UINT32, 3, TensorError),
    ("block_count", ValueType.UINT64, 2**63, OtherModelError),
    ("block_count", ValueType.BOOL, True, OtherModelError),
    ("embedding_length", ValueType.UINT32, 97, OtherModelError),
    ("embedding_length", ValueType.UINT32, 64, OtherModelError),  # the head's keys say 96
    ("feed_forward_length", ValueType.UINT32, 160, TensorError),
    ("feed_forward_length", ValueType.UINT32, 2**32 - 32, OtherModelError),
    ("attention.head_count", ValueType.UINT32, 0, OtherModelError),
    ("attention.head_count", ValueType.UINT32, 4, TensorError),
    ("attention.head_count", ValueType.INT32, -3, OtherModelError),
    ("attention.head_count_kv", ValueType.UINT32, 2, OtherModelError),
    ("attention.key_length", ValueType.UINT32, 48, OtherModelError),
    ("attention.value_length", ValueType.UINT32, 64, OtherModelError),
    ("attention.sliding_window", ValueType.UINT32, 0, OtherModelError),
    ("attention.layer_norm_rms_epsilon", ValueType.FLOAT32, float("nan"), OtherModelError),
    ("attention.layer_norm_rms_epsilon", ValueType.FLOAT32, 0.0, OtherModelError),
    ("attention.layer_norm_rms_epsilon", ValueType.FLOAT32, -1e-6, OtherModelError),
    ("rope.freq_base", ValueType.FLOAT32, float("inf"), OtherModelError),
    ("rope.freq_base_swa", ValueType.FLOAT32, 0.0, OtherModelError),
    ("rope.dimension_count", ValueType.UINT32, 16, OtherModelError),
    ("rope.scaling.type", ValueType.STRING, "yarn", OtherModelError),
    ("attention.causal", ValueType.BOOL, True, OtherModelError),
    ("pooling_type", ValueType.UINT32, 2, OtherModelError),
    ("vocab_size", ValueType.UINT32, 513, OtherModelError),
    ("dense_2_feat_in", ValueType.UINT32, 128, OtherModelError),
    ("dense_2_feat_out", ValueType.UINT32, 100, OtherModelError),
    ("dense_3_feat_in", ValueType.UINT32, 160, OtherModelError),
]


@pytest.mark.parametrize("name, kind, value, error", WRONG)
def test_a_value_that_cannot_be_is_refused(opened, name, kind, value, error):
    """By a key of its own, or by the first tensor that is of another shape."""
    with pytest.raises(error) as found:
        opened(with_value(name, kind, value))
    assert found.value.name


def test_another_architecture_is_refused(opened):
    """Under its own name, and where there is none."""
    with pytest.raises(OtherModelError, match="`llama`"):
        opened(lambda keys: keys.update({"general.architecture": (ValueType.STRING, "llama")}))
    with pytest.raises(OtherModelError, match="absent"):
        opened(without("general.architecture"))


TOKENS = [f"token {i}" for i in range(511)]


@pytest.mark.parametrize(
    "name, value",
    [
        ("tokens", Items(ValueType.STRING, TOKENS)),
        ("tokens", Items(ValueType.STRING, [])),
        ("tokens", Items(ValueType.INT32, range(512))),
        ("tokens", (ValueType.STRING, "a b c")),
        ("scores", Items(ValueType.FLOAT32, [0.0] * 511)),
        ("scores", Items(ValueType.INT32, [0] * 512)),
        ("token_type", Items(ValueType.INT32, [1] * 513)),
        ("token_type", (ValueType.INT32, 1)),
    ],
)
def test_a_vocabulary_that_does_not_fit_is_refused(opened, name, value):
    """Fewer tokens than rows of the embedding, lists of unlike lengths or of other things."""
    full = f"tokenizer.ggml.{name}"
    with pytest.raises(VocabularyError) as found:
        opened(lambda keys: keys.update({full: value}))
    assert found.value.offset is not None


def test_a_file_without_tokens_is_refused(opened):
    """Ids alone would do without, but a model file without a vocabulary is a part of one."""
    with pytest.raises(VocabularyError, match="no list of tokens"):
        opened(without("tokenizer.ggml.tokens"))


@pytest.mark.parametrize("name", [part.name for part in parts(EXPECTED)])
def test_each_tensor_is_needed(opened, name):
    """Whichever is missing is named."""

    def drop(tensors):
        tensors[:] = [each for each in tensors if each.name != name]

    with pytest.raises(ModelFileError) as found:
        opened(tensors=drop)
    assert found.value.name == name


@pytest.mark.parametrize("part", list(parts(EXPECTED)), ids=lambda part: part.name)
def test_each_tensor_has_its_shape_and_type(opened, part):
    """Wider by a block, and in F16: each is refused by name."""
    wide = (*part.shape[:-1], part.shape[-1] + 32)
    for shape, kind in ((wide, part.type), (part.shape, TensorType.F16)):
        changed = tensor(part.name, shape, kind, b"")

        def put(tensors, changed=changed):
            at = [each.name for each in tensors].index(changed.name)
            data = bytes(changed.nbytes)
            tensors[at] = tensor(changed.name, changed.shape, changed.type, data)

        with pytest.raises(TensorError) as found:
            opened(tensors=put)
        assert found.value.name == part.name
        assert found.value.offset is not None


def test_tensors_that_the_model_does_not_have_are_told(tmp_path):
    """They are no mistake: a file may hold more."""
    path = tmp_path / "more.gguf"
    more = tensor("extra.weight", (3, 5), TensorType.F32, bytes(60))
    path.write_bytes(rewritten(tensors=lambda tensors: tensors.append(more)))
    file = open_gguf(path)
    assert [each.name for each in check(file, read_config(file))] == ["extra.weight"]


def test_parts_are_the_tensors_of_the_file():
    """Names, shapes, types and bytes: all of the tiny file, and nothing else."""
    file = open_gguf(TINY)
    found = {each.name: (each.shape, each.type, each.nbytes) for each in file.tensors.values()}
    assert {p.name: (p.shape, p.type, p.nbytes) for p in parts(EXPECTED)} == found
