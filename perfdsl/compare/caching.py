"""Do the weights stay in the cache? How many of their bytes a repeated call fetched from memory.

No replacement keeps more than the cache holds, so that of W bytes that every call reads at least
W - C come from memory, and at most all. The measured times narrow this down: a call cannot have
fetched more than the memory delivers in its time, and a phase not in its own. What a cold call took
longer tells what the fetched bytes are worth, but not how many they were: it is told, and bounds
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from perfdsl.numeric.intervals import Range
from perfdsl.records import dataclass

# A cold call must be longer than a warm one by that much of it to count as longer.
NOTICED = 0.02

Answer = Literal["no", "in part", "yes", "perhaps", "contradiction"]


@dataclass(frozen=True, slots=True)
class Read:
    """Weights that a phase reads in every call, and how long it took in a warm one (seconds)."""

    weights: float
    seconds: Range


@dataclass(frozen=True, slots=True)
class Calls:
    """What was measured of one call. weights, capacity: bytes; stream: bytes a second from memory.

    phases: those that read weights; empty where only the call was timed. What they do not have of
    the weights may have been fetched at any time.
    """

    weights: float
    capacity: float
    warm: Range
    cold: Range
    stream: Range
    phases: tuple[Read, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of weights that a warm call fetched from memory.

    least: what no cache could keep. most: what the memory could deliver in the time; below `least`
    something is wrong: the capacity, the rate, or the weights. slower: by how many seconds the cold
    call was longer, by the intervals of both; noticed: beyond doubt. answer: to "do the weights
    stay in the cache?": `no` where more than half of them cannot, `yes` where more than half did.
    """

    weights: float
    capacity: float
    least: float
    most: float
    slower: Range
    noticed: bool
    answer: Answer

    @property
    def kept(self) -> Range:
        """Bytes that came out of caches."""
        return Range(self.weights - self.most, self.weights - self.least)

    @property
    def sentence(self) -> str:
        """The answer in words, with its bytes."""
        share = f"{_size(self.least)} to {_size(self.most)} of {_size(self.weights)}"
        colder = "a cold call is longer" if self.noticed else "a cold call is no longer"
        match self.answer:
            case "contradiction":
                return (
                    f"at least {_size(self.least)} must have come from memory, which could deliver"
                    f" no more than {_size(self.most)} in that time: capacity or rate are wrong"
                )
            case "no":
                return f"no: {share} came from memory in a repeated call"
            case "in part":
                return f"in part: {share} came from memory in a repeated call"
            case "yes":
                most, weights = _size(self.most), _size(self.weights)
                return f"yes: no more than {most} of {weights} came from memory"
            case "perhaps":
                return f"they may: the cache could hold them, and {colder}"

    def allows(self, fetched: float) -> bool:
        """Whether so many bytes could have come from memory, as somebody claims."""
        return self.least <= fetched <= self.most


def fetched(calls: Calls) -> Fetched:
    """What the times say; phases: each with its weights.

    Raises ValueError for bytes, rates or times that are not above zero.
    """
    ranges = (calls.warm, calls.cold, calls.stream, *(each.seconds for each in calls.phases))
    amounts = (calls.weights, calls.capacity, *(end for range_ in ranges for end in range_))
    if not all(0 < amount < float("inf") for amount in amounts):
        raise ValueError("bytes, rates and times are finite and above zero")
    least = max(0.0, calls.weights - calls.capacity)
    most = min(calls.weights, calls.warm.high * calls.stream.high, _by_phases(calls))
    slower = Range(calls.cold.low - calls.warm.high, calls.cold.high - calls.warm.low)
    noticed = slower.low > NOTICED * calls.warm.high
    answer = _answer(calls, least, most)
    return Fetched(calls.weights, calls.capacity, least, most, slower, noticed, answer)


def _by_phases(calls: Calls) -> float:
    """What the memory could deliver in each phase that reads weights, and all of the others."""
    known = sum(each.weights for each in calls.phases)
    rest = max(0.0, calls.weights - known)
    return rest + sum(_most(calls.phases, calls.stream.high))


def _most(phases: Iterable[Read], rate: float) -> Iterable[float]:
    return (min(each.weights, each.seconds.high * rate) for each in phases)


def _answer(calls: Calls, least: float, most: float) -> Answer:
    if most < least:
        return "contradiction"
    if least > calls.weights / 2:
        return "no"
    if least > 0:
        return "in part"
    return "yes" if most < calls.weights / 2 else "perhaps"


def _size(amount: float) -> str:
    return f"{amount / 1e6:,.1f} MB"
