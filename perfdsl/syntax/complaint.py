"""A stuck parser -> a message in the author's terms: what stands there, and what could."""

from __future__ import annotations

from perfdsl.diagnostics import Diagnostic, Edit, Fix, Span, did_you_mean
from perfdsl.records import replace
from perfdsl.syntax.brackets import CLOSER, OPENER
from perfdsl.syntax.habits import HABITS
from perfdsl.syntax.stuck import Situation
from perfdsl.syntax.table import ACTIONS, KEYWORDS, LITERALS, RESERVED
from perfdsl.syntax.token import Token

# What a terminal is called in a message; an expression is expected where VALUE all fit.
PHRASES = {
    "NAME": "a name",
    "QUANTITY": "a number",
    "STRING": "a text in quotes",
    "_SEP": "a new line",
    "$END": "the end of the file",
} | {LITERALS[sign]: f"`{sign}`" for sign in "{ } ( ) ] , : =".split()}
VALUE = {"NAME", "QUANTITY", "LPAR"}
LINE_ENDS = {"_SEP", "$END", "RBRACE"}
ENDS = {"_SEP", "$END", "RBRACE", "RPAR", "RSQB", "COMMA"}

# Signs whose absence is worth guessing at, the likeliest first.
GUESSED = ["=", ":", ",", "*", "(", ")", "{", ".."]


def with_complaint(situation: Situation, problems: list[Diagnostic]) -> list[Diagnostic]:
    """The problems and one message more, unless the scanner has explained the mistake."""
    region = _region(situation)
    known = [each for each in problems if _lies_in(each, region)]
    if not known:
        return [*problems, complain(situation)]
    better = [_opener_missing(situation, each) for each in known]
    found = {id(old): new for old, new in zip(known, better, strict=True) if new is not None}
    return [found.get(id(each), each) for each in problems]


def _region(situation: Situation) -> Span:
    """The line-like part of the statement at fault, without blocks that follow or precede it."""
    tokens, at = situation.tokens, situation.stuck.at
    end = at
    while end < situation.last and tokens[end].kind not in {"_SEP", "LBRACE", "RBRACE", "$END"}:
        end += 1
    start = min(tokens[situation.first].start, tokens[at].start)
    text = situation.source.text
    line_end = text.find("\n", tokens[at].start)
    last = max(tokens[min(end, len(tokens) - 1)].start, line_end if line_end >= 0 else len(text))
    return Span(situation.source, start, last)


def _lies_in(problem: Diagnostic, region: Span) -> bool:
    if problem.span is None:
        return False
    spans = [problem.span, *(label.span for label in problem.secondary)]
    return any(region.start <= span.start <= region.end for span in spans)


def _opener_missing(situation: Situation, problem: Diagnostic) -> Diagnostic | None:
    """A bracket that closes nothing, where the parser would have liked its opener before."""
    span = problem.span
    if problem.code != "P002" or span is None or span.text not in OPENER or problem.secondary:
        return None
    token, opener = situation.token, OPENER[span.text]
    if span.start < token.start or LITERALS[opener] not in situation.wanted:
        return None
    if situation.wanted >= VALUE and token.kind in VALUE | {"STRING"}:
        return None
    before = situation.before
    where = situation.behind(before) if before else situation.span(token)
    fix = Fix(f"add `{opener}`", (Edit(where, opener),), safe=False)
    return replace(problem, title=f"a `{opener}` is missing", span=where, help="", fix=fix)


def complain(situation: Situation) -> Diagnostic:
    """One message for the token at which the parser is stuck."""
    if situation.stuck.too_deep:
        help_ = "give a part of it a name of its own"
        return Diagnostic(
            "P703", "this nests too deep", situation.span(situation.token), help=help_
        )
    for habit in HABITS:
        if (diagnostic := habit(situation)) is not None:
            return diagnostic
    for guess in (
        _reserved,
        _misspelled,
        _missing_value,
        _missing_name,
        _missing_word,
        _missing_end,
        _missing_sign,
        _too_many,
        _side_by_side,
    ):
        if (diagnostic := guess(situation)) is not None:
            return diagnostic
    return _unexpected(situation)


