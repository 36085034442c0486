"""A record as lines of JSON, and back: what stands in a list of objects has a line of its own.

The first line is the record with all such lists empty. Each further line adds one object to a list:
`{"to": ["series", 0, "rounds"], "add": {...}}`, whose own lists of objects follow it, empty here.
So raw samples are a line a round, whatever the record is of, and lines of any record can be read
one at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

Place = tuple[str | int, ...]
"""Where a list stands: names of fields and, within lists, numbers from 0."""

DIGITS = 20  # of a whole number: 64 bits, and a float that is made of it is finite


class LineError(ValueError):
    """A line is not what a record has there; the message says why."""


def to_lines(plain: Mapping[str, Any]) -> Iterator[str]:
    """plain: what pydantic calls mode "json": objects, lists, texts, numbers. No line ends."""
    taken: list[tuple[Place, Any]] = []
    yield dumped(_emptied(plain, (), taken))
    while taken:  # in reading order: what an item holds comes before its neighbour
        place, item = taken.pop()
        inner: list[tuple[Place, Any]] = []
        held = _emptied(item, place, inner)
        yield dumped({"to": list(place[:-1]), "add": held})
        taken += inner


def _emptied(value: Any, place: Place, taken: list[tuple[Place, Any]]) -> Any:
    """The value without what becomes lines of its own; that is put on `taken`, the last first."""
    match value:
        case dict():
            fields = list(value.items())
            emptied = {}
            for name, each in reversed(fields):
                emptied[name] = _emptied(each, (*place, name), taken)
            return {name: emptied[name] for name, _ in fields}
        case [dict(), *_] if all(isinstance(each, dict) for each in value):
            numbered = [((*place, number), each) for number, each in enumerate(value)]
            taken += reversed(numbered)
            return []
        case _:
            return value


def from_lines(lines: Iterable[str | bytes]) -> dict[str, Any]:
    """Raises LineError for what `to_lines` did not write."""
    whole: dict[str, Any] | None = None
    for line in lines:
        found = parsed(line)
        if whole is None:
            whole = found
            continue
        if found.keys() != {"to", "add"} or not isinstance(found["to"], list):
            raise LineError("a line does not say what it adds to which list")
        _listed(whole, found["to"]).append(found["add"])
    if whole is None:
        raise LineError("there is no line of the record itself")
    return whole


def _listed(whole: Any, place: list[Any]) -> list[Any]:
    found = whole
    for step in place:
        match found, step:
            case dict(), str() if step in found:
                found = found[step]
            case list(), int() if 0 <= step < len(found):
                found = found[step]
            case _:
                raise LineError("a line adds to something that is not there")
    if not isinstance(found, list):
        raise LineError("a line adds to something that is no list")
    return found


def dumped(plain: object) -> str:
    """In ASCII, on one line; numbers as they read back to the bit. Raises ValueError for NaN."""
    return json.dumps(plain, allow_nan=False, separators=(",", ":"))


def parsed(line: str | bytes) -> dict[str, Any]:
    """One line's object. Raises LineError."""
    try:
        found = json.loads(line, parse_constant=_refused, parse_int=_whole)
    except LineError:
        raise
    except (ValueError, RecursionError) as error:
        raise LineError("a line is no JSON") from error
    if not isinstance(found, dict):
        raise LineError("a line is no JSON object")
    return found


def _refused(name: str) -> NoReturn:
    raise LineError(f"{name} is no number")


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise LineError(f"a number has more than {DIGITS} digits")
    return int(digits)
