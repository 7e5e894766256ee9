"""Reads what a run is asked and a model's `set` lines. Gives Options, checked and filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.numerics.limits.checking import CHECKING, CheckingLimits
from gradcheck_cli.numerics.limits.numerics import NUMERICS

__all__ = ["HINTS", "Options"]

HINTS = ("verdict", "none", "where", "kind", "truth")  # what is told, each with those before it


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run may be asked; None means the model's `set` line, else the default."""

    points: int | None = None
    digits: int | None = None
    scheme: str | None = None
    layout: str | None = None
    wrt: tuple[str, ...] | None = None
    strict: bool | None = None
    carry: bool | None = None
    hint: str | None = None
    require_claims: bool | None = None
    all_entries: bool = False
    claims_file: str | None = None  # where the claims come from, if not from the model
    budget: int = NUMERICS.budget
    memory: int = NUMERICS.memory  # MiB

    def fill_in(self, settings: Mapping[str, object], limits: CheckingLimits = CHECKING) -> Options:
        """The same with every None filled in. Raises OptionError for impossible values."""
        defaults: dict[str, object] = {
            "points": limits.points,
            "digits": limits.digits,
            "scheme": "extrapolated",
            "layout": "auto",
            "strict": False,
            "carry": False,
            "require_claims": False,
            "wrt": (),
        }
        filled = {
            name: getattr(self, name) if getattr(self, name) is not None else settings.get(name, value)
            for name, value in defaults.items()
        }
        filled["require_claims"] = bool(self.require_claims or settings.get("require_claims"))
        usual = "truth" if settings.get("show_truth") else settings.get("hint", "kind")
        filled["hint"] = self.hint or usual
        filled["wrt"] = self.wrt or settings.get("wrt", ())
        result = replace(self, **filled)  # type: ignore[arg-type]
        for name, given, most in (
            ("points", result.points, limits.most_points), ("digits", result.digits, limits.most_digits),
        ):  # fmt: skip
            if given is None or not 1 <= given <= most:
                usual = f"the default is {defaults[name]}"
                raise OptionError(f"--{name} must be between 1 and {most}", help=usual)
        if result.budget < 1:
            raise OptionError("--budget must be 1 or more", help=f"the default is {NUMERICS.budget:,}")
        if result.memory < 1:
            raise OptionError("--memory must be 1 MiB or more", help=f"the default is {NUMERICS.memory} MiB")
        if result.hint not in HINTS:
            known = ", ".join(HINTS)
            raise OptionError(f"--hint cannot be {str(result.hint)[:40]!r}", help=f"it is one of {known}")
        return result
