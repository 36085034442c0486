"""Numbers without rounding: what a literal or a formula of literals is as a fraction."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from perfdsl.semantics.graph import Graph, Input, Node
from perfdsl.semantics.units import decimal

# Fractions of more bits than this are no longer computed: what is written stays far below.
MAX_BITS = 4096
MAX_EXPONENT = 64


def written(source: Input) -> Fraction:
    """The value of an input as its author wrote it, in base units."""
    if source.digits:
        return Fraction(source.digits.replace("_", "")) * source.unit.exact
    return decimal(source.value)


def constant(value: float) -> Fraction:
    """A number of the program's own: a whole number, a decimal, or an exponent such as 1/3."""
    simple = Fraction(value).limit_denominator(MAX_EXPONENT)
    return simple if float(simple) == value else decimal(value)


def nearby(value: float) -> Fraction:
    """The decimal number of up to 15 digits that a float stands for, if one is as near as that.

    0.3 times 1e-9 is no longer the float next to 3e-10; its first 15 digits say what was written.
    """
    short = float(f"{value:.15g}")
    return decimal(short if abs(short - value) <= 2**-51 * abs(value) else value)


def exact(graph: Graph, root: int) -> Fraction | None:
    """A node as a fraction, every input as written; None where it is not rational."""
    values: dict[int, Fraction | None] = {}
    for number in graph.cone(root):
        node = graph.nodes[number]
        values[number] = _value(node, [values[arg] for arg in node.args])
    return values[root]


def _value(node: Node, parts: list[Fraction | None]) -> Fraction | None:
    match node.op:
        case "const":
            return constant(node.data)
        case "input":
            return written(node.data) if node.data.value == node.data.value else None
        case _:
            pass
    args = [part for part in parts if part is not None]
    return combined(node.op, args, node.data) if len(args) == len(parts) else None


def combined(op: str, args: Sequence[Fraction], data: object) -> Fraction | None:
    """Sums, products and whole powers of fractions; None for everything else."""
    match op, data:
        case "named", _:
            return args[0]
        case "sum", tuple(signs):
            return sum((arg * sign for arg, sign in zip(args, signs, strict=True)), Fraction(0))
        case "product", tuple(powers):
            return _product(args, powers)
        case "pow", _:
            return power(args[0], args[1])
        case _:
            return None


def _product(args: Sequence[Fraction], powers: Sequence[int]) -> Fraction | None:
    total = Fraction(1)
    for arg, exponent in zip(args, powers, strict=True):
        if exponent < 0 and arg == 0:
            return None
        total *= arg**exponent
    return total if fits(total) else None


def power(base: Fraction, exponent: Fraction) -> Fraction | None:
    """A whole power, if there is one and it is not too long to write down."""
    if exponent.denominator != 1 or (base == 0 and exponent < 0):
        return None
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    return base**exponent.numerator if size * abs(exponent.numerator) <= MAX_BITS else None


def fits(value: Fraction) -> bool:
    return max(value.numerator.bit_length(), value.denominator.bit_length()) <= MAX_BITS
