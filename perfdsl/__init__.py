"""perfdsl: performance models as programs. The map: start reading at `perfdsl.pipeline`.

syntax      text -> tree
semantics   tree -> program       every name resolved, every expression with its dimension
numeric     program -> numbers
solve       questions -> answers
present     answers -> pages
library     the standard library, in .perf
api         all of it from Python: `perfdsl.load(path).analysis(name).solve()`
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perfdsl.api import File, PerfError, Quantity, load
    from perfdsl.semantics.cases import Measurement

__version__ = "0.1.0"
__all__ = ["File", "Measurement", "PerfError", "Quantity", "load"]


def __getattr__(name: str) -> object:
    """The public names, loaded on first use: `import perfdsl` alone loads nothing else."""
    if name in __all__:
        from perfdsl import api

        return getattr(api, name)
    raise AttributeError(f"module `perfdsl` has no `{name}`")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
