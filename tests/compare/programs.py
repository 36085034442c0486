"""Small programs around a shipped model, and what its operators are called."""

from pathlib import Path

from perfdsl.diagnostics import Source
from perfdsl.pipeline import Options, check_file, open_bytes
from perfdsl.semantics.models import steps_of
from perfdsl.semantics.program import AnalysisProgram
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import Instance

SPECS = ("embeddinggemma_300m", "embeddinggemma_300m_fused")
HERE = Path(__file__).resolve().parent

PROGRAM = """perf 1
from "lib/models/{spec}" import {model}
workload given {{ tokens = {tokens} token; batch = {texts} sequence }}
analysis counts(net = {model}{arguments}, load = given) {{
  show net.parameters
}}
"""


def analysis(spec: str, arguments: str = "", tokens: int = 12, texts: int = 1) -> AnalysisProgram:
    """An analysis of a shipped model under a load of so many texts of so many tokens each."""
    text = PROGRAM.format(
        spec=spec, model="embeddinggemma", arguments=arguments, tokens=tokens, texts=texts
    )
    source = open_bytes(text.encode(), "counts.perf", Options().limits)
    assert isinstance(source, Source)
    program = check_file(source, HERE, Options())
    assert not program.problems, program.problems
    return program.analyses[0]


def model_of(
    spec: str, arguments: str = "", tokens: int = 12, texts: int = 1
) -> tuple[Instance, Frame]:
    """The model, and the frame whose workload is in force."""
    made = analysis(spec, arguments, tokens, texts)
    net = made.frame.world.slots["net"]
    assert isinstance(net, Instance)
    return net, made.frame


def operators(spec: str) -> list[str]:
    """The names of a model's operators, in order."""
    return list(dict.fromkeys(step.name for step in steps_of(*model_of(spec))))
