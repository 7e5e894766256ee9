"""Backpropagation: rules of our own, accumulated in reverse."""

from gradcheck_cli.derivatives.backprop.reverse_mode import derivative, derivative_in_blocks, partial, slopes

__all__ = ["derivative", "derivative_in_blocks", "partial", "slopes"]
