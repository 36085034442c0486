r"""A reader of the LaTeX that perfdsl writes: what it finds wrong, its symbols, its quantities.

It knows nothing of how the text was made. Anything that is not on its lists is a fault: a command,
an environment, a character outside ASCII, a brace or a dollar that does not pair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(r"\\([A-Za-z]+)\*?|\\(.)|([{}$&^_%#~])|(\n)|([ \t]+)|([0-9]+)|(.)", re.DOTALL)

GREEK = set(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega "
    "ell".split()
)
IN_TEXT = set(
    "section subsection textbf texttt textbackslash textasciicircum textasciitilde textless "
    "textgreater textbar textquotedblright textquotedblleft textquoteright textquoteleft "
    "textendash textemdash ldots ss ae AE o O l L i j u r H v c hspace Large bfseries par small "
    "raggedright footnotetext toprule midrule bottomrule tabularnewline begin end unit num medskip "
    "text".split()
)
IN_MATH = GREEK | set(
    "frac sqrt max min exp log ln sum left bigl bigr biggl biggr Biggl Biggr lceil rceil lfloor "
    "rfloor cdot pm approx neq leq geq not land lor lnot in bmod infty times rightarrow surd "
    "circ operatorname mathrm mathit text num qty unit underbrace substack quad qquad mid "
    "footnotemark begin end ldots".split()
)
IN_UNITS = set(
    "per tothe second byte bit joule watt hertz percent kilo mega giga tera peta exa milli micro "
    "nano pico femto kibi mebi gibi tebi pebi exbi".split()
)
PREAMBLE = set(
    "documentclass usepackage setlength textwidth oddsidemargin textheight topmargin parindent "
    "parskip emergencystretch raggedbottom AtBeginDocument abovedisplayskip belowdisplayskip "
    "sisetup DeclareSIPrefix DeclareSIUnit micro ensuremath mu allowdisplaybreaks text".split()
)
SYMBOLS_IN_TEXT = set("{}$&%#_`'^~=.\"\\")
SYMBOLS_IN_MATH = set("{},;! \\_")
ENVIRONMENTS = {"align*": "math", "cases": "math", "tabular": "text", "document": "text"}
PACKAGES = {"amsmath", "siunitx", "booktabs", "hyperref"}


@dataclass
class Read:
    """What a document holds. faults: what is wrong. symbols: those that its formulas use.

    table: the symbols of its tables of symbols. quantities: digits and unit of each number.
    declared: own units, command -> what is printed.
    """

    faults: list[str] = field(default_factory=list)
    symbols: set[str] = field(default_factory=set)
    table: dict[str, tuple[str, str]] = field(default_factory=dict)
    quantities: list[tuple[str, str]] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)


DECLARED = re.compile(r"\\DeclareSIUnit\\(perf[A-Za-z]*)\{\\text\{(.*)\}\}")
COMMANDS = r"((?:\\[A-Za-z]+(?:\{\d+\})?)*)"
QUANTITY = re.compile(
    rf"\\num\{{([^{{}}]*)\}}|\\qty\{{([^{{}}]*)\}}\{{{COMMANDS}\}}|\\unit\{{{COMMANDS}\}}"
)
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?|-?\.\d+|-?\d+\.")


def read(latex: str) -> Read:
    """Everything that a document or fragment holds."""
    found = Read()
    head, body = _split(latex)
    for line in head.splitlines():
        own = DECLARED.fullmatch(line.removeprefix("%   "))
        if own:
            found.declared[own[1]] = own[2]
        elif line.startswith(r"\usepackage"):
            name = line.rpartition("{")[2].rstrip("}")
            if name not in PACKAGES:
                found.faults.append(f"package {name}")
        for command in re.findall(r"\\([A-Za-z]+)", line):
            if command not in PREAMBLE and not command.startswith("perf") and not own:
                found.faults.append(f"preamble: \\{command}")
    Walk(body, found).run()
    found.quantities = list(quantities(body))
    for digits, unit in found.quantities:
        if digits and not NUMBER.fullmatch(digits):
            found.faults.append(f"number {digits}")
        for command in re.findall(r"\\([A-Za-z]+)", unit):
            if command not in IN_UNITS and command not in found.declared:
                found.faults.append(f"unit \\{command}")
    found.table = dict(_table(body))
    return found


def _split(latex: str) -> tuple[str, str]:
    """The preamble (or the comment that tells it), and the rest."""
    if r"\begin{document}" in latex:
        head, _, body = latex.partition(r"\begin{document}")
        return head, body.removesuffix("\n").removesuffix(r"\end{document}")
    lines = latex.splitlines()
    count = next((at for at, line in enumerate(lines) if not line.startswith("%")), len(lines))
    return "\n".join(lines[:count]), "\n".join(lines[count:])


def quantities(latex: str) -> Iterator[tuple[str, str]]:
    r"""(digits, unit commands) of every \qty, \num and \unit."""
    for match in QUANTITY.finditer(latex):
        yield match[1] or match[2] or "", match[3] or match[4] or ""


ROW = re.compile(r"^\$(.*)\$ & \\raggedright \\texttt\{(.*)\} & (.*) & .*\\tabularnewline$")


def _table(body: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Symbol -> (name, value) of the tables of symbols."""
    for line in body.splitlines():
        match = ROW.match(line)
        if match:
            yield match[1], (match[2].replace(r"\hspace{0pt}", ""), match[3])


