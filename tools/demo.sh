#!/usr/bin/env bash
# The whole way: a published analysis redone, then a prediction made and held against this machine.
#
#     bash tools/demo.sh [SIZE: full, small or tiny] [LENGTHS: 1,12,65,256,512] [FITTED: 1,12,256]
#
# All that it makes lies in build/demo; a model file that is there already is used again. What the
# measurement says against the prediction is shown, and does not make the demo fail.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
size=${1:-full}
lengths=${2:-1,12,65,256,512}
fitted=${3:-1,12,256}
out=build/demo
model=$out/embeddinggemma-random-$size.gguf
machine=$out/this_machine.perf

perfdsl() { .venv/bin/perfdsl "$@"; }
show() { printf '\n== %s\n\n$ %s\n\n' "$1" "${*:2}"; "${@:2}"; }

mkdir -p "$out"
show '1 of 4: a published analysis, each of its figures held against what follows from hardware and model' \
  perfdsl solve specs/analyses/theoretical_ceiling.perf
if [ -f "$model" ]; then
  printf '\n== 2 of 4: the model file is there already: %s\n' "$model"
else
  show '2 of 4: a model file with the structure of EmbeddingGemma and random weights' \
    perfdsl model synth --size "$size" -o "$model"
fi
show '3 of 4: what this machine can do: clock, peaks, caches, memory' \
  perfdsl probe --quick --force -o "$machine"
found=0
show '4 of 4: the prediction for this machine, held against a run of the model, phase by phase' \
  perfdsl validate specs/analyses/embeddinggemma_on_cpu.perf --model "$model" --machine "$machine" \
  --tokens "$lengths" --fit "$fitted" --picture "$out/roofline.svg" --force || found=$?
[ "$found" -le 1 ] || exit "$found"
printf '\nThis machine as a program: %s\nThe roofline as a picture: %s\n' "$machine" "$out/roofline.svg"
