"""The shape of a model, from the keys of its file: how many layers, how wide, what sees what.

    Config       the shape; names as in specs/models/embeddinggemma_300m.perf
    read_config  keys -> Config; whatever the kernels could not do is refused here

Sources of the keys: llama.cpp, conversion/gemma.py and src/models/gemma-embedding.cpp. A key that
the early published files lack has the value that llama.cpp gives it then.
"""

from __future__ import annotations

from math import isfinite

from perfdsl.records import dataclass
from perfdsl.runner.errors import OtherModelError, VocabularyError
from perfdsl.runner.gguf import Array, GgufFile
from perfdsl.runner.gguf_types import ValueType

ARCHITECTURE = "gemma-embedding"
VOCABULARY = "tokenizer.ggml."
TOKENS = VOCABULARY + "tokens"
BLOCK = 32  # values that share a scale in Q8_0: widths are multiples of it
MEAN_POOLING = 1

PATTERN = 6  # where the file does not say: layers 5, 11, 17, 23 see the whole text
THETA_WINDOW = 1e4  # the same, for the base of the rope in the other layers

# Some ten times the published model. They bound what a file can make a run allocate.
MOST_LAYERS = 512
MOST_WIDTH = 1 << 16
MOST_HEADS = 1024
MOST_TOKENS = 1 << 17  # of a text
MOST_VOCAB = 1 << 22


@dataclass(frozen=True, slots=True)
class Config:
    """The shape of a model.

    window: the file's value, twice the reach; full: for each layer, whether it sees the whole text;
    theta_full, theta_window: bases of the rope in such layers and in the others; dense: width of
    the head's inner layer, 0 where the file has no head.
    """

    layers: int
    d_model: int
    d_ff: int
    heads: int
    kv_heads: int
    d_head: int
    vocab: int
    context: int
    window: int
    full: tuple[bool, ...]
    eps: float
    theta_full: float
    theta_window: float
    dense: int

    @property
    def d_q(self) -> int:
        return self.heads * self.d_head

    @property
    def d_kv(self) -> int:
        return self.kv_heads * self.d_head

    @property
    def reach(self) -> int:
        """In a windowed layer token i sees token j where |i - j| <= reach."""
        return self.window // 2


# As published: config.json, and the keys of ggml-org's embeddinggemma-300M-Q8_0.gguf. A test holds
# it against specs/models/embeddinggemma_300m.perf.
PUBLISHED = Config(
    layers=24, d_model=768, d_ff=1152, heads=3, kv_heads=1, d_head=256, vocab=262_144,
    context=2048, window=512, full=(*(False,) * (PATTERN - 1), True) * 4, eps=1e-6,
    theta_full=1e6, theta_window=THETA_WINDOW, dense=3072,
)  # fmt: skip


def read_config(file: GgufFile) -> Config:
    """The shape of the model in a file. Raises OtherModelError and VocabularyError."""
    keys = _Keys(file)
    keys.must_be("general.architecture", ARCHITECTURE, needed=True)
    layers = keys.whole("block_count", MOST_LAYERS)
    d_head = keys.width("attention.key_length")
    d_model = keys.width("embedding_length")
    found = Config(
        layers=layers,
        d_model=d_model,
        d_ff=keys.width("feed_forward_length"),
        heads=keys.whole("attention.head_count", MOST_HEADS),
        kv_heads=keys.whole("attention.head_count_kv", MOST_HEADS),
        d_head=d_head,
        vocab=_vocab(file),
        context=keys.whole("context_length", MOST_TOKENS),
        window=keys.whole("attention.sliding_window", MOST_TOKENS),
        full=_full(keys, layers),
        eps=keys.positive("attention.layer_norm_rms_epsilon", most=0.1),
        theta_full=keys.positive("rope.freq_base"),
        theta_window=keys.positive("rope.freq_base_swa", absent=THETA_WINDOW),
        dense=_dense(keys, d_model),
    )
    if found.heads % found.kv_heads:
        what = f"{found.heads} heads cannot share {found.kv_heads} heads of keys and values evenly"
        raise keys.wrong("attention.head_count_kv", what)
    if found.d_q > MOST_WIDTH:
        raise keys.wrong("attention.head_count", f"all heads are {found.d_q:,} wide: too much")
    _nothing_else(keys, found)
    return found


def _nothing_else(keys: _Keys, config: Config) -> None:
    """Keys that may be absent, and otherwise say what the kernels do anyway."""
    keys.must_be("attention.value_length", config.d_head)
    keys.must_be("rope.dimension_count", config.d_head)
    keys.must_be("rope.scaling.type", "none")
    keys.must_be("attention.causal", False)
    keys.must_be("pooling_type", MEAN_POOLING)
    keys.must_be("vocab_size", config.vocab)


