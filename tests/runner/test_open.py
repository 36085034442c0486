"""What a model holds in memory: its packed weights once, one matrix while it packs, no embedding.

Measured in a process of its own, in which the tiny model has already loaded all compiled code; one
before it compiles what is not kept yet, because compiling takes more memory than any model.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from perfdsl.runner.synth import save_model

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests/data/runner/embeddinggemma-random-tiny-Q8_0.gguf"
MiB = 1 << 20
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/smaps").exists(), reason="only Linux tells what memory a process holds"
)
SLACK = 8 * MiB  # Python's own objects, half of a huge page here and there

MEASURED = """
import json, re, sys
from pathlib import Path
import numpy as np
from perfdsl.runner.compiling import compiled_here
from perfdsl.runner.model import EmbeddingModel

def status(name):
    found = re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024

def mapped(path):
    areas = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", Path("/proc/self/smaps").read_text(), flags=re.M)
    return sum(int(re.search(r"^Rss:\\s+(\\d+)", a, re.M)[1]) * 1024 for a in areas if path in a)

tiny, path = sys.argv[1:]
with EmbeddingModel.open(tiny, threads=2) as first:
    first.embed_ids([np.arange(200)])
before = status("VmHWM")
model = EmbeddingModel.open(path, threads=2)
opened, table = status("VmHWM"), mapped(path)
model.embed_ids([np.arange(512) % model.config.vocab])
print(json.dumps({
    "before": before, "opened": opened, "table": table, "after": status("VmHWM"),
    "weights": model._weights.arena.memory.size, "room": model._workspace._arena.memory.size,
    "largest": max(t.nbytes for name, t in model.file.tensors.items() if "token_embd" not in name),
    "embedding": model.file.tensors["token_embd.weight"].nbytes, "compiled": compiled_here(),
}))
model.close()
"""


def measured(path):
    command = [sys.executable, "-c", MEASURED, str(TINY), str(path)]
    done = subprocess.run(
        command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Memory with the model of true widths, six layers and few tokens; nothing was compiled."""
    path = tmp_path_factory.mktemp("models") / "small.gguf"
    save_model(str(path), "small", 0, lambda *_: None)
    measured(path)
    found = measured(path)
    assert found["compiled"] == []
    return found


def test_opening_takes_the_packed_weights_and_one_matrix(small):
    assert small["opened"] - small["before"] <= small["weights"] + 2 * small["largest"] + SLACK
    assert small["opened"] - small["before"] >= small["weights"] * 9 // 10  # it was measured


def test_the_embedding_is_not_read_before_it_is_used(small):
    assert small["table"] == 0
    assert small["embedding"] > 0


def test_a_call_takes_its_workspace_and_the_rows_it_reads(small):
    more = small["after"] - small["opened"]
    assert more <= small["room"] + small["embedding"] + SLACK
