"""Vectors as text: a line for each, or one JSON document; numbers that give the float32 back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

# Nine significant digits are the least that tell every float32 from its neighbours.
NUMBER = "{:.9g}"


def lines(vectors: Sequence[Sequence[float]]) -> Iterator[str]:
    """A vector a line, its numbers apart by a space."""
    for vector in vectors:
        yield " ".join(NUMBER.format(number) for number in vector)


def document(model: str, counts: Sequence[int], vectors: Sequence[Sequence[float]]) -> str:
    """The JSON document: the model's file; of each text its number of tokens and its vector."""
    found = [
        {"tokens": tokens, "vector": [float(NUMBER.format(number)) for number in vector]}
        for tokens, vector in zip(counts, vectors, strict=True)
    ]
    return json.dumps({"schema": 1, "model": model, "embeddings": found})
