"""Weights that are no numbers: refused as they are read, with the place; all others are read."""

import struct

import numpy as np
import pytest

from perfdsl.runner.errors import NumberError, TensorError
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.gguf_types import TensorType
from perfdsl.runner.tensors import Tensors
from tests.runner.tiny_file import TINY, patched, rewritten, tensor


def with_scale(name, block, half):
    """The tiny file with one scale replaced."""
    info = open_gguf(TINY).tensors[name]
    return patched(info.offset + 34 * block, half)


HALVES = [b"\x00\x7c", b"\x00\xfc", b"\x00\x7e", b"\x01\x7c", b"\xff\xff"]


@pytest.mark.parametrize("half", HALVES)
def test_scales_of_matrices_are_finite(tmp_path, half):
    """Infinities and both kinds of NaN, in the first and in the last block."""
    name = "blk.1.ffn_down.weight"
    for block in (0, 17, 96 * 4 - 1):
        path = tmp_path / "scale.gguf"
        path.write_bytes(with_scale(name, block, half))
        file = open_gguf(path)
        with pytest.raises(NumberError, match=f"block {block}") as found:
            Tensors(file).raw(name)
        assert found.value.offset == file.tensors[name].offset + 34 * block


@pytest.mark.parametrize("half", [b"\xff\x7b", b"\x00\x00", b"\x00\x80", b"\x01\x00"])
def test_scales_that_are_numbers_are_read(tmp_path, half):
    """The largest, both zeros, and the smallest."""
    path = tmp_path / "scale.gguf"
    path.write_bytes(with_scale("blk.1.ffn_down.weight", 3, half))
    assert np.isfinite(Tensors(open_gguf(path)).dequantised("blk.1.ffn_down.weight")).all()


@pytest.mark.parametrize("half", HALVES)
def test_rows_of_the_embedding_are_looked_at_when_used(tmp_path, half):
    """A row with a scale that is no number is refused; the rows around it are not."""
    path = tmp_path / "row.gguf"
    path.write_bytes(with_scale("token_embd.weight", 3 * 7 + 2, half))
    tensors = Tensors(open_gguf(path))
    tensors.refuse_rows(np.array([0, 6, 8, 511]))
    with pytest.raises(NumberError, match="row 7 ") as found:
        tensors.refuse_rows(np.array([1, 7, 7, 2]))
    assert found.value.offset == tensors.file.tensors["token_embd.weight"].offset + 34 * 23


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_norms_are_finite(tmp_path, value):
    """In the first and in the last place."""
    name = "blk.0.attn_norm.weight"
    info = open_gguf(TINY).tensors[name]
    for place in (0, 95):
        path = tmp_path / "norm.gguf"
        path.write_bytes(patched(info.offset + 4 * place, struct.pack("<f", value)))
        with pytest.raises(NumberError, match=f"value {place} "):
            Tensors(open_gguf(path)).raw(name)


def test_other_types_are_not_read(tmp_path):
    """A tensor of the file that is in a type of no part of the model."""
    path = tmp_path / "half.gguf"
    half = tensor("half", (1, 32), TensorType.F16, bytes(64))
    path.write_bytes(rewritten(tensors=lambda tensors: tensors.append(half)))
    with pytest.raises(TensorError, match="F16"):
        Tensors(open_gguf(path)).raw("half")
