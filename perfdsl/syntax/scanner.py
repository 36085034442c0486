"""Text -> tokens: words, quantities, strings, separators; comments gone, brackets balanced.

The scanner decides what the grammar cannot: where a newline ends a statement. What other languages
write differently is read as it was meant and reported (foreign.py); where a bracket was forgotten
is guessed once for the whole text (brackets.py), so that one slip costs one message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from perfdsl.diagnostics import Diagnostic, Edit, Fix, Source, Span
from perfdsl.syntax import foreign
from perfdsl.syntax.brackets import CLOSER, OPENER, repaired
from perfdsl.syntax.table import KEYWORDS, LITERALS, PATTERNS
from perfdsl.syntax.token import Token

MAX_TOKENS = 200_000
MAX_NESTING = 64
MAX_LITERAL = 40
MAX_REPORTS = 20


class Limits(NamedTuple):
    """What a file may be at most; raised by a flag, never by a file."""

    tokens: int = MAX_TOKENS
    nesting: int = MAX_NESTING

    @property
    def depth(self) -> int:
        """How deep a tree may be: a bracket with its call, sum, sign, ... is several levels."""
        return 2 * self.nesting + 32


class Scanned(NamedTuple):
    """Tokens ending with $END, and what was wrong with brackets, characters and sizes."""

    tokens: list[Token]
    problems: list[Diagnostic]


PUNCTUATION = sorted((text for text in LITERALS if not text[0].isalpha()), key=len, reverse=True)

SCAN = re.compile(
    "|".join(
        [
            r"(?P<blank>[ \t\r\f\ufeff\u00a0\u2000-\u200a\u202f\u205f\u3000]+)",
            f"(?P<DOC>{PATTERNS['DOC']})",
            r"(?P<comment>\#[^\n]*)",
            r"(?P<_SEP>[\n;])",
            f"(?P<STRING>{PATTERNS['STRING']})",
            f"(?P<QUANTITY>{PATTERNS['QUANTITY']})",
            f"(?P<NAME>{PATTERNS['NAME']})",
            f"(?P<remark>{foreign.REMARK})",
            "(?P<mark>" + "|".join(re.escape(text) for text in PUNCTUATION) + ")",
            # A text over at most five lines, if the quotes behind it come in pairs again.
            r'(?P<long_string>"[^"\n]*(?:\n[^"\n]*){1,4}"(?=[^"\n]*(?:"[^"\n]*"[^"\n]*)*(?:\n|$)))',
            r'(?P<open_string>"[^\n]*)',
            f"(?P<quoted>{foreign.QUOTED})",
            f"(?P<sign>{foreign.SIGN})",
            r"(?P<stray>.)",
        ]
    ),
    re.DOTALL,
)


class TooMuch(Exception):  # noqa: N818  not an error of this program: a limit ends the reading
    """A limit of the whole text is exceeded; nothing of it is read."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.title)
        self.diagnostic = diagnostic


def scan(source: Source, limits: Limits) -> Scanned:
    """The tokens of a text. A text over a limit has none."""
    try:
        raw, problems = _words(source, limits)
        tokens = _separated(raw, limits.nesting, source)
        if tokens is None:
            raw, more = repaired(source, raw)
            problems = problems + _beside(more, problems)
            tokens = _separated(raw, limits.nesting, source) or []
    except TooMuch as limit:
        tokens, problems = [], [limit.diagnostic]
    tokens.append(Token("$END", len(source.text), len(source.text), ""))
    return Scanned(tokens, problems)


def _beside(found: list[Diagnostic], problems: list[Diagnostic]) -> list[Diagnostic]:
    """Brackets at fault, but for lines with an open text: the closing one is part of that text."""
    lines = {each.span.line for each in problems if each.code == "P010" and each.span}
    return [each for each in found if each.span is None or each.span.line not in lines]


# -------------------------------------------------------------------------------------- words


def _words(source: Source, limits: Limits) -> tuple[list[Token], list[Diagnostic]]:
    """Every token with every newline, and the spellings at fault: at most one a line."""
    found: list[Token] = []
    problems: list[Diagnostic] = []
    blamed = -1
    for match in SCAN.finditer(source.text):
        kind = match.lastgroup or ""
        if kind in {"blank", "comment"}:
            continue
        text = match.group()
        token = Token(LITERALS[text] if kind == "mark" else kind, *match.span(), text)
        if _is_plain(token):
            found.append(token)
        else:
            read, diagnostic = _odd(source, token)
            found.extend(read)
            if diagnostic is not None and len(problems) < MAX_REPORTS:
                line = source.position(token.start)[0]
                if line != blamed or diagnostic.fix is not None:
                    problems.append(diagnostic)
                blamed = line
        if len(found) > limits.tokens:
            title = f"more than {limits.tokens:,} words and signs"
            raise TooMuch(Diagnostic("P702", title, _span(source, token)))
    return found, problems


ODD = {"remark", "long_string", "open_string", "quoted", "sign", "stray"}


def _is_plain(token: Token) -> bool:
    match token.kind:
        case "NAME":
            return token.text.isascii() or not foreign.SUPERSCRIPT.search(token.text)
        case "QUANTITY":
            return token.text.isdigit() and token.text.isascii() and len(token.text) <= MAX_LITERAL
        case kind:
            return kind not in ODD


