"""Numbers as people read them: a prefix that leaves one to three digits before the point."""

from __future__ import annotations

import math

from perfdsl.semantics.dimensions import PURE, Dimension

# Decimal prefixes by their exponent of a thousand; factors are not figures about units here but
# the meaning of the notation itself, checked against std/units.perf in the tests.
PREFIXES = {
    -5: "f",
    -4: "p",
    -3: "n",
    -2: "u",
    -1: "m",
    0: "",
    1: "k",
    2: "M",
    3: "G",
    4: "T",
    5: "P",
    6: "E",
}
SMALL = {"s", "J"}
LARGE = {"J", "B", "op", "MAC", "FLOP", "instr", "cycle", "transfer"}


def show_number(value: float, dim: Dimension, digits: int = 4) -> str:
    """`107.8 MB`, `1.296 ms`, `83.2 GB/s`, `12 core`: a value in base units with its unit."""
    if dim == PURE:
        return plain(value, digits)
    scaled, unit = scale(value, dim)
    return f"{plain(scaled, digits)} {unit}"


def scale(value: float, dim: Dimension) -> tuple[float, str]:
    """The value in a readable unit, and that unit's text."""
    unit, factor = readable(value, dim)
    return value / factor, unit


def readable(value: float, dim: Dimension) -> tuple[str, float]:
    """The unit in which a value reads best, and how many base units it is."""
    lead = next((name for name, e in dim.exponents if e == 1 and name in SMALL | LARGE), None)
    if lead is None or value == 0 or not math.isfinite(value):
        return str(dim), 1.0
    step = math.floor(math.log10(abs(value)) / 3 + 1e-12)
    low = -5 if lead in SMALL and dim.exponents == ((lead, 1),) else 0
    step = max(low, min(6 if lead in LARGE else 0, step))
    # Below one the inverse power is exact (1e-3, not 1000**-1 twice rounded).
    factor = 1000.0**step if step >= 0 else float(f"1e{3 * step}")
    return _with_prefix(PREFIXES[step], lead, dim), factor


def _with_prefix(prefix: str, lead: str, dim: Dimension) -> str:
    above = [n if e == 1 else f"{n}^{e}" for n, e in dim.exponents if e > 0]
    below = [n if e == -1 else f"{n}^{-e}" for n, e in dim.exponents if e < 0]
    above = [
        prefix + name if name == lead else name for name in sorted(above, key=lambda n: n != lead)
    ]
    if not below:
        return "*".join(above)
    under = below[0] if len(below) == 1 else f"({'*'.join(below)})"
    return f"{'*'.join(above)}/{under}"


def plain(value: float, digits: int = 4) -> str:
    """A number with so many significant digits, thousands apart, without a trailing zero."""
    if math.isnan(value):
        return "?"
    if math.isinf(value):
        return "infinite" if value > 0 else "-infinite"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size >= 9 or size < -4:
        return f"{value:.{digits - 1}e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    if value == round(value):
        return f"{value:,.0f}"
    text = f"{value:,.{max(digits - 1 - size, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
