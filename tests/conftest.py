"""Reads nothing. Gives the tests one BLAS thread: threads that wait for one another spin."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
