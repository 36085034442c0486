"""Small programs around a shipped model, and what its operators are called."""

from collections.abc import Mapping
from pathlib import Path

from perfdsl.diagnostics import Source
from perfdsl.measure.executed import Executed
from perfdsl.pipeline import Options, check_file, open_bytes
from perfdsl.runner.config import read_config
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.to_perf import every_nth
from perfdsl.semantics.models import steps_of
from perfdsl.semantics.program import AnalysisProgram
from perfdsl.semantics.scope import Frame
from perfdsl.semantics.values import Instance

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TINY = HERE.parent / "data/runner/embeddinggemma-random-tiny-Q8_0.gguf"
SPECS = ("embeddinggemma_300m", "embeddinggemma_300m_fused")

PROGRAM = """perf 1
from "{file}" import {model}
workload given {{ tokens = {tokens} token; batch = {texts} sequence }}
analysis counts(net = {model}{arguments}, load = given) {{
  show net.parameters
}}
"""


def analysis(spec: str, arguments: str = "", tokens: int = 12, texts: int = 1) -> AnalysisProgram:
    """An analysis of a shipped model under a load of so many texts of so many tokens each."""
    return analysis_of(_program(f"lib/models/{spec}", arguments, tokens, texts), HERE)


def edited(spec: str, arguments: str, changes: Mapping[str, str], folder: Path) -> AnalysisProgram:
    """The same of a shipped model whose text is changed: each text occurs once or more."""
    text = (ROOT / f"specs/models/{spec}.perf").read_text("utf-8")
    text = text.replace('import "models/', 'import "lib/models/')
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    (folder / "model.perf").write_text(text, "utf-8")
    return analysis_of(_program("model", arguments, 12, 1), folder)


def analysis_of(text: str, folder: Path) -> AnalysisProgram:
    """The analysis of a text that has one and nothing wrong."""
    source = open_bytes(text.encode(), str(folder / "counts.perf"), Options().limits)
    assert isinstance(source, Source)
    program = check_file(source, folder, Options())
    assert not program.problems, program.problems
    return program.analyses[0]


def _program(file: str, arguments: str, tokens: int, texts: int) -> str:
    return PROGRAM.format(
        file=file, model="embeddinggemma", arguments=arguments, tokens=tokens, texts=texts
    )


def model_of(
    spec: str, arguments: str = "", tokens: int = 12, texts: int = 1
) -> tuple[Instance, Frame]:
    """The model, and the frame whose workload is in force."""
    made = analysis(spec, arguments, tokens, texts)
    net = made.frame.world.slots["net"]
    assert isinstance(net, Instance)
    return net, made.frame


def arguments_for(path: Path, executed: Executed) -> str:
    """The shape of a model file as arguments, and what attention multiplied."""
    return shape_of(path, bf16=executed.bf16)


def shape_of(path: Path, *, bf16: bool) -> str:
    """The shape of a model file, and what attention multiplies, as arguments of a shipped model."""
    config = read_config(open_gguf(path))
    units = {"layers": "layer", "heads": "head", "kv_heads": "head"}
    names = "layers d_model d_ff heads kv_heads d_head vocab dense".split()
    given = [f"{name}: {getattr(config, name)} {units.get(name, '')}".rstrip() for name in names]
    given += [f"every: {every_nth(config.full)}", f"window: {2 * config.reach + 1}"]
    given += ["products: bf16, operands: bf16" if bf16 else "products: fp32, operands: f32"]
    return f"({', '.join(given)})"


def operators(spec: str) -> list[str]:
    """The names of a model's operators, in order."""
    return list(dict.fromkeys(step.name for step in steps_of(*model_of(spec))))
