"""The counting process with one line of the runner changed.

A line of Python is changed as its module is loaded: a `sitecustomize` for that process alone edits
the text. Kernels are compiled from files and kept by what these say, so theirs is a copy of the
package, with a cache of its own.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import perfdsl

PACKAGE = Path(perfdsl.__file__).resolve().parent

CUSTOMISE = """import importlib.util, sys
from importlib.machinery import PathFinder, SourceFileLoader

class Edited(SourceFileLoader):
    def get_data(self, path):
        data = super().get_data(path)
        if not path.endswith(".py"):
            return data
        assert data.count({old!r}) == 1, {old!r}
        return data.replace({old!r}, {new!r})

    def path_stats(self, path):
        raise OSError("the text is not the file's: nothing is kept of it")

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != {module!r}:
            return None
        found = PathFinder.find_spec(name, path)
        return importlib.util.spec_from_file_location(name, found.origin,
                                                      loader=Edited(name, found.origin))

sys.meta_path.insert(0, Finder())
"""


@dataclass(frozen=True, slots=True)
class Edit:
    """A text of a module that occurs once, and what stands there instead."""

    module: str
    old: str
    new: str


def customised(edit: Edit, folder: Path) -> str:
    """The PYTHONPATH of a process in which the edit is made."""
    text = CUSTOMISE.format(module=edit.module, old=edit.old.encode(), new=edit.new.encode())
    (folder / "sitecustomize.py").write_text(text, "utf-8")
    return f"{folder}:{PACKAGE.parent}"


def copied(edit: Edit, folder: Path) -> str:
    """The PYTHONPATH of a process that has a copy of the package, with the edit made in it."""
    leaving = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=leaving)
    file = folder / Path(*edit.module.split(".")).with_suffix(".py")
    text = file.read_text("utf-8")
    assert text.count(edit.old) == 1, edit.old
    file.write_text(text.replace(edit.old, edit.new), "utf-8")
    return str(folder)
