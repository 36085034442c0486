"""The kinds of records: what each is read as."""

from __future__ import annotations

from collections.abc import Mapping

from perfdsl.measure.recorded import Recorded
from perfdsl.measure.results import Result
from perfdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """made: the class of the record. version: of its schema, the newest that can be read."""

    made: type[Recorded]
    version: int = 1


KINDS: Mapping[str, Kind] = {
    "bench": Kind(Result),
}
