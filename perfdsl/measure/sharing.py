"""How a pass is shared among threads, as far as a prediction has to know it."""

from __future__ import annotations

from perfdsl.runner.workspace import ROWS_ALONE


def same_rows(rows: int, threads: int) -> bool:
    """Whether threads work on the same rows of a pass, each on some columns: so each of them reads
    what others wrote. With more rows each has rows of its own (see `runner.forward`)."""
    return threads > 1 and rows < threads * ROWS_ALONE