def _full(keys: _Keys, layers: int) -> tuple[bool, ...]:
    """Which layers see the whole text: every n-th, or as a list says (True: windowed)."""
    name = "attention.sliding_window_pattern"
    found = keys.value(name, PATTERN)
    if isinstance(found, Array):
        if found.count != layers or found.type not in _TRUTHS:
            what = f"a list has one truth value for each of the {layers} layers"
            raise keys.wrong(name, what)
        windowed = found.numbers()
        if not {0, 1}.issuperset(windowed):
            raise keys.wrong(name, "a truth value is 0 or 1")
        return tuple(not each for each in windowed)
    every = keys.whole(name, MOST_LAYERS, least=0, absent=PATTERN)
    # Zero: no layer sees it all (llama.cpp, set_swa_pattern).
    return tuple(every > 0 and i % every == every - 1 for i in range(layers))


_TRUTHS = {ValueType.BOOL, ValueType.UINT8, ValueType.INT8, ValueType.UINT32, ValueType.INT32}


def _dense(keys: _Keys, d_model: int) -> int:
    """The inner width of the dense head, 0 without one: the keys have it, or else the tensor.

    Files made before the head could be converted have neither.
    """
    inner = keys.file.tensors.get("dense_2.weight")
    if inner is None and not keys.has("dense_2_feat_out") and not keys.has("dense_3_feat_in"):
        return 0
    absent = inner.shape[0] if inner is not None and len(inner.shape) == 2 else None
    dense = keys.width("dense_2_feat_out", absent=absent)
    for name, value in (("2_feat_in", d_model), ("3_feat_in", dense), ("3_feat_out", d_model)):
        keys.must_be(f"dense_{name}", value)
    return dense


def _vocab(file: GgufFile) -> int:
    """The number of tokens; scores and types, where there are some, are as many."""
    tokens = _list(file, "tokens", ValueType.STRING)
    if tokens is None:
        raise VocabularyError("the file has no list of tokens", name=TOKENS)
    if not 1 <= tokens.count <= MOST_VOCAB:
        what = f"a vocabulary has 1 to {MOST_VOCAB:,} tokens, and this one {tokens.count:,}"
        raise VocabularyError(what, file.places[TOKENS], TOKENS)
    for name, kind in (("scores", ValueType.FLOAT32), ("token_type", ValueType.INT32)):
        found = _list(file, name, kind)
        if found is not None and found.count != tokens.count:
            full = VOCABULARY + name
            what = f"there are {tokens.count:,} tokens, and {found.count:,} items here"
            raise VocabularyError(what, file.places[full], full)
    return tokens.count


def _list(file: GgufFile, name: str, kind: ValueType) -> Array | None:
    """A list of the tokenizer's, None where it is absent."""
    full = VOCABULARY + name
    found = file.keys.get(full)
    if found is None or (isinstance(found, Array) and found.type is kind):
        return found
    what = f"a list of {kind.name} is expected, and this is {_said(found)}"
    raise VocabularyError(what, file.places[full], full)


class _Keys:
    """The keys of one file, asked for by type and range. Names are those behind the prefix."""

    __slots__ = ("file",)

    def __init__(self, file: GgufFile) -> None:
        self.file = file

    @staticmethod
    def full(name: str) -> str:
        return name if name.startswith("general.") else f"{ARCHITECTURE}.{name}"

    def has(self, name: str) -> bool:
        return self.full(name) in self.file.keys

    def value(self, name: str, absent: object = None) -> object:
        return self.file.keys.get(self.full(name), absent)

    def wrong(self, name: str, what: str) -> OtherModelError:
        full = self.full(name)
        return OtherModelError(what, self.file.places.get(full), full)

    def must_be(self, name: str, value: object, *, needed: bool = False) -> None:
        """The key has this value, or is absent."""
        found = self.value(name, None if needed else value)
        if type(found) is not type(value) or found != value:
            said = "is absent" if found is None else f"is {_said(found)}"
            raise self.wrong(name, f"the key {said}; the runner has the code for {_said(value)}")

    def whole(self, name: str, most: int, least: int = 1, absent: int | None = None) -> int:
        found = self.value(name, absent)
        if found is None:
            raise self.wrong(name, "the key is missing")
        if not isinstance(found, int) or isinstance(found, bool):
            raise self.wrong(name, f"a whole number is expected, and this is {_said(found)}")
        if not least <= found <= most:
            raise self.wrong(name, f"{found:,} is not from {least} to {most:,}")
        return found

    def width(self, name: str, absent: int | None = None) -> int:
        """A number of columns: whole blocks."""
        found = self.whole(name, MOST_WIDTH, absent=absent)
        if found % BLOCK:
            raise self.wrong(name, f"{found:,} is no multiple of {BLOCK}")
        return found

    def positive(self, name: str, most: float = 1e12, absent: float | None = None) -> float:
        found = self.value(name, absent)
        if found is None:
            raise self.wrong(name, "the key is missing")
        if not isinstance(found, float):
            raise self.wrong(name, f"a number with a fraction is expected: {_said(found)}")
        if not (isfinite(found) and 0 < found <= most):
            raise self.wrong(name, f"{found} is not above 0 and up to {most:g}")
        return found


def _said(value: object) -> str:
    """A value in a message."""
    match value:
        case Array(type=kind, count=count):
            return f"a list of {count:,} items of type {kind.name}"
        case str():
            return f"`{value}`" if len(value) <= 40 else f"a text of {len(value):,} characters"
        case _:
            return str(value)
