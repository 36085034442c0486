"""The schema of the JSON document (`schema.json`): a model for each class of `document`.

Whoever asks gives the module, which has this one write the schema when it is run itself.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, create_model

from perfdsl.records import fields_of

SCHEMA_FILE = Path(__file__).with_name("schema.json")


class Part(BaseModel):
    """Every object of the document: frozen, and with no field that the schema does not name."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def models(document: ModuleType) -> dict[str, type[BaseModel]]:
    """The models by the names of the classes."""
    found = {
        name: _model(cls)
        for name, cls in vars(document).items()
        if inspect.isclass(cls) and cls.__module__ == document.__name__
    }
    known: dict[str, Any] = {**found, "Literal": Literal, "Real": document.Real}
    for each in found.values():
        each.model_rebuild(_types_namespace=known)
    return found


def _model(cls: type) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for name, each in fields_of(cls).items():
        fields[name] = (cls.__annotations__[name], each.preset() if each.has_preset else ...)
    return create_model(cls.__name__, __base__=Part, __doc__=cls.__doc__, **fields)


def schema(document: ModuleType) -> str:
    """The schema as the text of its file."""
    found = models(document)["Document"].model_json_schema(mode="serialization")
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    found["title"] = "perfdsl answers"
    return json.dumps(found, indent=2, sort_keys=True) + "\n"
