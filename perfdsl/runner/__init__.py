"""The runner: EmbeddingGemma in Q8_0 on a CPU, kernels compiled by Numba."""
