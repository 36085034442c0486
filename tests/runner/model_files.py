"""Model files of any shape: keys and tensors of the right sizes, the weights a hole in the file."""

from collections.abc import Mapping
from pathlib import Path

from perfdsl.runner.config import ARCHITECTURE, PATTERN, Config
from perfdsl.runner.gguf_types import ValueType
from perfdsl.runner.gguf_write import Items, Keyed, Written, header
from perfdsl.runner.layout import parts

WHOLE, REAL, TEXT = ValueType.UINT32, ValueType.FLOAT32, ValueType.STRING


def keys_for(config: Config, name: str = "made for a test") -> dict[str, Keyed]:
    """The keys of a published file, for a shape."""
    shape: Mapping[str, Keyed] = {
        "block_count": (WHOLE, config.layers),
        "embedding_length": (WHOLE, config.d_model),
        "feed_forward_length": (WHOLE, config.d_ff),
        "attention.head_count": (WHOLE, config.heads),
        "attention.head_count_kv": (WHOLE, config.kv_heads),
        "attention.key_length": (WHOLE, config.d_head),
        "context_length": (WHOLE, config.context),
        "attention.sliding_window": (WHOLE, config.window),
        "attention.layer_norm_rms_epsilon": (REAL, config.eps),
        "rope.freq_base": (REAL, config.theta_full),
        "rope.freq_base_swa": (REAL, config.theta_window),
    }
    pattern = "attention.sliding_window_pattern"
    published = tuple(layer % PATTERN == PATTERN - 1 for layer in range(config.layers))
    listed: dict[str, Keyed] = {pattern: Items(ValueType.BOOL, [not each for each in config.full])}
    found: dict[str, Keyed] = {
        "general.architecture": (TEXT, ARCHITECTURE),
        "general.name": (TEXT, name),
        "tokenizer.ggml.model": (TEXT, "llama"),
        "tokenizer.ggml.tokens": Items(TEXT, [f"t{i}" for i in range(config.vocab)]),
    }
    own = {**shape, **({} if config.full == published else listed)}
    return found | {f"{ARCHITECTURE}.{key}": value for key, value in own.items()}


def write_shape(path: Path, config: Config, name: str = "made for a test") -> Path:
    """A file with the tensors of a shape; their values are zeros that take no room on the disk."""
    tensors = [Written(each.name, each.shape, each.type, list) for each in parts(config)]
    head = header(keys_for(config, name), tensors)
    size = sum(-(-each.nbytes // 32) * 32 for each in tensors)
    with path.open("wb") as stream:
        stream.write(head)
        stream.truncate(-(-len(head) // 32) * 32 + size)
    return path
