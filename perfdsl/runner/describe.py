"""What a model file holds, as data: its tensors by name and group, its vocabulary, and what is odd.

Description   all of it
Line          tensors of one name, one a layer or one in all
Share         the tensors of a group: how many, and their bytes by type
Difference    a number of the shape that is not the published model's
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from perfdsl.records import dataclass, fields_of
from perfdsl.runner.config import PUBLISHED, VOCABULARY, Config, read_config
from perfdsl.runner.gguf import Array, GgufFile, TensorInfo
from perfdsl.runner.gguf_types import TensorType, row_bytes
from perfdsl.runner.layout import Group, check, parts
from perfdsl.runner.vocabulary import Kind

SPECIALS = ("bos", "eos", "unknown", "padding")
KINDS = {kind.value: kind.name.lower().replace("_", " ") for kind in Kind}
ADDED = ("add_bos_token", "add_eos_token", "add_space_prefix")


@dataclass(frozen=True, slots=True)
class Line:
    """Tensors of one name. name: without its layer; times: in so many layers, 0 outside of them;
    nbytes: of one of them."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    group: Group
    times: int
    nbytes: int

    @property
    def all_bytes(self) -> int:
        return self.nbytes * max(1, self.times)


@dataclass(frozen=True, slots=True)
class Share:
    """The tensors of a group. by_type: their bytes; layer_bytes: of those of one layer."""

    group: Group
    tensors: int
    by_type: Mapping[TensorType, int]
    nbytes: int
    layer_bytes: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of the shape, its value here and in the published model."""

    name: str
    here: object
    published: object


@dataclass(frozen=True, slots=True)
class Special:
    """A token with a part of its own: `bos`, its number, its text; None where it is none."""

    name: str
    number: object
    text: str | None


@dataclass(frozen=True, slots=True)
class Words:
    """The vocabulary. kinds: how many tokens of each type; added: what is put around a text."""

    count: int
    nbytes: int
    kinds: Mapping[str, int]
    specials: Sequence[Special]
    added: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Description:
    """title: the name that the file gives itself; extra: tensors that the model has no use for;
    row_bytes: of one token's row of the embedding."""

    file: GgufFile
    config: Config
    title: str
    lines: Sequence[Line]
    shares: Sequence[Share]
    extra: Sequence[TensorInfo]
    words: Words
    differences: Sequence[Difference]
    parameters: int
    row_bytes: int

    @property
    def nbytes(self) -> int:
        """Of all tensors of the model."""
        return sum(share.nbytes for share in self.shares)

    @property
    def layer_bytes(self) -> int:
        return sum(share.layer_bytes for share in self.shares)

    def share(self, group: Group) -> Share:
        return next(each for each in self.shares if each.group is group)

    @property
    def call_bytes(self) -> int:
        """What one call reads of the weights, whatever the text: all but the embedding."""
        return self.nbytes - self.share(Group.EMBEDDING).nbytes


def describe(file: GgufFile) -> Description:
    """Raises ModelFileError where the file is not one of the model."""
    config = read_config(file)
    extra = check(file, config)
    lines = tuple(_lines(config))
    values = sum(_values(line.shape) * max(1, line.times) for line in lines)
    title = file.keys.get("general.name", "")
    return Description(
        file=file,
        config=config,
        title=title if isinstance(title, str) else "",
        lines=lines,
        shares=tuple(_shares(file, config)),
        extra=extra,
        words=_words(file),
        differences=tuple(_differences(config)),
        parameters=values,
        row_bytes=row_bytes(TensorType.Q8_0, config.d_model),
    )


def _values(shape: Sequence[int]) -> int:
    rows, columns = (1, *shape)[-2:]
    return rows * columns


def _lines(config: Config) -> Iterator[Line]:
    """In the order of the forward pass; those of the layers once."""
    for part in parts(config):
        if not part.layer:
            name = part.name.removeprefix("blk.0.")
            times = 0 if part.layer is None else config.layers
            yield Line(name, part.shape, part.type, part.group, times, part.nbytes)


def _shares(file: GgufFile, config: Config) -> Iterator[Share]:
    """Summed up over the tensors of the file itself."""
    wanted = list(parts(config))
    for group in Group:
        ours = [(part, file.tensors[part.name]) for part in wanted if part.group is group]
        if not ours:
            continue
        by_type: Counter[TensorType] = Counter()
        for _, tensor in ours:
            by_type[tensor.type] += tensor.nbytes
        layer = sum(tensor.nbytes for part, tensor in ours if part.layer == 0)
        yield Share(group, len(ours), dict(by_type), by_type.total(), layer)


def _differences(config: Config) -> Iterator[Difference]:
    for name in fields_of(Config):
        here, published = getattr(config, name), getattr(PUBLISHED, name)
        same = here == published
        if isinstance(published, float):  # the file's are fp32
            same = struct.pack("<f", here) == struct.pack("<f", published)
        if not same:
            yield Difference(name, here, published)


# -- the vocabulary


def _words(file: GgufFile) -> Words:
    tokens = file.keys[f"{VOCABULARY}tokens"]
    assert isinstance(tokens, Array)  # read_config has seen to it
    kinds = file.keys.get(f"{VOCABULARY}token_type")
    counted = Counter(map(int, kinds.numbers())) if isinstance(kinds, Array) else Counter()
    return Words(
        count=tokens.count,
        nbytes=tokens.nbytes,
        kinds={KINDS.get(kind, f"type {kind}"): many for kind, many in sorted(counted.items())},
        specials=tuple(_specials(file, tokens)),
        added={name: file.keys.get(VOCABULARY + name) for name in ADDED},
    )


def _specials(file: GgufFile, tokens: Array) -> Iterator[Special]:
    """Those that the file names. A number that is none of a token has no text."""
    wanted = {name: file.keys.get(f"{VOCABULARY}{name}_token_id") for name in SPECIALS}
    numbers = {number for number in wanted.values() if isinstance(number, int)}
    texts = {
        number: text.decode("utf-8", "backslashreplace")
        for number, (_, text) in enumerate(tokens.texts())
        if number in numbers
    }
    for name, number in wanted.items():
        if number is not None:
            yield Special(name, number, texts.get(number) if isinstance(number, int) else None)
