"""Program to SymPy."""