class Walk:
    """One pass over a body: braces, environments and modes; then the symbols of each formula."""

    def __init__(self, body: str, found: Read) -> None:
        self.found = found
        self.tokens = list(TOKEN.finditer(body))
        self.at = 0
        self.stack: list[tuple[str, str]] = []  # what closes it, and the mode outside
        self.mode = "text"
        self.body = body

    def fault(self, what: str) -> None:
        place = self.tokens[min(self.at, len(self.tokens) - 1)].start() if self.tokens else 0
        near = self.body[max(0, place - 30) : place + 30].replace("\n", " ")
        self.found.faults.append(f"{what} near `{near}`")

    def run(self) -> None:
        if not self.body.isascii():
            self.fault("a character outside ASCII")
        while self.at < len(self.tokens):
            self.step(self.tokens[self.at])
            self.at += 1
        for closing, _ in self.stack:
            self.fault(f"{closing} is missing")

    def argument(self) -> str:
        """The text of the group that follows, without moving."""
        start = self.tokens[self.at].end()
        if self.body[start : start + 1] == "[":
            start = self.body.index("]", start) + 1
        depth, at = 0, start
        while at < len(self.body):
            char = self.body[at]
            if char == "\\":
                at += 2
                continue
            depth += (char == "{") - (char == "}")
            if depth == 0:
                break
            at += 1
        return self.body[start + 1 : at]

    def skip_argument(self) -> None:
        end = self.tokens[self.at].end() + len(self.argument()) + 2
        while self.at + 1 < len(self.tokens) and self.tokens[self.at + 1].start() < end:
            self.at += 1

    def step(self, token: re.Match[str]) -> None:
        if token[1]:
            self.command(token[1])
        elif token[2]:
            allowed = SYMBOLS_IN_MATH if self.mode == "math" else SYMBOLS_IN_TEXT
            if token[2] not in allowed:
                self.fault(f"\\{token[2]} in {self.mode}")
        elif token[3]:
            self.special(token[3])
        elif token[4] and self.body[token.start() : token.start() + 2] == "\n\n":
            if self.mode == "math":
                self.fault("an empty line in mathematics")
        elif token[0] in '"<>|' and self.mode == "text":
            self.fault(f"{token[0]} in text")

    def special(self, char: str) -> None:
        if char == "{":
            self.stack.append(("}", self.mode))
        elif char == "}":
            self.close("}")
        elif char == "$":
            if self.stack and self.stack[-1][0] == "$":
                self.close("$")
            elif self.mode == "math":
                self.fault("a dollar in mathematics")
            else:
                self.stack.append(("$", self.mode))
                self.mode = "math"
                self.formula("$")
        elif (char in "^_" and self.mode == "math") or (char == "&" and self.in_environment()):
            pass
        else:
            self.fault(f"{char} in {self.mode}")

    def in_environment(self) -> bool:
        return any(closing in ENVIRONMENTS for closing, _ in self.stack)

    def close(self, closing: str) -> None:
        if not self.stack or self.stack[-1][0] != closing:
            self.fault(f"{closing} closes nothing")
            return
        self.mode = self.stack.pop()[1]

    def command(self, name: str) -> None:
        if name in {"begin", "end"}:
            inside = self.argument()
            self.skip_argument()
            self.environment(name, inside)
            return
        allowed = IN_MATH if self.mode == "math" else IN_TEXT
        if name not in allowed:
            self.fault(f"\\{name} in {self.mode}")
        elif name in {"qty", "num", "unit", "mathrm", "mathit", "operatorname"}:
            inside = self.argument()
            if name.startswith(("math", "op")) and not WORD.fullmatch(inside):
                self.fault(f"\\{name}{{{inside}}}")
            self.skip_argument()
            if name == "qty":
                self.skip_argument()
        elif name in {"text", "footnotetext"}:
            # The next brace opens a group in text.
            start = self.tokens[self.at].end()
            while self.tokens[self.at + 1][0] != "{":
                self.at += 1
            self.at += 1
            assert self.tokens[self.at].start() >= start
            self.stack.append(("}", self.mode))
            self.mode = "text"

    def environment(self, what: str, name: str) -> None:
        if name not in ENVIRONMENTS:
            self.fault(f"environment {name}")
        elif what == "begin":
            self.stack.append((name, self.mode))
            self.mode = ENVIRONMENTS[name]
            if name == "align*":
                self.formula(r"\end{align*}")
            if name == "tabular":
                self.skip_argument()
        else:
            self.close(name)

    def formula(self, end: str) -> None:
        """The symbols of the formula that begins here."""
        start = self.tokens[self.at].end()
        stop = self.body.find(end, start)
        inside = self.body[start:stop]
        if SIGN_ONLY.fullmatch(inside) is None:
            self.found.symbols |= symbols_of(inside)


