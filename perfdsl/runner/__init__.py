"""EmbeddingGemma in Q8_0 on a CPU, kernels compiled by Numba. The map, in reading order.

errors          what can be wrong with a file or an input
gguf            the file: header, keys, tensor table; every count checked before it is believed
config          the keys -> the model's shape
layout          the tensors that a shape asks for, held against the file
tensors         the file's bytes -> arrays
vocabulary      the file's tokens, checked; tokenizer: a text -> ids; prompts: what stands before it
reference       the forward pass in NumPy: what is computed, in the order in which it happens
gguf_write      the other way: keys and tensors -> a file
describe        what a file holds, as data; to_perf: the same as a program
synth           a model file of random weights, on a machine without one
kernels         one file a kernel; target, vector, dots, emitted: code for instruction sets
jit             a function compiled once per machine; code_folder: where it is kept
pool            threads that run one program; barrier: where they meet; crew, places, cores
memory          aligned pages; weights: a file's matrices packed into them; packing
forward         the forward pass in steps; layer: its phases; products; job: what lies where
workspace       where a pass runs, and the job that tells native code; passes: which texts, where
model           EmbeddingModel: open, embed
instruments     the time of each phase; oracle: what a build that counts has counted
"""
