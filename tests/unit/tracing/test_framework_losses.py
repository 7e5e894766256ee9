"""Losses of jax and torch are traced into models of the same value; what is no model says so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import jax_losses
import torch_losses
from build import one_of
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.tracing.programs import load_program
from gradcheck_cli.tracing.trace import Trace, trace

LOSSES = {"jax": jax_losses, "torch": torch_losses}
CHOSEN_ONE_WAY = ("argmax", "select([")  # up to where another entry is chosen


def traced(framework: str, folder: Path, body: str) -> Trace:
    pytest.importorskip(framework)
    own: Any = LOSSES[framework]
    lines = (body if "return " in body else f"return {body}").splitlines()
    path = folder / "program.py"
    path.write_text(own.HEAD + f"def f({own.ARGUMENTS}):\n" + "".join(f"    {line}\n" for line in lines))
    return trace(load_program(f"{path}:f"), own.point(), ("A", "B", "S", "v", "u", "s"))


@pytest.mark.parametrize("body", one_of(4, jax_losses.LOSSES))
def test_a_loss_of_jax_is_traced(body: str, tmp_path: Path) -> None:
    assert traced("jax", tmp_path, body).holds_far or any(word in body for word in CHOSEN_ONE_WAY)


@pytest.mark.parametrize("body", one_of(4, torch_losses.LOSSES))
def test_a_loss_of_torch_is_traced(body: str, tmp_path: Path) -> None:
    assert traced("torch", tmp_path, body).holds_far or any(word in body for word in CHOSEN_ONE_WAY)


@pytest.mark.parametrize(("framework", "body", "said"), [
    ("jax", "v.sum() if s > 0 else s", "jax: Attempted boolean conversion"),
    ("jax", "float(s)*v.sum()", "jax: Abstract tracer value"),
    ("jax", "__import__('numpy').exp(v).sum()", "jax: The numpy.ndarray conversion"),
    ("jax", "v[v > 0].sum()", "jax: Array boolean indices must be concrete"),
    ("jax", "jnp.fft.fft(v).real.sum()", "complex numbers are not traced"),
    ("jax", "v.astype(jnp.float32).sum()", "the model that was traced gives"),
    ("jax", "jax.lax.conv(jnp.ones((1, 1, 2, 2, 2))*s, jnp.ones((1, 1, 1, 1, 1)), (1, 1, 1), 'VALID').sum()",
     "a convolution of volumes"),
    ("torch", "F.conv3d(A.reshape(1, 1, 1, 2, 3), S.reshape(1, 1, 1, 2, 2)).sum()", "of volumes"),
    ("torch", "F.dropout(v, 0.5).sum()", "the model that was traced gives"),
    ("torch", "torch.fft.fft(v).real.sum()", "torch's "),
    ("torch", "v.float().sum()", "float32"),
    ("torch", "v.numpy().sum()*v.sum()", "the model that was traced gives"),
    ("torch", "v.tolist()[0]*v.sum()", "the model that was traced gives"),
    ("torch", "v", "returns an array of shape [3]"),
    ("torch", "torch.linalg.svd(A)[0].sum()", "torch's _linalg_svd is not traced"),
])  # fmt: skip
def test_what_is_no_model_says_so(framework: str, body: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(GradcheckError, match=re.escape(said)) as caught:
        traced(framework, tmp_path, body)
    assert caught.value.place is not None or "float32" in body or said.startswith("returns")


def test_a_branch_of_torch_holds_where_it_was_tried(tmp_path: Path) -> None:
    found = traced("torch", tmp_path, "v.sum()*s if s > 0.5 else s**2")
    assert not found.holds_far
    assert any("a branch" in note for note in found.notes)
