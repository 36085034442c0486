"""Conditions over ranges: one holds where all that it can be does, fails where none does."""

from __future__ import annotations

import math

from perfdsl.numeric.intervals import Range
from perfdsl.solve.reading import Reading


def truth(node: int, reading: Reading) -> str:
    """A condition: its comparisons one by one, and as a whole where they leave it open.

    What binds a long chain of maxima is a condition as deep as the chain: nothing recurses, and
    what is decided by its first parts asks for no others.
    """
    known: dict[int, str] = {}
    todo = [node]
    while todo:
        waiting = _next_part(todo[-1], known, reading)
        if waiting is not None:
            todo.append(waiting)
            continue
        number = todo.pop()
        known[number] = _told(number, known, reading)
    return known[node]


# What decides a condition by itself.
DECISIVE = {"and": "fails", "or": "holds"}


def _next_part(node: int, known: dict[int, str], reading: Reading) -> int | None:
    """The first part whose truth must be known before that of the whole."""
    item = reading.graph.nodes[node]
    for arg in item.args if item.op in {"and", "or", "not"} else ():
        if arg not in known:
            return arg
        if known[arg] == DECISIVE.get(item.op):
            return None
    return None


def _told(node: int, known: dict[int, str], reading: Reading) -> str:
    item = reading.graph.nodes[node]
    parts = {known[arg] for arg in item.args if arg in known}
    match item.op:
        case "compare" if item.data in {"<", "<=", ">", ">="}:
            found = ordered(item.args[0], item.args[1], item.data, reading)
        case "and":
            found = "fails" if "fails" in parts else "holds" if parts == {"holds"} else ""
        case "or":
            found = "holds" if "holds" in parts else "fails" if parts == {"fails"} else ""
        case "not":
            found = {"holds": "fails", "fails": "holds"}.get(parts.pop(), "")
        case _:
            found = ""
    if found:
        return found
    low, high = reading.bounds(node)
    return "holds" if low > 0 else "fails" if high <= 0 else "undecided"


def ordered(left: int, right: int, op: str, reading: Reading) -> str:
    """Whether left < right (or another order): by their difference, in which one input is one."""
    gap = reading.bounds(reading.graph.total([left, right], (1, -1)))
    if op in {">", ">="}:
        gap = Range(-gap.high, -gap.low)
    return _below_zero(gap, strict=op in {"<", ">"})


def _below_zero(gap: Range, *, strict: bool) -> str:
    if math.isnan(gap.low) or math.isnan(gap.high):
        return "undecided"
    if gap.high < 0 or (gap.high <= 0 and not strict):
        return "holds"
    if gap.low > 0 or (gap.low >= 0 and strict):
        return "fails"
    return "undecided"


def inside(found: Range, target: Range) -> str:
    """Whether a value lies in a range: all that it can be, none of it, or some."""
    if math.isnan(found.low) or math.isnan(found.high):
        return "undecided"
    if target.low <= found.low and found.high <= target.high:
        return "holds"
    if found.high < target.low or found.low > target.high:
        return "fails"
    return "undecided"
