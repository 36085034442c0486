"""No code runs a text as a program; none but the command line prints or ends the process."""

import ast
import re

import pytest

from tests.test_architecture import Sources, module_name, sources


def call_violations(files: Sources) -> list[str]:
    """Code that runs a text as a program, prints, or ends the process."""
    return [
        f"{path}:{getattr(node, 'lineno', 0)}: {complaint}"
        for path, text in files.items()
        for node in ast.walk(ast.parse(text))
        for complaint in (danger(node), None if may_print(path) else ending(node))
        if complaint
    ]


def may_print(path: str) -> bool:
    """True for perfdsl.cli and its rooms, perfdsl.cli_screen and so on."""
    return re.fullmatch(r"perfdsl\.cli(_\w+)?", module_name(path)) is not None


def danger(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id="eval" | "exec" | "compile" | "__import__" as name):
            return f"{name} runs a text as a program"
        case ast.Attribute(value=ast.Name(id="builtins"), attr="eval" | "exec" | "compile" as name):
            return f"{name} runs a text as a program"
        case (
            ast.Name(id="sympify" | "parse_expr" as name)
            | ast.Attribute(attr="sympify" | "parse_expr" as name)
            | ast.alias(name="sympify" | "parse_expr" as name)
        ):
            return f"SymPy's {name} runs a text as a program"
        case ast.alias(name="pickle") | ast.ImportFrom(module="pickle"):
            return "pickle runs what a file says"
        case ast.Call(func=ast.Name(id="Lark") | ast.Attribute(attr="Lark"), keywords=keywords):
            cached = any(k.arg == "cache" for k in keywords)
            return "Lark's cache is a pickle in the temporary folder" if cached else None
        case ast.keyword(arg="shell", value=value):
            safe = isinstance(value, ast.Constant) and value.value is False
            return None if safe else "a shell reads the command"
        case _:
            return None


def ending(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id="print" | "input" as name):
            return f"only cli talks to the user: {name}"
        case ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr" | "stdin" as name):
            return f"only cli talks to the user: sys.{name}"
        case (
            ast.Name(id="exit" | "quit" | "SystemExit")
            | ast.Attribute(value=ast.Name(id="sys"), attr="exit")
            | ast.Attribute(value=ast.Name(id="os"), attr="_exit" | "abort")
        ):
            return "only cli ends the process"
        case ast.ImportFrom(module="sys", names=names):
            taken = {n.name for n in names} & {"exit", "stdout", "stderr", "stdin"}
            return f"only cli may have sys.{min(taken)}" if taken else None
        case _:
            return None


def test_no_text_is_run_and_only_cli_prints():
    """No code runs a text as a program; none but cli and its rooms prints or ends the process."""
    assert call_violations(sources()) == []


# -- the checks bite


@pytest.mark.parametrize(
    "text",
    [
        "eval('1')",
        "run = exec",
        "compile(x, '', 'exec')",
        "builtins.eval(x)",
        "sympy.sympify(x)",
        "from sympy import sympify",
        "parse_expr(x)",
        "import pickle",
        "from pickle import loads",
        "subprocess.run(x, shell=True)",
        "subprocess.run(x, shell=flag)",
        "lark.Lark(g, cache=True)",
    ],
)
def test_a_dangerous_call_is_found(text):
    """Each way to run a text is reported, in cli too."""
    assert len(call_violations({"perfdsl/numeric/evaluate.py": text})) == 1
    assert len(call_violations({"perfdsl/cli.py": text})) == 1


@pytest.mark.parametrize(
    "text",
    [
        "print(1)",
        "emit = print",
        "input()",
        "sys.stdout.write('')",
        "sys.exit(1)",
        "from sys import exit",
        "raise SystemExit(1)",
        "os._exit(0)",
    ],
)
def test_printing_below_cli_is_found(text):
    """Printing or ending the process is reported everywhere but in cli."""
    assert len(call_violations({"perfdsl/solve/roots.py": text})) == 1
    assert call_violations({"perfdsl/cli.py": text}) == []


@pytest.mark.parametrize(
    "text",
    ["re.compile('a')", "def evaluate(): ...", "subprocess.run(x, shell=False)", "a.print()"],
)
def test_a_harmless_call_is_let_through(text):
    """What only looks like a forbidden call is not reported."""
    assert call_violations({"perfdsl/solve/roots.py": text}) == []
