"""Machines that nobody built: what they are, how their files state it, and how fast they run.

How long something takes is computed here, by hand, and not by perfdsl: a port or level gives
`reach` of its rate, bytes that are read in turn come from the innermost level that holds them all,
and each time and rate is disturbed by up to a percent.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from perfdsl.compare.bounds import Setup, Subject, subject
from perfdsl.compare.ceilings import Probed, Timed
from perfdsl.diagnostics import Source, has_errors
from perfdsl.numeric.intervals import Range
from perfdsl.pipeline import Options, check_file, open_file

MIB = 2**20
# A layer's two int8 products and its fp32 part, by rows: multiply-adds a token, weights in bytes.
WIDE, SQUARE, POINTWISE = 1024 * 2048, 1024 * 1024, 200_000


@dataclass(frozen=True)
class Machine:
    """Its figures. Bytes, bytes a second for one core, and for all of them at most."""

    cores: int = 2
    clock: float = 4e9
    issue: int = 2
    width: int = 64
    l2: int = MIB
    l3: int = 32 * MIB
    shared: int = 64
    l3_core: float = 100e9
    dram_core: float = 40e9
    dram: float = 60e9

    def text(self) -> str:
        """The machine's file, as somebody who knows it would write it."""
        return f"""perf 1
hardware made {{
  cores = {self.cores} core
  clock = {self.clock / 1e9} GHz +- {self.clock / 5e10} GHz
  port int8_dot {{
    serves int8
    issue = {self.issue} instr/(cycle*core)
    width = {self.width} MAC/instr
    peak = cores * clock * issue * width
  }}
  port fp32_fma {{ serves fp32; issue = 2 instr/(cycle*core); width = 16 MAC/instr
    peak = cores * clock * issue * width }}
  cache l2 {{ size = {self.l2} B; private; bandwidth = cores * clock * 64 B/(cycle*core) }}
  cache l3 {{
    size = {self.l3} B; shared by {self.shared} core
    per_core = {self.l3_core / 1e9} GB/(s*core); bandwidth = cores * per_core
  }}
  memory dram {{
    bandwidth = min(cores * {self.dram_core / 1e9} GB/(s*core), {self.dram / 1e9} GB/s)
  }}
}}
operator product(k: Count, n: Count) {{
  work int8         = load.rows * k * n * 1 MAC
  read weights      = k * n * 1 B
  read activations  = load.rows * k * 1 B
  write activations = load.rows * n * 4 B
}}
operator pointwise(n: Count) {{
  work fp32        = load.rows * n * 1 MAC
  read activations = load.rows * 4096 * 4 B
}}
model layered(layers = 8 layer) {{
  repeat l in 0 ..< layers {{
    use product(k: 1024, n: 2048) as wide
    use product(k: 1024, n: 1024) as square
    use pointwise(n: {POINTWISE}) as pointwise
  }}
}}
workload given {{ tokens = 12 token }}
"""

    # ------------------------------------------------------------------ what it really does

    def held(self, size: float, threads: int) -> str:
        """The level from which bytes come that are read in turn."""
        if size <= self.l2 * threads:
            return "l2"
        return "l3" if size <= self.l3 * -(-threads // self.shared) else "dram"

    def rate(self, level: str, threads: int) -> float:
        """What comes from a level crosses those inside, and is no faster than they are."""
        rates = {
            "l2": threads * self.clock * 64,
            "l3": threads * self.l3_core,
            "dram": min(threads * self.dram_core, self.dram),
        }
        names = list(rates)
        return min(rates[name] for name in names[: names.index(level) + 1])

    def peak(self, kind: str, threads: int) -> float:
        a_cycle = self.issue * self.width if kind == "int8" else 32
        return threads * self.clock * a_cycle


@dataclass
class Laboratory:
    """Where a machine is measured. layers: of the model that it runs; seed: of the noise."""

    machine: Machine
    layers: int = 8
    seed: int = 0
    reach: float = 0.9
    noise: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.noise = random.Random(self.seed)  # noqa: S311  noise that is the same each time

    @property
    def weights(self) -> float:
        return float(self.layers * (WIDE + SQUARE))

    def times(self, lengths: tuple[int, ...], threads: tuple[int, ...]) -> list[Timed]:
        return [
            each
            for count in threads
            for tokens in lengths
            for cold in (False, True)
            for each in self._case(Setup(1, tokens, count, cold))
        ]

    def _case(self, setup: Setup) -> Iterator[Timed]:
        parts = {
            "wide": self._product(WIDE, setup),
            "square": self._product(SQUARE, setup),
            "pointwise": self.layers * setup.tokens * POINTWISE
            / self.machine.peak("fp32", setup.threads) / self.reach,
        }  # fmt: skip
        yield self._timed("the call", setup, sum(parts.values()))
        if not setup.cold:
            for name, seconds in parts.items():
                yield self._timed(name, setup, seconds, name)

    def _product(self, size: int, setup: Setup) -> float:
        home = "dram" if setup.cold else self.machine.held(self.weights, setup.threads)
        compute = size * setup.tokens / self.machine.peak("int8", setup.threads)
        return (
            self.layers * max(compute, size / self.machine.rate(home, setup.threads)) / self.reach
        )

    def _timed(self, what: str, setup: Setup, seconds: float, *names: str) -> Timed:
        best = seconds * self.noise.uniform(1.0, 1.01)
        ends = Range(best * 0.99, best * 1.01)
        return Timed(what, setup, best, ends, frozenset(names) if names else None)

    def probes(self, threads: tuple[int, ...], sizes: tuple[int, ...] = ()) -> list[Probed]:
        """The clock, both ports, and a stream over four times L3, and over these sizes."""
        found = []
        for count in threads:
            found.append(self._probe("clock", count, self.machine.clock))
            found.extend(
                self._probe(kind, count, self.machine.peak(kind, count))
                for kind in ("int8", "fp32")
            )
            for size in (4 * self.machine.l3 * -(-count // self.machine.shared), *sizes):
                rate = self.machine.rate(self.machine.held(size, count), count)
                found.append(self._probe("stream", count, rate, size))
        return found

    def _probe(self, what: str, threads: int, rate: float, size: int = 0) -> Probed:
        best = rate * self.noise.uniform(0.98, 1.0)
        return Probed(what, threads, best, Range(best * 0.99, best * 1.005), size)


def stated(machine: Machine, folder: Path, layers: int = 8, text: str = "") -> Subject:
    """The analysis of a model on a machine as its file states it. text: another file."""
    program = text or machine.text()
    program += f"""
analysis a(cpu = made, net = layered(layers: {layers} layer), load = given) {{
  show ceiling(net, on: cpu).time
}}
"""
    path = folder / "made.perf"
    path.write_text(program, "utf-8")
    source = open_file(path, Options().limits)
    assert isinstance(source, Source)
    checked = check_file(source, folder, Options())
    assert not has_errors(checked.problems), checked.problems
    return subject(checked.analyses[0], "net", "cpu", "load", ("wide", "square", "pointwise"))
