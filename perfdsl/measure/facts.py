"""What a record tells of a model and of how its calls were timed, besides the samples."""

from __future__ import annotations

from pathlib import Path

from perfdsl.measure.results import ModelFacts, Protocol
from perfdsl.measure.timing import Stopwatch, tick
from perfdsl.runner.config import Config


def model_facts(config: Config, model: Path) -> ModelFacts:
    """The sizes of a model and of its file."""
    names = ModelFacts.model_fields.keys() - {"file_bytes"}
    told = {name: getattr(config, name) for name in names}
    return ModelFacts(**told, file_bytes=model.stat().st_size)


def protocol(watch: Stopwatch) -> Protocol:
    """How this watch times, and the step of its clock."""
    names = Protocol.model_fields.keys() - {"tick"}
    return Protocol(**{name: getattr(watch, name) for name in names}, tick=tick(watch.clock))
