"""Export every spec and example as LaTeX, compile each one, and fail at the first warning.

    python tools/latex.py [FOLDER]      the documents and their logs stay in FOLDER (build/latex)

Each document is compiled in one run, two at a time. A warning of any kind is a failure: an overfull
line, an undefined command or reference, a missing font, a rerun that would be needed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape"]
PACKAGES = "texlive-latex-base texlive-latex-recommended texlive-science"
WARNING = re.compile(r"^!|^(?:Over|Under)full|Warning|undefined|[Rr]erun|[Mm]issing character")
# What LaTeX and its packages say of themselves, in every run.
HARMLESS = re.compile(r"rerunfilecheck|Package: |File: |\.sty|LaTeX Info|\.def\b")
SECONDS = 120


def programs() -> list[Path]:
    """Every file that has an analysis."""
    found = sorted([*ROOT.glob("specs/**/*.perf"), *ROOT.glob("examples/**/*.perf")])
    return [
        file for file in found if re.search(r"^analysis ", file.read_text("utf-8"), re.MULTILINE)
    ]


def compiled(file: Path, folder: Path) -> list[str]:
    """What goes wrong with one file: nothing, it is hoped."""
    name = "-".join(file.relative_to(ROOT).with_suffix("").parts)
    target = folder / f"{name}.tex"
    command = [sys.executable, "-m", "perfdsl", "export", str(file.relative_to(ROOT))]
    told = _run([*command, "--to", "latex", "--force", "-o", str(target)], ROOT)
    if told:
        return [f"export: {line}" for line in told]
    told = _run([*ENGINE, target.name], folder)
    log = target.with_suffix(".log")
    found = list(warnings(log)) if log.is_file() else []
    return [f"{name}.tex: {line}" for line in (found or told)]


def _run(command: list[str], folder: Path) -> list[str]:
    """Why a command failed, as the end of what it said; empty where it did not."""
    quiet = {"env": {**os.environ, "max_print_line": "1000"}, "cwd": folder}
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=SECONDS,
            check=False, **quiet,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [f"{command[0]} has not ended after {SECONDS} s"]
    return (done.stdout + done.stderr).strip().splitlines()[-5:] if done.returncode else []


def warnings(log: Path) -> Iterator[str]:
    """The lines of a log that warn."""
    for line in log.read_text("utf-8", errors="replace").splitlines():
        if WARNING.search(line) and not HARMLESS.search(line):
            yield line


def main() -> int:
    """Compile all; 0 where nothing warns."""
    if shutil.which(ENGINE[0]) is None:
        print(f"latex: {ENGINE[0]} is missing: apt-get install {PACKAGES}", file=sys.stderr)
        return 1
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "latex")
    folder.mkdir(parents=True, exist_ok=True)
    start, files = time.monotonic(), programs()
    with ThreadPoolExecutor(2) as pool:
        faults = [line for each in pool.map(lambda f: compiled(f, folder), files) for line in each]
    for line in faults:
        print(f"latex: {line}", file=sys.stderr)
    seconds = time.monotonic() - start
    print(f"latex: {len(files)} documents, {len(faults)} warnings, {seconds:.0f} s")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
