"""Program to numbers."""
