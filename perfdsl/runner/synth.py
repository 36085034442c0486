"""A model file of random weights: EmbeddingGemma's structure at its true size, or smaller.

SIZES         what can be made: full, small, tiny
write_model   size and seed -> the bytes of a file, the same on every machine
save_model    the same into a file, which is there when it is whole
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeAlias

from perfdsl.records import replace
from perfdsl.runner.config import (
    ARCHITECTURE,
    MEAN_POOLING,
    PATTERN,
    PUBLISHED,
    VOCABULARY,
    Config,
)
from perfdsl.runner.errors import OutputError
from perfdsl.runner.gguf_types import ValueType
from perfdsl.runner.gguf_write import Items, Keyed, Written, write_gguf
from perfdsl.runner.layout import parts
from perfdsl.runner.random_bits import Stream, student_t
from perfdsl.runner.synth_vocabulary import BOS, EOS, PAD, UNK, made_vocabulary
from perfdsl.runner.synth_weights import made_tensor

Progress: TypeAlias = Callable[[int, int], None]  # bytes that are done, and all

SMALL = replace(PUBLISHED, layers=6, full=PUBLISHED.full[:6], vocab=512)
TINY = Config(
    layers=2, d_model=96, d_ff=128, heads=3, kv_heads=1, d_head=32, dense=128,
    vocab=512, context=256, window=16, full=(False, True),
    eps=1e-6, theta_full=1e6, theta_window=1e4,
)  # fmt: skip
SIZES: Mapping[str, Config] = {"full": PUBLISHED, "small": SMALL, "tiny": TINY}

MOSTLY_Q8_0 = 7  # general.file_type, in llama.cpp's numbers
QUANTISATION = 2  # general.quantization_version: of ggml's block formats


def write_model(stream: BinaryIO, size: str, seed: int, progress: Progress) -> None:
    """size: one of SIZES; seed: below 2^64."""
    config = SIZES[size]
    table = student_t()
    tensors = [
        Written(
            part.name, part.shape, part.type,
            partial(made_tensor, part, Stream(seed, number), table),
        )
        for number, part in enumerate(parts(config))
    ]  # fmt: skip
    tensors = _told(tensors, progress)
    write_gguf(stream, _keys(config, size, seed), tensors)


def _told(tensors: Iterable[Written], progress: Progress) -> list[Written]:
    """The same tensors; what is done of them is told after each piece."""
    tensors = list(tensors)
    whole = sum(tensor.nbytes for tensor in tensors)
    done = 0
    progress(done, whole)

    def told(pieces: Callable[[], Iterable[bytes]]) -> Iterator[bytes]:
        nonlocal done
        for piece in pieces():
            yield piece
            done += len(piece)
            progress(done, whole)

    return [replace(tensor, pieces=partial(told, tensor.pieces)) for tensor in tensors]


def _keys(config: Config, size: str, seed: int) -> dict[str, Keyed]:
    """The keys of the published file; the pattern of layers only where it is another."""
    text, whole, real, flag = (
        ValueType.STRING, ValueType.UINT32, ValueType.FLOAT32, ValueType.BOOL,
    )  # fmt: skip
    pattern = config.full.index(True) + 1
    made = made_vocabulary(config.vocab, seed)
    model: dict[str, Keyed] = {
        "context_length": (whole, config.context),
        "embedding_length": (whole, config.d_model),
        "block_count": (whole, config.layers),
        "feed_forward_length": (whole, config.d_ff),
        "attention.head_count": (whole, config.heads),
        "attention.layer_norm_rms_epsilon": (real, config.eps),
        "attention.key_length": (whole, config.d_head),
        "attention.value_length": (whole, config.d_head),
        "rope.freq_base": (real, config.theta_full),
        "rope.freq_base_swa": (real, config.theta_window),
        "attention.sliding_window": (whole, config.window),
        **({} if pattern == PATTERN else {"attention.sliding_window_pattern": (whole, pattern)}),
        "attention.head_count_kv": (whole, config.kv_heads),
        "pooling_type": (whole, MEAN_POOLING),
        "dense_2_feat_in": (whole, config.d_model),
        "dense_2_feat_out": (whole, config.dense),
        "dense_3_feat_in": (whole, config.dense),
        "dense_3_feat_out": (whole, config.d_model),
    }
    vocabulary: dict[str, Keyed] = {
        "model": (text, "llama"),
        "pre": (text, "default"),
        "tokens": Items(text, made.tokens),
        "scores": Items(real, made.scores),
        "token_type": Items(ValueType.INT32, made.types),
        "bos_token_id": (whole, BOS),
        "eos_token_id": (whole, EOS),
        "unknown_token_id": (whole, UNK),
        "padding_token_id": (whole, PAD),
        "add_bos_token": (flag, True),
        "add_sep_token": (flag, False),
        "add_eos_token": (flag, True),
        "add_space_prefix": (flag, False),
    }
    return {
        "general.architecture": (text, ARCHITECTURE),
        "general.type": (text, "model"),
        "general.name": (text, f"EmbeddingGemma random weights ({size}, seed {seed})"),
        "general.basename": (text, "embeddinggemma"),
        "general.size_label": (text, size),
        **{f"{ARCHITECTURE}.{name}": value for name, value in model.items()},
        "general.file_type": (whole, MOSTLY_Q8_0),
        "general.quantization_version": (whole, QUANTISATION),
        **{f"{VOCABULARY}{name}": value for name, value in vocabulary.items()},
    }


# ------------------------------------------------------------------------------------- to a file


def save_model(path: str, size: str, seed: int, progress: Progress, *, force: bool = False) -> int:
    """Write a model file; its bytes. OutputError where it cannot be written.

    The file gets its name when it is whole; until then it lies beside it under another one.
    force: take the place of a file that is there.
    """
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            raise OutputError(f"{path} is a folder or a device, and no file")
        if target.exists() and not force:
            raise OutputError(f"{path} is there already", "give another name, or --force")
        unfinished = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
        try:
            with unfinished.open("xb") as stream:
                write_model(stream, size, seed, progress)
                written = stream.tell()
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
    except (OSError, ValueError) as error:  # a ValueError: a name with a NUL in it
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise OutputError(f"{path} cannot be written: {why}") from None
    return written
