"""Reads the command line. Gives `python -m gradcheck_cli`. Knows nothing else."""

from __future__ import annotations

import sys

from gradcheck_cli.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
