"""Where the project and its models are."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "gradcheck_cli"
MODELS = PROJECT / "models"
