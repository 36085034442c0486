"""Records with something else in one place, under a checksum that agrees: told of, or refused."""

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfdsl.excerpt import visible
from perfdsl.measure.history import entries, two
from perfdsl.measure.store import append, last_line
from perfdsl.present import comparison_page, history_json, history_page
from perfdsl.present.style import Theme
from perfdsl.runner.errors import RunnerError
from tests.measure.probed import machine
from tests.measure.records import a_result, a_start
from tests.measure.test_history import VALIDATION

RECORDS = [a_result(startup=(a_start(),)), machine(), VALIDATION]

SCALARS = [
    -1, 0, 1, 3, 2**63, -(2**63), 10**19, 10**25, -0.0, 1e-308, 1.5, 1e300, math.inf, math.nan,
    True, None, "", "0", "\x1b[2J", "\u202e", "a" * 300, "é\n", "bench", "NaN", "../x",
]  # fmt: skip


def value(draw: Random, depth: int = 0) -> object:
    """Anything that JSON and its near relatives can say."""
    kind = draw.randrange(6) if depth < 3 else 0
    several = range(draw.randrange(4))
    if kind == 4:
        return [value(draw, depth + 1) for _ in several]
    if kind == 5:
        return {str(draw.choice(SCALARS)): value(draw, depth + 1) for _ in several}
    return draw.choice(SCALARS)


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to each value inside of a value."""
    yield path
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*path, key))
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from places(each, (*path, number))


def written(whole, path, value):
    """The value with another one at the end of the way."""
    if not path:
        return value
    found = whole
    for step in path[:-1]:
        found = found[step]
    found[path[-1]] = value
    return whole


def sealed(lines):
    text = "".join(f"{json.dumps(each)}\n" for each in lines).encode()
    return text + last_line(hashlib.sha256(text).hexdigest())


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """The lines of each record, parsed, and a folder with all of them."""
    folder = tmp_path_factory.mktemp("originals")
    paths = [append(folder, record) for record in RECORDS]
    return folder, [
        [json.loads(line) for line in path.read_text("ascii").splitlines()[:-1]] for path in paths
    ]


def all_told(folder: Path, *names: str) -> str:
    """Whatever the history says of a folder, and of two of its records."""
    found, older = entries(folder, "", 9)
    told = history_page.page(found, older, "", Theme()) + history_json.listed(found, older)
    for first, second in (names, names[::-1]):
        try:
            both = two(folder, first, second)
        except RunnerError as error:
            told += visible(str(error))  # as the screen does with all messages
        else:
            told += comparison_page.page(both, Theme(), None, ()) + history_json.two(both, None, ())
    return told


def changed_and_told(seed: int, folder: Path, records: list[list[dict[str, object]]]) -> None:
    """No other error comes out, nothing that a terminal obeys, and no record is written to."""
    draw = Random(seed)  # noqa: S311 - the same seed shall make the same file
    kind = draw.randrange(len(records))
    lines = json.loads(json.dumps(records[kind]))
    number = draw.randrange(len(lines))
    path = draw.choice(list(places(lines[number])))
    lines[number] = written(lines[number], path, value(draw))
    content = sealed(lines)
    with TemporaryDirectory() as made:
        changed = Path(made) / "changed.jsonl"
        changed.write_bytes(content)
        original = next(folder.glob(f"*-{RECORDS[kind].kind}-*"))
        told = all_told(Path(made), str(changed), str(original))
        assert changed.read_bytes() == content
    assert not set(told) & set("\x1b\u202e")


@given(st.integers(0, 2**32))
@settings(max_examples=100)
def test_another_value_anywhere_is_told_or_refused(originals, seed):
    changed_and_told(seed, *originals)


@pytest.mark.fuzz
@given(st.integers(0, 2**32))
def test_very_many_other_values_are_told_or_refused(originals, seed):
    changed_and_told(seed, *originals)
