"""`python -m perfdsl` is `perfdsl`."""

from perfdsl.cli import main

main()