def _reserved(situation: Situation) -> Diagnostic | None:
    """`let in = 3`."""
    token = situation.token
    if token.text not in RESERVED or "NAME" not in situation.wanted or situation.wanted >= VALUE:
        return None
    title = f"`{token.text}` is a word of the language and cannot be a name"
    return Diagnostic("P004", title, situation.span(token), help="choose another name")


def _misspelled(situation: Situation) -> Diagnostic | None:
    """`lett x = 3`, `a boud by b`: this word or the one in front of it is nearly another."""
    token, before = situation.token, situation.before
    words = {word for word, kind in KEYWORDS.items() if kind in situation.wanted}
    if token.text not in KEYWORDS and (near := did_you_mean(token.text, sorted(words))):
        if situation.goes_on_with(token._replace(text=near), skip=1) > 1:
            return _respelled(situation, token, near)
    if before is None or before.text in KEYWORDS or situation.stuck.at - 1 != situation.first:
        return None
    starts = {word for word, kind in KEYWORDS.items() if kind in ACTIONS[_start_state(situation)]}
    near = did_you_mean(before.text, sorted(starts))
    return _respelled(situation, before, near) if near else None


def _start_state(situation: Situation) -> int:
    """The state in which the statement began."""
    return next(s for s in reversed(situation.stuck.states) if "LET" in ACTIONS[s])


def _respelled(situation: Situation, token: Token, near: str) -> Diagnostic:
    span = situation.span(token)
    fix = Fix(f"did you mean `{near}`?", (Edit(span, near),), safe=True)
    return Diagnostic("P001", f"`{token.text}` is no word of the language", span, fix=fix)


def _missing_value(situation: Situation) -> Diagnostic | None:
    token, before = situation.token, situation.before
    if not situation.wanted >= VALUE or situation.first == situation.stuck.at:
        return None
    behind = f" behind `{_shown(before)}`" if before else ""
    if token.kind in ENDS or before is None:
        opened = before is not None and before.text in {*CLOSER, ","} and token.kind != "_SEP"
        place = situation.span(token if opened or before is None else before)
        return Diagnostic("P003", f"a value is missing{behind}", place, help="write one here")
    title = f"a value is missing{behind}: `{_shown(token)}` cannot start one"
    here = _same_line(situation) or before.text in {*CLOSER, ","} or before.kind == "STRING"
    place = situation.span(token if here else before)
    return Diagnostic("P003", title, place, help="write one in front of it")


def _same_line(situation: Situation) -> bool:
    before = situation.before
    between = situation.source.text[before.end : situation.token.start] if before else "\n"
    return "\n" not in between


def _missing_name(situation: Situation) -> Diagnostic | None:
    before = situation.before
    if situation.wanted != {"NAME"} or situation.token.kind == "NAME" or before is None:
        return None
    title = f"a name is missing behind `{_shown(before)}`"
    return Diagnostic("P003", title, situation.span(before), help="write one here")


def _missing_word(situation: Situation) -> Diagnostic | None:
    """Only one word can stand here, or one without which the rest cannot be read."""
    at = situation.stuck.at
    words = [word for word, kind in KEYWORDS.items() if kind in situation.wanted]
    for word in words if at > situation.first and len(words) < 12 else []:
        if situation.goes_on_with(_token(situation, word)) > 2 or situation.wanted == {
            KEYWORDS[word]
        }:
            return _absent(situation, word)
    return None


def _missing_end(situation: Situation) -> Diagnostic | None:
    """`port p { ... } memory m { ... }`, `cores = 8 core clock = 3 GHz`: two on one line."""
    token, before = situation.token, situation.before
    if before is None or "_SEP" not in situation.wanted or not _same_line(situation):
        return None
    behind = situation.tokens[situation.stuck.at + 1]
    word = KEYWORDS.get(token.text)
    begins = word in ACTIONS[_start_state(situation)] and behind.kind in {"NAME", "STRING"}
    defines = token.kind == "NAME" and behind.kind == "EQUAL"
    if not begins and not defines:
        return None
    fix = Fix("write `;`", (Edit(situation.behind(before), ";"),), safe=False)
    title = f"a new line or `;` is missing in front of `{token.text}`"
    return Diagnostic("P011", title, situation.span(token), fix=fix)


