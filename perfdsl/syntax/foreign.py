"""What other languages, keyboards and word processors write differently: read as it was meant.

Each form is reported with the spelling of this language, so that it costs one message and the rest
of the line is still read.
"""

from __future__ import annotations

import re

from perfdsl.diagnostics import Diagnostic, Edit, Fix, Span

CODE = "P006"

SIGNS = {
    "&&": "and",
    "&": "and",
    "||": "or",
    "|": "or",
    "!": "not",
    "∧": "and",
    "∨": "or",
    "¬": "not",
    "×": "*",
    "·": "*",
    "⋅": "*",
    "∙": "*",
    "∗": "*",
    "÷": "/",
    "∕": "/",
    "⁄": "/",
    "−": "-",
    "–": "-",
    "‐": "-",
    "‑": "-",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≈": "~=",
    "±": "+-",
    "…": "..",
}
SIGN = "|".join(re.escape(sign) for sign in sorted(SIGNS, key=len, reverse=True))

REMARK = r"//[^\n]*|/\*(?s:.*?)\*/"

QUOTED = r"'[^'\n]*'|[“”„‟«][^“”„‟«»\"\n]*[“”„‟»\"]|[‘’‚][^‘’‚\n]*[‘’]"

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
SUPERSCRIPT = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹]")
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")


def without_superscripts(text: str) -> str:
    """`m²` as `m^2`."""
    return _RAISED.sub(lambda match: "^" + match.group().translate(SUPERSCRIPTS), text)


def superscript(span: Span, plain: str) -> Diagnostic:
    return _respelled("a power is written `^`", span, plain)


# In front of a sign: is there a unit, so that the sign may have been meant as its part?
_UNIT_BEFORE = re.compile(r"[0-9][ \t\u00a0]*[^\W\d][\w^()*/]*$")


def sign(span: Span, plain: str) -> Diagnostic:
    text = span.source.text
    title = f"`{span.text}` is written `{plain}` here"
    if plain in {"*", "/"}:
        joined = _UNIT_BEFORE.search(text, max(0, span.start - 60), span.start) is not None
        return _respelled(title, span, plain, safe=not joined)
    before = " " if plain.isalpha() and not text[: span.start][-1:].isspace() else ""
    after = " " if plain.isalpha() and not text[span.end : span.end + 1].isspace() else ""
    return _respelled(title, span, before + plain + after)


def quoted(span: Span) -> Diagnostic:
    inside = span.text[1:-1]
    title = 'a text stands in straight double quotes: `"..."`'
    return _respelled(title, span, f'"{inside}"', safe='"' not in inside)


def remark(span: Span) -> Diagnostic:
    """`// ...` or `/* ... */`: a comment, though the first may have been meant as a division."""
    text = span.source.text
    line_start = text.rfind("\n", 0, span.start) + 1
    if span.text.startswith("//"):
        alone = not text[line_start : span.start].strip()
        edit = Edit(Span(span.source, span.start, span.start + 2), "#")
        help_ = "" if alone else "a comment is `# ...`, a whole quotient `floor(a / b)`"
        return _comment(span, edit, help_, safe=alone)
    rest = text[span.end : text.find("\n", span.end) % (len(text) + 1)]
    inside = "\n".join(f"# {line.strip()}" for line in span.text[2:-2].strip().split("\n"))
    return _comment(span, Edit(span, inside), "", safe=not rest.strip())


def _comment(span: Span, edit: Edit, help_: str, *, safe: bool) -> Diagnostic:
    fix = Fix("write `#`", (edit,), safe=safe)
    return Diagnostic(CODE, "a comment starts with `#`", span, help=help_, fix=fix)


def _respelled(title: str, span: Span, text: str, *, safe: bool = True) -> Diagnostic:
    fix = Fix(f"write `{text.strip()}`", (Edit(span, text),), safe=safe)
    return Diagnostic(CODE, title, span, fix=fix)
