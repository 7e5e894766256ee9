"""Gradients that were computed elsewhere: by functions, by commands, and in files of numbers."""
