"""Explanations: as few suspects as explain all that is above its ceiling, the likeliest first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations

from perfdsl.compare.suspects import ALIKE, Suspect

# More at once are no explanation; of many suspects so many of the likeliest are put together.
MOST, TRIED = 3, 24
# What is said of a figure, the least trusted first.
TRUST = ("assumed", "", "source", "spec", "measured")


def ranked(
    suspects: Iterable[Suspect], explanations: Sequence[Sequence[str]]
) -> tuple[Suspect, ...]:
    """The accused; then those that no probe clears, that explain more, that move less."""
    accused = explanations[0] if explanations else ()
    return tuple(sorted(suspects, key=lambda each: (each.name not in accused, order(each))))


def order(each: Suspect) -> tuple[bool, int, int, bool, int, int, float]:
    """Those that no probe clears first, then by what they explain, then by how far they move.

    What the program counts comes behind the figures of the hardware: it is held against loops and
    against the runner in tests, and they were written down.
    """
    trust = TRUST.index(each.provenance) if each.provenance in TRUST else 1
    steps = round(math.log(each.whole_move) / math.log(ALIKE))
    # Of two counts the larger comes first: it can be wrong by less than the other.
    larger = -each.stated.shown if each.whole_move != each.move else 0.0
    return (
        bool(each.cleared), -len(each.explains), -each.simply, each.counted, steps, trust, larger,
    )  # fmt: skip


def explanations_of(suspects: Sequence[Suspect], count: int) -> tuple[tuple[str, ...], ...]:
    """As few suspects as explain all excesses together; first without those that are cleared.

    suspects: in order. count: of the excesses.
    """
    everything = frozenset(range(count))
    for pool in ([s for s in suspects if not s.cleared][:TRIED], suspects[:TRIED]):
        for size in range(1, MOST + 1):
            found = [
                each for each in combinations(pool, size)
                if frozenset[int]().union(*(s.explains for s in each)) == everything
            ]  # fmt: skip
            if found and count:
                best = sorted(found, key=_total)
                return tuple(tuple(s.name for s in each) for each in best)
    return ()


def _total(together: Sequence[Suspect]) -> tuple[int, int, int, int]:
    """To sort by; suspects come in order, and stay so where nothing tells them apart."""
    steps = sum(round(math.log(each.whole_move) / math.log(ALIKE)) for each in together)
    lucky_ones = sum(len(each.explains) - each.simply for each in together)
    cleared = sum(bool(each.cleared) for each in together)
    return cleared, lucky_ones, sum(each.counted for each in together), steps
