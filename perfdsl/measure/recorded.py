"""What is recorded: objects that go to JSON and come back equal, without a field unknown."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Recorded(BaseModel):
    """Every object of a record: frozen, no field without a name, no NaN that JSON cannot say."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
