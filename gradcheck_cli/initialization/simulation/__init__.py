"""Measured: networks are drawn and run with carried scales."""
