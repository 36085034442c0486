"""What `perfdsl check`, `list` and `show` print of a program: its parts, as they were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from perfdsl.diagnostics import Diagnostic, did_you_mean
from perfdsl.excerpt import visible
from perfdsl.present.style import Row, Theme, hanging, padded, paint, width_of
from perfdsl.semantics.program import AnalysisProgram, Program, Settable
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr, print_file, print_statement

LONGEST_NAME = 30


def checked(program: Program, file: str) -> str:
    """One line: what was checked, and that it has no mistakes."""
    files = sum(not module.shipped or not key for key, module in program.modules.items())
    claims = sum(len(a.claims) + len(a.refusals) for a in program.analyses)
    counts = [
        _count(files, "file", "files"),
        _count(len(program.analyses), "analysis", "analyses"),
        _count(claims, "claim", "claims"),
    ]
    return visible(f"{file}: no mistakes in {', '.join(counts)}")


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


# ---------------------------------------------------------------------------------------- tree


def tree_page(file: tree.File, name: str) -> str | Diagnostic:
    """The canonical text of a file, or of the declaration of that name."""
    if not name:
        return _safe(print_file(file).rstrip("\n"))
    found = [node for node in _declared(file.body) if getattr(node, "name", "") == name]
    if not found:
        known = [getattr(node, "name", "") for node in _declared(file.body)]
        return missing(name, known)
    return "\n\n".join(_safe(print_statement(node)) for node in found)


def _declared(body: Iterable[tree.Statement]) -> Iterator[tree.Statement]:
    for node in body:
        yield node
        if isinstance(node, tree.Declaration):
            yield from _declared(node.body)


def _safe(text: str) -> str:
    return "\n".join(visible(line) for line in text.split("\n"))


def missing(name: str, known: Iterable[str]) -> Diagnostic:
    """That nothing is called so, with the nearest name that exists."""
    near = did_you_mean(name, [each for each in known if each])
    help_ = f"did you mean `{near}`?" if near else "`perfdsl list FILE` shows what there is"
    return Diagnostic("P101", f"there is nothing called `{name}`", None, help=help_)


# ------------------------------------------------------------------------------------- program


def program_page(program: Program, name: str, theme: Theme) -> str | Diagnostic:
    """The formula of a name with the value, unit and source of each part; all names for none."""
    from perfdsl.present import derivation  # loads the solver, which `check` and `list` do not need

    if not name:
        return paint(_all_definitions(program, theme), theme)
    roots = derivation.roots(program, name)
    if not roots:
        return missing(name, derivation.names(program))
    rows: list[Row] = []
    for root in roots:
        rows += [()] if rows else []
        rows += derivation.rows(program, root, theme)
    return paint(rows, theme)


def _all_definitions(program: Program, theme: Theme) -> Iterator[Row]:
    from perfdsl.present import derivation

    for number, analysis in enumerate(program.analyses):
        if number:
            yield ()
        yield ((analysis.name, "bold"),)
        yield from derivation.overview(program, analysis, theme)


# ------------------------------------------------------------------------------------- listing


def listing(program: Program, theme: Theme) -> str:
    """What the file declares, and what `--set` may name, with the values as written."""
    assert program.entry is not None
    rows: list[Row] = [((program.entry.source.name, "bold"),)]
    rows += _declarations(program.entry.file.body, theme)
    for analysis in program.analyses:
        rows += [(), *_analysis(analysis, theme)]
        rows += _settables(program.settable.get(analysis.name, ()), theme)
    return paint(rows, theme)


def _declarations(body: Iterable[tree.Statement], theme: Theme) -> Iterator[Row]:
    """`hardware  laptop`: the names by the word that declares them."""
    found: dict[str, list[str]] = {}
    for node in body:
        for name in _names(node):
            found.setdefault(_word(node), []).append(name)
    longest = max(map(len, found), default=0)
    for word, names in found.items():
        yield from hanging((("  ", ""), (padded(word, longest), "dim"), ("  ", "")),
                           ", ".join(names), theme)  # fmt: skip


def _word(node: tree.Statement) -> str:
    return "import" if isinstance(node, tree.FromImport) else node.word


def _names(node: tree.Statement) -> list[str]:
    if isinstance(node, tree.FromImport):
        return [item.alias or item.name for item in node.names]
    name = getattr(node, "name", "")
    return [name] if name else []


def _analysis(analysis: AnalysisProgram, theme: Theme) -> Iterator[Row]:
    counts = [
        _count(len(analysis.shows), "show", "shows"),
        _count(len(analysis.claims) + len(analysis.refusals), "claim", "claims"),
        _count(len(analysis.observations), "observation", "observations"),
        _count(len(analysis.solves), "solve", "solves"),
    ]
    yield (f"analysis {analysis.name}", "bold"), (f"  {', '.join(counts)}", "dim")
    if analysis.doc:
        yield from hanging((("  ", ""),), analysis.doc, theme)


def _settables(items: Iterable[Settable], theme: Theme) -> Iterator[Row]:
    """Names with the values that are written there; what follows from others comes after."""
    written = [(item, print_expr(item.expr)) for item in items]
    plain = [pair for pair in written if _is_number(pair[0].expr)]
    computed = [pair for pair in written if not _is_number(pair[0].expr)]
    for title, part in (("--set can name", plain), ("and what is computed", computed)):
        if part:
            yield (("  " + title, "dim"),)
        longest = min(LONGEST_NAME, max((width_of(item.path) for item, _ in part), default=0))
        for item, text in part:
            lead = (("    ", ""), (padded(item.path, longest), ""), ("  ", ""))
            yield from hanging(lead, text, theme, "dim")


def _is_number(expr: tree.Expr) -> bool:
    return isinstance(expr, tree.Number | tree.PlusMinus | tree.Skew)
