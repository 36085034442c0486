"""What `perfdsl explain` prints: the pages of the codes, and the list of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources

from perfdsl.diagnostics import Diagnostic
from perfdsl.present.style import Row, Theme, hanging, paint

FAMILIES = {
    "P0": "Syntax",
    "P1": "Names and imports",
    "P2": "Units",
    "P3": "Types and ranges",
    "P4": "Models and machines",
    "P5": "Solving",
    "P6": "Claims",
    "P7": "Limits",
    "P8": "Running a model",
}
CODE = re.compile(r"P\d{3}")


def page(code: str, theme: Theme) -> str | None:
    """The page of a code, in whatever case it was typed; None where there is none."""
    wanted = code.strip().upper()
    if not CODE.fullmatch(wanted):
        return None
    text = _texts().get(wanted)
    if text is None:
        return None
    title, _, body = text.partition("\n")
    rows: list[Row] = [((f"{wanted}: {title.lstrip('# ')}", "bold"),)]
    rows += [((line, ""),) for line in body.rstrip().split("\n")]
    return paint(rows, theme)


def listing(theme: Theme) -> str:
    """Every code with its title, by family."""
    texts = _texts()
    rows: list[Row] = []
    for family, name in FAMILIES.items():
        codes = [code for code in texts if code.startswith(family)]
        if codes:
            rows += [()] if rows else []
            rows.append(((f"{family}xx  {name}", "bold"),))
        for code in codes:
            title = texts[code].partition("\n")[0].lstrip("# ")
            rows += hanging((("  ", ""), (code, ""), ("  ", "")), title, theme)
    return paint(rows, theme) if rows else "no code has a page yet"


def unknown(code: str) -> Diagnostic:
    """What is said about a code without a page."""
    title = f"there is no page for `{code}`"
    return Diagnostic("P101", title, None, help="`perfdsl explain` lists all codes")


def _texts() -> dict[str, str]:
    return dict(sorted(_pages()))


def _pages() -> Iterator[tuple[str, str]]:
    folder = resources.files("perfdsl").joinpath("codes")
    for entry in folder.iterdir() if folder.is_dir() else ():
        code, _, kind = entry.name.partition(".")
        if kind == "md" and CODE.fullmatch(code):
            yield code, entry.read_text("utf-8")
