"""The standard library's files as trees, from parsed.json: see generate.py for what writes it."""

from __future__ import annotations

import json
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from perfdsl.diagnostics import Source
from perfdsl.syntax import tree
from perfdsl.syntax.codec import decode

FOLDER: Traversable = resources.files("perfdsl").joinpath("library")
PARSED = "parsed.json"


def load_library() -> dict[str, tree.File]:
    """Each file of the library by its name, such as "std/units".

    That parsed.json fits the texts is not checked here, at each start, but by a test: whoever
    changes a file of the library runs `make generate`.
    """
    data: dict[str, Any] = json.loads(FOLDER.joinpath(PARSED).read_text("utf-8"))
    return {name: decode(entry, library_source(name)) for name, entry in data.items()}


def library_source(name: str) -> Source:
    """The text of a file of the library, under the name by which messages show it."""
    text = FOLDER.joinpath(f"{name}.perf").read_text("utf-8")
    return Source(f"{name}.perf", text)


def library_names() -> list[str]:
    """Every file of the library that there is, parsed or not."""
    files = sorted(each.name for each in FOLDER.joinpath("std").iterdir())
    return [f"std/{name.removesuffix('.perf')}" for name in files if name.endswith(".perf")]
