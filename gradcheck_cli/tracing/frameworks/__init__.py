"""The front ends: NumPy, jax and torch."""
