"""`kernel`: a function that Numba compiles once per machine.

Other users of Numba in the process keep their cache as they set it: the functions decorated here
have one of their own (`kernel_cache`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ParamSpec, TypeAlias, TypeVar, overload

import numba
from numba.core import types

from perfdsl.runner.kernel_cache import KernelCache

Keywords: TypeAlias = Mapping[str, Any]
plain: Callable[[Any], Any] = types.unliteral  # the type of a number of which the value is known

P = ParamSpec("P")
R = TypeVar("R")


@overload
def kernel(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def kernel(
    *, fastmath: bool | frozenset[str] = ..., inline: bool = ...
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def kernel(
    function: Callable[P, R] | None = None,
    *,
    fastmath: bool | frozenset[str] = False,
    inline: bool = False,
) -> Callable[P, R] | Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile a function on its first call for the types it is called with, or load it.

    It runs without the GIL, does not check bounds, and divides as NumPy does (by zero is infinite).
    `fastmath` names LLVM's flags (`frozenset({"contract"})`); sums keep their order without it.
    `inline` puts the function into its callers before types are found: for literal arguments.
    """
    if function is None:
        return partial(_compiled, fastmath=fastmath, inline=inline)
    return _compiled(function, fastmath=fastmath, inline=inline)


def _compiled(
    function: Callable[P, R], *, fastmath: bool | frozenset[str], inline: bool
) -> Callable[P, R]:
    options = {
        "nogil": True,
        "boundscheck": False,
        "error_model": "numpy",
        "fastmath": set(fastmath) if isinstance(fastmath, frozenset) else fastmath,
        "inline": "always" if inline else "never",
    }
    compile_later: Any = numba.njit
    made: Any = compile_later(**options)(function)
    if made is not function:  # as it is with NUMBA_DISABLE_JIT
        # where `cache=True` puts Numba's own cache
        made._cache = KernelCache(function)  # noqa: SLF001  it has no public name
        made.get_call_template = partial(_any_number, made.get_call_template)
    compiled: Callable[P, R] = made
    return compiled


def _any_number(
    resolve: Callable[..., Any], args: Sequence[Any], keywords: Mapping[str, Any]
) -> Any:
    """Numba's answer to what a call compiles, for numbers that are not known.

    A kernel that is called with the literals 1 and 2 would be compiled for each of them: 45 times
    for the function that reads a word, and 106 kernels instead of 58 for the forward pass.
    """
    known = {name: plain(each) for name, each in keywords.items()}
    return resolve(tuple(plain(each) for each in args), known)
