"""The standard library's files as trees, from parsed.json: see generate.py for what writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from perfdsl.diagnostics import Source
from perfdsl.syntax import tree
from perfdsl.syntax.codec import decode

FOLDER = Path(__file__).parent.parent / "library"
PARSED = "parsed.json"


class Library(Mapping[str, tree.File]):
    """The files of the library by name; each is decoded when it is asked for, and kept."""

    def __init__(self, parsed: dict[str, Any]) -> None:
        self._parsed = parsed
        self._files: dict[str, tree.File] = {}

    def __getitem__(self, name: str) -> tree.File:
        if name not in self._files:
            self._files[name] = decode(self._parsed[name], library_source(name))
        return self._files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parsed)

    def __len__(self) -> int:
        return len(self._parsed)


def load_library() -> Library:
    """Each file of the library by its name, such as "std/units".

    That parsed.json fits the texts is not checked here, at each start, but by a test: whoever
    changes a file of the library runs `make generate`.
    """
    return Library(json.loads(FOLDER.joinpath(PARSED).read_text("utf-8")))


def library_source(name: str) -> Source:
    """The text of a file of the library, under the name by which messages show it."""
    text = FOLDER.joinpath(f"{name}.perf").read_text("utf-8")
    return Source(f"{name}.perf", text)


def library_names() -> list[str]:
    """Every file of the library that there is, parsed or not."""
    files = sorted(each.name for each in FOLDER.joinpath("std").iterdir())
    return [f"std/{name.removesuffix('.perf')}" for name in files if name.endswith(".perf")]
