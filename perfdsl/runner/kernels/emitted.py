"""Functions of emitted code: a Numba intrinsic on this host, or a bare module for any target."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from perfdsl.runner.kernels.target import HOST, Target
from perfdsl.runner.kernels.vector import F32, I64, Emitter

Emit: TypeAlias = Callable[..., Any]  # (Emitter, *values) -> value or None


def intrinsic_of(emit: Emit, arguments: str, result: str = "") -> Any:
    """A function that kernels call: `emit`'s code for this host, in place.

    `arguments` and `result` name types by letter: i is int64 (addresses, counts), f float32, d
    float64, p a pointer.
    """
    named = {
        "i": types.int64,
        "f": types.float32,
        "d": types.float64,
        "p": types.voidptr,
        "": types.void,
    }
    signature = named[result](*(named[letter] for letter in arguments))

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        value = emit(Emitter(builder, HOST), *args)
        return context.get_dummy_value() if value is None else value

    def typed(_: Any, *__: Any) -> Any:
        return signature, generate

    # Numba reads the parameters from the signature, and takes none that are variadic.
    kind = inspect.Parameter.POSITIONAL_ONLY
    names = ["typingctx", *(f"a{n}" for n in range(len(arguments)))]
    parameters = [inspect.Parameter(name, kind) for name in names]
    vars(typed)["__signature__"] = inspect.Signature(parameters)
    typed.__name__ = typed.__qualname__ = getattr(emit, "__name__", "emitted")
    return intrinsic(typed)


def module_of(emit: Emit, arguments: str, target: Target) -> str:
    """LLVM text of a function of that code, for any target: to be compiled and looked at."""
    module = ir.Module(name="kernel")
    module.triple = target.triple
    letters = {"i": I64, "f": F32}
    signature = ir.FunctionType(ir.VoidType(), [letters[letter] for letter in arguments])
    function = ir.Function(module, signature, "kernel")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    emit(Emitter(builder, target), *function.args)
    builder.ret_void()
    return str(module)