WORD = re.compile(r"(?:[A-Za-z0-9+,.]|\\[_ ]|\{\\ldots\})+")
SIGN_ONLY = re.compile(
    r"\\(surd|times|pm|cdot|rightarrow|approx|neq|leq|geq|infty|[a-zA-Z]+)|\^\{\\circ\}"
)
BASE = re.compile(r"\\mathit\{[^{}]*(?:\{\\ldots\})?[^{}]*\}|\\([A-Za-z]+)|([A-Za-z])")
WITHOUT = re.compile(
    r"\\(text|mathrm|operatorname\*?|num|unit|begin|end|qty)\{|\\footnotemark\[\d+\]"
)


def symbols_of(formula: str) -> set[str]:
    """The symbols of a formula, each with its upright subscript."""
    found: set[str] = set()
    at = 0
    while at < len(formula):
        skipped = WITHOUT.match(formula, at)
        if skipped:
            at = skipped.end()
            if skipped[1]:
                at += len(_group(formula, at - 1)) + 1
            if skipped[1] == "qty":
                at += len(_group(formula, at)) + 2
            continue
        match = BASE.match(formula, at)
        if match is None:
            at += 2 if formula[at] == "\\" else 1
            continue
        at = match.end()
        if match[1] and match[1] not in GREEK:
            continue
        symbol = match[0]
        if formula.startswith("_{", at):
            group = _group(formula, at + 1)
            at += len(group) + 3
            if group.startswith(r"\mathrm") or group == r"\ell":
                symbol += f"_{{{group}}}"
            elif r"\text" in group:
                continue
            else:
                found |= symbols_of(group)
                symbol += f"_{{{group}}}" if len(group) == 1 and group.isalpha() else ""
        found.add(symbol)
    return found


def _group(text: str, start: int) -> str:
    """What stands between the brace at `start` and the one that closes it."""
    depth, at = 0, start
    while at < len(text):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return text[start + 1 : at]
        at += 2 if text[at] == "\\" else 1
    return text[start + 1 :]
