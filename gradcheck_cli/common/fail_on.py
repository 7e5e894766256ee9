"""Gives the words of --fail-on, which --help names without results. Knows nothing of verdicts."""

__all__ = ["FAIL_ON"]

FAIL_ON = ("wrong", "unresolved", "kink")  # each with those that are worse
