"""The import table of ARCHITECTURE.md, and the rules of packages and names, held by the source."""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent

Names = frozenset[str]


@dataclass(frozen=True)
class Row:
    """What one part may import besides itself and the standard library.

    Parts and libraries named in `lazy` may be imported inside functions only.
    """

    parts: Names = frozenset()
    libraries: Names = frozenset()
    lazy: Names = frozenset()


def row(parts: str = "", libraries: str = "", lazy: str = "") -> Row:
    return Row(frozenset(parts.split()), frozenset(libraries.split()), frozenset(lazy.split()))


# Part of every row: it stands for the standard library's `dataclasses`.
EVERYWHERE = frozenset({"records"})

EVERYTHING = (
    "diagnostics excerpt rendering syntax semantics numeric symbolic solve pipeline"
    " runner measure compare present"
)

# A part is a file or folder directly under perfdsl/. Some rows are here before their part is.
TABLE: Mapping[str, Row] = {
    "initials": row(),  # for records
    "records": row("initials"),
    "diagnostics": row(),
    "excerpt": row(),  # one line of a text as a terminal may show it
    "rendering": row("diagnostics excerpt"),  # diagnostics as text: for those who show them
    "syntax": row("diagnostics"),
    "semantics": row("diagnostics syntax"),
    "numeric": row("diagnostics semantics", "numpy"),
    "symbolic": row("diagnostics semantics", "sympy"),
    "solve": row("diagnostics semantics numeric", "numpy", lazy="symbolic scipy"),
    "pipeline": row("diagnostics syntax semantics numeric solve"),
    "runner": row("", "numpy numba llvmlite sentencepiece"),
    "measure": row("runner", "numpy numba llvmlite pydantic"),
    # The hinge: a program's numbers on one side, what was measured on the other.
    "compare": row("diagnostics syntax semantics numeric solve pipeline measure", "numpy pydantic"),
    "present": row(
        "diagnostics excerpt rendering syntax semantics numeric solve",
        lazy="symbolic runner measure compare sympy matplotlib pydantic",
    ),
    "arguments": row(lazy="typer"),  # loaded for help, and to say what is wrong
    "cli_options": row("arguments"),
    "cli_screen": row("cli_options diagnostics rendering", lazy="present"),
    "cli_requests": row("cli_options diagnostics", lazy="pipeline semantics solve syntax"),
    "cli_answers": row(
        "cli_options cli_requests cli_screen diagnostics perfdsl",
        lazy="pipeline present semantics solve",
    ),
    "cli_programs": row(
        "arguments cli_answers cli_options cli_requests cli_screen diagnostics",
        lazy="pipeline present",
    ),
    # What it loads, it loads when one of its commands is asked for.
    "cli_progress": row(),
    "cli_runner": row(
        "arguments cli_answers cli_options cli_progress cli_screen diagnostics",
        lazy="runner measure compare present"
        " cli_bench cli_embed cli_history cli_probe cli_validate",
    ),
    "cli_embed": row(
        "cli_answers cli_options cli_progress cli_screen diagnostics",
        lazy="runner measure present numpy",
    ),
    "cli_words": row("diagnostics"),
    "cli_bench": row(
        "cli_options cli_progress cli_screen cli_words diagnostics perfdsl",
        lazy="measure present pydantic runner",
    ),
    "cli_probe": row(
        "cli_answers cli_options cli_progress cli_screen diagnostics perfdsl",
        lazy="measure present pydantic runner",
    ),
    "cli_validate": row(
        "cli_answers cli_options cli_progress cli_screen cli_words diagnostics perfdsl",
        lazy="cli_embed compare measure pipeline present pydantic runner semantics solve",
    ),
    "cli_history": row(
        "cli_answers cli_options cli_screen diagnostics perfdsl",
        lazy="measure present pydantic runner",
    ),
    "cli": row("arguments cli_programs cli_screen perfdsl", lazy="cli_runner"),
    "api_results": row(EVERYTHING, lazy="sympy"),
    "api": row(EVERYTHING + " api_results"),  # the same from Python
    "__main__": row("cli"),  # python -m perfdsl
    "editor": row(EVERYTHING + " perfdsl", "pygls"),
    "perfdsl": row(lazy=EVERYTHING + " api"),  # public names, on first use
}

