"""Whatever is wrong with a model file: reading it gives the shape of a model, or an error."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from perfdsl.runner.config import read_config
from perfdsl.runner.errors import ModelFileError, NumberError
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.gguf_types import TensorType
from perfdsl.runner.layout import check
from perfdsl.runner.tensors import Tensors
from tests.runner.mutants import Mutant, damaged, fields, mutants
from tests.runner.tiny_file import TINY


class Scratch:
    """One file that holds one mutant after the other: made anew, twenty thousand take long."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT)

    def hold(self, data: bytes) -> Path:
        os.ftruncate(self.descriptor, len(data))
        os.pwrite(self.descriptor, data, 0)
        return self.path


@pytest.fixture
def scratch(tmp_path):
    made = Scratch(tmp_path / "mutant.gguf")
    yield made
    os.close(made.descriptor)


def refusal(path: Path) -> ModelFileError | None:
    """What the reader has against a file."""
    try:
        file = open_gguf(path)
        check(file, read_config(file))
    except ModelFileError as error:
        return error
    return None


def complaint(scratch: Scratch, mutant: Mutant) -> str:
    """The class of the error that a mutant gives, "" for none."""
    error = refusal(scratch.hold(mutant.data))
    if error is None:
        return ""
    assert error.what
    assert error.offset is None or 0 <= error.offset <= len(mutant.data), error
    # Something that is there has a place; what is missing has a name.
    assert error.offset is not None or error.name, error
    return type(error).__name__


def test_twenty_thousand_mutants_are_read_or_refused(scratch):
    """No other exception, whatever is changed; and the mutants reach every kind of error."""
    found = Counter(complaint(scratch, each) for each in mutants(20_000))
    assert found.total() == 20_000
    kinds = {"ModelFileError", "OtherModelError", "TensorError", "VocabularyError", ""}
    assert {kind for kind, times in found.items() if times >= 50} == kinds


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(1, 21))
def test_many_more_mutants_are_read_or_refused(scratch, seed):
    """The same for mutants that nobody has seen."""
    assert Counter(complaint(scratch, each) for each in mutants(20_000, seed)).total() == 20_000


def test_a_file_cut_anywhere_is_refused(tmp_path):
    """At each byte of the header, and at some behind it."""
    whole = TINY.read_bytes()
    end = fields(whole)[-1].at + 8
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole)
    for length in [*range(len(whole) - 1, end, -4999), *range(end, -1, -1)]:
        with path.open("r+b") as stream:
            stream.truncate(length)
        with pytest.raises(ModelFileError):
            open_gguf(path)


def test_damaged_weights_are_refused_as_they_are_read(scratch):
    """All of a file is read or refused; refused where some value is none, as NumPy finds."""
    refused: Counter[tuple[bool, bool]] = Counter()
    for mutant in damaged(300):
        tensors = Tensors(open_gguf(scratch.hold(mutant.data)))
        for name, info in tensors.file.tensors.items():
            data = np.frombuffer(mutant.data, np.uint8, info.nbytes, info.offset)
            scales = data.reshape(-1, 34)[:, :2] if info.type is TensorType.Q8_0 else data
            kind = "<f2" if info.type is TensorType.Q8_0 else "<f4"
            sound = bool(np.isfinite(np.ascontiguousarray(scales).view(kind)).all())
            refused[sound, is_read(tensors, name)] += 1
    assert {(True, True), (False, False)} == set(refused)
    assert min(refused.values()) > 50


def is_read(tensors, name):
    """Whether a tensor can be read; the embedding, which is mapped, row by row."""
    try:
        if name == "token_embd.weight":
            tensors.refuse_rows(np.arange(len(tensors.embedding)))
        else:
            tensors.raw(name)
    except NumberError:
        return False
    return True


def test_mutants_are_the_same_every_time():
    """So that a mutant which once did harm can be looked at again."""
    assert list(mutants(50)) == list(mutants(50))
    assert len(set(mutants(50))) > 40
