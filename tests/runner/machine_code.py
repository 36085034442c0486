"""Kernels compiled for any of LLVM's targets, so that instructions are counted, not run."""

import re
from collections import Counter

import llvmlite.binding as llvm

from perfdsl.runner.kernels.emitted import module_of

llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()


def assembly(emit, arguments, target):
    """The lines of the emitted function, optimised as Numba has it."""
    module = llvm.parse_assembly(module_of(emit, arguments, target))
    found = llvm.Target.from_triple(target.triple)
    machine = found.create_target_machine(cpu=target.cpu, features=target.features, opt=3)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_assembly(module).splitlines()


def innermost(lines):
    """The instructions of the only loop: from its label to the jump back to it."""
    labels = {line.split(":")[0]: n for n, line in enumerate(lines) if re.match(r"\.?L\w+:", line)}
    jumps = [
        (labels[name], n + 1)
        for n, line in enumerate(lines)
        for name in re.findall(r"\.?LBB\w+", line)
        if not line.startswith(name) and labels[name] < n
    ]
    assert len(jumps) == 1
    first, last = jumps[0]
    return [line.strip() for line in lines[first:last] if re.match(r"\t[a-z{]", line)]


def counted(instructions):
    """How often each mnemonic occurs; an encoding in braces is no part of it."""
    return Counter(re.sub(r"^\{\w+\}\s*", "", line).split()[0] for line in instructions)


def on_stack(instructions):
    """Those that read or write the stack: spilled registers, constants that found no register."""
    return [line for line in instructions if re.search(r"\(%rsp\)|\(%rbp\)|\[sp|\[x29", line)]
