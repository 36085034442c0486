"""How long the command line and the stages take, against budgets: `make bench`.

Whole processes run in rounds, each command once a round, so that whatever else the machine does
meets all of them; a ratio is that of a command to `python -c "import sympy"` in the same round.
All are warm: a first round, which compiles the modules into a folder of its own, does not count.
Stages run in this process, after a first time, with garbage looked for as rarely as on the command
line. `--json` prints the same as JSON.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from models import repeated, written_out

from perfdsl.cli import RARELY
from perfdsl.diagnostics import Diagnostic, Source, has_errors
from perfdsl.pipeline import Options, open_file, read
from perfdsl.semantics.check import check
from perfdsl.semantics.files import Reader
from perfdsl.semantics.program import Program
from perfdsl.syntax.parser import parse

ROOT = Path(__file__).resolve().parent.parent
FIRST = "specs/analyses/theoretical_ceiling.perf"
UNIT = "import sympy"


@dataclass(frozen=True)
class Row:
    """What was measured: the median of some rounds, and the least and most of them.

    unit: of the values. budget: what the median should be at most (at least, for lines/s). cpu:
    the median of processor time, in the same unit, where a process was measured.
    """

    name: str
    median: float
    least: float
    most: float
    unit: str
    budget: float | None = None
    cpu: float | None = None

    @property
    def kept(self) -> bool:
        if self.budget is None:
            return True
        return self.median >= self.budget if self.unit == "lines/s" else self.median <= self.budget


# --------------------------------------------------------------------------------- processes

# What the command `perfdsl` runs.
PERFDSL = (sys.executable, "-c", "import sys; from perfdsl.cli import main; sys.exit(main())")
COMMANDS: dict[str, tuple[tuple[str, ...], float | None]] = {
    UNIT: ((sys.executable, "-c", UNIT), None),
    "--help": ((*PERFDSL, "--help"), 0.3),
    "check": ((*PERFDSL, "check", FIRST), 0.5),
    "solve": ((*PERFDSL, "solve", FIRST), 0.8),
    "solve --format json": ((*PERFDSL, "solve", FIRST, "--format", "json"), 1.1),
    "solve --formulas": ((*PERFDSL, "solve", FIRST, "--formulas"), 2.2),
}

Times = tuple[float, float]  # on the clock, and of the processor


def processes(rounds: int) -> Iterator[Row]:
    """Each command's time, and its ratio to the first one's."""
    with tempfile.TemporaryDirectory() as compiled:
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        environment = {**kept, "PYTHONPYCACHEPREFIX": compiled, "PYTHONPATH": str(ROOT)}
        for command, _ in COMMANDS.values():
            _process(command, environment)
        found = [
            {name: _process(command, environment) for name, (command, _) in COMMANDS.items()}
            for _ in range(rounds)
        ]
    base = [each[UNIT] for each in found]
    yield _row(UNIT, [1e3 * wall for wall, _ in base], "ms", None, [1e3 * cpu for _, cpu in base])
    for name, (_, budget) in list(COMMANDS.items())[1:]:
        walls = [each[name][0] / each[UNIT][0] for each in found]
        cpus = [each[name][1] / each[UNIT][1] for each in found]
        yield _row(name, walls, "ratio", budget, cpus)


def _process(command: tuple[str, ...], environment: dict[str, str]) -> Times:
    """One run from start to end."""
    start = time.perf_counter()
    nothing = subprocess.DEVNULL
    child = subprocess.Popen(command, stdout=nothing, stderr=nothing, env=environment, cwd=ROOT)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return wall, usage.ru_utime + usage.ru_stime


def _row(
    name: str, values: list[float], unit: str, budget: float | None, cpus: list[float] | None = None
) -> Row:
    middle = statistics.median
    cpu = middle(cpus) if cpus else None
    return Row(name, middle(values), min(values), max(values), unit, budget, cpu)


# ------------------------------------------------------------------------------------ stages


def stages(rounds: int) -> Iterator[Row]:
    """Parsing, building and deriving, in this process."""
    yield _parsing(rounds)
    for name, text in (("a repeat", repeated()), ("written out", written_out())):
        reader = _read(text)
        built = _timed(lambda reader=reader: check(reader), rounds)
        yield _row(f"336 operators, {name}: checked, built", built, "ms", 30)
        program = check(reader)
        if has_errors(program.problems):
            raise SystemExit(f"336 operators, {name}: {program.problems[0].title}")
        formulas = _timed(lambda program=program: _formulas(program), rounds)
        yield _row(f"336 operators, {name}: formulas", formulas, "ms", 100)


def _parsing(rounds: int) -> Row:
    source = open_file(ROOT / FIRST, Options().limits)
    if isinstance(source, Diagnostic):
        raise SystemExit(source.title)
    lines = len(source.text.splitlines())
    speeds = [lines / (ms / 1e3) for ms in _timed(lambda: parse(source), rounds)]
    return _row(f"parsing {FIRST}", speeds, "lines/s", 5_000)


def _read(text: str) -> Reader:
    return read(Source("model.perf", text), ROOT, Options())


def _formulas(program: Program) -> None:
    """The formula of each shown value, from nothing."""
    from perfdsl.symbolic.formulas import Formulas

    analysis = program.analyses[0]
    made = Formulas(program.graph)
    made.exprs([node for item in analysis.shows for node in _nodes(item.value)])


def _nodes(value: object) -> list[int]:
    node = getattr(value, "node", None)
    return [node] if isinstance(node, int) else []


def _timed(action: Callable[[], object], rounds: int) -> list[float]:
    """Milliseconds of each round, after one that does not count."""
    action()
    found = []
    for _ in range(rounds):
        gc.collect()
        start = time.perf_counter()
        action()
        found.append(1e3 * (time.perf_counter() - start))
    return found


# -------------------------------------------------------------------------------------- page


def main() -> None:
    parser = argparse.ArgumentParser(description="Time perfdsl against its budgets.")
    parser.add_argument("--rounds", type=int, default=15, help="of processes and of stages")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    gc.set_threshold(RARELY)
    rows = [*processes(options.rounds), *stages(options.rounds)]
    if options.json:
        print(
            json.dumps({"rounds": options.rounds, "rows": [asdict(row) for row in rows]}, indent=2)
        )
    else:
        print("\n".join(table(rows)))


def table(rows: list[Row]) -> Iterator[str]:
    """The rows as lines of a table."""
    yield f"{'':45}{'median':>9}{'least':>9}{'most':>9}{'cpu':>9}{'budget':>9}"
    for row in rows:
        numbers = (row.median, row.least, row.most, row.cpu, row.budget)
        shown = "".join(f"{_short(number):>9}" for number in numbers)
        yield f"{row.name:45}{shown}  {row.unit}{'' if row.kept else '  over'}"


def _short(number: float | None) -> str:
    if number is None:
        return "-"
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


if __name__ == "__main__":
    main()
