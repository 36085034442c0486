"""`__init__` for so many fields: each is given what sets a field, and sets them in turn.

Written out, since a loop over the fields takes twice as long, and a check makes 20,000 values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Put = Callable[[Any, Any], None]
Initial = Callable[..., None]


def _1(p1: Put) -> Initial:
    def initial(self: Any, v1: Any) -> None:
        p1(self, v1)

    return initial


def _2(p1: Put, p2: Put) -> Initial:
    def initial(self: Any, v1: Any, v2: Any) -> None:
        p1(self, v1)
        p2(self, v2)

    return initial


def _3(p1: Put, p2: Put, p3: Put) -> Initial:
    def initial(self: Any, v1: Any, v2: Any, v3: Any) -> None:
        p1(self, v1)
        p2(self, v2)
        p3(self, v3)

    return initial


def _4(p1: Put, p2: Put, p3: Put, p4: Put) -> Initial:
    def initial(self: Any, v1: Any, v2: Any, v3: Any, v4: Any) -> None:
        p1(self, v1)
        p2(self, v2)
        p3(self, v3)
        p4(self, v4)

    return initial


def _5(p1: Put, p2: Put, p3: Put, p4: Put, p5: Put) -> Initial:
    def initial(self: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any) -> None:
        p1(self, v1)
        p2(self, v2)
        p3(self, v3)
        p4(self, v4)
        p5(self, v5)

    return initial


def _6(p1: Put, p2: Put, p3: Put, p4: Put, p5: Put, p6: Put) -> Initial:
    def initial(self: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any, v6: Any) -> None:
        p1(self, v1)
        p2(self, v2)
        p3(self, v3)
        p4(self, v4)
        p5(self, v5)
        p6(self, v6)

    return initial


def _7(p1: Put, p2: Put, p3: Put, p4: Put, p5: Put, p6: Put, p7: Put) -> Initial:
    def initial(self: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any, v6: Any, v7: Any) -> None:
        p1(self, v1)
        p2(self, v2)
        p3(self, v3)
        p4(self, v4)
        p5(self, v5)
        p6(self, v6)
        p7(self, v7)

    return initial


def _8(p1: Put, p2: Put, p3: Put, p4: Put, p5: Put, p6: Put, p7: Put, p8: Put) -> Initial:
    def initial(
        self: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any, v6: Any, v7: Any, v8: Any
    ) -> None:
        p1(self, v1)
        p2(self, v2)
        p3(self, v3)
        p4(self, v4)
        p5(self, v5)
        p6(self, v6)
        p7(self, v7)
        p8(self, v8)

    return initial


def _9(p1: Put, p2: Put, p3: Put, p4: Put, p5: Put, p6: Put, p7: Put, p8: Put, p9: Put) -> Initial:
    def initial(
        self: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any, v6: Any, v7: Any, v8: Any, v9: Any
    ) -> None:
        p1(self, v1)
        p2(self, v2)
        p3(self, v3)
        p4(self, v4)
        p5(self, v5)
        p6(self, v6)
        p7(self, v7)
        p8(self, v8)
        p9(self, v9)

    return initial


def _14(
    p1: Put,
    p2: Put,
    p3: Put,
    p4: Put,
    p5: Put,
    p6: Put,
    p7: Put,
    p8: Put,
    p9: Put,
    p10: Put,
    p11: Put,
    p12: Put,
    p13: Put,
    p14: Put,
) -> Initial:
    def initial(
        self: Any,
        v1: Any,
        v2: Any,
        v3: Any,
        v4: Any,
        v5: Any,
        v6: Any,
        v7: Any,
        v8: Any,
        v9: Any,
        v10: Any,
        v11: Any,
        v12: Any,
        v13: Any,
        v14: Any,
    ) -> None:
        p1(self, v1)
        p2(self, v2)
        p3(self, v3)
        p4(self, v4)
        p5(self, v5)
        p6(self, v6)
        p7(self, v7)
        p8(self, v8)
        p9(self, v9)
        p10(self, v10)
        p11(self, v11)
        p12(self, v12)
        p13(self, v13)
        p14(self, v14)

    return initial


INITIALS: dict[int, Callable[..., Initial]] = {
    1: _1,
    2: _2,
    3: _3,
    4: _4,
    5: _5,
    6: _6,
    7: _7,
    8: _8,
    9: _9,
    14: _14,
}
