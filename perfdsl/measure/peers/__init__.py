"""Peers: other programs that embed the same ids with the same file, each in its own process.

frames          what goes through the pipes: JSON and arrays
rival           what a peer can do, and which peers there are
llamacpp        llama.cpp, by its low-level interface
huggingface     transformers on PyTorch, in bf16 and in fp32
child           the process that runs one of them and times it from inside
process         the same process seen from here: started, asked, stopped
"""
