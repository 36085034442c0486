"""GeGLU: gelu_tanh(gate) * up, quantised at once: what ends a product of 32 columns.

The feed-forward network has two products of one input, gate and up. Their panels of 32 columns are
one block of the next product's input, so that it is made where they are, in L1, and the two never
exist as a whole. With the tanh form of GELU,

    gelu(x) = x * (1 + tanh(u)) / 2 = x / (1 + exp(-2 u)),    u = sqrt(2 / pi) (x + 0.044715 x^3)

which takes one exponential and one division. (Hendrycks and Gimpel, arXiv:1606.08415.)
"""

import math

import numpy as np
from numpy.typing import NDArray

from perfdsl.runner.jit import kernel
from perfdsl.runner.kernels.quantise import BLOCK, emit_block
from perfdsl.runner.kernels.vector import Emitter, Value, intrinsic_of

# exp(-2 u) = 2^(x (LINEAR + CUBIC x^2))
LINEAR = -2 * math.log2(math.e) * math.sqrt(2 / math.pi)
CUBIC = 0.044715 * LINEAR
# Further out than this gelu is x or, but for 2e-35, 0; 2^x would leave float32 from 10 on.
FAR = 9.8
# 2^x on [-1/2, 1/2], highest power first: least greatest relative error with 1 as its last, 1.1e-7.
POWER = (1.32647273e-3, 9.67151299e-3, 5.55073358e-2, 2.40222424e-1, 6.93147004e-1, 1.0)


# ------------------------------------------------------------------ reference


def gelu(x: NDArray[np.float64]) -> NDArray[np.float64]:
    tanh: NDArray[np.float64] = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    return x * (1 + tanh) / 2


def geglu(gate: NDArray[np.float64], up: NDArray[np.float64]) -> NDArray[np.float64]:
    return gelu(gate) * up


# ------------------------------------------------------------------ fast


def emit_gelu(e: Emitter, x: Value) -> Value:
    """gelu(x), off by at most 3e-7 or 3e-7 of itself; a NaN stays one."""
    b = e.builder
    low = e.maximum(e.f32(-FAR), x)
    near = e.minimum(e.f32(FAR), low)
    exponent = e.mul(near, e.fma(e.mul(near, near), e.f32(CUBIC), e.f32(LINEAR)))
    whole = e.rounded(exponent)
    rest = e.sub(exponent, e.to_f32(whole))
    power = e.f32(POWER[0])
    for factor in POWER[1:]:
        power = e.fma(power, rest, e.f32(factor))
    power = b.bitcast(b.add(e.bits(power), b.shl(whole, e.i32(23))), power.type)
    return e.div(low, e.add(power, e.f32(1.0)))


def _token(
    e: Emitter, gate: Value, up: Value, whole: Value, scale: Value, correction: Value
) -> None:
    steps = range(0, 4 * BLOCK, 4 * e.lanes)
    values = [e.mul(emit_gelu(e, e.load(gate, at)), e.load(up, at)) for at in steps]
    emit_block(e, values, whole, scale, correction)


_geglu_token = intrinsic_of(_token, "iiiii")


@kernel
def geglu_tile(gate: int, up: int, tokens: int, out: int) -> None:
    """gelu(gate) * up for a tile of one panel -> one k-block of q8 tiles at `out`.

    gate, up: float32 (tokens, 32), by address; out: tokens * 40 bytes, at
    q8 + (first row of the tile * (d_ff / 32) + panel * tokens) * 40.
    """
    sums = out + tokens * BLOCK
    for token in range(tokens):
        here = token * 4 * BLOCK
        scale = sums + token * 4
        correction = scale + tokens * 4
        _geglu_token(gate + here, up + here, out + token * BLOCK, scale, correction)
