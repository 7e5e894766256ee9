"""What NumPy, SciPy and scikit-learn have in one call is traced; the trace is tried at other points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from build import added_up, grouped
from gradcheck_cli import api
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.results.gradient_results import Verdict
from gradcheck_cli.tracing.programs import load_program
from gradcheck_cli.tracing.trace import Trace, trace

HEAD = (
    "import numpy as np\nimport scipy.linalg as sl\nimport scipy.stats as st\nfrom scipy import special\n"
    "from scipy.stats import norm\nfrom scipy.linalg import cho_factor, cho_solve, solve_triangular\n"
    "from scipy.spatial.distance import cdist, pdist, squareform\nphi = norm.cdf\n"
    "import scipy.sparse as ss\n"
    "M = ss.csr_array([[1.0, 0, 2], [0, 3, 0]])\nO = ss.coo_matrix([[1.0, 0, 2]])\n"
    "DATA = {'x': [np.arange(3.0)]}\n"
    "@np.vectorize\ndef each(x, y):\n    return x*y if x > 0 else y\n\n"
)


def point() -> dict[str, Any]:
    random = np.random.default_rng(3)
    S = random.normal(size=(3, 3))
    return {
        "A": random.normal(size=(2, 3)), "S": S @ S.T + np.eye(3), "v": np.array([0.7, -0.4, 1.3]),
        "s": 0.6, "k": np.array([0, 2, 1, 2]), "x": np.array([0.4, 1.1, 2.3]), "w": random.normal(size=4),
    }  # fmt: skip


def traced(folder: Path, body: str) -> Trace:
    path = folder / "program.py"
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    path.write_text(f"{HEAD}def f(A, S, v, s, w, k, x):\n{lines}")
    return trace(load_program(f"{path}:f"), point(), ("A", "S", "v", "s", "w"))


LOSSES = [
    "st.multivariate_normal.logpdf(x, v, S) + st.multivariate_normal(v, S).logpdf(A).sum()",
    "st.multivariate_normal(np.zeros(3), S).pdf(np.eye(3)).sum()*s + st.multivariate_normal.pdf(x, cov=S)",
    "(M @ v).sum() + (M.T.dot(A[:, 0]) @ v) + (A.T @ M)[0, 2]",
    "(O*v)[0] + O.multiply(A).max() + (S @ O.T)[1, 0]",
    "DATA['x'][0].dot(v)", "((v - s*x > 0)*v).sum()", "((v > 0).astype(int)*v).sum()*s",
    "np.diagonal(np.stack([S, S**2]), axis1=1, axis2=2)[1, 0] + np.diag(S, 1)[0] + np.diag(v, -1)[1, 0]",
    "v.sum() if not np.iscomplexobj(v) and not np.any(np.iscomplex(s)) else s",
    "np.bincount(k, weights=np.exp(w), minlength=4) @ np.arange(4.0) + (v*np.zeros_like(v)).sum()",
    "np.count_nonzero(v > 0.1)*s", "np.triu(S, 1).sum() + np.tril(A, -1).max() + np.triu(S)[0, 1]",
    "np.flip(v) @ x + np.fliplr(A)[0, 0] + np.flipud(A)[0, 1]", "np.moveaxis(A[None], 0, 2)[1, 2, 0]",
    "np.delete(v, 1).prod() + np.delete(A, 0, axis=1)[1, 1]", "np.rollaxis(A[None], 2)[2, 0, 1]",
    "np.take_along_axis(A, np.array([[1], [2]]), 1).prod()", "np.median(v)*s + np.median(w)",
    "np.median(A, axis=1) @ np.ones(2)",
    "np.tensordot(A, S, 1).sum() + np.tensordot(A, A, axes=([0], [0]))[0, 1]", "np.tensordot(S, S)",
    "(np.convolve(v, w)**2).sum()", "np.convolve(v, w, 'same')[1] + np.convolve(w, v, 'valid')[0]",
    "np.correlate(w, v)[0] + np.correlate(w, v, 'full')[1]",
    "(np.meshgrid(v, w)[0]*np.meshgrid(v, w)[1]).max()", "np.select([v > 1, v > 0], [v**2, v], -v).sum()",
    "np.trapezoid(v**2, x) + np.trapezoid(w)", "np.linalg.multi_dot([A, S, v])[0]",
    "np.linalg.matrix_power(S, 3)[0, 1] + np.linalg.matrix_power(S, -1)[1, 1]",
    "np.block([[A, A], [S, S**2]])[3].prod() + np.dstack([v, x])[0, 1, 0]", "np.cov(A)[0, 1] + np.cov(v)",
    "np.cov(A, rowvar=False, bias=True)[1, 2]", "np.polyval(v, s)", "np.broadcast_arrays(v, A)[0].sum()",
    "np.trunc(3*v) @ v + np.real(v).sum() + np.conj(s)", "np.ptp(v)*np.deg2rad(s) + np.rad2deg(v)[1]",
    "(np.heaviside(v, 0.5)*v).sum()",
    "special.xlog1py(s, v[0]) + special.entr(s) + special.huber(1.0, 3*v).sum()",
    "special.pseudo_huber(1.5, v).sum() + special.rel_entr(s, 0.3) + special.kl_div(s, 0.2)",
    "v[v > 0.5].sum()*s", "np.mean(v[v > 0])*s", "np.sum(v[v > 0]*x[v > 0]) + v[v < 0].dot(v[v < 0])",
    "each(v, s).sum()", "np.vectorize(lambda a, b: a*b + 1)(v, x).sum()",
    "np.linalg.norm(np.add.outer(v, v))", "cho_solve(cho_factor(S), v) @ v",
    "cho_solve(cho_factor(S, lower=True), v) @ v + cho_solve((sl.cholesky(S), False), v)[0]",
    "solve_triangular(S, v, lower=True) @ v",
    "solve_triangular(S, v)[1] + solve_triangular(S, v, trans=1, lower=True)[0]",
    "sl.cholesky(S)[0, 1] + sl.cholesky(S, lower=True)[2, 0]",
    "sl.solve(S, v, assume_a='pos')[0] + sl.inv(S)[0, 1]", "sl.det(S) + sl.norm(v) + sl.eigvalsh(S)[2]",
    "cdist(A, S).sum() + cdist(A, A**2, 'sqeuclidean')[0, 1]",
    "pdist(S, 'cityblock').sum() + squareform(pdist(S))[0, 2] + squareform(squareform(pdist(S)))[1]",
    "norm.logpdf(v, s, 2.0).sum() + norm.pdf(v).sum()", "norm(loc=v, scale=np.exp(s)).logpdf(x).sum()",
    "phi(v).sum() + norm.sf(s) + norm.logcdf(v)[1] + norm.logsf(s)",
    "norm.logpdf(x, loc=s).sum() + norm.ppf(0.9)*s",
    "st.t.logpdf(v, 4.0, scale=s + 1).sum() + st.t(3).logpdf(s)",
    "st.expon.logpdf(s, scale=2) + st.expon.cdf(s)",
    "st.laplace.logpdf(v, s).sum() + st.logistic.pdf(v).sum() + st.logistic.cdf(s)",
    "st.gamma.logpdf(x, s + 1).sum()", "st.beta.logpdf(0.3, s + 1, 2) + st.cauchy.cdf(s)",
    "st.poisson.logpmf(k, np.exp(w)).sum() + st.poisson.pmf(2, s)",
    "st.bernoulli.logpmf(k % 2, s).sum() + st.binom.logpmf(2, 5, s) + st.nbinom.logpmf(3, 2, s)",
    "norm.logpdf([v[0], s], [s, 1.0], scale=[2, v[2]]).sum()", "st.t.logpdf([s, 2.0], [s + 1, 3.0]).sum()",
    "st.bernoulli.logpmf([0, 1], [s, 0.3]).sum() + norm(loc=[s, 0.0]).cdf([1.0, v[2]]).sum()",
    "(v[v > 0].sum(keepdims=True)*A).sum() + np.mean(v[v > 0], keepdims=True)[0]",
    "v[v > 0].sum(axis=0, keepdims=True)[0]*s + v[v > 0].mean(axis=0)",
    "st.lognorm.logpdf(x, s).sum() + st.weibull_min.logpdf(x, s + 1).sum() + st.halfnorm.logpdf(s)",
]  # fmt: skip
BODIES = [
    "D = squareform(pdist(S))**2\nnp.fill_diagonal(D, np.inf)\nreturn special.logsumexp(-D, axis=1).sum()",
    "z = np.where(np.tri(3) > 0, S, -np.inf)\np = np.exp(z - 1)\nreturn (p/p.sum(1)[:, None])[2, 1]",
    "q = np.zeros(3)\nnp.add.at(q, k, np.exp(w))\nnp.subtract.at(q, [0, 0], s)\nreturn (q**2).sum()",
    "q = np.empty(3)\nnp.copyto(q, v)\nreturn q.prod()",
    "U, d, V = np.linalg.svd(A)\nreturn np.log(d).sum() + np.linalg.svd(A.T, compute_uv=False)[0]",
    "d, U = np.linalg.eigh(S)\nreturn (d**2).sum() + np.linalg.eigh(S).eigenvalues[0]*s",
    "return np.linalg.norm(A, 2) + np.linalg.norm(A, 'nuc')*s + np.linalg.norm(A, 1) + np.linalg.norm(S, -2)",
    "return np.linalg.norm(A, np.inf) + np.linalg.cond(A) + (np.linalg.pinv(A) @ np.linalg.pinv(A.T)).sum()",
    "y, r, n, d = np.linalg.lstsq(A.T, v, rcond=None)\nreturn y @ y + r[0]*n + d[0]",
    "return np.linalg.lstsq(A, v[:2])[0][2]",
    "return np.interp([0.5, 1.75, 9], x, np.exp(v)).sum() + np.interp(0.3, [0, 1], v[:2])",
    "return A[:, 3:].sum()*s + A[:, 5::2].sum(axis=1) @ np.ones(2) + s",
    "y = np.zeros(3, complex)\ny += v**2\ny[0] += s\nreturn np.real(y).sum() + y.imag.max()",
    "m = np.ones((2, 3), dtype=bool)\nm[:, 1] = False\nreturn A[~m].sum() + (np.array(m, float)*A).max()",
]


@pytest.mark.parametrize("body", BODIES[::4])  # the slow test below takes all
def test_a_program_becomes_a_model(tmp_path: Path, body: str) -> None:
    assert api.load(traced(tmp_path, body).text).loss == "loss"


@pytest.mark.parametrize("loss", LOSSES[::8])
def test_an_expression_becomes_a_model(tmp_path: Path, loss: str) -> None:
    assert api.load(traced(tmp_path, f"return {loss}").text).loss == "loss"


@pytest.mark.slow
@pytest.mark.parametrize("body", [*map(added_up, grouped(LOSSES, 5)), *BODIES])
def test_the_methods_agree_on_what_was_traced(tmp_path: Path, body: str) -> None:
    found = traced(tmp_path, body)
    report = api.check(api.load(found.text), points=1)
    assert report.verdict in (Verdict.OK, Verdict.KINK), found.text
    assert report.loss == pytest.approx(found.loss, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("body", "words"), [
    ("return solve_triangular(S, v, unit_diagonal=True).sum()", "unit_diagonal"),
    ("return cdist(A, S, 'cosine').sum()", "the metric cosine"),
    ("return sl.solve(S, v, assume_a='banded').sum()", "solve with assume_a='banded' is not traced"),
    ("return sl.solve(S, v, transposed=True).sum()", "solve with transposed=True is not traced"),
    ("return st.t.cdf([s, 1.0], 3).sum()", "scipy.stats.t.cdf of a value that moves"),
    ("return st.t.cdf(s, 3)", "scipy.stats.t.cdf of a value that moves"),
    ("return np.correlate(v, w)[0]", "np.correlate with mode=valid"),
    ("return np.fft.ifft(v).real.sum()", "products with matrices of cos and sin"),
    ("return (np.linalg.svd(A)[2]**3).sum()", "svd for singular vectors gives plain numbers"),
    ("return (np.linalg.eigh(S)[1] @ v)[0]", "eigh for eigenvectors gives plain numbers"),
    ("return np.linalg.cond(S, 1)", "cond with p=1"),
    ("return np.interp(s, v, w[:3])", "at places that move"),
    ("return np.linalg.eigvals(S).real.max()", "eigvalsh of a symmetric matrix"),
    ("return np.linalg.pinv(np.outer(v, v)).sum()", "without full rank"),
    ("return np.abs(v*1j).sum()", "complex numbers"),
])
def test_what_is_not_traced_says_so_at_its_line(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(GradcheckError) as caught:
        traced(tmp_path, body)
    assert words in str(caught.value)
    assert caught.value.place is not None


def test_sums_of_what_a_mask_chooses_hold_far_away(tmp_path: Path) -> None:
    found = traced(tmp_path, "m = np.abs(v) < 0.9\nreturn (v[m]*v[m]).sum() + np.sum(np.abs(v[~m]))*s")
    assert found.holds_far
    assert found.notes == ()
    near = traced(tmp_path, "return np.sqrt(v[v > 0.69]).sum()")  # the whole has no root
    assert near.notes


def test_an_infinite_number_is_written_as_a_large_one(tmp_path: Path) -> None:
    found = traced(tmp_path, BODIES[0])
    assert "# 1e+30 stands for an infinite number" in found.text
    assert "stands for" not in traced(tmp_path, "return s**2").text


def test_a_comparison_of_sums_has_brackets(tmp_path: Path) -> None:
    found = traced(tmp_path, "m = v - s*x > 0\nreturn (m*v).sum()")
    assert "m = (v - s * x) > 0" in found.text


def test_sparse_matrices_multiply_as_before(tmp_path: Path) -> None:
    import scipy.sparse

    kept = vars(scipy.sparse._base._spbase)["_matmul_dispatch"]
    traced(tmp_path, "return (M @ v).sum()")
    assert vars(scipy.sparse._base._spbase)["_matmul_dispatch"] is kept
