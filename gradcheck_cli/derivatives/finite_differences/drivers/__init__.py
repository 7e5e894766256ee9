"""Differences of a Model: which entry is differenced how."""
