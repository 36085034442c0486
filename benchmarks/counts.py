"""Counts of a whole model: both shipped programs against the oracle, length by length.

usage: python benchmarks/counts.py MODEL [TOKENS...] [--texts N] [--threads N]

MODEL: a GGUF file. For each length the texts go through the counting build; every count of either
program must equal the oracle's. Prints what differs, and the padding of each phase.
"""

import argparse
import sys
from pathlib import Path

from perfdsl.compare.counts import count_findings, paddings
from perfdsl.diagnostics import Diagnostic
from perfdsl.measure.executed import Executed, executed
from perfdsl.measure.inputs import texts
from perfdsl.pipeline import Options, check_file, open_bytes
from perfdsl.runner.config import Config, read_config
from perfdsl.runner.gguf import open_gguf
from perfdsl.runner.to_perf import every_nth
from perfdsl.semantics.program import AnalysisProgram

LENGTHS = (1, 2, 11, 12, 65, 256, 257, 258, 512, 600, 2048)
SPECS = ("embeddinggemma_300m", "embeddinggemma_300m_fused")
PROGRAM = """perf 1
from "lib/models/{spec}" import embeddinggemma
workload given {{ tokens = 1 token }}
analysis counts(net = embeddinggemma(
  layers: {layers} layer, d_model: {d_model}, d_ff: {d_ff}, heads: {heads} head,
  kv_heads: {kv_heads} head, d_head: {d_head}, vocab: {vocab}, dense: {dense}, every: {every},
  window: {window}, products: {products}, operands: {operands},
), load = given) {{ show net.parameters }}
"""


def program(spec: str, config: Config, found: Executed) -> AnalysisProgram:
    """A shipped model in the shape of the file, with attention as it was computed."""
    names = "layers d_model d_ff heads kv_heads d_head vocab dense".split()
    text = PROGRAM.format(
        spec=spec,
        **{name: getattr(config, name) for name in names},
        every=every_nth(config.full),
        window=2 * config.reach + 1,
        products=found.attention,
        operands="bf16" if found.bf16 else "f32",
    )
    source = open_bytes(text.encode(), "counts.perf", Options().limits)
    if isinstance(source, Diagnostic):
        raise SystemExit(source.title)
    made = check_file(source, Path(), Options())
    if not made.analyses or made.problems:
        raise SystemExit("\n".join(problem.title for problem in made.problems))
    return made.analyses[0]


def main() -> int:
    """1 if anything differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("tokens", type=int, nargs="*", default=LENGTHS)
    parser.add_argument("--texts", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    config = read_config(open_gguf(given.model))
    differing = 0
    for tokens in given.tokens:
        found = executed(
            given.model, texts(given.texts, tokens, config.vocab), threads=given.threads
        )
        padded = [f"{each.phase} {each.share:.1%}" for each in paddings(found) if each.share]
        for spec in SPECS:
            findings = count_findings(program(spec, config, found), "net", found)
            differing += len(findings)
            verdict = f"{len(findings)} differ" if findings else "all counts are equal"
            print(f"{tokens:>5} tokens  {spec:<26} {verdict}; padding: {', '.join(padded) or 0}")
            for finding in findings:
                print(*(f"      {line}" for line in finding.lines()), sep="\n")
    return differing > 0


if __name__ == "__main__":
    sys.exit(main())
