"""The LaTeX of the export without siunitx, for pages of Markdown and notebooks (MathJax)."""

from __future__ import annotations

import re

from perfdsl.present.latex_text import label
from perfdsl.present.latex_units import PREFIXES, SI, Units

QTY = re.compile(r"\\qty\{([^{}]*)\}\{((?:\\[A-Za-z]+(?:\{\d+\})?)*)\}")
NUM = re.compile(r"\\num\{([^{}]*)\}")
UNIT = re.compile(r"\\unit\{((?:\\[A-Za-z]+(?:\{\d+\})?)*)\}")
COMMAND = re.compile(r"\\([A-Za-z]+)(?:\{(\d+)\})?")
OPERATOR = re.compile(r"\\operatorname\*?\{([^{}]*)\}")
FOOTNOTE = re.compile(r"\\footnotemark\[\d+\]")
PREFIX = {name: short for short, name in PREFIXES.items() if short not in {"\u00b5", "\u03bc"}}


def without_siunitx(latex: str, units: Units) -> str:
    r"""The same formula; `align*` becomes `aligned`, which may stand between dollars."""
    shown = QTY.sub(lambda m: rf"{_number(m[1])}\,{_unit(m[2], units)}", latex)
    shown = UNIT.sub(lambda m: _unit(m[1], units), shown)
    shown = NUM.sub(lambda m: _number(m[1]), shown)
    shown = FOOTNOTE.sub("", shown)
    # Not every MathJax on the web allows operators to be named.
    shown = OPERATOR.sub(r"\\mathrm{\1}", shown)
    return shown.replace(r"{align*}", "{aligned}")


def _number(digits: str) -> str:
    head, power, exponent = digits.partition("e")
    return rf"{head} \times 10^{{{exponent}}}" if power else head


def _unit(commands: str, units: Units) -> str:
    """Units as upright words: what is divided by stands behind a stroke."""
    own = {command: stem for stem, command in units.commands.items()}
    named = {command: short for short, command in SI.items() if short != "byte"}
    above: list[str] = []
    below: list[str] = []
    side = last = above
    prefix = ""
    for command, power in COMMAND.findall(commands):
        if command == "per":
            side = below
        elif command == "tothe":
            last[-1] += f"^{{{power}}}"
        elif command in PREFIX:
            prefix = r"\mu " if PREFIX[command] == "u" else PREFIX[command]
        else:
            stem = named.get(command) or own.get(command, command)
            side.append(rf"{prefix}{_word(stem)}")
            last, side, prefix = side, above, ""
    head = r"\,".join(above) or "1"
    if not below:
        return rf"\mathrm{{{head}}}"
    under = r"\,".join(below)
    return rf"\mathrm{{{head}/{under if len(below) == 1 else f'({under})'}}}"


def _word(stem: str) -> str:
    return r"\%" if stem == "%" else label(stem).replace(r"\hspace{0pt}", "")
