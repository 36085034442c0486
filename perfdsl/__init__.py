"""perfdsl: performance models as programs. The map: start reading at `perfdsl.pipeline`.

syntax      text -> tree
semantics   tree -> program       every name resolved, every expression with its dimension
numeric     program -> numbers
solve       questions -> answers
present     answers -> pages
library     the standard library, in .perf
"""

__version__ = "0.1.0"
