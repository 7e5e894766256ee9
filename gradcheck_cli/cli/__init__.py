"""The command line: options in, one library call, one rendering, an exit code out."""
