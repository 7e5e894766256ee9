"""Finite differences with error bounds."""
