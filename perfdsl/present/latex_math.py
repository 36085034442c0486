r"""Mathematics on its way to LaTeX: pieces with a width, and the lines that they are broken into.

A piece is LaTeX that stays together. A line may begin in front of a piece that has a `cut`: 0 is
the best place, a larger one lies deeper inside brackets. So nothing needs \left and \right, which
could not be broken; brackets are as high as what they hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from perfdsl.records import dataclass, replace

# How strongly the outermost operator of a formula binds.
RELATION, SUM, PRODUCT, SIGNED, POWER, ATOM = range(6)

# Widths in points of a 10 pt font, as far as a line break must know them.
LETTER, DIGIT, OPERATOR, RELATED, COMMA, SMALLER = 5.8, 5.1, 13.0, 16.0, 7.0, 0.75

# The same for brackets around something of that height.
BRACKETS = ("", r"\bigl", r"\biggl", r"\Biggl")
CLOSING = ("", r"\bigr", r"\biggr", r"\Biggr")


@dataclass(frozen=True, slots=True)
class Piece:
    """LaTeX that stays on one line."""

    latex: str
    width: float
    cut: int | None = None


@dataclass(frozen=True, slots=True)
class Math:
    """A formula: its pieces, how strongly it binds, and how high it is (0: one line, to 3)."""

    pieces: tuple[Piece, ...]
    level: int = ATOM
    tall: int = 0

    @property
    def width(self) -> float:
        return sum(piece.width for piece in self.pieces)

    @property
    def latex(self) -> str:
        """All on one line."""
        return joined(piece.latex for piece in self.pieces)


def joined(parts: Iterable[str]) -> str:
    r"""LaTeX one behind the other, with a space where a command would run into a letter."""
    out = ""
    for part in parts:
        if out and part[:1].isalpha() and _ends_in_command(out):
            out += " "
        out += part
    return out


def _ends_in_command(latex: str) -> bool:
    head = latex.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return len(head) < len(latex) and head.endswith("\\")


def atom(latex: str, width: float, tall: int = 0) -> Math:
    """Something that is never broken, and needs no brackets."""
    return Math((Piece(latex, width),), ATOM, tall)


def words(latex: str, length: int) -> Math:
    r"""Upright text of about so many characters: `latex` is escaped already."""
    return atom(rf"\text{{{latex}}}", length * LETTER * 0.95)


def row(parts: Sequence[Math | Piece], level: int = ATOM) -> Math:
    """Parts one behind the other."""
    pieces: list[Piece] = []
    tall = 0
    for part in parts:
        if isinstance(part, Piece):
            pieces.append(part)
        else:
            pieces.extend(part.pieces)
            tall = max(tall, part.tall)
    return Math(tuple(pieces), level, tall)


def infix(parts: Sequence[Math], signs: Sequence[str], level: int, width: float = OPERATOR) -> Math:
    """`a + b - c`: a line may begin with a sign."""
    row_: list[Math | Piece] = [deeper(parts[0])]
    for sign, part in zip(signs, parts[1:], strict=True):
        row_ += [Piece(f" {sign} ", width, 0), deeper(part)]
    return row(row_, level)


def listed(parts: Sequence[Math]) -> Math:
    """`a, b, c`: a line may begin behind a comma."""
    out: list[Math | Piece] = []
    for at, part in enumerate(parts):
        if at:
            out += [Piece(", ", COMMA), Piece("", 0.0, 0)]
        out.append(deeper(part))
    return row(out)


def deeper(part: Math, by: int = 1) -> Math:
    """The same inside something: its places for a line break are worse."""
    pieces = tuple(p if p.cut is None else replace(p, cut=p.cut + by) for p in part.pieces)
    return replace(part, pieces=pieces)


def enclosed(part: Math, left: str = "(", right: str = ")") -> Math:
    """In brackets as high as what they hold."""
    size = min(part.tall, 3)
    width = 4.5 + size
    head = Piece(f"{BRACKETS[size]}{left}", width)
    return row([head, deeper(part), Piece(f"{CLOSING[size]}{right}", width)])


def at_least(part: Math, level: int) -> Math:
    """The formula at a place that takes what binds at least so strongly."""
    return part if part.level >= level else enclosed(part)


def fraction(above: Math, below: Math, room: float) -> Math:
    """One above the other; beside each other where that would be wider than a line."""
    if max(above.width, below.width) > room:
        return infix([at_least(above, PRODUCT), at_least(below, POWER)], ["/"], PRODUCT)
    width = max(above.width, below.width) + 3
    tall = min(3, max(2, 1 + max(above.tall, below.tall)))
    return Math((Piece(rf"\frac{{{above.latex}}}{{{below.latex}}}", width),), PRODUCT, tall)


def power(base: Math, exponent: Math) -> Math:
    """`base^exponent`; a base that has an exponent already is bracketed."""
    head = at_least(base, ATOM)
    *before, last = head.pieces
    raised = Piece(
        f"{last.latex}^{{{exponent.latex}}}", last.width + exponent.width * SMALLER, last.cut
    )
    return Math((*before, raised), POWER, head.tall)


def applied(name: str, width: float, inner: Math, left: str = "(", right: str = ")") -> Math:
    r"""`\max(a, b)`."""
    return row([Piece(name, width), enclosed(inner, left, right)])


def lines(formula: Math, room: float, first: float | None = None) -> list[str]:
    """The formula as lines of at most `room` points, where its pieces allow that."""
    out: list[str] = []
    pieces = list(formula.pieces)
    limit = room if first is None else first
    while pieces:
        count = _fitting(pieces, limit)
        out.append(joined(piece.latex for piece in pieces[:count]).strip())
        pieces, limit = pieces[count:], room
    return out or [""]


def _fitting(pieces: Sequence[Piece], room: float) -> int:
    """How many pieces the next line takes: up to the best place that lies behind a third of it."""
    places: list[tuple[bool, int, int]] = []
    width = 0.0
    for at, piece in enumerate(pieces):
        if at and piece.cut is not None and width <= room:
            places.append((width < room / 3, piece.cut, -at))
        width += piece.width
        if width > room and at:
            break
    if width <= room:
        return len(pieces)
    return -min(places)[2] if places else _first_cut(pieces)


def _first_cut(pieces: Sequence[Piece]) -> int:
    """Nothing fits: up to the first place where a line may begin."""
    found = (at for at, piece in enumerate(pieces) if at and piece.cut is not None)
    return next(found, len(pieces))
