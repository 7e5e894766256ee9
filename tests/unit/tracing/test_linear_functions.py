"""Functions of SciPy that are linear in an array, and those that put entries elsewhere, are traced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli import api
from gradcheck_cli.tracing.programs import load_program
from gradcheck_cli.tracing.trace import trace
from gradcheck_cli.tracing.traced_nodes import TraceError

HEAD = (
    "import numpy as np\nfrom scipy import fft, integrate, linalg, ndimage, signal, special\n"
    "import scipy.sparse\nfrom scipy.sparse.linalg import spsolve\nK = np.array([0.25, -0.5, 1.0])\n"
    "M = scipy.sparse.csc_array(np.eye(4) + np.ones((4, 4)))\nLU = linalg.lu_factor(M.toarray())\n"
)
POINT = {"A": np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]]), "v": np.array([0.8, -0.4, 1.2, 0.3])}
LOSSES = [
    "signal.lfilter([1.0, 0.5], [1.0, -0.3], v)", "signal.filtfilt([1.0, 0.5], [1.0], v, padlen=1)",
    "signal.savgol_filter(v, 3, 1) + signal.detrend(v) + signal.resample(v, 4)",
    "signal.sosfilt(np.array([[1.0, 0.5, 0, 1, -0.3, 0]]), v)", "signal.convolve(v, K, mode='same')",
    "signal.fftconvolve(v, v[:2], mode='valid')", "signal.convolve(v[:2], v, 'same')",
    "signal.oaconvolve(K, v) + signal.correlate(v, K)", "signal.convolve2d(A, np.eye(2))",
    "signal.correlate2d(np.eye(2), A)",
    "ndimage.gaussian_filter(A, 1.0) + ndimage.uniform_filter(A, 2) + ndimage.laplace(A) + ndimage.sobel(A)",
    "ndimage.convolve1d(v, K, mode='constant', cval=2.0)", "ndimage.correlate(A, np.ones((2, 2)))",
    "fft.dct(v, norm='ortho') + fft.idct(v) + fft.dst(v) + fft.idst(v)",
    "fft.dctn(A) + fft.idctn(A)", "integrate.simpson(v, x=np.arange(4.0)**2)",
    "integrate.trapezoid(v, dx=0.5) + integrate.cumulative_trapezoid(v)", "linalg.lu_solve(LU, v)",
    "spsolve(M, v)", "np.gradient(v) + np.gradient(v**2, 0.5)", "np.rot90(A)[0]*np.rot90(A, 2)[1, :2]",
    "np.resize(v, (2, 3)) + np.compress([1, 0, 1], A, axis=1)[0, 1]", "np.extract(K > 0, v[:3])",
    "np.fft.fftshift(v)*np.fft.ifftshift(v)[0]", "np.pad(v, 2, mode='reflect') + np.pad(v, 2, mode='edge')",
    "np.percentile(v, 30) + np.quantile(A, 0.7, axis=1, keepdims=True)",
    "np.corrcoef(A) + np.corrcoef(v, v**2)",
    "np.choose([0, 1, 0], A)", "np.piecewise(v, [v < 0, v > 1], [lambda x: x**2, 3.0, lambda x: -x])",
    "np.ediff1d(A)", "linalg.block_diag(A, v, v[0])", "linalg.circulant(v) + linalg.toeplitz(v)",
    "linalg.toeplitz(v, A.reshape(-1)[:3])", "special.multigammaln(v[0] + 3, 2)",
    "special.logsumexp(A, axis=1, b=np.array([1.0, 2.0, 3.0]))", "np.round(v*0.0, 1) + round(v[0], 3)*v",
    "divmod(v[0], 0.3)[1]*v", "v.conj()*v.conjugate()",
    "np.einsum('...ij,j->...i', np.ones((2, 2, 3)), A[0])", "np.einsum('...i,...i', A, v[:3])",
    "np.einsum('i...,i...->...', A, A)", "np.float64(v[0]).sum()*v",
]


def followed(folder: Path, loss: str) -> str:
    path = folder / "program.py"
    path.write_text(f"{HEAD}def f(A, v):\n    return (({loss})**2).sum() + v[0]\n")
    return trace(load_program(f"{path}:f"), POINT).text


@pytest.mark.parametrize("loss", LOSSES[::8])
def test_a_function_is_traced(tmp_path: Path, loss: str) -> None:
    assert api.load(followed(tmp_path, loss)).loss == "loss"


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
def test_every_function_is_traced(tmp_path: Path, loss: str) -> None:
    assert api.load(followed(tmp_path, loss)).loss == "loss"


@pytest.mark.parametrize(("loss", "said"), [
    ("ndimage.sobel(np.tile(v, 100))", "an array of 160,000 numbers is too long"),
    ("signal.lfilter([1.0, 2.0], [1.0, 0.5], v, zi=np.zeros(1))[0]", "gives several arrays"),
])  # fmt: skip
def test_what_is_too_much_is_told_with_its_line(tmp_path: Path, loss: str, said: str) -> None:
    with pytest.raises(TraceError, match=said) as caught:
        followed(tmp_path, loss)
    assert caught.value.place is not None
