"""Where the two wings meet: what a program predicts, held against what was measured."""
