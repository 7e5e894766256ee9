"""Every step of every example model: its own value is right, and off in one entry it is WRONG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from build import one_of, part_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.results.gradient_results import Verdict
from paths import MODELS

OFF = 1e-5  # relative: float32 would tell it


def off_in_one_entry(values: Array) -> Array:
    found = np.array(values, dtype=float)
    place = np.unravel_index(int(np.argmax(np.abs(found))), found.shape) if found.ndim else ()
    found[place] = found[place] * (1 + OFF) if found[place] else OFF
    return found


PATHS = part_of(sorted(MODELS.glob("*.txt")), 2)


@pytest.mark.parametrize("path", one_of(2, PATHS), ids=lambda path: path.stem)
def test_the_values_of_a_model(path: Path, tmp_path: Path) -> None:
    model = api.load(path)
    tape = forward_pass(model)
    values = {name: np.asarray(tape.value(name)) for name in model.steps}
    np.savez(tmp_path / "good.npz", **values)  # type: ignore[arg-type]
    np.savez(tmp_path / "bad.npz", **{n: off_in_one_entry(v) for n, v in values.items()})  # type: ignore[arg-type]
    good, bad = ([f'claim {name} from "{kind}.npz"' for name in values] for kind in ("good", "bad"))
    typed = [step for step in model.steps.values() if step.text]  # of a loop each turn is written out
    formulas = [f"claim {step.display} = {step.text}" for step in typed]
    (tmp_path / "claims.txt").write_text("\n".join([*good, *formulas, *bad]), encoding="utf-8")
    found = judged_alone(model, claims=api.load_claims(tmp_path / "claims.txt", model), points=1)
    right = len(good) + len(formulas)
    assert [r.display for r in found[:right] if r.verdict is not Verdict.OK] == []
    assert [r.display for r in found[right:] if r.verdict is not Verdict.WRONG] == []
