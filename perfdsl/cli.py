"""The command line: arguments in, pages and exit codes out. Only the modules named cli print.

    cli_programs  commands about .perf files     cli_requests  from what was asked to a solution
    cli_runner    commands that run a model      cli_answers   from a solution to what is told
    cli_options   what options are called        cli_screen    colour, width, printing

Heavy modules are imported inside the commands, so that `perfdsl --help` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import Annotated, NoReturn

from perfdsl import __version__
from perfdsl.arguments import Commands, Room, option
from perfdsl.cli_programs import room as programs
from perfdsl.cli_screen import BUG, INTERRUPTED, KEPT, write

# The one place of this table: `perfdsl --help` prints it, and the README repeats it word for word.
EXIT_CODES = """\
Exit codes:
  0    every claim keeps its word (a refute by failing;
       undecided and not measured count, too, but with --strict)
  1    a claim breaks its word, or a record does not pass its gate
  2    a mistake in a file or on the command line, limits included
  70   a bug of perfdsl: please report it
  130  interrupted"""

PURPOSE = "Performance models as programs: how fast could it run, what binds it, what is wrong?"

# Nearly all that a run makes it keeps to its end: looking for garbage took 4 % of a check, and a
# sixth of a run that tells formulas, for which SymPy is loaded.
RARELY = 500_000


def _top(
    version: Annotated[bool, option("--version", help="print the version and leave")] = False,
) -> None:
    if version:
        write(f"perfdsl {__version__}")
        sys.exit(KEPT)


def _runner() -> Room:
    from perfdsl.cli_runner import room

    return room


app = Commands(
    _top,
    {
        "name": "perfdsl",
        "help": PURPOSE,
        "epilog": f"\b\n{EXIT_CODES}",
        "rich_markup_mode": None,
        "pretty_exceptions_enable": False,
        "add_completion": False,
        "no_args_is_help": True,
        "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
    },
    programs,
    _runner,
)


def main() -> NoReturn:
    """The program: every way out of it has its code."""
    gc.set_threshold(RARELY)
    atexit.register(gc.freeze)  # the interpreter would look through everything once more
    try:
        app.run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # whatever it is: a bug of ours is one line, no traceback
        if os.environ.get("PERFDSL_DEBUG") == "1":
            raise
        kind = type(error).__name__
        line = f"perfdsl {__version__} has a bug ({kind}): please report the file and this command"
        write(f"{line}; PERFDSL_DEBUG=1 shows where it is", sys.stderr)
        sys.exit(BUG)
    sys.exit(KEPT)
