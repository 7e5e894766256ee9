"""Reads what pytest collects. Gives a test for each *.gradcheck file; its claims are what it asserts.

pytest imports this module whenever gradcheck is installed: it imports nothing but pytest, and nothing of
gradcheck before such a file is run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["ModelFile", "ModelTest", "pytest_collect_file"]

_ENDING = ".gradcheck"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A collector for a model file."""
    if file_path.suffix != _ENDING:
        return None
    return ModelFile.from_parent(parent, path=file_path)


class ModelFile(pytest.File):
    """A model file: one test."""

    def collect(self) -> Iterator[pytest.Item]:
        """The test, by the name of the model."""
        yield ModelTest.from_parent(self, name=self.path.stem)


class ModelTest(pytest.Item):
    """The gradients and claims of a model."""

    def runtest(self) -> None:
        """Judge it; what is not ok raises AssertionError with the table."""
        from gradcheck_cli import api
        from gradcheck_cli.common.shown_paths import as_typed
        from gradcheck_cli.testing import assert_report

        assert_report(api.check(api.load(Path(as_typed(str(self.path))))))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The table, or the error with its line, and no traceback."""
        from gradcheck_cli.common.errors import GradcheckError, InternalError

        error = excinfo.value
        if isinstance(error, GradcheckError) and not isinstance(error, InternalError):
            return "\n".join(map(str, error.together))
        if isinstance(error, AssertionError):
            return str(error)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands: the file, and its first line."""
        return self.path, 0, f"{self.path.name}: gradients and claims"
