"""What `perfdsl model inspect` tells of a model file, as JSON: sizes in bytes, rows first."""

from __future__ import annotations

import json
from math import isfinite
from typing import TYPE_CHECKING

from perfdsl.records import fields_of

if TYPE_CHECKING:
    from perfdsl.runner.config import Config
    from perfdsl.runner.describe import Description, Share, Words


def document(found: Description) -> str:
    """The whole document."""
    file = found.file
    return json.dumps(
        {
            "file": file.path,
            "bytes": file.file.size,
            "version": file.version,
            "alignment": file.alignment,
            "name": found.title,
            "config": _config(found.config),
            "parameters": found.parameters,
            "tensors": _tensors(found),
            "groups": {share.group.value: _share(share) for share in found.shares},
            "tensor_bytes": found.nbytes,
            "layer_bytes": found.layer_bytes,
            "call_bytes": found.call_bytes,
            "row_bytes": found.row_bytes,
            "vocabulary": _vocabulary(found.words),
            "differences": {
                each.name: {"here": each.here, "published": each.published}
                for each in found.differences
            },
        },
        indent=2,
        allow_nan=False,
    )


def _config(config: Config) -> dict[str, object]:
    """The fields by their names; `full` as numbers of layers, and the reach of the window."""
    fields = {name: getattr(config, name) for name in fields_of(type(config))}
    full = [layer for layer, each in enumerate(config.full) if each]
    return {**fields, "full": full, "reach": config.reach}


def _tensors(found: Description) -> list[dict[str, object]]:
    extra = {each.name for each in found.extra}
    return [
        {
            "name": each.name,
            "shape": each.shape,
            "type": each.type.name,
            "offset": each.offset,
            "bytes": each.nbytes,
            "used": each.name not in extra,
        }
        for each in found.file.tensors.values()
    ]


def _share(share: Share) -> dict[str, object]:
    return {
        "tensors": share.tensors,
        "bytes": share.nbytes,
        "layer_bytes": share.layer_bytes,
        "by_type": {kind.name: size for kind, size in share.by_type.items()},
    }


def _vocabulary(words: Words) -> dict[str, object]:
    return {
        "tokens": words.count,
        "bytes": words.nbytes,
        "kinds": dict(words.kinds),
        "special": {
            each.name: {"token": _plain(each.number), "text": each.text} for each in words.specials
        },
        "added": {name: _plain(value) for name, value in words.added.items()},
    }


def _plain(value: object) -> object:
    """A value of a key as JSON has it; None for a list, which stays in the file, or for NaN."""
    match value:
        case float():
            return value if isfinite(value) else None
        case bool() | int() | str():
            return value
        case _:
            return None
