"""Files: where an import leads, and the one place where a file is read.

Nothing outside the root is read: the nearest folder upwards that holds `perfdsl.toml`, else the
folder of the file on the command line. Links are resolved before that test.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from perfdsl.diagnostics import Diagnostic, Edit, Fix, Label, Source, Span, did_you_mean
from perfdsl.records import dataclass, field
from perfdsl.semantics.values import DataFile
from perfdsl.syntax import tree
from perfdsl.syntax.parser import Parsed, parse
from perfdsl.syntax.scanner import Limits
from perfdsl.syntax.standard import FOLDER, library_names, library_source, load_library

MAX_BYTES = 1 << 20
MAX_IMPORTS = 64
MAX_DEPTH = 16
MARKER = "perfdsl.toml"
DATA = (".csv", ".json")
PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What may be read; raised by a flag, never by a file."""

    size: int = MAX_BYTES
    imports: int = MAX_IMPORTS
    depth: int = MAX_DEPTH
    text: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Loaded:
    """One file that was read, and the files and data that it names, by the text that names them."""

    key: str
    source: Source
    parsed: Parsed
    imports: dict[str, str]
    shipped: bool
    data: dict[str, DataFile] = field(default_factory=dict)


@dataclass(slots=True)
class Reader:
    """Reads a file and all that it imports; lives for one load.

    trail: the imports that lead from the entry to the file that is being read. data: what was read
    of data files, None where that failed. standing: the name of the library's file that the entry
    is, such as "std/units"; empty for any other entry.
    """

    root: Path
    limits: FileLimits
    files: dict[str, Loaded] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    standard: Mapping[str, tree.File] = field(default_factory=load_library)
    trail: list[Span] = field(default_factory=list)
    data: dict[Path, DataFile | None] = field(default_factory=dict)
    standing: str = ""


def shipped_specs() -> Path:
    """The folder that "lib/x" means: inside an installed package, or specs/ of a checkout."""
    inside = PACKAGE / "lib"
    return inside if inside.is_dir() else PACKAGE.parent / "specs"


def root_of(folder: Path) -> Path:
    """The nearest folder upwards that holds perfdsl.toml, else the folder itself."""
    folder = folder.resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / MARKER).is_file():
            return candidate
    return folder


def read_text(path: Path, shown: str, limits: FileLimits) -> Source | Diagnostic:
    """The text of a file, or why it cannot be had."""
    data = _read_bytes(path, shown, limits)
    return data if isinstance(data, Diagnostic) else decode(data, shown, limits)


def _read_bytes(path: Path, shown: str, limits: FileLimits) -> bytes | Diagnostic:
    try:
        size = path.stat().st_size
        if path.is_dir():
            return Diagnostic("P103", f"`{shown}` is a folder, not a file", None)
        if not path.is_file():
            return Diagnostic("P103", f"`{shown}` is not a plain file", None)
        if size > limits.size:
            title = f"`{shown}` has {size:,} bytes; the limit is {limits.size:,}"
            return Diagnostic("P701", title, None, help="raise it with --max-file-size")
        with path.open("rb") as file:
            return file.read(limits.size + 1)
    except OSError as error:
        why = (error.strerror or "it cannot be read").lower()
        return Diagnostic("P103", f"`{shown}` cannot be read: {why}", None)


