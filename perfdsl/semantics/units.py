"""Units: names with a factor and a dimension, declared in `.perf`; prefixes; and what was meant."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from perfdsl.diagnostics import did_you_mean
from perfdsl.records import dataclass, field
from perfdsl.semantics.dimensions import PURE, Dimension

MAX_EXPONENT = 64

# Rates as they are often abbreviated.
RATE = re.compile(r"([kMGTPE]?(?:i(?=Bps))?)(FLOPS|flops|FLOPs|OPS|ops|bps|Bps)")
FACTOR = re.compile(r"([*/]?)(\(|%|[^\W\d]\w*|1)(?:\^(-?\d+))?")


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit's text means: `factor` base units of `dim`, and the tag of a labelled count.

    parts: the numbers and units that it is a product of, with their exponents.
    """

    text: str
    factor: float
    dim: Dimension
    tag: str = ""
    prefix: str = ""
    parts: tuple[tuple[Unit | Fraction, int], ...] = ()

    @property
    def exact(self) -> Fraction:
        """The factor without rounding."""
        if not self.parts:
            return decimal(self.factor)
        total = Fraction(1)
        for part, exponent in self.parts:
            total *= (part.exact if isinstance(part, Unit) else part) ** exponent
        return total


def decimal(value: float) -> Fraction:
    """The shortest decimal number that is read as this float: what somebody wrote."""
    return Fraction(repr(float(value)))


@dataclass(frozen=True, slots=True)
class UnitError:
    """Why a unit's text has no meaning: a code, a title and perhaps the right spelling."""

    code: str
    title: str
    instead: str = ""


@dataclass(slots=True)
class UnitTable:
    """The units of one file: those of the library and its own."""

    known: dict[str, Unit] = field(default_factory=dict)
    prefixes: dict[str, tuple[float, str]] = field(default_factory=dict)
    takes: dict[str, frozenset[str]] = field(default_factory=dict)
    counted: set[str] = field(default_factory=set)
    docs: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    read: dict[str, Unit | UnitError] = field(default_factory=dict)

    def copy(self) -> UnitTable:
        return UnitTable(
            dict(self.known),
            dict(self.prefixes),
            dict(self.takes),
            set(self.counted),
            dict(self.docs),
        )

    def add(self, name: str, unit: Unit, takes: frozenset[str], doc: str = "") -> None:
        self.known[name] = unit
        self.takes[name] = takes
        self.docs[name] = doc
        self.read.clear()

    def parse(self, text: str) -> Unit | UnitError:
        """The meaning of `B/(cycle*core)`; the empty text is a pure number."""
        found = self.read.get(text)
        if found is None:
            found = self.read[text] = self._parse(text)
        return found

    def _parse(self, text: str) -> Unit | UnitError:
        if not text:
            return Unit("", 1.0, PURE)
        if (single := self.single(text)) is not None:
            return single
        parts = list(factors(text))
        if not parts:
            return UnitError("P201", f"`{text}` is no unit")
        factor, dim = 1.0, PURE
        units: list[tuple[Unit, int]] = []
        for name, exponent in parts:
            one = self.single(name)
            if one is None:
                return self.complaint(name)
            if abs(exponent) > MAX_EXPONENT:
                return UnitError("P705", f"the exponent of `{name}` is larger than {MAX_EXPONENT}")
            factor *= _raised(one.factor, exponent)
            dim *= one.dim**exponent
            units.append((one, exponent))
        if not 0 < factor < math.inf:
            return UnitError("P705", f"`{text}` is beyond the range of numbers")
        # A tag survives alone; a compound unit never carries one.
        tag = units[0][0].tag if len(units) == 1 else ""
        return Unit(text, factor, dim, tag, parts=tuple(units))

    def single(self, name: str) -> Unit | None:
        """A unit without `*` and `/`, prefix included."""
        if name in self.known:
            return self.known[name]
        for prefix, (factor, family) in self.prefixes.items():
            stem = name.removeprefix(prefix)
            if stem != name and family in self.takes.get(stem, ()):
                unit = self.known[stem]
                both = ((Unit(prefix, factor, PURE), 1), (unit, 1))
                return Unit(name, factor * unit.factor, unit.dim, unit.tag, prefix, both)
        return None

    def complaint(self, name: str) -> UnitError:
        """What to say about a name that is no unit; without a code where all is said already."""
        if name in self.broken:
            return UnitError("", "")
        if name in {"b", "Kb", "kb", "Mb", "Gb", "Tb", "Kib", "Mib", "Gib"}:
            big = name[:-1].replace("K", "k") if "i" not in name else name[:-1]
            title = f"`{name}` is ambiguous: write `{big}B` for bytes, `{big}bit` for bits"
            return UnitError("P206", title)
        if name in {"KB", "Kbit"}:
            unit = name[1:]
            title = f"`{name}` is no unit: `k{unit}` is 1000 {unit}, `Ki{unit}` is 1024 {unit}"
            return UnitError("P206", title)
        for written, right in self._spellings(name):
            return UnitError("P206", f"`{written}` is not how this unit is written", right)
        if (rate := RATE.fullmatch(name)) is not None:
            unit = {"flops": "FLOP", "ops": "op", "bps": "bit", "Bps": "B"}[
                rate[2] if rate[2] == "Bps" else rate[2].lower()
            ]
            return UnitError("P201", f"there is no unit `{name}`", f"{rate[1]}{unit}/s")
        longer = [known for known in self.known if len(name) > 2 and known.startswith(name)]
        near = longer[0] if longer else did_you_mean(name, list(self.names()))
        return UnitError("P201", f"there is no unit `{name}`", near or "")

    def _spellings(self, name: str) -> list[tuple[str, str]]:
        """Units that differ from the name in upper and lower case, or by a plural."""
        found = [known for known in self.names() if known.lower() == name.lower()]
        if not found and name.endswith("s") and self.single(name[:-1]) is not None:
            found = [name[:-1]]
        return [(name, right) for right in found[:1]]

    def names(self) -> list[str]:
        """Every unit with every prefix that it takes."""
        prefixed = [
            prefix + stem
            for stem, families in self.takes.items()
            for prefix, (_, family) in self.prefixes.items()
            if family in families
        ]
        return [*self.known, *prefixed]


def _raised(factor: float, exponent: int) -> float:
    """A factor to a power; infinite where that is beyond the range of numbers."""
    try:
        return float(factor**exponent)
    except OverflowError:
        return math.inf


def factors(text: str) -> list[tuple[str, int]]:
    """The factors of a unit's text with their exponents; empty where it is malformed."""
    parts: list[tuple[str, int]] = []
    sign, at, inside = 1, 0, 0
    while at < len(text):
        if text[at] == ")" and inside:
            inside, at, sign = 0, at + 1, 1
            continue
        match = FACTOR.match(text, at)
        if match is None:
            return []
        operator, name, exponent = match.groups()
        turn = (-1 if operator == "/" else 1) * (inside or 1)
        if name == "(":
            inside, at = turn, match.end()
            continue
        if name != "1":
            parts.append((name, turn * int(exponent or 1)))
        at = match.end()
    return parts if sign else []


def unit_of(dim: Dimension) -> Unit:
    """The base unit of a dimension."""
    return Unit("" if dim == PURE else str(dim), 1.0, dim)
