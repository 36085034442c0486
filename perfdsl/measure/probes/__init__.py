"""Probes, one file a property of the machine: the loop that meets it, and what it reached."""
