"""What is measured: this machine, and how fast the runner and its peers go on it."""
