"""What is recorded: objects that go to JSON and come back equal, without a field unknown."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

# A list of numbers as JSON is indented; no text has an end of line in it.
NUMBERS = re.compile(r"\[\n([-+.0-9eE,\s]+)\n\s*\]")


class Recorded(BaseModel):
    """Every object of a record: frozen, no field without a name, no NaN that JSON cannot say."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def text(record: Recorded) -> str:
    """JSON to be read and compared line by line: indented, but for lists of numbers."""
    return NUMBERS.sub(_in_a_line, record.model_dump_json(indent=1)) + "\n"


def _in_a_line(numbers: re.Match[str]) -> str:
    return f"[{' '.join(numbers[1].split())}]"
