"""Reads the command line. Gives `python -m gradcheck_cli`. Knows nothing else."""

import sys

from gradcheck_cli.cli import main

if __name__ == "__main__":
    sys.exit(main())
