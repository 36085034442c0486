"""What options and arguments are called on the command line, and which values they take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from perfdsl.arguments import argument, option

SECONDS = 60.0


class AnswerForm(StrEnum):
    """How answers are printed."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class ProblemForm(StrEnum):
    """How problems are printed."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"


class PlainForm(StrEnum):
    """How pages about model files are printed."""

    TEXT = "text"
    JSON = "json"


class ModelForm(StrEnum):
    """What else a model file can be told as."""

    PERF = "perf"


class ExportForm(StrEnum):
    """What formulas are exported to."""

    LATEX = "latex"


class ColorChoice(StrEnum):
    """When colour is used; auto: on a terminal, unless NO_COLOR is set."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class VectorForm(StrEnum):
    """How vectors are written."""

    TEXT = "text"
    JSON = "json"
    NUMPY = "numpy"


class Stage(StrEnum):
    """What `show` shows."""

    TREE = "tree"
    PROGRAM = "program"
    FORMULAS = "formulas"


FileName = Annotated[str, argument(metavar="FILE", help="a .perf file; - is standard input")]
ModelName = Annotated[str, argument(metavar="FILE", help="a model file, in GGUF")]
Output = Annotated[
    Path | None, option("--output", "-o", metavar="FILE", help="else standard output")
]
Force = Annotated[bool, option("--force", help="replace the output file")]
Threads = Annotated[
    int, option("--threads", min=0, max=1024, metavar="N", help="0: as many as there are cores")
]
Color = Annotated[ColorChoice, option("--color", help="when to use colour")]
Width = Annotated[
    int,
    option("--width", min=0, max=1000, metavar="N", help="columns of a line; 0: the terminal's"),
]
Settings = Annotated[
    list[str] | None,
    option("--set", metavar="NAME=VALUE", help="replace a value; `perfdsl list` names them"),
]
Scenarios = Annotated[
    list[str] | None, option("--scenario", metavar="NAME", help="apply a scenario everywhere")
]
Policy = Annotated[str, option("--policy", metavar="NAME", help="policy where none is named")]
DenyWarnings = Annotated[bool, option("--deny-warnings", help="a warning ends with 2")]
MaxFileSize = Annotated[
    int | None, option("--max-file-size", min=1, metavar="BYTES", help="of each file")
]
MaxImports = Annotated[int | None, option("--max-imports", min=0, metavar="N", help="files in all")]
MaxDepth = Annotated[int | None, option("--max-depth", min=0, metavar="N", help="of imports")]
MaxTokens = Annotated[int | None, option("--max-tokens", min=1, metavar="N", help="of each file")]
MaxNesting = Annotated[
    int | None, option("--max-nesting", min=1, max=1000, metavar="N", help="of brackets")
]
Records = Annotated[
    Path | None, option("--records", metavar="DIR", help="the folder of records; else the user's")
]
NoRecord = Annotated[bool, option("--no-record", help="keep no record of this measurement")]
