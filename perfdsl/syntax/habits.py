"""What people write who know other languages, and how it is written here.

A habit looks at a stuck parser and answers with a message, or None. The first answer is taken, so
the narrow ones come first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise, takewhile

from perfdsl.diagnostics import Diagnostic, Edit, Fix, Span, did_you_mean
from perfdsl.syntax.brackets import CLOSER, OPENER
from perfdsl.syntax.foreign import CODE
from perfdsl.syntax.stuck import Situation
from perfdsl.syntax.table import LITERALS
from perfdsl.syntax.token import Token

Habit = Callable[[Situation], Diagnostic | None]

OPERATORS = {
    ("*", "*"): "^",
    (":", "="): "=",
    ("=", "<"): "<=",
    ("=", ">"): ">=",
    ("<", ">"): "!=",
    ("==", "="): "==",
    ("~=", "="): "~=",
    ("=", "=="): "==",
    ("<", "-"): "=",
}

STATEMENTS = {
    "def": "fn",
    "func": "fn",
    "function": "fn",
    "fun": "fn",
    "var": "let",
    "const": "let",
    "val": "let",
    "set": "let",
    "for": "repeat",
    "loop": "repeat",
    "assert": "claim",
    "expect": "claim",
    "print": "show",
    "plot": "show",
    "include": "import",
    "require": "import",
    "using": "import",
    "machine": "hardware",
    "device": "hardware",
    "param": "unknown",
    "parameter": "unknown",
}

# Statements whose form, not their first word alone, is another one elsewhere.
FORMS = {
    "fn": (
        "fn name(x: Count): Count = ...",
        re.compile(r"\s*\w+\s*\([^)]*\)\s*(:\s*[\w<>/*^()]+\s*)?=(?!=)"),
    ),
    "repeat": ("repeat l in 0 ..< n { ... }", re.compile(r".*\.\.")),
}

ASSIGNED = {"let", "fn", "unit", "policy", "work", "read", "write", "send", "observe", "fit"}


def _fixed(title: str, span: Span, text: str, *, safe: bool, code: str = CODE) -> Diagnostic:
    fix = Fix(f"write `{text}`", (Edit(span, text),), safe=safe)
    return Diagnostic(code, title, span, fix=fix)


def _two_signs(situation: Situation) -> Diagnostic | None:
    """`**`, `:=`, `=<`, `<>`, `===`: the parser is stuck at the first or the second."""
    after = situation.near(1)
    for left, right in ((situation.before, situation.token), (situation.token, after)):
        if left is None or left.end != right.start or (left.text, right.text) not in OPERATORS:
            continue
        meant = OPERATORS[left.text, right.text]
        span = situation.span(left, right)
        if meant == "^":
            return _fixed("a power is written `^`", span, "^", safe=True, code="P005")
        return _fixed(f"`{span.text}` is written `{meant}` here", span, meant, safe=True)
    return None


def _changed(situation: Situation) -> Diagnostic | None:
    """`x += 1`."""
    token, after = situation.token, situation.near(1)
    if token.text not in {"+", "-", "*", "/"} or after.text != "=" or token.end != after.start:
        return None
    help_ = "give the new value a name of its own"
    span = situation.span(token, after)
    return Diagnostic(CODE, "a value is never changed", span, help=help_)


def _equal_for_value(situation: Situation) -> Diagnostic | None:
    """`let x == 3`."""
    if situation.token.text not in {"==", "~="} or "EQUAL" not in situation.wanted:
        return None
    span = situation.span(situation.token)
    return _fixed("a value is given with `=`", span, "=", safe=True, code="P011")


def _colon_for_value(situation: Situation) -> Diagnostic | None:
    """`cores: 12 core`, read as a type."""
    tokens = situation.tokens[situation.first : situation.stuck.at]
    path = list(takewhile(lambda token: token.kind in {"NAME", "DOT"}, tokens))
    typed = tokens[len(path) : len(path) + 2]
    if "EQUAL" not in situation.wanted or [each.kind for each in typed] != ["COLON", "QUANTITY"]:
        return None
    colon = typed[0]
    title = "a value is given with `=`; `:` gives a type"
    span = situation.span(colon)
    edit = " =" if situation.source.text[: colon.start][-1:].isalnum() else "="
    fix = Fix("write `=`", (Edit(span, edit),), safe=True)
    return Diagnostic("P011", title, span, fix=fix)


def _equal_for_argument(situation: Situation) -> Diagnostic | None:
    """`predict(net, on = cpu)`."""
    if situation.token.text != "=" or "COLON" not in situation.wanted:
        return None
    if situation.near(-2).text not in {"(", ",", "["} or "RPAR" not in situation.wanted:
        return None
    before = situation.tokens[situation.stuck.at - 1]
    span = Span(situation.source, before.end, situation.token.end)
    fix = Fix(f"write `{before.text}:`", (Edit(span, ":"),), safe=True)
    title = "an argument is named with `:`"
    return Diagnostic("P011", title, situation.span(situation.token), fix=fix)


def _equal_for_comparison(situation: Situation) -> Diagnostic | None:
    """`claim "..." a = b`, `if a = b then`."""
    token = situation.token
    if token.text != "=" or not {"STAR", "PLUS"} & situation.wanted:
        return None
    help_ = "write `~=` (1 %, or `within`) or `==` (exactly)"
    title = "two values are compared with `~=` or `==`; `=` gives a value"
    return Diagnostic("P011", title, situation.span(token), help=help_)


def _chained(situation: Situation) -> Diagnostic | None:
    """`a < b < c`."""
    signs = {"==", "~=", "!=", "<=", ">=", "<", ">"}
    tokens = situation.tokens[situation.first : situation.stuck.at]
    if situation.token.text not in signs or not {"AND", "STAR"} & situation.wanted:
        return None
    if not any(token.text in signs for token in tokens):
        return None
    help_ = "write `a < b and b < c`"
    span = situation.span(situation.token)
    return Diagnostic(CODE, "a comparison takes two values", span, help=help_)


def _modulo(situation: Situation) -> Diagnostic | None:
    """`i % 6`; behind a number `%` was read as its unit."""
    token, before, after = situation.token, situation.before, situation.near(1)
    title = "a remainder is written `mod(a, b)`"
    simple = {"NAME", "QUANTITY"}
    if token.text == "%" and before and "STAR" in situation.wanted:
        if before.kind in simple and after.kind in simple and situation.near(-2).text != ".":
            span = situation.span(before, after)
            tight = {"(", "[", ".", "^", "*", "/", "-"}
            safe = not tight & {situation.near(2).text, situation.near(-2).text}
            return _fixed(title, span, f"mod({before.text}, {after.text})", safe=safe)
        return Diagnostic(CODE, title, situation.span(token), help="write `mod(a, b)`")
    if before and before.kind == "QUANTITY" and before.text.endswith("%") and token.kind in simple:
        left = before.text.rstrip("% \t")
        fixed = f"mod({left}, {token.text})"
        safe = left.isdigit() and situation.near(-2).text not in {"*", "/", "^", "-"}
        return _fixed(title, situation.span(before, token), fixed, safe=safe)
    return None


def _elif(situation: Situation) -> Diagnostic | None:
    if situation.token.text not in {"elif", "elseif", "elsif"} or "ELSE" not in situation.wanted:
        return None
    span = situation.span(situation.token)
    return _fixed(f"`{situation.token.text}` is written `else if`", span, "else if", safe=True)


def _case_brace(situation: Situation) -> Token | None:
    """The word in front of the innermost brace that is open, if it is that of a `case`."""
    closed = 0
    tokens = situation.tokens[situation.first : situation.stuck.at]
    for before, token in reversed(list(pairwise(tokens))):
        closed += token.text in OPENER
        if token.text in CLOSER and not closed:
            return before if before.text == "case" and token.text == "{" else None
        closed -= token.text in CLOSER
    return None


def _arms(situation: Situation) -> Diagnostic | None:
    """`case { a: 1; b: 2 }`: parted wrongly, without `else`."""
    case = _case_brace(situation)
    if case is None or "COMMA" not in situation.wanted:
        return None
    token = situation.token
    if token.kind == "_SEP":
        place = (
            situation.span(token)
            if token.text == ";"
            else situation.behind(situation.before or case)
        )
        shown = situation.span(situation.before or case)
        fix = Fix("write `,`", (Edit(place, ","),), safe=True)
        return Diagnostic("P011", "the arms of a `case` are parted by `,`", shown, fix=fix)
    if token.kind == "RBRACE":
        words = situation.tokens[situation.first : situation.stuck.at]
        for word, after in pairwise(words):
            if after.text == ":" and did_you_mean(word.text, ["else"]):
                title = f"`{word.text}` is no word of the language"
                return _fixed(title, situation.span(word), "else", safe=True, code="P001")
        title = "this `case` has no `else`: every choice has a value"
        return Diagnostic("P003", title, situation.span(case), help="add `, else:` and a value")
    return None


def _no_else(situation: Situation) -> Diagnostic | None:
    if "ELSE" not in situation.wanted or "STAR" not in situation.wanted:
        return None
    words = [token.text for token in situation.tokens[situation.first : situation.stuck.at]]
    if words.count("then") <= words.count("else") or situation.token.kind not in _CLOSES:
        return None
    last = situation.tokens[situation.stuck.at - 1]
    title = "this `if` has no `else`: every choice has a value"
    at = max(i for i, word in enumerate(words) if word == "if") if "if" in words else 0
    span = situation.span(situation.tokens[situation.first + at])
    if "\n" in situation.source.text[span.start : last.end]:
        span = situation.span(last)
    return Diagnostic("P003", title, span, help="add `else` and a value")


_CLOSES = {"_SEP", "$END", "RBRACE", "RPAR", "RSQB", "COMMA", "AT"}


def _other_word(situation: Situation) -> Diagnostic | None:
    """`def f(x) = ...`, `for i in 1 .. 3 { ... }`."""
    word = situation.tokens[situation.first]
    if word.kind == "DOC":
        word = situation.tokens[situation.first + 1]
    meant = STATEMENTS.get(word.text)
    is_first = situation.token.start <= word.start or situation.before == word
    if meant is None or not is_first:
        return None
    span = situation.span(word)
    form, whole = FORMS.get(meant, ("", None))
    rest = situation.source.text[word.end :].split("\n", maxsplit=1)[0]
    if whole is not None and not whole.match(rest):
        what = "a function" if meant == "fn" else "repetition"
        return Diagnostic(CODE, f"{what} is written `{form}`", span)
    return _fixed(f"`{word.text}` is written `{meant}` here", span, meant, safe=True)


def _no_range(situation: Situation) -> Diagnostic | None:
    """`repeat i in 3 { ... }`."""
    if LITERALS[".."] not in situation.wanted or situation.token.text != "{":
        return None
    span = situation.span(situation.tokens[situation.stuck.at - 1])
    return Diagnostic("P011", "a range has two ends", span, help="write `1 .. n` or `0 ..< n`")


def _no_title(situation: Situation) -> Diagnostic | None:
    """`claim a ~= b`."""
    before = situation.before
    if before is None or situation.wanted != {"STRING"}:
        return None
    title = f"a text in quotes is missing behind `{before.text}`"
    return Diagnostic("P003", title, situation.span(situation.token), help='write `"..."` first')


def _bare_path(situation: Situation) -> Diagnostic | None:
    """`import hardware/cpu as hw`."""
    before, token = situation.before, situation.token
    if before is None or before.text not in {"import", "from"} or situation.wanted != {"STRING"}:
        return None
    if token.kind not in {"NAME", "DOT", "SLASH", "__ANON_0"}:
        return None
    text = situation.source.text
    end = next((i for i in range(token.start, len(text)) if text[i].isspace()), len(text))
    span = Span(situation.source, token.start, end)
    path = span.text if "/" in span.text else span.text.replace(".", "/")
    return _fixed("a path stands in quotes", span, f'"{path}"', safe=True)


THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])")


def _thousands(situation: Situation) -> Diagnostic | None:
    """`1,000`."""
    comma, before = situation.token, situation.before
    if comma.text != "," or before is None or not before.text.isdigit() or len(before.text) > 3:
        return None
    match = THOUSANDS.match(situation.source.text, before.start)
    if match is None:
        return None
    span = Span(situation.source, before.start, match.end())
    fixed = span.text.replace(",", "_")
    return _fixed("thousands are parted by `_`", span, fixed, safe=True)


def _comma_at_end(situation: Situation) -> Diagnostic | None:
    """`cores = 12 core,` as in other notations."""
    comma, after = situation.token, situation.near(1)
    if comma.text != "," or "_SEP" not in situation.wanted:
        return None
    ends = "\n" in situation.source.text[comma.end : max(after.start, comma.end)]
    span = situation.span(comma)
    fix = Fix("remove it" if ends else "write `;`", (Edit(span, "" if ends else ";"),), safe=True)
    return Diagnostic(CODE, "statements are parted by a new line or `;`", span, fix=fix)


def _comma_before_line(situation: Situation) -> Diagnostic | None:
    """`serves int8,` and nothing behind it: the next line was taken for its rest."""
    tokens = situation.tokens[situation.first : situation.stuck.at + 1]
    depth = 0
    found: Token | None = None
    for token, after in pairwise(tokens):
        depth += (token.text in CLOSER) - (token.text in OPENER)
        if depth == 0 and token.text == ",":
            goes_on = "\n" in situation.source.text[token.end : after.start]
            found = token if goes_on else None
    if found is None or depth:
        return None
    title = "a value is missing behind `,`"
    help_ = "write one, or remove the comma: it makes the next line a part of this one"
    return Diagnostic("P003", title, situation.span(found), help=help_)


def _leading_dot(situation: Situation) -> Diagnostic | None:
    """`.5`."""
    dot, after = situation.token, situation.near(1)
    if dot.text != "." or after.kind != "QUANTITY" or "QUANTITY" not in situation.wanted:
        return None
    span = situation.span(dot)
    return _fixed("a number starts with a digit", span, "0.", safe=True, code="P003")


def _missing_comma(situation: Situation) -> Diagnostic | None:
    """`f(a b)`."""
    token, before = situation.token, situation.before
    if before is None or not {"COMMA", "RPAR"} <= situation.wanted or not _starts_value(token):
        return None
    here = situation.behind(before)
    fix = Fix("add `,`", (Edit(here, ","),), safe=False)
    same_line = "\n" not in situation.source.text[before.end : token.start]
    span = situation.span(token) if same_line else situation.span(before)
    title = f"a `,` or an operator is missing behind `{before.text[:30]}`"
    return Diagnostic("P011", title, span, fix=fix)


def _starts_value(token: Token) -> bool:
    return token.kind in {"NAME", "QUANTITY", "STRING"}


HABITS: tuple[Habit, ...] = (
    _two_signs,
    _changed,
    _equal_for_value,
    _colon_for_value,
    _equal_for_argument,
    _equal_for_comparison,
    _chained,
    _modulo,
    _elif,
    _no_else,
    _other_word,
    _arms,
    _no_range,
    _bare_path,
    _no_title,
    _thousands,
    _comma_at_end,
    _comma_before_line,
    _leading_dot,
    _missing_comma,
)
