"""Text -> LaTeX that prints it: a whitelist, so that nothing of a file is ever a command.

What is not on the list is told by its number (`U+202E`). The result is plain ASCII.
"""

from __future__ import annotations

import unicodedata

LONGEST = 1500
WORD = 16
SEPARATORS = frozenset(" ._/-:")

PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:!?()/+=@")

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedblright{}",
    "'": r"\textquoteright{}",
    "`": r"\textquoteleft{}",
    # A bracket or a star behind a line end would be read as its argument.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    # Two of them would be a dash.
    "-": "{-}",
    "\u00a0": " ",
    "\u2013": r"\textendash{}",
    "\u2014": r"\textemdash{}",
    "\u2018": r"\textquoteleft{}",
    "\u2019": r"\textquoteright{}",
    "\u201c": r"\textquotedblleft{}",
    "\u201d": r"\textquotedblright{}",
    "\u2026": r"\ldots{}",
    "\u00b7": r"$\cdot$",
    "\u00d7": r"$\times$",
    "\u00b1": r"$\pm$",
    "\u00b0": r"$^{\circ}$",
    "\u00df": r"\ss{}",
    "\u00e6": r"\ae{}",
    "\u00c6": r"\AE{}",
    "\u00f8": r"\o{}",
    "\u00d8": r"\O{}",
    "\u0142": r"\l{}",
    "\u0141": r"\L{}",
    "\u2192": r"$\rightarrow$",
    "\u2248": r"$\approx$",
    "\u2260": r"$\neq$",
    "\u2264": r"$\leq$",
    "\u2265": r"$\geq$",
    "\u221a": r"$\surd$",
    "\u221e": r"$\infty$",
    "\u2713": r"$\surd$",
    "\u2717": r"$\times$",
}

ACCENTS = {
    "\u0300": r"\`",
    "\u0301": r"\'",
    "\u0302": r"\^",
    "\u0303": r"\~",
    "\u0304": r"\=",
    "\u0306": r"\u",
    "\u0307": r"\.",
    "\u0308": r"\"",
    "\u030a": r"\r",
    "\u030b": r"\H",
    "\u030c": r"\v",
    "\u0327": r"\c",
}

GREEK = {
    letter: name
    for name in (
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
        "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
    ).split()
    for letter in [
        unicodedata.lookup(
            f"GREEK {'CAPITAL' if name[0].isupper() else 'SMALL'} LETTER "
            + {"lambda": "LAMDA"}.get(name.lower(), name.upper())
        )
    ]
} | {"\u00b5": "mu", "\u03c2": "sigma"}
GREEK_NAMES = frozenset(GREEK.values())


def text(raw: str, longest: int = LONGEST) -> str:
    """A text as LaTeX prints it; what lies beyond `longest` characters is left out, and said.

    A line may end behind a dot or an underscore, and inside a long word.
    """
    shown = " ".join(raw.split())
    if shown.count("`") % 2 == 0 and "`" in shown[:longest]:
        return _with_code(shown, longest)
    out: list[str] = []
    run = 0
    for char, following in zip(shown[:longest], f"{shown[1:longest]} ", strict=False):
        out.append(_char(char))
        run = 0 if char in SEPARATORS else run + 1
        if (char in "._/-:" and following != " ") or run == WORD:
            out.append(r"\hspace{0pt}")
            run = 0
    left = len(shown) - longest
    return "".join(out) + (rf"\ldots{{}} ({left} more characters)" if left > 0 else "")


def _with_code(shown: str, longest: int) -> str:
    """A text in which pieces of programs stand between back quotes."""
    pieces = shown[:longest].split("`")
    if len(pieces) % 2 == 0:
        pieces.append("")
    made = "".join(typewriter(each) if at % 2 else _spaced(each) for at, each in enumerate(pieces))
    left = len(shown) - longest
    return made + (rf"\ldots{{}} ({left} more characters)" if left > 0 else "")


def _spaced(piece: str) -> str:
    """A piece of a text, with the spaces at its ends."""
    if not piece.strip():
        return " " if piece else ""
    return (" " if piece[0] == " " else "") + text(piece) + (" " if piece[-1] == " " else "")


def label(raw: str, longest: int = 40) -> str:
    """A short text that stays on one line, as inside a formula."""
    shown = " ".join(raw.split())
    kept = "".join(map(_char, shown[:longest]))
    return kept if len(shown) <= longest else rf"{kept}\ldots{{}}"


def _char(char: str) -> str:
    if char in PLAIN:
        return char
    if char in SPECIAL:
        return SPECIAL[char]
    if char in GREEK:
        return rf"$\{GREEK[char]}$"
    return _accented(char) or f"{{U+{ord(char):04X}}}"


def _accented(char: str) -> str:
    """A Latin letter with one accent, as a command on its letter; "" for anything else."""
    parts = unicodedata.normalize("NFD", char)
    if len(parts) != 2 or parts[0] not in PLAIN or parts[1] not in ACCENTS:
        return ""
    letter = {"i": r"\i{}", "j": r"\j{}"}.get(parts[0], parts[0])
    return f"{ACCENTS[parts[1]]}{{{letter}}}"


def typewriter(raw: str, longest: int = LONGEST) -> str:
    """A name or a piece of a program in typewriter letters."""
    return rf"\texttt{{{text(raw, longest)}}}"


def word(raw: str, longest: int = 24) -> str:
    """Letters, digits and signs for a symbol; anything else is told by its number; cut if long."""
    kept = "".join(_letter(char) for char in raw[:longest])
    return kept if len(raw) <= longest else rf"{kept}{{\ldots}}"


def _letter(char: str) -> str:
    if (char.isascii() and char.isalnum()) or char in ",+.":
        return char
    if char in "_ ":
        return "\\" + char
    base = unicodedata.normalize("NFD", char)[0]
    if base.isascii() and base.isalpha():
        return base
    return f"U{ord(char):04X}"
