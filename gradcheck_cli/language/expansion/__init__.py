"""Reads statements with loops, sums over an index and calls of definitions. Gives them written out.

All that follows sees plain statements. Knows nothing of values and shapes.
"""
