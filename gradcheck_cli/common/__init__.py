"""What every folder may use: errors, progress, files written whole, the example models."""