def decode(data: bytes, shown: str, limits: FileLimits) -> Source | Diagnostic:
    """Bytes as a source: UTF-8, within the limit."""
    if len(data) > limits.size:
        title = f"`{shown}` has more than {limits.size:,} bytes"
        return Diagnostic("P701", title, None, help="raise it with --max-file-size")
    try:
        return Source(shown, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        title = f"`{shown}` is not UTF-8: byte {error.start}, line {line}"
        return Diagnostic("P012", title, None, help="save the file as UTF-8")


def shown_name(path: Path) -> str:
    """A path as the user knows it: relative to where they are, if that is shorter."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


DECLARES = re.compile(r"^(?:operator|fn|let) ([^\W\d]\w*)", re.MULTILINE)


def where_declared(name: str) -> str:
    """The import that brings a name of the library, or a shipped file of that name; else empty."""
    return _shipped_names().get(name, "")


@cache
def _shipped_names() -> dict[str, str]:
    """What is shipped: the files of specs by their names alone, none of them is opened."""
    found: dict[str, str] = {}
    for key in library_names():
        for name in DECLARES.findall(library_source(key).text):
            found.setdefault(name, f'from "{key}" import {name}')
    for path in sorted(shipped_specs().rglob("*.perf")):
        key = "lib/" + path.relative_to(shipped_specs()).as_posix().removesuffix(".perf")
        found.setdefault(path.stem, f'import "{key}"')
    return found


def load(entry: Source, folder: Path, limits: FileLimits) -> Reader:
    """The file of the command line and all that it imports; the entry has the key ""."""
    reader = Reader(root_of(folder), limits, standing=_library_name(entry))
    _read_in(reader, "", entry, folder.resolve(), bool(reader.standing), [], None)
    return reader


def _library_name(entry: Source) -> str:
    """What a file is called that belongs to the library itself: it is checked in its own place."""
    path = Path(entry.name)
    if entry.name == "<stdin>" or path.suffix != ".perf":
        return ""
    inside = path.resolve().parent == FOLDER.joinpath("std").resolve()
    return f"std/{path.stem}" if inside else ""


def _read_in(
    reader: Reader,
    key: str,
    source: Source,
    folder: Path | None,
    shipped: bool,
    above: list[str],
    library_tree: tree.File | None,
) -> None:
    """Parse one file, then the files that it imports."""
    parsed = (
        Parsed(library_tree, (), frozenset()) if library_tree else parse(source, reader.limits.text)
    )
    reader.problems.extend(parsed.problems)
    loaded = Loaded(key, source, parsed, {}, shipped)
    reader.files[key] = loaded
    for statement in parsed.file.body:
        if isinstance(statement, tree.Import | tree.FromImport):
            target = _follow(reader, statement, folder, shipped, [*above, key])
            if target is not None:
                loaded.imports[statement.path] = target
    for named in _data_files(parsed.file):
        found = _data(reader, named, folder)
        if found is not None:
            loaded.data[named.path] = found


def _data_files(file: tree.File) -> Iterator[tree.DataFile]:
    """The statements of a file that name data: at its top and in its analyses."""
    for statement in file.body:
        inner = statement.body if isinstance(statement, tree.Analysis) else (statement,)
        yield from (each for each in inner if isinstance(each, tree.DataFile))


def _data(reader: Reader, statement: tree.DataFile, folder: Path | None) -> DataFile | None:
    """The text of a data file with its SHA-256; None: reported."""
    span = _path_span(statement)
    if not statement.path.endswith(DATA):
        title = f"`{statement.path}` is no data file: its name ends in {' or '.join(DATA)}"
        _report(reader, "P103", title, span)
        return None
    path = _locate(reader, statement.path, folder, span)
    if path is None:
        return None
    if path not in reader.data:
        if len(reader.data) > reader.limits.imports:
            _report(reader, "P707", f"more than {reader.limits.imports} files of data", span)
            return None
        reader.data[path] = _data_text(reader, path, span)
    return reader.data[path]


def _data_text(reader: Reader, path: Path, span: Span) -> DataFile | None:
    from hashlib import sha256  # only where there is data: 1 ms at the start

    shown = shown_name(path)
    data = _read_bytes(path, shown, reader.limits)
    if not isinstance(data, Diagnostic):
        source = decode(data.removeprefix(b"\xef\xbb\xbf"), shown, reader.limits)
        if not isinstance(source, Diagnostic):
            return DataFile(source, sha256(data).hexdigest())
        data = source
    _report(reader, data.code, data.title, span, help_=data.help)
    return None


def _follow(
    reader: Reader,
    statement: tree.Import | tree.FromImport,
    folder: Path | None,
    shipped: bool,
    above: list[str],
) -> str | None:
    """Read what an import names, unless it was read before; its key, or None where reported."""
    span = _path_span(statement)
    if statement.path.startswith("std/"):
        return _standard(reader, statement.path, span)
    path = _locate(reader, statement.path, folder, span)
    if path is None:
        return None
    key = "" if _is_entry(reader, path) else str(path)
    if key in above:
        _cycle(reader, above[above.index(key) :], span)
        return None
    if key in reader.files:
        return key
    if len(reader.files) > reader.limits.imports:
        if all(problem.code != "P707" for problem in reader.problems):
            _report(reader, "P707", f"more than {reader.limits.imports} files are imported", span)
        return None
    if len(above) > reader.limits.depth:
        _report(reader, "P708", f"imports nest deeper than {reader.limits.depth}", span)
        return None
    source = read_text(path, shown_name(path), reader.limits)
    if isinstance(source, Diagnostic):
        _report(reader, source.code, source.title, span, help_=source.help)
        return None
    within_library = shipped or statement.path.startswith("lib/")
    reader.trail.append(span)
    _read_in(reader, key, source, path.parent, within_library, above, None)
    reader.trail.pop()
    return key


def _is_entry(reader: Reader, path: Path) -> bool:
    entry = reader.files[""].source.name
    return entry != "<stdin>" and Path(entry).resolve() == path


def _standard(reader: Reader, name: str, span: Span) -> str | None:
    """A file of the standard library: it is parsed already."""
    name = name.removesuffix(".perf")
    if name == reader.standing:
        return ""
    if name in reader.files:
        return name
    file = reader.standard.get(name)
    if file is None:
        near = did_you_mean(name, list(reader.standard))
        _missing(reader, name, span, near, list(reader.standard))
        return None
    _read_in(reader, name, file.span.source, None, True, [], file)
    return name


def _locate(reader: Reader, text: str, folder: Path | None, span: Span) -> Path | None:
    """The file that an import names: inside the root or the shipped specs, links resolved."""
    if (
        text.startswith("/")
        or "\\" in text
        or "\0" in text
        or ":" in text.split("/", maxsplit=1)[0]
    ):
        help_ = 'write it from the root of the project, or `"./x"` for one beside this file'
        _report(reader, "P105", f"`{text}` is not a path inside the project", span, help_=help_)
        return None
    root = reader.root
    if text.startswith("lib/"):
        root, start, rest = shipped_specs(), shipped_specs(), text.removeprefix("lib/")
    elif text.startswith(("./", "../")):
        start, rest = folder or reader.root, text
        if folder is not None and folder.is_relative_to(shipped_specs()):
            root = shipped_specs()
    else:
        start, rest = _start_of(reader, folder), text
        root = start if start != reader.root else root
    path = start / (rest if rest.endswith((".perf", *DATA)) else rest + ".perf")
    resolved = Path(os.path.realpath(path))
    if not resolved.is_relative_to(os.path.realpath(root)):
        what = "data stays" if rest.endswith(DATA) else "imports stay"
        notes = f"{what} inside the root, links included"
        _report(reader, "P105", f"`{text}` leads out of the project", span, help_=notes)
        return None
    if not resolved.is_file():
        if path.suffix in DATA and resolved.exists():
            _report(reader, "P103", f"`{text}` is not a plain file", span)
            return None
        names = _neighbours(path, rest)
        near = did_you_mean(text, names) or did_you_mean(rest.rsplit("/", 1)[-1], names)
        _missing(reader, text, span, near, names)
        return None
    return resolved


def _start_of(reader: Reader, folder: Path | None) -> Path:
    """Where a plain import starts: the root of the file that imports, shipped specs included."""
    if folder is not None and folder.is_relative_to(shipped_specs()):
        return shipped_specs()
    return reader.root


def _neighbours(path: Path, rest: str) -> list[str]:
    """Imports that would lead to the files beside a missing one."""
    parent = rest.rsplit("/", 1)[0] + "/" if "/" in rest else ""
    try:
        if path.suffix in DATA:
            return sorted(parent + p.name for p in path.parent.glob(f"*{path.suffix}"))[:200]
        return sorted(parent + p.stem for p in path.parent.glob("*.perf"))[:200]
    except OSError:
        return []


def _missing(reader: Reader, text: str, span: Span, near: str | None, names: list[str]) -> None:
    fix = Fix(f"import `{near}`", (Edit(span, f'"{near}"'),), safe=True) if near else None
    help_ = f"did you mean `{near}`?" if near else ""
    if not near and names:
        help_ = f"there are: {', '.join(names[:8])}"
    reader.problems.append(
        Diagnostic("P103", f"there is no file `{text}`", span, help=help_, fix=fix)
    )


def _cycle(reader: Reader, chain: list[str], span: Span) -> None:
    """chain: the files from the one that is imported again down to the one that does it."""
    names = [reader.files[key].source.name for key in chain]
    title = "these files import each other" if len(chain) > 1 else "this file imports itself"
    ahead = reader.trail[len(reader.trail) - len(chain) + 1 :]
    why = tuple(Label(link, f"imports {name}") for link, name in zip(ahead, names[1:], strict=True))
    notes = (" -> ".join([*names, names[0]]),) if len(names) > 1 else ()
    _report(reader, "P104", title, span, notes=notes, why=why)


def _report(
    reader: Reader,
    code: str,
    title: str,
    span: Span,
    *,
    help_: str = "",
    notes: tuple[str, ...] = (),
    why: tuple[Label, ...] = (),
) -> None:
    reader.problems.append(Diagnostic(code, title, span, help=help_, notes=notes, secondary=why))


def _path_span(statement: tree.Import | tree.FromImport | tree.DataFile) -> Span:
    at = statement.span
    found = at.text.find(f'"{statement.path}"')  # Not there if it was written over two lines.
    start = at.start + (found if found >= 0 else max(at.text.find('"'), 0))
    return Span(at.source, start, start + len(statement.path) + 2)
