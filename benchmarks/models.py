"""Models of 24 layers x 14 operators: as a `repeat`, and written out with a shape a layer."""

from __future__ import annotations

LAYERS = 24

HEAD = """perf 1
# Written by benchmarks/models.py: a transformer block of 14 operators, 24 times.
from "std/layers" import add, attention, geglu, matmul, quantise, rms_norm, rope

hardware machine {
  cores = 8 core
  port int8_dot { serves int8; peak = 4_000 GMAC/s }
  port fma { serves fp32; peak = 400 GMAC/s }
  port alu { serves fp32; peak = 800 Gop/s }
  cache l2 { size = 16 MiB; bandwidth = 900 GB/s }
  memory dram { bandwidth = 60 GB/s }
}
workload prompt { tokens = 128 token }
"""

# {d}: the width of the layer. {at}: what a use is called behind its name.
BLOCK = """\
use rms_norm(d: {d})                                              as norm{at}
use quantise(k: {d})                                              as quantise{at}
use matmul(k: {d}, n: {d}, format: weights, taken: q8_0)          as q{at}
use matmul(k: {d}, n: 256, format: weights, taken: q8_0)          as k{at}
use matmul(k: {d}, n: 256, format: weights, taken: q8_0)          as v{at}
use rope(d: 256)                                                  as rope{at}
use attention(heads: heads, kv_heads: 1, d_head: 256, keys: activations, window: none) as attn{at}
use matmul(k: {d}, n: {d}, format: weights, taken: q8_0)          as output{at}
use add(d: {d})                                                   as residual{at}
use matmul(k: {d}, n: 2 * {d}, format: weights, taken: q8_0)      as gate{at}
use matmul(k: {d}, n: 2 * {d}, format: weights, taken: q8_0)      as up{at}
use geglu(d: 2 * {d})                                             as geglu{at}
use matmul(k: 2 * {d}, n: {d}, format: weights, taken: q8_0)      as down{at}
use add(d: {d})                                                   as out{at}
"""

TAIL = """
analysis speed(cpu = machine, net = net, load = prompt) {
  let run = predict(net, on: cpu)
  show run.time in ms
  show run.work[int8] in GMAC
}
"""


def repeated() -> str:
    """All layers are alike: one `repeat`, whose body is read once."""
    body = f"  repeat l in 0 ..< layers {{\n{BLOCK.format(d='d', at='')}  }}\n"
    return _program(f"layers = {LAYERS} layer, d = 768", body)


def written_out() -> str:
    """Every layer has a width of its own, so that none of its operators is as another one."""
    blocks = (BLOCK.format(d=512 + 32 * layer, at=f"_{layer}") for layer in range(LAYERS))
    return _program("", "".join(blocks))


def _program(params: str, body: str) -> str:
    listed = ", ".join(part for part in (params, "heads = 3", "weights: Format = q8_0") if part)
    return f"{HEAD}\nmodel net({listed}) {{\n{body}}}\n{TAIL}"
