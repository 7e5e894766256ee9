"""Reads nothing. Gives the tests one BLAS thread, since threads that wait for one another spin, and a garbage
collection that does not go through the modules of SymPy every seven hundred objects."""

from __future__ import annotations

import gc
import os

gc.set_threshold(100_000, 20, 50)

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
