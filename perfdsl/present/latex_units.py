r"""Units -> siunitx: `GB/s` is `\giga\byte\per\second`; what SI does not know is declared.

Every own unit gets a command of letters alone that begins with `perf`, so that it clashes with
nothing and no text of a file is a command.
"""

from __future__ import annotations

from perfdsl.present.latex_text import label
from perfdsl.records import dataclass, field
from perfdsl.semantics.units import UnitTable, factors

SI = {
    "s": "second",
    "B": "byte",
    "byte": "byte",
    "bit": "bit",
    "J": "joule",
    "W": "watt",
    "Hz": "hertz",
    "%": "percent",
}
PREFIXES = {
    "k": "kilo",
    "M": "mega",
    "G": "giga",
    "T": "tera",
    "P": "peta",
    "E": "exa",
    "m": "milli",
    "u": "micro",
    "\u00b5": "micro",
    "\u03bc": "micro",
    "n": "nano",
    "p": "pico",
    "f": "femto",
    "Ki": "kibi",
    "Mi": "mebi",
    "Gi": "gibi",
    "Ti": "tebi",
    "Pi": "pebi",
    "Ei": "exbi",
}
LETTER_WIDTH, SPACE_WIDTH = 5.6, 2.0


@dataclass(slots=True)
class Units:
    """The own units that a document has used so far: their names and commands."""

    commands: dict[str, str] = field(default_factory=dict)

    def latex(self, unit: str, table: UnitTable) -> str:
        """The inside of `\\unit{...}`; "" for a pure number."""
        known = table.single(unit)
        parts = [(unit, 1)] if known is not None else factors(unit) or [(unit, 1)]
        return "".join(self._factor(name, power, table) for name, power in parts)

    def _factor(self, name: str, power: int, table: UnitTable) -> str:
        prefix, stem = _split(name, table)
        head = r"\per" if power < 0 else ""
        tail = rf"\tothe{{{abs(power)}}}" if abs(power) != 1 else ""
        body = SI.get(stem) or self._own(stem)
        return rf"{head}{prefix and chr(92) + PREFIXES[prefix]}\{body}{tail}"

    def _own(self, stem: str) -> str:
        if stem not in self.commands:
            base = "perf" + "".join(c for c in stem[:24] if c.isascii() and c.isalpha())
            name, number = base, 0
            while name in self.commands.values():
                number += 1
                name = f"{base}x{_letters(number)}"
            self.commands[stem] = name
        return self.commands[stem]

    def declarations(self) -> list[str]:
        r"""`\DeclareSIUnit` for each own unit, in the order in which they were met."""
        return [
            rf"\DeclareSIUnit\{name}{{\text{{{label(stem)}}}}}"
            for stem, name in self.commands.items()
        ]


def _letters(number: int) -> str:
    """1 -> a, 26 -> z, 27 -> aa: a command holds no digits."""
    out = ""
    while number:
        number, rest = divmod(number - 1, 26)
        out = chr(ord("a") + rest) + out
    return out


def _split(name: str, table: UnitTable) -> tuple[str, str]:
    """A unit's prefix and its stem, as the table reads them."""
    unit = table.single(name)
    prefix = unit.prefix if unit is not None and name not in table.known else ""
    if prefix not in PREFIXES:
        return "", name
    return prefix, name.removeprefix(prefix)


def width(unit: str) -> float:
    """About how wide a unit is printed, in points."""
    return LETTER_WIDTH * len(unit.replace("(", "").replace(")", "")) + SPACE_WIDTH * 2
