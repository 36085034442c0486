"""A machine and an analysis to predict with, written where a test asks for them."""

from collections.abc import Mapping
from pathlib import Path

from perfdsl.compare.substitution import Asked, Substituted, substituted
from perfdsl.pipeline import Options
from perfdsl.rendering import render_all

MACHINE = """perf 1
## Two cores, each figure with its noise.
hardware bench {
  cores = 2 core
  clock = 4 GHz +- 0.1 GHz
  port int8_dot { serves int8; peak = cores * clock * 128 MAC/(cycle*core) }
  port bf16_dot { serves bf16; peak = cores * clock * 64 MAC/(cycle*core) }
  port fp32_fma { serves fp32; peak = cores * clock * 32 MAC/(cycle*core) }
  port fp32_add { serves fp32; peak = cores * clock * 32 op/(cycle*core) }
  cache l1 { size = 48 KiB; private; bandwidth = cores * clock * 128 B/(cycle*core) }
  cache l2 { size = 1 MiB; private; bandwidth = cores * clock * 61 B/(cycle*core) }
  cache l3 { size = 32 MiB; bandwidth = cores * clock * 29 B/(cycle*core) }
  memory dram { bandwidth = reached(cores) }
  table reached(n: core): GB/s linear { 1 core: 49 GB/s, 2 core: 60 GB/s }
}
"""
ANALYSIS = """perf 1
import "lib/hardware/ryzen_9_7900" as hw
import "lib/models/embeddinggemma_300m" as m
workload short { tokens = 12 token }
scenario one_core(cpu = hw.ryzen_9_7900) { cpu.cores = 1 core }
analysis on_cpu(cpu = hw.ryzen_9_7900, net = m.embeddinggemma, load = short) {
  let run = predict(net, on: cpu)
  show run.time
  show run.time[one_core] as "one core"
}
"""
# The shape of the file that `synth.save_model(..., "tiny")` writes, and of the published one.
TINY: Mapping[str, int | None] = {
    "layers": 2, "d_model": 64, "d_ff": 96, "heads": 2, "kv_heads": 1, "d_head": 32,
    "vocab": 1024, "dense": 128, "every": 2, "window": 9,
}  # fmt: skip
PUBLISHED: Mapping[str, int | None] = {
    "layers": 24, "d_model": 768, "d_ff": 1152, "heads": 3, "kv_heads": 1, "d_head": 256,
    "vocab": 262_144, "dense": 3072, "every": 6, "window": 513,
}  # fmt: skip


def asked(
    folder: Path,
    shape: Mapping[str, int | None] = PUBLISHED,
    *,
    analysis: str = ANALYSIS,
    machine: str = MACHINE,
    name: str = "",
    options: Options | None = None,
) -> Asked:
    """Both files in folders of their own: the machine is outside of the analysis' root."""
    files = {folder / "project" / "a.perf": analysis, folder / "elsewhere" / "m.perf": machine}
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (folder / "project" / "perfdsl.toml").write_text("")
    file, other = files
    return Asked(file, name, other, shape, options or Options())


def held(request: Asked) -> Substituted:
    found = substituted(request)
    assert isinstance(found, Substituted), render_all(found, color=False, width=100)
    return found
