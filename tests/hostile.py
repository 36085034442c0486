"""Programs that mean harm, and a process that solves them under watch.

    python tests/hostile.py FOLDER

solves each one in FOLDER with memory limited, an alarm set, and an audit hook that notes whatever a
`.perf` file must never cause: running Python, starting a program, using the network, or opening a
file outside of FOLDER and the library. Prints for each {"codes": [], "seconds": s, "noted": []}.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import time
from pathlib import Path

HEAD = "perf 1\n"
MACHINE = """
hardware laptop {
  cores = 8 core
  port fma { serves fp32; peak = cores * 3 GHz * 16 MAC/(cycle*core) }
  memory dram { bandwidth = 60 GB/s }
}
operator triad(n: Count) { work fp32 = n * 1 MAC; read a = n * 8 B }
workload short { tokens = 12 token }
"""
MEMORY = 3 << 30
SECONDS = 60


def analysis(body: str) -> str:
    return f"{HEAD}{MACHINE}analysis a(cpu = laptop) {{\n{body}\n}}\n"


def lines(count: int, line: str) -> str:
    return "".join(line.format(i=i, before=i - 1) for i in range(1, count))


CODE = "__import__('os').system('touch pwned')"

# What must not cause anything at all: each text could be taken for a program by somebody.
TEXTS = {
    "code_in_a_title": analysis(f'show cpu.cores as "{CODE}"\nclaim "{CODE}" cpu.cores > 1 core'),
    "code_in_notes": HEAD + f'hardware h {{ cores = 8 core @source("{CODE}") @id("{CODE}") }}\n'
    "analysis a(cpu = h) { show cpu.cores }\n",
    "code_as_names": HEAD + "let __import__ = 3\nlet __class__ = __import__\nlet eval = __class__\n"
    "hardware os { __dict__ = 8 core; system = 1 core; items = 3 }\n"
    "analysis __main__(self = os) { show self.__dict__ + self.system\nshow self.items * eval }\n",
    "code_in_a_field": analysis("show cpu.__class__.__mro__\nshow cpu.cores.__globals__"),
    "code_in_a_call": analysis("show eval(3)\nshow __import__(3)\nshow exec(cpu)"),
    "code_as_units": HEAD + "dimension lambda\nunit os = 3 lambda\nunit import_ = 2 os\n"
    "analysis a { show 3 import_ + 1 os }\n",
    "templates": analysis('show cpu.cores as "{0.__class__} %s ${PATH} `id` $(id) \\\\input{x}"'),
    "import_of_secrets": HEAD + 'import "../../etc/passwd" as a\nimport "/etc/shadow" as b\n'
    'import "file:///etc/passwd" as c\nimport "http://localhost/x" as d\n'
    'import "x\\\\..\\\\y" as e\n',
    "data_of_secrets": HEAD + 'data a(n: Count) from "/etc/passwd.csv"\n'
    'data b(n: Count) from "../../../etc/passwd.json"(n = "root")\n',
    "import_of_a_device": HEAD + 'import "./../../../../dev/zero" as z\n',
    "unknown_names_of_python": HEAD + "let a = True\nlet b = None\nlet c = globals\n",
}

# What must end soon, with a message or an answer, in little memory.
HEAVY = {
    "repeat_1e9": HEAD
    + MACHINE
    + "model n { repeat l in 1 .. 1_000_000_000 { use triad(n: l) } }\n",
    "repeat_1e9_alike": HEAD
    + MACHINE
    + "model n { repeat l in 1 .. 1_000_000_000 { use triad(n: 3) } }\n"
    "analysis a(cpu = laptop, m = n) { show predict(m, on: cpu).time }\n",
    "repeat_1000_x_1000": HEAD
    + MACHINE
    + "model n { repeat l in 1 .. 1000 { repeat m in 1 .. 1000 { use triad(n: l * m) } } }\n",
    "repeat_by_many_moduli": HEAD + MACHINE + "model n { repeat l in 1 .. 9000 { use triad(n: "
    "1 + mod(l, 64) + mod(l, 63) + mod(l, 61) + mod(l, 59) + mod(l, 53)) } }\n",
    "repeat_by_moduli_inside": HEAD
    + MACHINE
    + "model n { repeat l in 1 .. 9000 { repeat m in 1 .. 9000 {"
    " repeat k in 1 .. 9000 { use triad(n: 1 + mod(l, 64) + mod(m, 63) + mod(k, 61)) } } } }\n",
    "sum_1e9": HEAD + "let a = sum(sqrt(i) for i in 1 .. 1_000_000_000)\n",
    "sum_1e300": HEAD + "let a = sum(sqrt(i) for i in 1 .. 1e300)\n",
    "sum_to_infinity": HEAD + "let a = sum(sqrt(i) for i in 1 .. 1e200 * 1e200)\n",
    "sum_to_nothing": HEAD + "let a = sum(sqrt(i) for i in 1 .. 1 / 0)\n",
    "sums_inside": HEAD
    + "let a = sum(sum(sum(sqrt(i * j * k) for k in 1 .. 999) for j in 1 .. 999)"
    " for i in 1 .. 999)\n",
    "filter_1e9": HEAD + "let a = max(i for i in 1 .. 1_000_000_000 if i < 3)\n",
    "terms_5000": analysis("show " + " + ".join(f"{i} * cpu.cores" for i in range(5000))),
    "arguments_5000": analysis(
        "show max(" + ", ".join(f"{i} * cpu.cores" for i in range(5000)) + ")"
    ),
    "factors_5000": HEAD + "let a = " + " * ".join(["3"] * 5000) + "\nanalysis x { show a }\n",
    "ifs_inside_60": HEAD
    + "let a = "
    + "if 1 < 2 then 1 else " * 60
    + "0\nanalysis x { show a }\n",
    "ifs_inside_brackets": HEAD
    + "let a = "
    + "(if 1 < 2 then " * 60
    + "1"
    + " else 0)" * 60
    + "\n",
    "cases_inside_60": HEAD + "let a = " + "case { 1 < 2: " * 60 + "1" + ", else: 0 }" * 60 + "\n",
    "ifs_inside_5000": HEAD + "let a = " + "if 1 < 2 then 1 else " * 5000 + "0\n",
    "signs_100k": HEAD + "let a = " + "-" * 100_000 + "1\n",
    "claims_10000": analysis(
        "".join(f'claim "{i}" cpu.cores ~= {i} core\n' for i in range(10_000))
    ),
    "unknown_names_5000": HEAD + lines(5000, "let a{i} = zz{i}\n"),
    "powers": HEAD
    + "let a = 10^10^10\nlet b = 3^1e300\nlet c = 2^-1e300\nlet d = ((2^64)^64)^64\n",
    "powers_of_units": HEAD + "let a0 = 2 s\n" + lines(300, "let a{i} = a{before} * a{before}\n"),
    "units_of_units": HEAD
    + "unit u0 = 2 s\n"
    + lines(1500, "unit u{i} = 1000 u{before}\n")
    + "let a = 1 u1499\n",
    "long_unit": HEAD + "let a = 3 " + "*".join(["s"] * 20_000) + "\n",
    "squares_2000": HEAD
    + "let a0 = 2\n"
    + lines(2000, "let a{i} = a{before} * a{before}\n")
    + "analysis x { show a1999 }\n",
    "division_by_zero": analysis(
        "show cpu.cores / (cpu.cores - 8 core)\nshow 1 / 0\n"
        'claim "x" cpu.cores / (cpu.cores - 8 core) ~= 3\nshow 0^-1 * cpu.cores'
    ),
    "no_logarithm": analysis(
        "show log2(0 - count(cpu.cores))\nshow sqrt(0 - 1)\nshow log10(0)\nshow (0 - 2)^0.5\n"
        'claim "x" log2(0 - count(cpu.cores)) > 3'
    ),
    "infinities": analysis(
        "let big = 1e300 * 1e300 * cpu.cores\nshow big\nshow big - big\nshow big / big\n"
        'show exp(1e5)\nclaim "x" big > 3 core\nclaim "y" big - big ~= 0 core'
    ),
    "machine_of_nothing": HEAD
    + "hardware h { cores = 0 core\nport p { serves fp32; peak = 0 MAC/s }\n"
    "cache c { size = 0 B; shared by 0 core }\nmemory d { bandwidth = 0 B/s } }\n"
    "operator t(n: Count) { work fp32 = n * 1 MAC; read a = n * 8 B }\n"
    "analysis a(cpu = h) { let r = predict(t(n: 3), on: cpu)\nshow r.time\nshow r.ops\n"
    'claim "b" r.time bound by d\nclaim "c" r.time ~= 3 s\nshow cpu.c.capacity }\n',
    "unknowns_without_end": analysis(
        "unknown n: Count in 1 .. 1e300\nunknown e: Ratio in 1e-300 .. 1e300\nlet t = n * 1 s / e\n"
        'observe "x" t = 1e299 s\nsolve n, e from t\nsolve n from n * n * n + 1 == 1e250\n'
        "solve e from exp(e) == 3\nsolve n from mod(n, 7) == 3\nshow cpu.cores"
    ),
    "unknowns_without_ranges": analysis(
        "unknown n: Count\nunknown t: s\nsolve n from mod(n, 7) == 3\n"
        "solve t from n * 1 s + t >= 3 s\n"
        "solve t from t * t == 3 s * 1 s\nshow cpu.cores"
    ),
    "uncertain_inputs_200": HEAD
    + "hardware h {\n"
    + lines(200, "a{i} = 3 +- 1\n")
    + "}\nanalysis x(h = h) { show "
    + " + ".join(f"h.a{i} / (h.a{i} + 1)" for i in range(1, 200))
    + " }\n",
    "scenario_of_itself": HEAD + MACHINE + "scenario a(cpu = laptop) is a { cpu.cores = 1 core }\n"
    "analysis x(cpu = laptop) { show cpu.cores[a] }\n",
    "scenarios_of_each_other": HEAD
    + MACHINE
    + "scenario a(cpu = laptop) is b { cpu.cores = 1 core }\n"
    "scenario b(cpu = laptop) is a { cpu.cores = 2 core }\n"
    "analysis x(cpu = laptop) { show cpu.cores[a] + cpu.cores[b] }\n",
    "functions_of_each_other": HEAD + "fn f(n: Count): Count = g(n)\nfn g(n: Count): Count = h(n)\n"
    "fn h(n: Count): Count = f(n)\nlet a = f(1) + g(2) + h(3)\n",
    "operator_of_itself": HEAD
    + "operator o(n: Count) { k = o(n: n).bytes; work fp32 = n * 1 MAC; read a = k }\n",
    "hardware_of_itself": HEAD + "hardware l { cores = m.cores }\nhardware m { cores = l.cores }\n",
    "range_of_itself": HEAD + "fn f(x: Ratio in 0 .. g): Ratio = x\nlet g = f(1)\n",
    "answer_of_itself": analysis(
        "unknown e: Ratio in 0 .. 1\nsolve s = e from s.value == 3\nshow s.value"
    ),
    "prediction_of_itself": analysis(
        "let t = predict(triad(n: u), on: cpu).time\nlet u = ceil(t / (1 s))\nshow t"
    ),
}

PROGRAMS = {**TEXTS, **HEAVY}


def watch(folder: Path) -> list[str]:
    """Note forbidden events from here on; the list grows as they happen."""
    noted: list[str] = []
    package = importlib.import_module("perfdsl").__path__[0]
    allowed = tuple(
        os.path.realpath(each) for each in (folder, package, sys.prefix, sys.base_prefix)
    )

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event == "open" and isinstance(args[0], str):
            if not os.path.realpath(args[0]).startswith(allowed):
                noted.append(f"open {args[0]}")
        elif event == "compile" or event.startswith(("os.exec", "os.posix_spawn", "os.spawn")):
            noted.append(event)
        elif event == "exec" and getattr(args[0], "co_filename", "<string>").startswith("<"):
            noted.append(f"exec {args[0]}")
        elif event.startswith(("os.system", "os.fork", "subprocess", "socket", "ctypes", "pickle")):
            noted.append(event)

    sys.addaudithook(hook)
    return noted


def load_everything() -> None:
    """Import the language's modules, so that imports cause no events later."""
    for part in ("syntax", "semantics", "numeric", "solve"):
        package = importlib.import_module(f"perfdsl.{part}")
        for module in pkgutil.iter_modules(package.__path__, f"perfdsl.{part}."):
            importlib.import_module(module.name)


def main(folder: Path) -> None:
    from perfdsl.diagnostics import Source
    from perfdsl.pipeline import Options, solve_file
    from perfdsl.rendering import render

    load_everything()
    warm = analysis("show cpu.cores\nshow predict(triad(n: 3), on: cpu).time")
    solve_file(Source("warm.perf", warm), folder, Options())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    noted = watch(folder)
    found: dict[str, object] = {}
    for name, text in PROGRAMS.items():
        noted.clear()
        signal.alarm(SECONDS)
        start = time.monotonic()
        try:
            problems = solve_file(Source(f"{name}.perf", text), folder, Options()).problems
            codes = [problem.code for problem in problems]
            for problem in problems[:50]:
                render(problem, color=False, width=100)
        except Exception as error:  # noqa: BLE001  this is what the test asks for
            codes = [f"raised {type(error).__name__}: {error}"[:200]]
        seconds = time.monotonic() - start
        found[name] = {"codes": codes[:20], "seconds": seconds, "noted": sorted(set(noted))}
    signal.alarm(0)
    print(json.dumps(found))  # noqa: T201  it is this script's answer


if __name__ == "__main__":
    main(Path(sys.argv[1]))
