"""Data files: CSV columns and NumPy arrays."""
