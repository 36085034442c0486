"""Tree to program: names, dimensions, operators, residency, all resolved."""
