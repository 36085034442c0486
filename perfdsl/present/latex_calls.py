"""Calls, what runs over `for`, and overlays as their author wrote them -> LaTeX."""

from __future__ import annotations

from perfdsl.present import latex_math as m
from perfdsl.present.latex_forms import IN_A_LIMIT, root
from perfdsl.present.latex_math import Math, Piece, atom, row
from perfdsl.present.latex_numbers import written
from perfdsl.present.latex_paths import index_path, index_symbol, upright
from perfdsl.present.latex_printer import Printer
from perfdsl.present.latex_text import label, word
from perfdsl.records import replace
from perfdsl.semantics.values import Builtin, Declared, FunctionValue, TableValue, Value
from perfdsl.syntax import tree
from perfdsl.syntax.printer import print_expr

# Functions that have a sign of their own; every other one is called by its name.
FUNCTIONS = {
    "max": (r"\max", 24.0),
    "min": (r"\min", 22.0),
    "exp": (r"\exp", 22.0),
    "log2": (r"\log_{2}", 22.0),
    "log10": (r"\log_{10}", 25.0),
}
AROUND = {
    "abs": ("|", "|"),
    "floor": (r"\lfloor", r"\rfloor"),
    "ceil": (r"\lceil", r"\rceil"),
}


def call(p: Printer, expr: tree.Call) -> Math:
    func = p.value(expr.func)
    name = func.name if isinstance(func, Builtin) else ""
    args = [arg.value for arg in expr.args]
    if name in AROUND and len(args) == 1:
        return m.enclosed(p.print(args[0]), *AROUND[name])
    if name == "sqrt" and len(args) == 1:
        return root(p.print(args[0]))
    if name == "mod" and len(args) == 2:
        return m.infix([_grouped_factor(p, a) for a in args], [r"\bmod"], m.PRODUCT, 28)
    inner = m.listed([_argument(p, arg, func) for arg in expr.args])
    if name in FUNCTIONS:
        return m.applied(*FUNCTIONS[name], inner)
    return m.applied(*_function_name(p, expr.func, func), inner)


def _grouped_factor(p: Printer, expr: tree.Expr) -> Math:
    return p.at_least(expr, m.POWER)


def _argument(p: Printer, arg: tree.Argument, func: Value | None) -> Math:
    """An argument; what max and min call it is written below it, what others do before it."""
    made = p.print(arg.value)
    if not arg.name:
        return made
    if isinstance(func, Builtin) and func.name in FUNCTIONS and made.width < 120:
        below = rf"\text{{{label(arg.name, 24)}}}"
        return atom(rf"\underbrace{{{made.latex}}}_{{{below}}}", made.width + 4, max(made.tall, 1))
    return row([upright(f"{arg.name}:"), Piece(r"\;", 3), made])


def _function_name(p: Printer, expr: tree.Expr, func: Value | None) -> tuple[str, float]:
    raw = print_expr(expr)
    if isinstance(func, FunctionValue | TableValue):
        p.called.setdefault(raw, func)
    if isinstance(func, FunctionValue | TableValue | Builtin | Declared):
        return called(raw), m.LETTER * min(24, len(raw)) + 4
    made = p.print(expr)
    return made.latex, made.width


def called(name: str) -> str:
    """The name of a function in front of its arguments."""
    return rf"\operatorname{{{word(name)}}}"


GATHERED = {"sum": (r"\sum", 16.0), "max": (r"\max", 24.0), "min": (r"\min", 22.0)}


def gather(p: Printer, expr: tree.Gather) -> Math:
    name = expr.func.id if isinstance(expr.func, tree.Name) else print_expr(expr.func)
    inner = p.binding(**{expr.var: index_symbol(expr.var)})
    p.indices.setdefault(index_path(expr.var), f"runs over {print_expr(expr.over)}")
    if name in {"smallest", "largest"}:
        return _extreme(p, inner, expr, name)
    below, above = _limits(p, inner, expr)
    if max(below.width, above.width if above else 0) > IN_A_LIMIT:
        return _told(p, inner, expr, name)
    sign, width = GATHERED.get(name, (rf"\operatorname*{{{word(name)}}}", 40.0))
    limits = rf"{sign}_{{{below.latex}}}" + (rf"^{{{above.latex}}}" if above else "")
    head = Piece(limits, max(width, below.width * m.SMALLER))
    body = inner.at_least(expr.body, m.PRODUCT if name == "sum" else m.POWER)
    made = row([head, Piece(" ", 2), m.deeper(body)], m.SUM if name == "sum" else m.ATOM)
    return replace(made, tall=3)


