"""The table of functions, a family a file."""