# One module may have a library that the rest of its part may not.
EXTRA_LIBRARIES: Mapping[str, Names] = {
    "perfdsl.syntax.generate": frozenset({"lark"}),  # the parser itself drives the written table
    "perfdsl.present.schema": frozenset({"pydantic"}),  # loaded when the schema is written
    # Loaded in the process of a peer, and nowhere else.
    "perfdsl.measure.peers.llamacpp": frozenset({"llama_cpp"}),
    "perfdsl.measure.peers.huggingface": frozenset({"torch", "transformers"}),
}

# None of these is loaded before a function needs it: the budgets of the command line's start.
SLOW_TO_LOAD = frozenset("lark llvmlite matplotlib numba numpy pydantic rich scipy sympy".split())

FORBIDDEN_STEMS = frozenset({"utils", "helpers", "common", "manager", "base"})

Sources = Mapping[str, str]  # the path from the root, as posix -> the text


class Import(NamedTuple):
    """One import statement's target, as far as it is a module's name."""

    line: int
    target: str
    lazy: bool  # inside a function, or for the type checker only
    typed: bool = False  # for the type checker only: an annotation ties no modules together


def sources() -> Sources:
    files = sorted((ROOT / "perfdsl").rglob("*.py"))
    return {f.relative_to(ROOT).as_posix(): f.read_text(encoding="utf-8") for f in files}


def module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def part_of(module: str) -> str:
    names = module.split(".")
    return names[1] if len(names) > 1 else names[0]


def imports_of(path: str, text: str, known: Names) -> Iterator[Import]:
    """Every import in a file, with `from package import module` read as that module."""
    package = path.rpartition("/")[0].replace("/", ".").split(".")

    def walk(node: ast.AST, *, lazy: bool) -> Iterator[Import]:
        match node:
            case ast.Import(names=names):
                yield from (Import(node.lineno, n.name, lazy) for n in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                above = package[: len(package) - level + 1] if level else []
                origin = ".".join([*above, *([module] if module else [])])
                for name in names:
                    inner = f"{origin}.{name.name}"
                    yield Import(node.lineno, inner if inner in known else origin, lazy)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=orelse):
                inside = (i for child in body for i in walk(child, lazy=True))
                yield from (i._replace(typed=True) for i in inside)
                yield from (i for child in orelse for i in walk(child, lazy=lazy))
            case _:
                late = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                for child in ast.iter_child_nodes(node):
                    yield from walk(child, lazy=late)

    yield from walk(ast.parse(text), lazy=False)


def all_imports(files: Sources) -> dict[str, tuple[Import, ...]]:
    known = frozenset(map(module_name, files))
    return {module_name(p): tuple(imports_of(p, text, known)) for p, text in files.items()}


def import_violations(files: Sources) -> list[str]:
    """Imports that the table does not allow."""
    return [
        f"{module}:{found.line}: {complaint}"
        for module, imports in all_imports(files).items()
        for found in imports
        if (complaint := objection(module, found))
    ]


def objection(module: str, found: Import) -> str | None:
    part, top = part_of(module), found.target.partition(".")[0]
    if part not in TABLE:
        return f"{part} has no row in the import table"
    allowed = TABLE[part]
    if top == "perfdsl":
        name, always = part_of(found.target), allowed.parts | EVERYWHERE | {part}
    elif top in sys.stdlib_module_names:
        return None
    else:
        name, always = top, allowed.libraries | EXTRA_LIBRARIES.get(module, frozenset())
    if name in always or (found.lazy and name in allowed.lazy):
        return None
    if name in allowed.lazy:
        return f"{part} may import {name} inside functions only"
    return f"{part} may not import {name}"