def _told(p: Printer, inner: Printer, expr: tree.Gather, name: str) -> Math:
    """The same in words, where what it runs over is too long to stand below the sign."""
    parts: list[Math | Piece] = [
        inner.print(expr.body), Piece(r"\ \text{for}\ ", 24, 0), inner.bound[expr.var],
        Piece(r" \in ", 12, 0), p.print(expr.over),
    ]  # fmt: skip
    if expr.cond is not None:
        parts += [Piece(r"\ \text{if}\ ", 18, 0), inner.print(expr.cond)]
    return m.applied(rf"\operatorname{{{word(name)}}}", 30, row(parts))


def _limits(p: Printer, inner: Printer, expr: tree.Gather) -> tuple[Math, Math | None]:
    """What stands below and above the sign."""
    index = inner.bound[expr.var]
    above: Math | None = None
    match expr.over:
        case tree.Range(low, high, False):
            below, above = row([index, Piece("=", 9), p.print(low)]), p.print(high)
        case tree.Range(low, high, True):
            below = row([p.print(low), Piece(r" \leq ", 9), index, Piece("<", 9), p.print(high)])
        case over:
            below = row([index, Piece(r" \in ", 9), p.print(over)])
    if expr.cond is not None:
        cond = inner.print(expr.cond)
        stack = rf"\substack{{{below.latex} \\ {cond.latex}}}"
        below = atom(stack, max(below.width, cond.width))
    return below, above


def _extreme(p: Printer, inner: Printer, expr: tree.Gather, name: str) -> Math:
    r"""`smallest(c for c in 1 .. 64 if cond)`: \min\{c \in 1..64 : cond\}."""
    sign = (r"\min", 22.0) if name == "smallest" else (r"\max", 24.0)
    made: list[Math | Piece] = [inner.print(expr.body)]
    if expr.body != tree.Name(expr.var, span=expr.span):
        made += [Piece(r" \mid ", 9), inner.bound[expr.var]]
    made += [Piece(r" \in ", 12, 1), p.print(expr.over)]
    if expr.cond is not None:
        made += [Piece(" : ", 12, 0), inner.print(expr.cond)]
    return m.applied(*sign, row(made), r"\{", r"\}")


def fold(p: Printer, expr: tree.Fold) -> Math:
    """`u_n with u_0 = start; u_c = step of u_(c-1), for c in the range`."""
    acc, index = index_symbol(expr.acc), index_symbol(expr.var)
    p.indices.setdefault(index_path(expr.var), f"runs over {print_expr(expr.over)}")
    p.indices.setdefault(index_path(expr.acc), "what is carried from step to step")
    before = _indexed_by(acc, f"{index.latex}-1")
    inner = p.binding(**{expr.acc: before, expr.var: index})
    first, last = _ends(p, expr.over)
    parts: list[Math | Piece] = [
        _indexed_by(acc, last), Piece(r" \quad\text{with}\quad ", 45),
        _indexed_by(acc, first), Piece("=", m.RELATED), p.print(expr.start), Piece(r",\; ", 8),
        Piece("", 0, 0), _indexed_by(acc, index.latex), Piece("=", m.RELATED),
        inner.print(expr.step),
    ]  # fmt: skip
    return row(parts, m.RELATION)


def _indexed_by(symbol: Math, index: str) -> Math:
    return atom(rf"{symbol.latex}_{{{index}}}", symbol.width + 4 * len(index))


def _ends(p: Printer, over: tree.Expr) -> tuple[str, str]:
    """The indices of what a fold starts from, and of its result."""
    match over:
        case tree.Range(tree.Number(digits, ""), high, open_) if written(digits).isdigit():
            last = p.print(high).latex
            return str(int(written(digits)) - 1), f"{last}-1" if open_ else last
        case tree.Range(low, high, open_):
            last = p.print(high).latex
            return f"{p.print(low).latex}-1", f"{last}-1" if open_ else last
        case _:
            return "0", "n"


def range_of(p: Printer, expr: tree.Range) -> Math:
    right = ")" if expr.open else "]"
    return row([Piece("[", 4), m.listed([p.print(expr.low), p.print(expr.high)]), Piece(right, 4)])


def overlay(p: Printer, expr: tree.With) -> Math:
    """`cpu with { port.efficiency = e }`: the thing, and what is changed of it."""
    parts: list[Math | Piece] = [p.at_least(expr.base, m.ATOM), Piece(r"\ \text{with}\ ", 30)]
    changes = [
        row([upright(".".join(change.path)), Piece("=", m.RELATED), p.print(change.value)])
        for change in expr.changes
    ]
    return row([*parts, m.listed(changes)], m.RELATION)
