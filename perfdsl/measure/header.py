"""The first line of a record's file: what it is of, who wrote it where, and how much follows."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from perfdsl.measure.environment import Environment
from perfdsl.measure.recorded import Recorded

FORM = 1  # of the file: header, lines, checksum. What a record holds has versions of its own
ID_DIGITS = 10

Kind = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}$")]
Id = Annotated[str, StringConstraints(pattern=rf"^[0-9a-f]{{{ID_DIGITS}}}$")]
Date = Annotated[str, StringConstraints(pattern=r"^[0-9T:.+Z-]{10,40}$")]
Tool = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Digest = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")]


class Storable(Protocol):
    """A `Recorded` with what its header tells; the rest is its own. date: ISO 8601, in UTC."""

    @property
    def kind(self) -> str: ...
    @property
    def schema_version(self) -> int: ...
    @property
    def tool(self) -> str: ...
    @property
    def date(self) -> str: ...
    @property
    def environment(self) -> Environment: ...
    def model_dump(self, *, mode: str) -> dict[str, Any]: ...


class Start(BaseModel):
    """What every version of the tool can tell of a record, however much newer the record is."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="ignore", strict=True)

    perfdsl_record: Annotated[int, Field(ge=1)]
    kind: Kind
    schema_version: Annotated[int, Field(ge=1)]
    id: Id
    date: Date
    tool: Tool


class Header(Recorded):
    """perfdsl_record: the form of the file. specs: SHA-256 over the specs that were used, "" where
    there were none. lines: between this one and the last, which has the checksum."""

    perfdsl_record: int = FORM
    kind: Kind
    schema_version: int
    id: Id
    date: Date
    tool: Tool
    specs: Digest
    environment: Environment
    lines: Annotated[int, Field(ge=1)]


# What the header tells is not told again in the lines below it.
TOLD = frozenset({"kind", "schema_version", "tool", "date", "environment"})