def cycle(files: Sources) -> list[str]:
    """The modules of one import cycle, lazy imports included; empty where there is none."""
    found = all_imports(files)
    graph = {
        module: {i.target for i in imports if i.target in found and not i.typed} - {module}
        for module, imports in found.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def loaded_with(start: str, graph: Mapping[str, tuple[Import, ...]]) -> Names:
    """The libraries that importing `start` loads at once."""
    waiting, seen = [start], {start}
    while waiting:
        now = {i.target for i in graph.get(waiting.pop(), ()) if not i.lazy} - seen
        seen |= now
        waiting += now
    return frozenset(name.partition(".")[0] for name in seen) - sys.stdlib_module_names


def init_violations(files: Sources) -> list[str]:
    """Package files, other than the first, that hold more than a docstring."""
    inner = {p: ast.parse(t) for p, t in files.items() if p.endswith("/__init__.py")}
    inner.pop("perfdsl/__init__.py", None)
    return [
        f"{path}: holds more than a docstring"
        for path, tree in inner.items()
        if len(tree.body) != (ast.get_docstring(tree) is not None)
    ]


def name_violations(files: Sources) -> list[str]:
    return [
        f"{path}: a name that tells nothing"
        for path in files
        if FORBIDDEN_STEMS & set(path.removesuffix(".py").split("/"))
    ]


# -- the package itself


def test_every_import_is_in_the_table():
    """Each part imports only the parts and libraries that its row of the table names."""
    assert import_violations(sources()) == []


def test_modules_form_no_cycle():
    """No module imports itself by way of others, not even inside a function."""
    assert cycle(sources()) == []


@pytest.mark.parametrize(
    "start", ["perfdsl", "perfdsl.pipeline", "perfdsl.cli", "perfdsl.cli_runner"]
)
def test_start_loads_nothing_slow(start):
    """Starting the tool loads none of the slow libraries."""
    assert loaded_with(start, all_imports(sources())) & SLOW_TO_LOAD == frozenset()


@pytest.mark.parametrize("start", ["perfdsl.runner", "perfdsl.measure"])
def test_measuring_wing_loads_without_sympy(start):
    """No module that runs or measures loads SymPy."""
    files = sources()
    graph = all_imports(files)
    wing = [m for m in map(module_name, files) if m == start or m.startswith(f"{start}.")]
    assert [m for m in wing if "sympy" in loaded_with(m, graph)] == []


def test_packages_reexport_nothing():
    """The `__init__.py` of every inner package holds at most a docstring."""
    assert init_violations(sources()) == []


def test_module_names_tell_something():
    """No module is named utils, helpers, common, manager or base."""
    assert name_violations(sources()) == []


def test_library_holds_no_python():
    """The standard library of the language is text alone."""
    assert list((ROOT / "perfdsl" / "library").rglob("*.py")) == []


# -- the checks bite

BAD_IMPORTS = {
    "the runner at the start of cli": (
        "perfdsl/cli_runner.py",
        "from perfdsl.runner import errors",
    ),
    "an unlisted part": ("perfdsl/syntax/parser.py", "import perfdsl.semantics.check"),
    "an unlisted part by from": ("perfdsl/syntax/parser.py", "from perfdsl import semantics"),
    "a relative import": ("perfdsl/syntax/parser.py", "from ..semantics import check"),
    "an unlisted part for types": (
        "perfdsl/syntax/parser.py",
        "if TYPE_CHECKING:\n    from perfdsl.semantics import check",
    ),
    "an unlisted library": ("perfdsl/semantics/check.py", "import sympy"),
    "an unlisted library in a function": (
        "perfdsl/semantics/check.py",
        "def f():\n    from sympy.core import Symbol",
    ),
    "lark outside generate": ("perfdsl/syntax/parser.py", "from lark import Lark"),
    "a lazy library at the top": ("perfdsl/solve/roots.py", "import scipy.optimize"),
    "a lazy part in a class body": (
        "perfdsl/solve/roots.py",
        "class A:\n    from perfdsl.symbolic import x",
    ),
    "a part without a row": ("perfdsl/surprise.py", "import perfdsl.syntax"),
    "the root from below": ("perfdsl/syntax/parser.py", "from perfdsl import __version__"),
}


@pytest.mark.parametrize("case", BAD_IMPORTS)
def test_a_forbidden_import_is_found(case):
    """Each kind of import outside the table is reported once."""
    path, text = BAD_IMPORTS[case]
    files = {path: text, "perfdsl/semantics/__init__.py": "", "perfdsl/semantics/check.py": ""}
    assert len(import_violations(files | {path: text})) == 1


GOOD_IMPORTS = {
    "its own part": ("perfdsl/syntax/parser.py", "from perfdsl.syntax.nodes import Node"),
    "its own part, relative": ("perfdsl/syntax/parser.py", "from .nodes import Node"),
    "a listed part": ("perfdsl/syntax/parser.py", "from perfdsl.diagnostics import Span"),
    "the standard library": ("perfdsl/syntax/parser.py", "import json, collections.abc"),
    "lark in generate": ("perfdsl/syntax/generate.py", "import lark"),
    "a lazy library in a function": ("perfdsl/solve/roots.py", "def f():\n    import scipy"),
    "a lazy part in a method": (
        "perfdsl/solve/roots.py",
        "class A:\n    def f(self):\n        from perfdsl.symbolic import formulas",
    ),
    "the version for cli": ("perfdsl/cli.py", "from perfdsl import __version__"),
    "the runner for its room of cli": (
        "perfdsl/cli_runner.py",
        "def f():\n    from perfdsl.runner import errors",
    ),
    "a public name on first use": (
        "perfdsl/__init__.py",
        "def __getattr__(name):\n    from perfdsl import pipeline",
    ),
}


@pytest.mark.parametrize("case", GOOD_IMPORTS)
def test_an_allowed_import_is_let_through(case):
    """What the table allows is not reported."""
    path, text = GOOD_IMPORTS[case]
    assert import_violations({"perfdsl/pipeline.py": "", path: text}) == []


def test_a_hidden_cycle_is_found():
    """A cycle is found although one of its imports is inside a function."""
    files = {
        "perfdsl/syntax/a.py": "from perfdsl.syntax import b",
        "perfdsl/syntax/b.py": "def f():\n    from perfdsl.syntax.c import g",
        "perfdsl/syntax/c.py": "from .a import h",
    }
    assert {f"perfdsl.syntax.{name}" for name in "abc"} == set(cycle(files))
    assert cycle(files | {"perfdsl/syntax/c.py": ""}) == []


def test_a_slow_start_is_found():
    """A slow library is found behind another module, but not behind a function."""
    files = {
        "perfdsl/cli.py": "from perfdsl.numeric import sweep",
        "perfdsl/numeric/sweep.py": "import numpy as np",
    }
    assert "numpy" in loaded_with("perfdsl.cli", all_imports(files))
    lazy = {**files, "perfdsl/cli.py": "def f():\n    from perfdsl.numeric import sweep"}
    assert "numpy" not in loaded_with("perfdsl.cli", all_imports(lazy))


@pytest.mark.parametrize("text", ["import os", '"""Doc."""\nx = 1', "from .a import b"])
def test_a_full_package_file_is_found(text):
    """Anything but a docstring in an inner `__init__.py` is reported."""
    assert len(init_violations({"perfdsl/syntax/__init__.py": text})) == 1
    assert init_violations({"perfdsl/__init__.py": text}) == []


def test_a_docstring_is_no_violation():
    """An inner `__init__.py` may be empty or hold a docstring."""
    files = {"perfdsl/a/__init__.py": "", "perfdsl/b/__init__.py": '"""Doc."""\n'}
    assert init_violations(files) == []


@pytest.mark.parametrize(
    "path", ["perfdsl/utils.py", "perfdsl/solve/base.py", "perfdsl/common/a.py"]
)
def test_an_empty_name_is_found(path):
    """A name of the list is reported for a file and for a folder."""
    assert len(name_violations({path: ""})) == 1
