"""Verdicts on the entries of gradients."""