def _odd(source: Source, token: Token) -> tuple[list[Token], Diagnostic | None]:
    """How a token that needs a second look is read, and what is wrong with it, if anything."""
    span = _span(source, token)
    match token.kind:
        case "QUANTITY" if not foreign.SUPERSCRIPT.search(token.text):
            return _quantity(token, span)
        case "QUANTITY" | "NAME":
            plain = foreign.without_superscripts(token.text)
            tokens = [_at(token, each) for each in _rescanned(plain)]
            return tokens, foreign.superscript(span, plain)
        case "remark":
            return [], foreign.remark(span)
        case "quoted":
            return [_string(token, token.text[1:-1])], foreign.quoted(span)
        case "sign":
            plain = foreign.SIGNS[token.text]
            kind = LITERALS.get(plain, "NAME") if not plain.isalpha() else "NAME"
            return [Token(kind, token.start, token.end, plain)], foreign.sign(span, plain)
        case "open_string" | "long_string":
            return [_string(token, token.text.strip('"'))], _unclosed(span)
        case _:
            return [], _stray(span)


def _at(token: Token, plain: Token) -> Token:
    return Token(plain.kind, token.start, token.end, plain.text)


def _rescanned(text: str) -> Iterator[Token]:
    for match in SCAN.finditer(text):
        kind, plain = match.lastgroup or "", match.group()
        yield Token(LITERALS[plain] if kind == "mark" else kind, 0, 0, plain)


def _string(token: Token, inside: str) -> Token:
    text = inside.replace('"', "'").replace("\n", " ")
    return Token("STRING", token.start, token.end, f'"{text}"')


NUMBER = re.compile(r"[0-9_.]+(?:[eE][+-]?[0-9]+)?")
LONG_DIGITS = re.compile(rf"[0-9]{{{MAX_LITERAL + 1}}}")


def _quantity(token: Token, span: Span) -> tuple[list[Token], Diagnostic | None]:
    digits = NUMBER.match(token.text)
    number = digits.group() if digits else token.text
    if len(number) > MAX_LITERAL or LONG_DIGITS.search(token.text):
        why = f"longer than {MAX_LITERAL} characters"
    elif _in_range(number.replace("_", "")):
        return [token], None
    else:
        why = "outside 1e-300 .. 1e300"
    rest = "" if LONG_DIGITS.search(token.text) else token.text[len(number) :]
    plain = token._replace(text="1" + rest)
    return [plain], Diagnostic("P704", f"this number is {why}", span)


def _in_range(number: str) -> bool:
    is_zero = not number.lower().partition("e")[0].strip("0.")
    return is_zero or 1e-300 <= float(number) <= 1e300


def _unclosed(span: Span) -> Diagnostic:
    label = 'a text ends with `"` on its own line'
    if "\n" in span.text:
        fix = Fix("join the lines", (Edit(span, " ".join(span.text.split())),), safe=True)
        return Diagnostic("P010", "this text runs over several lines", span, label, fix=fix)
    shown = Span(span.source, span.start, span.start + len(span.text.rstrip()))
    end = Span(span.source, shown.end, shown.end)
    fix = Fix('add `"`', (Edit(end, '"'),), safe=False)
    return Diagnostic("P010", "this text is never closed", shown, label, fix=fix)


def _stray(span: Span) -> Diagnostic:
    character = span.text
    if character == "?":
        help_ = "a choice is written `if cond then a else b`"
        return Diagnostic("P009", "`?` has no meaning here", span, help=help_)
    if character.isprintable():
        return Diagnostic("P009", f"`{character}` has no meaning here", span, help="remove it")
    title = f"the character U+{ord(character):04X} has no meaning here"
    fix = Fix("remove it", (Edit(span, ""),), safe=True)
    return Diagnostic("P009", title, span, fix=fix)


def _span(source: Source, token: Token) -> Span:
    return Span(source, token.start, token.end)


# --------------------------------------------------------------------------------- separators


def _separated(raw: list[Token], nesting: int, source: Source) -> list[Token] | None:
    """The tokens with those separators that end a statement; None where brackets do not pair."""
    tokens: list[Token] = []
    stack: list[str] = []
    for at, token in enumerate(raw):
        kind, text = token.kind, token.text
        if kind == "_SEP":
            free = text == "\n" and (
                (stack and stack[-1] != "{") or _titled(tokens, raw[at + 1 : at + 8])
            )
            if free or not tokens or tokens[-1].kind in {"_SEP", "LBRACE", "COMMA", "DOC"}:
                continue
        elif kind == "DOC":
            if tokens and tokens[-1].kind == "DOC":
                joined = f"{tokens[-1].text}\n{text}"
                tokens[-1] = Token("DOC", tokens[-1].start, token.end, joined)
                continue
            if tokens and tokens[-1].kind not in {"_SEP", "LBRACE"}:
                continue
        elif text in CLOSER:
            stack.append(text)
            if len(stack) > nesting:
                title = f"brackets nest deeper than {nesting}"
                raise TooMuch(Diagnostic("P703", title, _span(source, token)))
            if text == "{":
                _drop_separators(tokens)
        elif text in OPENER:
            if not stack or stack.pop() != OPENER[text]:
                return None
            if text == "}":
                _drop_separators(tokens)
        elif text == "@":
            _drop_separators(tokens)
        tokens.append(token)
    _drop_separators(tokens)
    return None if stack else tokens


TITLED = {"claim", "refute"}


def _titled(tokens: list[Token], ahead: list[Token]) -> bool:
    """Whether a line is the title of a claim alone, so that the claim goes on below it."""
    if len(tokens) < 2 or tokens[-1].kind != "STRING" or tokens[-2].text not in TITLED:
        return False
    following = next((token for token in ahead if token.kind != "_SEP"), None)
    return following is not None and following.text not in {*KEYWORDS, *OPENER}


def _drop_separators(tokens: list[Token]) -> None:
    while tokens and tokens[-1].kind in {"_SEP", "DOC"}:
        tokens.pop()
