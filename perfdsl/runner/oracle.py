"""The oracle: what a pass really executes and reads, counted by a build of the same kernels.

Each dot instruction adds its multiply-accumulates to a tally where it is executed, the softmax
counts the pairs that are not masked, and each vector of weights or scales marks its cache line as
it is loaded. No formula of the model's shape is in here: formulas are held against this.

Counting is compiled in, so it takes a process of its own (`counted`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perfdsl.records import dataclass
from perfdsl.runner.errors import RunnerError
from perfdsl.runner.job import COUNTED
from perfdsl.runner.kernels.tally import EXECUTED, PAIRS
from perfdsl.runner.kernels.target import COUNT
from perfdsl.runner.memory import LINE
from perfdsl.runner.weights import Weights
from perfdsl.runner.workspace import Workspace

SECONDS = 600.0  # a text of 2,048 tokens takes ten


@dataclass(frozen=True, slots=True)
class Counts:
    """What one operator did in one layer (None: the head).

    useful, executed: multiply-accumulates, without and with those of padding; weights, scales:
    distinct bytes that were read of the packed matrix.
    """

    operator: str
    layer: int | None
    useful: int
    executed: int
    weights: int
    scales: int


@dataclass(frozen=True, slots=True)
class Counted:
    """One call, operator by operator; embedding_rows: distinct rows of the embedding."""

    operators: tuple[Counts, ...]
    embedding_rows: int

    def total(self, operator: str) -> Counts:
        """The sum over the layers of one operator."""
        found = [each for each in self.operators if each.operator == operator]
        sums = (sum(getattr(each, name) for each in found) for name in NUMBERS)
        return Counts(operator, None, *sums)


NUMBERS = ("useful", "executed", "weights", "scales")


def counted(
    path: str | os.PathLike[str],
    texts: Sequence[Sequence[int] | NDArray[np.integer]],
    *,
    threads: int = 1,
) -> Counted:
    """Run these texts (ids) together in a process whose kernels count. Raises RunnerError."""
    request = {
        "path": os.fspath(path),
        "texts": [[int(number) for number in ids] for ids in texts],
        "threads": threads,
    }
    program = "from perfdsl.runner.oracle import answer; answer()"
    done = subprocess.run(  # noqa: S603  this interpreter, a fixed program; the request is data
        [sys.executable, "-c", program],
        input=json.dumps(request).encode(),
        capture_output=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, COUNT: "1"},
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise RunnerError(f"the counting run failed: {lines[-1]}")
    found = json.loads(done.stdout)
    return Counted(tuple(Counts(**each) for each in found["operators"]), found["embedding_rows"])


# ------------------------------------------------------------------------- the counting process

STANDARD_INPUT, STANDARD_OUTPUT = 0, 1  # pipes of the process that asks


def answer() -> None:
    """Read a request from standard input, and write its counts to standard output, as JSON."""
    from perfdsl.runner.model import EmbeddingModel

    with open(STANDARD_INPUT, "rb", closefd=False) as stream:
        request = json.load(stream)
    texts = [np.array(ids, np.int64) for ids in request["texts"]]
    with EmbeddingModel.open(request["path"], threads=request["threads"]) as model:
        room, weights = model.run_together(texts)
        found = {
            "operators": list(_counts(room, weights, model.config.d_head)),
            "embedding_rows": int(np.count_nonzero(room.marks)),
        }
    with open(STANDARD_OUTPUT, "wb", closefd=False) as stream:
        stream.write(json.dumps(found).encode())


def _counts(room: Workspace, weights: Weights, d_head: int) -> Iterator[dict[str, Any]]:
    """What `Counts` is made of, for each operator in order of execution."""
    tallies = room.tallies.sum(axis=0, dtype=np.int64)  # of all threads
    read = dict(_read(room.shadow, weights))
    for layer, operators in enumerate(tallies):
        last = layer == len(weights.layers)
        for operator, tally in zip(COUNTED, operators, strict=True):
            executed = int(tally[EXECUTED])
            if not executed:
                continue
            attention = operator == "attn"
            useful = 2 * int(tally[PAIRS]) * d_head if attention else executed
            of_weights, of_scales = (0, 0) if attention else read[None if last else layer, operator]
            yield {
                "operator": operator,
                "layer": None if last else layer,
                "useful": useful,
                "executed": executed,
                "weights": of_weights,
                "scales": of_scales,
            }


def _read(shadow: NDArray[np.uint8], weights: Weights) -> Iterator[tuple[Any, tuple[int, int]]]:
    """(layer or None, operator) -> distinct bytes read of its weights, and of its scales."""
    first = weights.arena.address
    for layer, matrices in enumerate([*weights.layers, weights.head]):
        for matrix in matrices.values():
            ends = [begin for _, begin in matrix.tensors[1:]] + [matrix.rows]
            for (name, begin), end in zip(matrix.tensors, ends, strict=True):
                operator = name.removesuffix(".weight").rpartition(".")[2]
                part = slice(begin, end)
                yield (
                    (None if layer == len(weights.layers) else layer, operator),
                    (
                        _lines(shadow, matrix.bytes, part, matrix.rows, first),
                        _lines(shadow, matrix.scales, part, matrix.rows, first),
                    ),
                )


def _lines(
    shadow: NDArray[np.uint8], held: NDArray[np.uint8], rows: slice, of_rows: int, first: int
) -> int:
    """The bytes read of these rows of a packed array: panels of 32 rows are whole cache lines."""
    row = held.size // of_rows
    begin = held.ctypes.data - first + rows.start * row
    lines = shadow[begin // LINE : (begin + (rows.stop - rows.start) * row) // LINE]
    return LINE * int(lines.sum())
