"""Records of a probe that nobody ran: every rate is a formula, and the noise is known."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from perfdsl.measure.disturbance import Disturbance
from perfdsl.measure.machine import DRAM, HUGE, SMALL, Level, Machine, Series
from perfdsl.measure.machine_levels import deep, stretch
from tests.measure.records import MACHINE as WHERE

KIB, MIB, GIB = 2**10, 2**20, 2**30
L1 = Level(name="l1", size=48 * KIB, shared=1, line=64)
L2 = Level(name="l2", size=MIB, shared=1, line=64)
L3 = Level(name="l3", size=32 * MIB, shared=8, line=64)
MEMORY = Level(name=DRAM, size=64 * GIB, shared=0, line=64)

NOISE = (1.0, 1.004, 0.998, 1.01, 1.001, 0.997, 1.003)
"""How much longer each round takes than the median one."""

RUN = 4e-3  # seconds
X86 = {
    "int8": (64, 2.0),
    "pairs": (32, 1.0),
    "bf16": (32, 2.0),
    "fp32": (16, 2.0),
    "add": (16, 2.0),
}
ARM = {"int8": (16, 2.0), "fp32": (4, 2.0), "add": (4, 2.0)}
MOVED = {"l1": 500e9, "l2": 250e9, "l3": 120e9, DRAM: 40e9}  # bytes a second of one core
LATENCY = {"l1": 1e-9, "l2": 3.4e-9, "l3": 13e-9, DRAM: 130e-9}  # seconds
COSTS = {"barrier": 4e-8, "awake": 1e-6, "asleep": 2e-5}

Rate = Callable[[str, str, int], float]


def moved(name: str, level: str, threads: int) -> float:
    """Memory is full with two cores, caches never; writing takes twice as long as reading."""
    one = MOVED[level] * {"read": 1.0, "write": 0.5, "copy": 2 / 3}[name]
    return one * min(threads, 2) if level == DRAM else one * threads


def series(name: str, threads: int, rate: float, *, noise: Sequence[float] = NOISE, **circumstance):
    """Of a rate a second: one run of RUN seconds in each round, times its noise."""
    amount = round(rate * RUN)
    nanoseconds = tuple((round(amount / rate * each * 1e9),) for each in noise)
    return Series(
        name=name, threads=threads, amount=amount, nanoseconds=nanoseconds, **circumstance
    )


def machine(
    cores: int = 2,
    *,
    isa: str = "avx512-vnni",
    families: Mapping[str, tuple[int, float]] | None = None,
    levels: Sequence[Level] = (L1, L2, L3, MEMORY),
    clock: Callable[[int], float] = lambda _: 4e9,
    rate: Rate = moved,
    latency: Mapping[str, float] | None = None,
    peak: Callable[[str, int], float] | None = None,
    noise: Sequence[float] = NOISE,
    pages: Sequence[str] = (HUGE, SMALL),
    small: float = 0.0,
    beyond: Callable[[Level, float], float] | None = None,
    stolen: float = 0.0,
    others: float = 0.0,
) -> Machine:
    """families: width and instructions a cycle. peak: of a family, if not as the clock has it.

    small: the share of small pages where huge ones were asked for. beyond: seconds of a load from
    a stretch of (level, so many times its size); by default the cache ends at its size.
    """
    families = X86 if families is None else families
    times = LATENCY if latency is None else latency
    counts = sorted({*(2**n for n in range(cores.bit_length())), cores})
    found = [series("clock", n, clock(n), noise=noise) for n in counts]
    for name, (width, issue) in families.items():
        for n in counts:
            ideal = n * clock(n) * width * issue
            found.append(series(name, n, peak(name, n) if peak else ideal, noise=noise))
    for place, level in enumerate(levels):
        for on in pages:
            share = small if on == HUGE else 1.0
            where = {"level": level.name, "pages": on, "small_pages": share}
            for n in counts:
                size = stretch(levels, place, n)
                for name in ("read", "write", "copy"):
                    each = rate(name, level.name, n)
                    found.append(series(name, n, each, size=size, noise=noise, **where))
            size = deep(levels, place, 1)
            a_second = 1 / times[level.name]
            found.append(series("latency", 1, a_second, size=size, noise=noise, **where))
    found += _curve(levels, times, beyond, small, noise)
    for name, seconds in COSTS.items():
        found += [series(name, n, 1 / seconds, noise=noise) for n in counts if n > 1]
    return Machine(
        tool="perfdsl 0",
        date="2026-11-22T10:00:00+00:00",
        isa=isa,
        quick=False,
        cores=cores,
        widths={name: width for name, (width, _) in families.items()},
        levels=tuple(levels),
        series=tuple(found),
        environment=WHERE,
        disturbance=Disturbance(seconds=9.0, stolen=stolen, others=others, preempted=0),
    )


def _curve(levels, times, beyond, small, noise):
    for level, outer in pairwise(levels):
        for times_size in (0.5, 1.0, 2.0):
            seconds = times[level.name] if times_size <= 1 else times[outer.name]
            if beyond is not None:
                seconds = beyond(level, times_size)
            size = round(level.size * times_size)
            yield series(
                "latency", 1, 1 / seconds, size=size, pages=HUGE, small_pages=small, noise=noise
            )


def changed(record: Machine, name: str, level: str = "", threads: int = 1, **fields) -> Machine:
    """The same with other fields in the series of this name, on huge pages or none."""

    def meant(each: Series) -> bool:
        return (each.name, each.level, each.threads) == (name, level, threads) and (
            each.pages != SMALL
        )

    found = tuple(each.model_copy(update=fields) if meant(each) else each for each in record.series)
    assert found != record.series
    return record.model_copy(update={"series": found})
