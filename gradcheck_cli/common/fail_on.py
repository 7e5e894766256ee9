"""Reads nothing. Gives the words of --fail-on, which --help names without loading results."""

__all__ = ["FAIL_ON"]

FAIL_ON = ("wrong", "unresolved", "kink")  # each with those that are worse
