"""What a call executed and read, as it is recorded: the oracle's counts, operator by operator."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from perfdsl.measure.recorded import Recorded
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.kernels.target import HOST
from perfdsl.runner.oracle import counted

EMBEDDING = "token_embd.weight"  # (vocab, d_model)


class ExecutedOperator(Recorded):
    """One operator in one layer (None: outside of the layers).

    useful, executed: multiply-accumulates, without and with those of padding; weight_bytes:
    distinct bytes that were read of its packed matrix, scales included. Norms are read, too, but
    not counted.
    """

    operator: str
    layer: int | None
    useful: int
    executed: int
    weight_bytes: int


class Executed(Recorded):
    """One call of texts that went through the model together.

    lengths: tokens of each text. distinct_ids: of all of them. embedding_rows: distinct rows that
    were read, of row_bytes each in the file. instructions: the instruction set; bf16: whether
    attention multiplied pairs of bf16, else float32.
    """

    lengths: tuple[int, ...]
    distinct_ids: int
    threads: int
    instructions: str
    bf16: bool
    operators: tuple[ExecutedOperator, ...]
    embedding_rows: int
    row_bytes: int

    @property
    def looked_up_bytes(self) -> int:
        """Of the embedding: a row for each token, even where another one has asked for it."""
        again = sum(self.lengths) - self.distinct_ids
        return (self.embedding_rows + again) * self.row_bytes

    @property
    def attention(self) -> str:
        """The kind of work that attention's products are."""
        return "bf16" if self.bf16 else "fp32"


def executed(
    path: str | os.PathLike[str],
    texts: Sequence[Sequence[int] | NDArray[np.integer]],
    *,
    threads: int = 1,
) -> Executed:
    """Run these texts (ids) together, counting, in a process of its own. Raises RunnerError."""
    table = open_gguf(path).tensors[EMBEDDING]
    found = counted(path, texts, threads=threads)
    operators = [
        ExecutedOperator(
            operator=each.operator,
            layer=each.layer,
            useful=each.useful,
            executed=each.executed,
            weight_bytes=each.weights + each.scales,
        )
        for each in found.operators
    ]
    return Executed(
        lengths=tuple(len(ids) for ids in texts),
        distinct_ids=len({int(number) for ids in texts for number in ids}),
        threads=threads,
        instructions=HOST.name,
        bf16=HOST.bf16,
        operators=tuple(operators),
        embedding_rows=found.embedding_rows,
        row_bytes=table.nbytes // table.shape[0],
    )
