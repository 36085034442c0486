"""The README's table of speed: one line a case, made of a benchmark's record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from perfdsl.present.bench_tables import MILLI, NONE, case, share
from perfdsl.semantics.text import plain

if TYPE_CHECKING:
    from perfdsl.measure.results import Result
    from perfdsl.measure.statistics import Estimate


def table(result: Result) -> str:
    """GitHub's Markdown. A case that timed no peer has a dash there."""
    from perfdsl.measure import summary

    rows = summary.rows(result)
    peers = list(dict.fromkeys(name for row in rows for name in row.ratios))
    heads = ["tokens", "threads", *peers, *(f"against {name}" for name in peers)]
    heads[2:2] = ["perfdsl"]
    heads += ["tokens/s", "of the hard bound", "of the structural bound"]
    lines = [_line(heads), _line(["---:"] * len(heads))]
    for row in rows:
        times = [_time(row.times, name) for name in (row.name, *peers)]
        ratios = [_ratio(row.ratios, name) for name in peers]
        shares = [share(row.hard), share(row.structural)]
        lines.append(_line([*case(row.case), *times, *ratios, plain(row.tokens, 3), *shares]))
    return "\n".join(lines)


def _time(times: Mapping[str, Estimate], name: str) -> str:
    return f"{plain(times[name].median / MILLI, 3)} ms" if name in times else NONE


def _ratio(ratios: Mapping[str, Estimate], name: str) -> str:
    return f"{plain(ratios[name].median, 2)} x" if name in ratios else NONE


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
