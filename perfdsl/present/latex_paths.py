r"""Names in expressions -> LaTeX: symbols of quantities, words for things, other inputs above.

Symbols are slanted, words upright. A quantity's name is a symbol (`latex_names`); what a name binds
(`i`, `l`) is a symbol of its own; a thing (a machine, a model, a policy) is a word.
"""

from __future__ import annotations

from perfdsl.present import latex_math as m
from perfdsl.present.latex_math import Math, Piece, atom, row
from perfdsl.present.latex_names import Path
from perfdsl.present.latex_printer import Printer, meaning, mentions
from perfdsl.present.latex_text import GREEK_NAMES, label, word
from perfdsl.semantics.reindex import replaces_something
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import Condition, Quantity, Record
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr


def name(p: Printer, expr: tree.Name) -> Math:
    if expr.id in p.bound:
        return p.bound[expr.id]
    if expr.id in {"true", "false"}:
        return upright(expr.id)
    return meant(p, expr, (expr.id,))


def field_of(p: Printer, expr: tree.Field) -> Math:
    if mentions(expr.base, p.bound):
        return _of_bound(p, expr)
    parts = path_parts(expr, p.frame)
    if parts is not None:
        return meant(p, expr, parts)
    return row([p.at_least(expr.base, m.ATOM), upright(f".{expr.name}")])


def _of_bound(p: Printer, expr: tree.Field) -> Math:
    """`l.time` where l runs over levels: the symbol of a time with the index l."""
    base = p.print(expr.base)
    if isinstance(expr.base, tree.Name):
        name = Path(f"{expr.base.id}.{expr.name}", ("", expr.name), base.latex)
        p.indices.setdefault(name, f"{expr.name} of each {expr.base.id}")
        return p.names.symbol(name)
    return row([base, upright(f".{expr.name}")])


def path_parts(expr: tree.Expr, frame: Frame) -> tuple[str, ...] | None:
    """`run.ops["up"].bytes[kv]` -> (run, up, kv, bytes); None where it is no path."""
    match expr:
        case tree.Name(id_):
            return (id_,)
        case tree.Field(base, name):
            above = path_parts(base, frame)
            if above is None:
                return None
            return above if name == "ops" else (*above, name)
        case tree.Indexed(base, (tree.Argument("", value),)):
            above, key = path_parts(base, frame), _row_key(value, frame)
            if above is None or key is None:
                return None
            return (*above[:-1], key, above[-1]) if _is_row_of(base) else (*above, key)
        case _:
            return None


def _is_row_of(expr: tree.Expr) -> bool:
    """Whether the key stands behind what is meant: `run.bytes[kv]`, not `run.ops["up"]`."""
    return isinstance(expr, tree.Field) and expr.name != "ops"


def _row_key(expr: tree.Expr, frame: Frame) -> str | None:
    match expr:
        case tree.Text(value):
            return value
        case tree.Name(id_):
            return None if replaces_something(frame.find(id_)) else id_
        case _:
            return None


def meant(p: Printer, expr: tree.Expr, parts: tuple[str, ...]) -> Math:
    """A path: a symbol where it is a quantity or condition, else a word."""
    value = p.value(expr)
    if isinstance(value, Record) and isinstance(value.default, Quantity):
        value = value.default
    if isinstance(value, Quantity | Condition):
        return p.names.symbol(meaning(p.met, Path(print_expr(expr), parts), value))
    return upright(".".join(parts))


def upright(raw: str) -> Math:
    return m.words(label(raw, 40), min(40, len(raw)))


def index_path(name: str) -> Path:
    """The path of a name that an expression binds."""
    return Path(name, (), index_symbol(name).latex)


def index_symbol(name: str) -> Math:
    r"""The symbol of a name that an expression binds: `l` is \ell."""
    if name == "l":
        return atom(r"\ell", m.LETTER)
    if name in GREEK_NAMES:
        return atom(rf"\{name}", m.LETTER)
    if len(name) == 1 and name.isascii() and name.isalpha():
        return atom(name, m.LETTER)
    return atom(rf"\mathit{{{word(name)}}}", m.LETTER * min(24, len(name)))


def indexed(p: Printer, expr: tree.Indexed) -> Math:
    """A row of a table is a symbol; other inputs stand above: t^{winter}."""
    if isinstance(expr.base, tree.Number):
        kinds = ", ".join(print_expr(item.value) for item in expr.items)
        return row([p.print(expr.base), Piece(rf"\,\text{{({label(kinds, 40)})}}", 6 * len(kinds))])
    parts = path_parts(expr, p.frame)
    if parts is not None and not mentions(expr.base, p.bound):
        return meant(p, expr, parts)
    base = m.at_least(p.print(expr.base), m.ATOM)
    shown = ", ".join(_item(item) for item in expr.items)
    *before, last = base.pieces
    upper = rf"\text{{{label(shown, 60)}}}"
    raised = Piece(
        f"{last.latex}^{{{upper}}}", last.width + 0.7 * m.LETTER * min(60, len(shown)), last.cut
    )
    return Math((*before, raised), m.POWER, base.tall)


def _item(item: tree.Argument) -> str:
    shown = print_expr(item.value)
    return f"{item.name}: {shown}" if item.name else shown
