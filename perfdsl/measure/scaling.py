"""How a rate grows with the cores: in proportion, up to an end, or as was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from perfdsl.measure.hardware_words import reach
from perfdsl.measure.statistics import Estimate

NEAR = 0.03  # how near a formula comes to each figure that it stands for
NOISE = 0.10  # or how far into the interval of a noisy one, at most


class Law(Enum):
    EACH = "cores * one"
    UP_TO = "min(cores * one, all)"
    TABLE = "as measured"


def law(rates: Mapping[int, Estimate]) -> Law:
    """The simplest law that tells the rate for every number of cores for which it was measured."""
    if 1 not in rates:
        return Law.TABLE
    one, most = rates[1].median, rates[max(rates)].median
    if fits(rates, lambda cores: cores * one):
        return Law.EACH
    if fits(rates, lambda cores: min(cores * one, most)):
        return Law.UP_TO
    return Law.TABLE


def fits(rates: Mapping[int, Estimate], formula: Callable[[int], float]) -> bool:
    """Whether a formula of the cores tells each of the rates."""
    return all(near(each, formula(cores)) for cores, each in rates.items())


def near(found: Estimate, value: float, least: float = NEAR) -> bool:
    """Whether a value cannot be told from what was found, or is not worth telling from it."""
    tolerance = max(least, min(NOISE, reach(found) / found.median))
    return abs(value / found.median - 1) <= tolerance
