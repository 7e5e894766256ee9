"""Numbers: arrays, precisions, elimination, sums, formats. Knows nothing of models."""
