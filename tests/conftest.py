"""Reads nothing. Gives the tests one BLAS thread, since threads that wait for one another spin, and a garbage
collection that goes through the modules of SymPy, the tests and the caches once, and not again and again."""

from __future__ import annotations

import gc
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
gc.set_threshold(100_000, 1000, 1000)


def pytest_collection_finish() -> None:
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.collect()
    gc.freeze()  # pytest collects again, in search of files that nobody closed
