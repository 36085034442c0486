r"""Names -> symbols: the author's names with subscripts, no two of a document alike.

`d_model` is d with the subscript model, `eta` is a Greek letter, `cpu.l3.bandwidth` is the
bandwidth b of l3. What a parameter holds is called without the parameter (`cpu.clock` is f), as
long as that is no other's symbol: then more of the path is told, and at last a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from perfdsl.present.latex_math import LETTER, SMALLER, Math, atom
from perfdsl.present.latex_text import GREEK, GREEK_NAMES, word
from perfdsl.records import dataclass, field

# What the language itself calls things, and how papers write them.
LETTERS = {
    "time": "T",
    "compute": r"T_{\mathrm{c}}",
    "bandwidth": "b",
    "peak": "P",
    "clock": "f",
    "efficiency": r"\eta",
    "size": "S",
    "capacity": "C",
    "read": "R",
    "write": "W",
    "bytes": "Q",
    "work": "F",
    "intensity": "I",
    "value": "v",
    "count": "n",
    "latency": r"\lambda",
    "r2": r"\mathit{r2}",
}
SHORT = re.compile(r"([A-Za-z])([0-9]+)")
LONGEST = 24


@dataclass(frozen=True, slots=True)
class Symbol:
    """The letter or word of a symbol, the words of its subscript, and LaTeX of its index."""

    base: str
    below: tuple[str, ...] = ()
    index: str = ""

    @property
    def latex(self) -> str:
        head, _, own = self.base.partition("_{")
        inside = own.removeprefix(r"\mathrm{").removesuffix("}}")
        listed = ",".join(filter(None, (inside, *self.below)))
        upright = rf"\mathrm{{{listed}}}" if listed else ""
        below = ",".join(filter(None, (upright, self.index)))
        return rf"{head}_{{{below}}}" if below else head

    @property
    def width(self) -> float:
        below = ",".join(self.below)
        return _width(self.base) + len(below) * LETTER * SMALLER


def _width(base: str) -> float:
    return LETTER * (len(base) - 9 if base.startswith(r"\mathit") else 1)


@dataclass(frozen=True, slots=True)
class Path:
    r"""A name as its author writes it, and its parts, the last one being what is meant.

    index: LaTeX of what it is indexed by, such as \ell for the time of each level l.
    """

    text: str
    parts: tuple[str, ...]
    index: str = ""


PART = re.compile(r'\[(?:"(.*?)"|(.*?))\]|\.?([^.\[\]]+)|[.\[\]]')


def path(text: str) -> Path:
    """The path of a name: `seen["rye"].mass` has the parts seen, rye, mass."""
    parts = [row or key or word_ for row, key, word_ in PART.findall(text)]
    return Path(text, tuple(part for part in parts if part) or (text,))


def another(name: Path, number: int) -> Path:
    """The path of something else that is called the same."""
    *above, last = name.parts
    return Path(f"{name.text} ({number})", (*above, str(number), last), name.index)


@dataclass(slots=True)
class Names:
    """The symbols of one document. hidden: parameters of the analysis, which need no mention.

    recent: those that were used since somebody last looked. Symbols are settled when all names are
    known: `settled` gives them for a second pass.
    """

    hidden: frozenset[str] = frozenset()
    chosen: Mapping[Path, Symbol] = field(default_factory=dict)
    used: dict[Path, None] = field(default_factory=dict)
    recent: dict[Path, None] = field(default_factory=dict)

    def symbol(self, name: Path) -> Math:
        """The symbol of a name, such as `cpu.dram.bandwidth`."""
        self.used.setdefault(name)
        self.recent.setdefault(name)
        return self.peek(name)

    def peek(self, name: Path) -> Math:
        """The symbol that a name would have, without using it."""
        made = self.chosen.get(name) or candidates(name, self.hidden)[0]
        return atom(made.latex, made.width)

    def settled(self) -> Names:
        """The same names, each with a symbol that no other one has."""
        return Names(self.hidden, unique(self.used, self.hidden))


def unique(names: Iterable[Path], hidden: frozenset[str]) -> dict[Path, Symbol]:
    """A symbol for each name: its shortest one that no other name could claim.

    Of several that could, one that has no other choice has it.
    """
    options = {name: candidates(name, hidden) for name in names}
    taken: set[str] = set()
    found: dict[Path, Symbol] = {}
    for rank in range(max((len(each) for each in options.values()), default=0)):
        wanted: dict[str, list[Path]] = {}
        for name, each in options.items():
            if name not in found and rank < len(each):
                wanted.setdefault(each[rank].latex, []).append(name)
        for latex, claims in wanted.items():
            only = [name for name in claims if len(options[name]) == rank + 1]
            winner = claims if len(claims) == 1 else only
            if len(winner) == 1 and latex not in taken:
                taken.add(latex)
                found[winner[0]] = options[winner[0]][rank]
    for name in options:
        if name not in found:
            found[name] = _numbered(options[name][-1], taken)
            taken.add(found[name].latex)
    return found


def _numbered(symbol: Symbol, taken: set[str]) -> Symbol:
    number = 2
    while (made := _also(symbol, number)).latex in taken:
        number += 1
    return made


def _also(symbol: Symbol, number: int) -> Symbol:
    return Symbol(symbol.base, (*symbol.below, str(number)), symbol.index)


def candidates(name: Path, hidden: frozenset[str]) -> list[Symbol]:
    """Symbols for a name, the shortest one first."""
    *above, last = name.parts
    base, own = _base(last, is_field=bool(above))
    full = _shortened([word(part, 16) for part in above if part])
    short = full[1:] if above and above[0] in hidden else full
    both = dict.fromkeys([short, full])
    found = [Symbol(base, (*own, *below), name.index) for below in both]
    spelled = Symbol(rf"\mathit{{{word(last)}}}", full, name.index)
    # A single slanted letter looks like the letter itself.
    return found if spelled in found or len(last) == 1 else [*found, spelled]


def _shortened(words: list[str]) -> tuple[str, ...]:
    """As much of a path as a subscript can hold: the words nearest to the name."""
    while len(words) > 1 and sum(map(len, words)) > LONGEST:
        words = words[1:]
    return tuple(words)


def _base(name: str, *, is_field: bool) -> tuple[str, tuple[str, ...]]:
    """The letter or word of a symbol, and its own subscript: d_model -> d, (model,)."""
    if is_field and name in LETTERS:
        return LETTERS[name], ()
    first, *rest = [part for part in name.split("_") if part] or ["_"]
    below = tuple(word(part, 16) for part in rest)
    if first in GREEK:
        return rf"\{GREEK[first]}", below
    if first in GREEK_NAMES:
        return rf"\{first}", below
    if len(first) == 1 and first.isascii() and first.isalpha():
        return first, below
    short = SHORT.fullmatch(first)
    if short is not None:
        return short[1], (short[2], *below)
    return rf"\mathit{{{word(first)}}}", below
