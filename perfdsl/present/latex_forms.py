"""Numbers, arithmetic, conditions and choices as their author wrote them -> LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from perfdsl.present import latex_math as m
from perfdsl.present.latex_math import Math, Piece, atom, row
from perfdsl.present.latex_numbers import difference, literal, spread, written
from perfdsl.present.latex_printer import Printer
from perfdsl.present.latex_text import label
from perfdsl.semantics.values import Quantity
from perfdsl.syntax import tree

ROOM = 330.0
IN_A_CASE = 180.0
IN_A_LIMIT = 130.0

COMPARE = {
    "==": "=",
    "~=": r"\approx",
    "!=": r"\neq",
    "<=": r"\leq",
    ">=": r"\geq",
    "<": "<",
    ">": ">",
}
LOGIC = {"and": r"\land", "or": r"\lor"}


def number(p: Printer, expr: tree.Number) -> Math:
    made = literal(expr.digits, expr.unit, p.units, p.frame.module.units)
    mark = p.marks.get(expr.span)
    return made if mark is None else row([made, Piece(rf"\footnotemark[{mark}]", 4)], made.level)


def quoted(_: Printer, expr: tree.Text) -> Math:
    return m.words(label(f"\u201c{expr.value}\u201d", 60), min(60, len(expr.value)) + 2)


def plus_minus(p: Printer, expr: tree.PlusMinus) -> Math:
    match expr:
        case tree.PlusMinus(tree.Number(best, unit), tree.Number(gap, other)) if unit == other:
            gap = written(gap)
            return spread(written(best), gap, gap, unit, p.units, p.frame.module.units)
        case _:
            parts = [p.at_least(expr.centre, m.SUM), p.at_least(expr.spread, m.PRODUCT)]
            return m.infix(parts, [r"\pm"], m.SUM)


def skew(p: Printer, expr: tree.Skew) -> Math:
    match expr:
        case tree.Skew(
            tree.Number(best, a), tree.Range(tree.Number(low, b), tree.Number(high, c))
        ) if a == b == c:
            above, below = difference(high, best), difference(best, low)
            return spread(written(best), above, below, a, p.units, p.frame.module.units)
        case _:
            inside = [p.print(expr.best), p.print(expr.within)]
            return m.infix(inside, [r"\in"], m.RELATION, m.RELATED)


def noted(p: Printer, expr: tree.Noted) -> Math:
    return p.print(expr.value)


# --------------------------------------------------------------------------------- arithmetic


def sum_of(p: Printer, expr: tree.Sum) -> Math:
    parts = [p.at_least(part, m.PRODUCT) for part in expr.parts]
    return m.infix(parts, expr.ops, m.SUM)


def product(p: Printer, expr: tree.Product) -> Math:
    """`a * b / c * d`: each quotient is a fraction of what stands in front of it."""
    made: list[Math] = [p.print(expr.parts[0])]
    run: list[Math] = []
    for at, (op, part) in enumerate(zip(expr.ops, expr.parts[1:], strict=True)):
        if op == "*":
            made.append(p.print(part))
            continue
        run.append(p.print(part))
        following = expr.ops[at + 1 : at + 2]
        if following != ("/",):
            above = times(made)
            below = times(run) if len(run) > 1 else run[0]
            made, run = [m.fraction(above, below, ROOM)], []
    return times(made)


def times(parts: Sequence[Math]) -> Math:
    if len(parts) == 1:
        return parts[0]
    return m.infix([_factor(part) for part in parts], [r"\cdot"] * (len(parts) - 1), m.PRODUCT, 9.0)


def _factor(part: Math) -> Math:
    return m.at_least(part, m.PRODUCT)


def negative(p: Printer, expr: tree.Negative) -> Math:
    return row([Piece("-", 8), p.at_least(expr.part, m.PRODUCT)], m.SUM)


def power(p: Printer, expr: tree.Power) -> Math:
    return raised(p.print(expr.base), p.print(expr.exponent))


def raised(base: Math, exponent: Math) -> Math:
    """A power; a function of both where the exponent is too long to stand above."""
    if exponent.width > IN_A_LIMIT:
        return m.applied(r"\operatorname{power}", 30, m.listed([base, exponent]))
    return m.power(base, exponent)


# --------------------------------------------------------------------- conditions and choices


def compare(p: Printer, expr: tree.Compare) -> Math:
    parts = [p.at_least(expr.left, m.SUM), p.at_least(expr.right, m.SUM)]
    return m.infix(parts, [COMPARE[expr.op]], m.RELATION, m.RELATED)


def logic(p: Printer, expr: tree.Logic) -> Math:
    parts = [grouped(p, part) for part in expr.parts]
    return m.infix(parts, [LOGIC[expr.op]] * (len(parts) - 1), m.RELATION, m.RELATED)


def grouped(p: Printer, expr: tree.Expr) -> Math:
    made = p.print(expr)
    return m.enclosed(made) if isinstance(expr, tree.Logic) else made


def negation(p: Printer, expr: tree.Not) -> Math:
    return row([Piece(r"\lnot ", 8), p.at_least(expr.part, m.ATOM)], m.RELATION)


def bound_by(p: Printer, expr: tree.BoundBy) -> Math:
    """`t bound by dram`: t is the term of that name."""
    left = p.at_least(expr.left, m.SUM)
    right = _level_time(p, expr) or _named_term(p, expr)
    return m.infix([left, right], ["="], m.RELATION, m.RELATED)


def _level_time(p: Printer, expr: tree.BoundBy) -> Math | None:
    """`run.time bound by dram` speaks of `run.dram.time`."""
    if not isinstance(expr.left, tree.Field) or expr.left.name != "time":
        return None
    level = tree.Field(expr.left.base, expr.name, span=expr.span)
    time = tree.Field(level, "time", span=expr.span)
    known = isinstance(p.value(time), Quantity)
    return p.print(time) if known else None


def _named_term(p: Printer, expr: tree.BoundBy) -> Math:
    holder = tree.Name(expr.name, span=expr.span)
    return p.print(holder) if isinstance(p.value(holder), Quantity) else _term(expr.name)


def _term(name: str) -> Math:
    return atom(rf"T_{{\text{{{label(name, 24)}}}}}", m.LETTER * (1 + 0.75 * min(24, len(name))))


def if_else(p: Printer, expr: tree.If) -> Math:
    arms = [(p.print(expr.yes), p.print(expr.cond))]
    other = expr.no
    while isinstance(other, tree.If):
        arms.append((p.print(other.yes), p.print(other.cond)))
        other = other.no
    return cases(arms, p.print(other))


def case(p: Printer, expr: tree.Case) -> Math:
    arms = [(p.print(arm.value), p.print(arm.cond)) for arm in expr.arms]
    return cases(arms, p.print(expr.other))


def cases(arms: Sequence[tuple[Math, Math]], other: Math) -> Math:
    """Values with their conditions: the first that holds counts; what is long takes more rows."""
    if not arms:
        return other
    rows: list[str] = []
    for value, cond in arms:
        rows += _arm(value, [rf"\text{{if }} {line}" if not at else rf"\quad {{}}{line}"
                             for at, line in enumerate(m.lines(cond, IN_A_CASE))])  # fmt: skip
    rows += _arm(other, [r"\text{else}"])
    values = min(IN_A_CASE, max(value.width for value, _ in [*arms, (other, other)]))
    conditions = min(IN_A_CASE, max([cond.width for _, cond in arms])) + 25
    latex = r"\begin{cases}" + r" \\ ".join(rows) + r"\end{cases}"
    return atom(latex, values + conditions + 20, 3)


def _arm(value: Math, conditions: list[str]) -> list[str]:
    """The rows of one value: its lines, the condition beside the first of them."""
    values = m.lines(value, IN_A_CASE)
    count = max(len(values), len(conditions))
    left = [line if not at else rf"\quad {{}}{line}" for at, line in enumerate(values)]
    left += [""] * (count - len(left))
    right = conditions + [""] * (count - len(conditions))
    return [f"{one} & {two}" for one, two in zip(left, right, strict=True)]


def root(inner: Math) -> Math:
    if inner.width > ROOM:
        return m.power(inner, atom("1/2", 12))
    return atom(rf"\sqrt{{{inner.latex}}}", inner.width + 9, min(3, inner.tall + 1))
