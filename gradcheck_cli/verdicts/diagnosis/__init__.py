"""Where a wrong claim goes wrong, and what is wrong with it."""
