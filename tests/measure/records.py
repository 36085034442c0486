"""Records of a benchmark that nobody ran: times and rates with ratios that are known."""

from collections.abc import Mapping
from typing import Any

from perfdsl.measure.disturbance import Disturbance
from perfdsl.measure.environment import Cache, Environment, Processor, System
from perfdsl.measure.results import (
    BESIDE,
    OURS,
    Candidate,
    Case,
    ModelFacts,
    Protocol,
    Result,
    Round,
    Series,
)
from perfdsl.measure.startup import Startup
from perfdsl.measure.work import work
from perfdsl.runner.config import Config

FULL = Config(
    layers=24, d_model=768, d_ff=1152, heads=3, kv_heads=1, d_head=256, vocab=262_144, context=2048,
    window=512, full=tuple((i + 1) % 6 == 0 for i in range(24)), eps=1e-6, theta_full=1e6,
    theta_window=1e4, dense=3072,
)  # fmt: skip

MACHINE = Environment(
    processor=Processor(
        model="Zen", vendor="AuthenticAMD", family="26 2", stepping="1", microcode="0x1",
        isa="x86_64", features=("avx2", "fma"), logical=2, cores=2, megahertz=4000.0, governor="",
        hypervisor=True, caches=(Cache(level=1, kind="Data", size=49152, line=64, shared=1),),
    ),
    system=System(
        kernel="6.1", distribution="A", memory=2**34, huge_pages="madvise", page=4096, load=0.1
    ),
    versions={"python": "3.11.7"},
)  # fmt: skip

PROTOCOL = Protocol(settle=0.03, warm=1, least=3, most=50, seconds=0.1, longest=1.0, tick=30)

MS = 1_000_000
SLOW = (1.0, 1.3, 1.1, 2.0, 1.0, 1.2, 1.05)
"""How much slower each of seven rounds is, for everybody."""


def a_round(
    ours: float = 10.0,
    *,
    slow: float = 1.0,
    peers: Mapping[str, float] | None = None,
    rates: Mapping[str, float] | None = None,
    beside: float | None = None,
) -> Round:
    """Milliseconds of the median call; each has a faster and a slower one beside it."""
    times = {OURS: ours, **(peers or {})} | ({BESIDE: beside} if beside else {})
    samples = {
        name: tuple(round(each * slow * MS * part) for part in (1.5, 1.0, 0.9))
        for name, each in times.items()
    }
    known: dict[str, float] = {
        "int8": 1e12,
        "bf16": 5e11,
        "fp32": 2.5e11,
        "stream": 5e10,
        "clock": 4e9,
    }
    chosen = known if rates is None else rates
    found: dict[str, tuple[float, ...]] = {n: (each / slow,) for n, each in chosen.items()}
    return Round(order=(*samples, "peaks", "stream"), samples=samples, rates=found)


def a_series(tokens=12, threads=2, texts=1, rounds=None, beside=0, config=FULL, **disturbed):
    found = rounds or [a_round(slow=s, peers={"llama.cpp": 50.0}) for s in SLOW]
    quiet = {"seconds": 9.0, "stolen": 0.0, "others": 0.0, "preempted": 0}
    return Series(
        case=Case(texts=texts, tokens=tokens, threads=threads),
        work=work(config, [tokens] * texts),
        rounds=tuple(found),
        disturbance=(Disturbance(**quiet | disturbed),),
        beside=beside,
    )


def a_start(**changes):
    told = {
        "threads": 2, "tokens": 512, "imports": 400 * MS, "open": 800 * MS, "first": 300 * MS,
        "again": 100 * MS, "resident_open": 2**27, "peak_open": 2**28, "resident": 3 * 2**26,
        "peak": 3 * 2**26, "compiled": 0,
    }  # fmt: skip
    return Startup(**told | changes)


def a_result(*series, **changes):
    told: dict[str, Any] = {
        "tool": "perfdsl 0.1.0",
        "date": "2026-01-02T03:04:05Z",
        "isa": "avx512-vnni",
        "model": ModelFacts(
            layers=24, d_model=768, d_ff=1152, heads=3, kv_heads=1, d_head=256, vocab=262_144,
            dense=3072, file_bytes=333_590_656,
        ),
        "candidates": (
            Candidate(name=OURS, version="0.1.0", setup="in process"),
            Candidate(name="llama.cpp", version="0.3", setup="flash attention on"),
        ),
        "environment": MACHINE,
        "protocol": PROTOCOL,
        "small_pages": 0.0,
        "series": series or (a_series(),),
    }  # fmt: skip
    return Result(**told | changes)