def _missing_sign(situation: Situation) -> Diagnostic | None:
    """A sign which lets the rest of the statement be read, if it is put in front."""
    rest = situation.last - situation.stuck.at
    fits = [sign for sign in GUESSED if LITERALS[sign] in situation.wanted]
    counts = {s: situation.goes_on_with(_token(situation, s)) for s in fits}
    best = max(counts, key=lambda sign: counts[sign], default="")
    if best and (counts[best] >= rest or counts[best] > 2):
        return _absent(situation, best)
    only = [sign for sign in (*CLOSER, "=", ":") if situation.wanted == {LITERALS[sign]}]
    return _absent(situation, only[0]) if only else None


def _token(situation: Situation, text: str) -> Token:
    at = situation.token.start
    return Token(LITERALS[text] if not text.isalpha() else "NAME", at, at, text)


def _absent(situation: Situation, text: str) -> Diagnostic:
    before = situation.before
    place = situation.behind(before) if before else situation.span(situation.token)
    shown = situation.span(situation.token) if _same_line(situation) else place
    if situation.token.kind in LINE_ENDS and before:
        shown = situation.span(before)
    spaced = f" {text}" if text.isalpha() or text in "{=" else text
    fix = Fix(f"add `{text}`", (Edit(place, spaced),), safe=False)
    where = f" behind `{_shown(before)}`" if before else ""
    title = f"{'an' if text == 'else' else 'a'} `{text}` is missing{where}"
    if text == "*":
        title = "an operator such as `*` is missing" + where
    helps = text != "*" and situation.goes_on_with(_token(situation, text)) > 0
    return Diagnostic("P011", title, shown, fix=fix if helps else None)


def _too_many(situation: Situation) -> Diagnostic | None:
    """The statement can be read if this token is left out."""
    rest = situation.last - situation.stuck.at
    if situation.token.kind in LINE_ENDS or situation.goes_on_with(skip=1) < rest:
        return None
    span = situation.span(situation.token)
    fix = Fix("remove it", (Edit(span, ""),), safe=False)
    title = f"`{_shown(situation.token)}` is one too many"
    return Diagnostic("P001", title, span, fix=fix)


def _side_by_side(situation: Situation) -> Diagnostic | None:
    """`cores clock 64 MAC/(cycle*core)`: a product is always written."""
    token, before = situation.token, situation.before
    values = {"NAME", "QUANTITY", "RPAR"}
    if before is None or "STAR" not in situation.wanted or not _same_line(situation):
        return None
    return _absent(situation, "*") if {token.kind, before.kind} <= values else None


def _unexpected(situation: Situation) -> Diagnostic:
    token, before = situation.token, situation.before
    what = "the line ends" if token.kind in LINE_ENDS else ""
    span = situation.span(before if what and before else token)
    expected = _phrases(situation.wanted)
    notes = (f"expected {expected}",) if expected else ()
    title = f"{what or f'`{_shown(token)}` stands'} where it cannot"
    return Diagnostic("P001", title, span, notes=notes)


def _phrases(wanted: frozenset[str]) -> str:
    names = [phrase for kind, phrase in PHRASES.items() if kind in wanted]
    if wanted >= VALUE:
        names = ["a value"]
    words = [f"`{word}`" for word, kind in KEYWORDS.items() if kind in wanted]
    if {"PLUS", "STAR"} & wanted:
        names.insert(0, "an operator such as `+`")
    if len(words) <= 4:
        names += words
    elif "LET" in wanted:
        names = ["a statement"]
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _shown(token: Token) -> str:
    text = token.text.split("\n", maxsplit=1)[0]
    return text if len(text) <= 30 else text[:29] + "…"
