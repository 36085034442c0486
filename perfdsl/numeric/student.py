"""Student's t: how many standard errors an interval reaches, with few rows to spare.

P(|t| <= x) is 1 - I_{v / (v + x^2)}(v / 2, 1 / 2), the regularised incomplete beta function, by its
continued fraction (Abramowitz, Stegun: Handbook of Mathematical Functions, 26.5.8 and 26.7.1).
"""

from __future__ import annotations

import math

TERMS = 400
TINY = 1e-300


def t_quantile(confidence: float, spare: float) -> float:
    """The x with P(|t| <= x) = confidence, for `spare` degrees of freedom; inf for none."""
    if spare <= 0:
        return math.inf
    low, high = 0.0, 1.0
    while inside(high, spare) < confidence:
        high *= 2
        if high > 1e12:
            return high
    for _ in range(100):
        middle = (low + high) / 2
        if inside(middle, spare) < confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def inside(x: float, spare: float) -> float:
    """P(|t| <= x)."""
    if x == 0:
        return 0.0
    return 1 - incomplete_beta(spare / 2, 0.5, spare / (spare + x * x))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b), regularised, for 0 <= x <= 1."""
    if x in {0.0, 1.0}:
        return x
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(scale + a * math.log(x) + b * math.log1p(-x)) / a
    return front * _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction, from the front (Lentz's method)."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away(1 + term * d)
            c = _away(1 + term / c)
            found *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return found


def _away(value: float) -> float:
    """Not zero."""
    return value if abs(value) > TINY else TINY
