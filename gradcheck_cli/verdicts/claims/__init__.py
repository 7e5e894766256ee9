"""Verdicts on what the author claims."""
