"""Whose convention a number at a kink is, and which library is known for a wrong one."""
