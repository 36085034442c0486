"""A model file as a `.perf` program: the shipped model, in the shape that the file has.

Whatever of the file goes into the program is a number that was checked, or stands in a comment of
printable characters on one line.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from string import Template

from perfdsl.runner.config import Config
from perfdsl.runner.describe import Description
from perfdsl.runner.errors import OtherModelError
from perfdsl.runner.layout import Group

TITLE = 80  # characters of a file's name for itself


def to_perf(found: Description) -> str:
    """The text. Raises OtherModelError where the shipped model has no words for the file."""
    config = found.config
    every = every_nth(config.full)
    if every is None:
        name = "gemma-embedding.attention.sliding_window_pattern"
        whole = ", ".join(str(layer) for layer, full in enumerate(config.full) if full)
        what = f"layers {whole} see the whole text; the shipped model has every n-th do so"
        raise OtherModelError(what, found.file.places.get(name), name)
    head = [share for share in found.shares if share.group is Group.HEAD]
    sizes = {
        "tensor_bytes": found.nbytes,
        "embedding_bytes": found.share(Group.EMBEDDING).nbytes,
        "layer_bytes": found.layer_bytes,
        "head_bytes": sum(share.nbytes for share in head),
        "parameters": found.parameters,
        "context": config.context,
        "reach": config.reach,
    }
    texts = {name: f"{number:_}" for name, number in sizes.items()}
    texts |= {name: f"{text},".ljust(9) for name, text in _arguments(config, every).items()}
    texts |= {"title": title(found), "kept": _kept(found), "pattern": _pattern(config)}
    template = resources.files("perfdsl.runner").joinpath("to_perf.template").read_text("utf-8")
    return Template(template).substitute(texts)


def _arguments(config: Config, every: int) -> dict[str, str]:
    """The parameters of the shipped model, with their units."""
    return {
        "layers": f"{config.layers} layer",
        "d_model": f"{config.d_model:_}",
        "d_ff": f"{config.d_ff:_}",
        "heads": f"{config.heads} head",
        "kv_heads": f"{config.kv_heads} head",
        "d_head": f"{config.d_head:_}",
        "vocab": f"{config.vocab:_}",
        "dense": f"{config.dense:_}",
        "every": f"{every}",
        "window": f"{2 * config.reach + 1:_}",
    }


def every_nth(full: tuple[bool, ...]) -> int | None:
    """The n by which the last of n layers sees the whole text; None where there is none."""
    layers = len(full)
    first = full.index(True) if any(full) else layers
    every = first + 1
    pattern = tuple(layer % every == every - 1 for layer in range(layers))
    return every if pattern == full else None


def title(found: Description) -> str:
    """What the file is called, and what it calls itself; nothing but printable characters."""
    names = [Path(found.file.path).name, found.title]
    cleaned = ["".join(c if c.isprintable() else "?" for c in name)[:TITLE] for name in names]
    return ": ".join(name for name in cleaned if name)


def _kept(found: Description) -> str:
    extra = len(found.extra)
    if not extra:
        return "each tensor of the file has a part in it."
    more = "another tensor has" if extra == 1 else f"{extra:,} other tensors have"
    return f"{more} no part in it."


def _pattern(config: Config) -> str:
    whole = sum(config.full)
    return f"{whole:,} of {config.layers:,} layers see the whole text"
