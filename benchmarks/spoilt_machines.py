"""Each figure of a machine file halved in turn: do a validation's measurements find it by name?

usage: python benchmarks/spoilt_machines.py ANALYSIS --machine FILE [--by N] RECORD...

FILE is what `perfdsl probe -o FILE` wrote, each RECORD what `perfdsl validate ANALYSIS` kept of it.
The file itself must accuse nothing. A figure that is divided by N (2) shows, and is accused
or cannot be told from what is; or nothing is above its ceiling, and nothing is said of it.
Ends with 1 where something else is accused. A cache shows where a model fits into it and not into a
part of it: there N has to be 4.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from perfdsl.compare.assumptions import assumptions
from perfdsl.compare.bounds import Subject, subject
from perfdsl.compare.diagnosis import Diagnosis
from perfdsl.compare.evidence import diagnosed
from perfdsl.compare.substitution import Asked, Substituted, substituted
from perfdsl.measure.stored import read
from perfdsl.measure.validation_record import Validation
from perfdsl.pipeline import Options
from perfdsl.rendering import render_all
from perfdsl.semantics.values import Instance

CASES = ("cores", "bytes[activations]")  # what a setup sets, and no figure of a machine


def held(analysis: Path, machine: Path, record: Validation) -> Substituted:
    found = substituted(Asked(analysis, "", machine, record.shape, Options()))
    if isinstance(found, Substituted):
        return found
    sys.exit(render_all(found))


def spoilt(text: str, of: Subject, by: int) -> Iterator[tuple[str, str]]:
    """Every figure by its name, with the text in which it is so much smaller."""
    hardware = of.hardware(1)
    for each in assumptions(of, (1,)):
        block, _, name = each.name.rpartition(".")
        holder = hardware.frame.values.get(block, hardware)
        if each.name in CASES or not isinstance(holder, Instance):
            continue
        binding = holder.frame.bindings.get(name)
        if binding is not None:
            start, end = binding.expr.span.start, binding.expr.span.end
            yield each.name, f"{text[:start]}({text[start:end]}) / {by}{text[end:]}"


def verdict(name: str, found: Diagnosis) -> str:
    """What is accused of the excesses that a false figure has caused."""
    first = found.suspects[0].name if found.suspects else "nothing"
    if first == name:
        return "found"
    if name in found.alike:
        return f"found, as is {first}"
    same = first.rpartition(".")[0] == name.rpartition(".")[0]
    return f"found as {first}" if same else f"WRONG: {first} is accused"


def tried(asked: argparse.Namespace, record: Validation) -> bool:
    """Print a line for each figure that shows, and the others together; whether all was right."""
    right = held(asked.analysis, asked.machine, record)
    of = subject(right.analysis, right.net, right.cpu, right.load)
    found = diagnosed(right, record)
    print(f"\n{record.shape['layers']} layers: {len(found.excesses)} above their ceilings as it is")
    good, unseen = not found.excesses, list[str]()
    with tempfile.TemporaryDirectory() as folder:
        for name, text in spoilt(asked.machine.read_text("utf-8"), of, asked.by):
            file = Path(folder) / "machine.perf"
            file.write_text(text, "utf-8")
            found = diagnosed(held(asked.analysis, file, record), record)
            if not found.excesses:
                unseen.append(name)
                continue
            said = verdict(name, found)
            good = good and not said.startswith("WRONG")
            print(f"  {name:20} {len(found.excesses):4}  {said}")
    print(f"  nothing shows: {', '.join(unseen)}")
    return good


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("analysis", type=Path)
    parser.add_argument("--machine", type=Path, required=True)
    parser.add_argument("--by", type=int, default=2)
    parser.add_argument("records", type=Path, nargs="+")
    asked = parser.parse_args()
    good = True
    for path in asked.records:
        record = read(path).needed()
        if not isinstance(record, Validation):
            sys.exit(f"{path} is no record of a validation")
        good = tried(asked, record) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
