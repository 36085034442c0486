"""Mistakes too large, or too much a matter of the file system, to be kept as files.

Each builder writes its files into a folder and gives the one to start with. LARGE says which code
each one must give, and nothing else; an empty code means that the file is fine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

HEAD = "perf 1\n"


class Large(NamedTuple):
    code: str
    build: Callable[[Path], Path]


def write(folder: Path, text: str, name: str = "main.perf") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def fifty_megabytes(folder: Path) -> Path:
    path = write(folder, HEAD)
    with path.open("r+b") as file:
        file.truncate(50_000_000)
    return path


def import_of_fifty_megabytes(folder: Path) -> Path:
    fifty_megabytes(folder / "sub")
    return write(folder, HEAD + 'import "sub/main" as big\nlet a = big.b\n')


def many_words(folder: Path) -> Path:
    return write(folder, HEAD + "let a = " + "1 + " * 100_001 + "1\n")


def open_brackets(folder: Path) -> Path:
    return write(folder, HEAD + "let a = " + "(" * 100_000 + "\n")


def chain(folder: Path) -> Path:
    """A chain of 3,000 definitions, the last one first."""
    lets = [f"let a{i} = a{i - 1} + 1 core\n" for i in range(2_999, 0, -1)]
    text = "hardware laptop { cores = a2999 }\nlet a0 = 1 core\nanalysis a(cpu = laptop) {\n"
    return write(folder, HEAD + "".join(lets) + text + "  show cpu.cores\n}\n")


def chain_in_an_analysis(folder: Path) -> Path:
    lets = [f"  let a{i} = a{i - 1} + cpu.cores\n" for i in range(1, 3_000)]
    text = "hardware laptop { cores = 8 core }\nanalysis a(cpu = laptop) {\n  let a0 = cpu.cores\n"
    return write(folder, HEAD + text + "".join(lets) + "  show a2999\n}\n")


def fan_of_imports(folder: Path) -> Path:
    names = [f"part{i}" for i in range(70)]
    for name in names:
        write(folder, HEAD + "let a = 1\n", f"{name}.perf")
    imports = [f'import "{name}" as {name}\n' for name in names]
    total = " + ".join(f"{name}.a" for name in names)
    return write(folder, HEAD + "".join(imports) + f"let all = {total}\n")


def tower_of_imports(folder: Path) -> Path:
    for i in range(20):
        write(folder, HEAD + f'import "floor{i + 1}" as up\nlet a = up.a\n', f"floor{i}.perf")
    write(folder, HEAD + "let a = 1\n", "floor20.perf")
    return write(folder, HEAD + 'import "floor0" as up\nlet a = up.a\n')


def tower_of_calls(folder: Path) -> Path:
    fns = [f"fn f{i}(n: Count): Count = f{i - 1}(n) + 1\n" for i in range(1, 200)]
    return write(folder, HEAD + "fn f0(n: Count): Count = n\n" + "".join(fns) + "let a = f199(1)\n")


def doubled_calls(folder: Path) -> Path:
    fns = [f"fn f{i}(n: Count): Count = f{i - 1}(2 * n) + f{i - 1}(n)\n" for i in range(1, 40)]
    return write(folder, HEAD + "fn f0(n: Count): Count = n\n" + "".join(fns) + "let a = f39(1)\n")


def folder_imported(folder: Path) -> Path:
    (folder / "parts.perf").mkdir(parents=True)
    return write(folder, HEAD + 'import "parts" as parts\nlet a = parts.b\n')


def link_out_of_the_root(folder: Path) -> Path:
    """A link inside the project to a file outside of it."""
    write(folder / "outside", HEAD + "let key = 42\n", "secret.perf")
    path = write(folder / "project", HEAD + 'import "secret" as s\nlet a = s.key\n')
    (folder / "project" / "secret.perf").symlink_to(folder / "outside" / "secret.perf")
    return path


def linked_folder_out_of_the_root(folder: Path) -> Path:
    write(folder / "outside", HEAD + "let key = 42\n", "secret.perf")
    path = write(folder / "project", HEAD + 'import "parts/secret" as s\nlet a = s.key\n')
    (folder / "project" / "parts").symlink_to(folder / "outside")
    return path


def link_within_the_root(folder: Path) -> Path:
    write(folder, HEAD + "let layers = 24 layer\n", "real.perf")
    (folder / "alias.perf").symlink_to(folder / "real.perf")
    return write(folder, HEAD + 'import "alias" as net\nlet a = net.layers\n')


def device_as_a_file(folder: Path) -> Path:
    path = folder / "main.perf"
    folder.mkdir(parents=True, exist_ok=True)
    path.symlink_to("/dev/zero")
    return path


SEEN = HEAD + 'data seen(n: Count) from "./seen.%s"\nanalysis a() { show count(seen) }\n'


def data_of_fifty_megabytes(folder: Path) -> Path:
    path = write(folder, "n\n1\n", "seen.csv")
    with path.open("r+b") as file:
        file.truncate(50_000_000)
    return write(folder, SEEN % "csv")


def too_many_rows(folder: Path) -> Path:
    write(folder, "n\n" + "1\n" * 100_001, "seen.csv")
    return write(folder, SEEN % "csv")


def many_rows(folder: Path) -> Path:
    write(folder, "n\n" + "1\n" * 100_000, "seen.csv")
    return write(folder, SEEN % "csv")


def nested_json(folder: Path) -> Path:
    write(folder, '[{"n": 1, "more": ' + "[" * 100_000 + "]" * 100_000 + "}]", "seen.json")
    return write(folder, SEEN % "json")


def nested_json_never_closed(folder: Path) -> Path:
    write(folder, "[" * 500_000, "seen.json")
    return write(folder, SEEN % "json")


def data_link_out_of_the_root(folder: Path) -> Path:
    write(folder / "outside", "n\n1\n", "secret.csv")
    path = write(folder / "project", SEEN % "csv")
    (folder / "project" / "seen.csv").symlink_to(folder / "outside" / "secret.csv")
    return path


def data_link_within_the_root(folder: Path) -> Path:
    write(folder, "n\n1\n", "real.csv")
    (folder / "seen.csv").symlink_to(folder / "real.csv")
    return write(folder, SEEN % "csv")


def data_is_a_folder(folder: Path) -> Path:
    (folder / "seen.csv").mkdir(parents=True)
    return write(folder, SEEN % "csv")


def data_is_a_device(folder: Path) -> Path:
    path = write(folder, SEEN % "csv")
    (folder / "seen.csv").symlink_to("/dev/zero")
    return path


def data_is_a_pipe(folder: Path) -> Path:
    path = write(folder, SEEN % "csv")
    os.mkfifo(folder / "seen.csv")
    return path


LARGE = {
    "file_too_large": Large("P701", fifty_megabytes),
    "imported_file_too_large": Large("P701", import_of_fifty_megabytes),
    "too_many_words": Large("P702", many_words),
    "hundred_thousand_brackets": Large("P703", open_brackets),
    "calls_too_deep": Large("P703", tower_of_calls),
    "calls_doubled_forty_times": Large("P706", doubled_calls),
    "too_many_imports": Large("P707", fan_of_imports),
    "imports_too_deep": Large("P708", tower_of_imports),
    "folder_imported": Large("P103", folder_imported),
    "device_as_a_file": Large("P103", device_as_a_file),
    "link_leaves_the_root": Large("P105", link_out_of_the_root),
    "linked_folder_leaves_the_root": Large("P105", linked_folder_out_of_the_root),
    "link_within_the_root": Large("", link_within_the_root),
    "data_too_large": Large("P701", data_of_fifty_megabytes),
    "data_of_too_many_rows": Large("P710", too_many_rows),
    "data_of_many_rows": Large("", many_rows),
    "json_nested_too_deep": Large("P703", nested_json),
    "json_never_closed": Large("P311", nested_json_never_closed),
    "data_link_leaves_the_root": Large("P105", data_link_out_of_the_root),
    "data_link_within_the_root": Large("", data_link_within_the_root),
    "data_is_a_folder": Large("P103", data_is_a_folder),
    "data_is_a_device": Large("P105", data_is_a_device),
    "data_is_a_pipe": Large("P103", data_is_a_pipe),
    "three_thousand_definitions": Large("", chain),
    "three_thousand_definitions_in_an_analysis": Large("", chain_in_an_analysis),
}
