"""Losses in jax, each one number that moves with a parameter."""

import numpy as np

HEAD = "import jax\nimport jax.numpy as jnp\nfrom jax import lax\n\n\n"
ARGUMENTS = "A, B, S, v, u, s, X, y, m"


def point():
    """Parameters A[2,3], B[3,2], S[2,2], v[3], u[2], s; data X[4,3], y, m."""
    random = np.random.default_rng(7)
    draw = {name: random.normal(size=shape) for name, shape in {
        "A": (2, 3), "B": (3, 2), "S": (2, 2), "v": (3,), "u": (2,), "X": (4, 3)}.items()}  # fmt: skip
    draw["S"] = draw["S"] @ draw["S"].T + np.eye(2)
    draw["v"] = np.array([0.8, -0.4, 1.2])
    return {**draw, "s": 0.7, "y": np.array([0, 2, 1, 1]), "m": np.array([True, False, True])}


LOSSES = (
    # entry by entry
    "(-v*v - (s - (v - s))).sum()",
    "(2**v).sum() + (v**2 - abs(v)**1.5).sum()",
    "jnp.exp(v).sum() + jnp.expm1(s)",
    "(jnp.log(v**2) + jnp.log1p(v**2) + jnp.sqrt(v**2 + 1) + lax.rsqrt(v**2 + 1)).sum()",
    "(jnp.sin(v) + jnp.cos(v)*jnp.tan(v) + jnp.arcsin(v/3) + jnp.arccos(v/3) + jnp.arctan(v)).sum()",
    ("(jnp.sinh(v) + jnp.cosh(v)*jnp.tanh(v) + jnp.arcsinh(v) + jnp.arccosh(v**2 + 2)"
     " + jnp.arctanh(v/3)).sum()"),
    "jax.nn.sigmoid(v).sum() + jax.nn.relu(v).sum() + jax.nn.softplus(v).sum()",
    "jax.nn.gelu(v).sum() + jax.nn.gelu(v, approximate=False).sum() + jax.nn.silu(v).sum()",
    "jax.nn.elu(v).sum() + jax.nn.leaky_relu(v).sum() + jax.nn.selu(v).sum() + jax.nn.celu(v).sum()",
    ("jax.nn.relu6(v).sum() + jax.nn.hard_tanh(v).sum() + jax.nn.mish(v).sum()"
     " + jax.nn.soft_sign(v).sum()"),
    "jax.nn.log_sigmoid(v).sum() + jax.nn.swish(v).sum() + jax.nn.hard_sigmoid(v).sum()",
    ("jax.scipy.special.erf(v).sum() + jax.scipy.special.erfc(v).sum()"
     " + jax.scipy.special.erfinv(v/3).sum()"),
    "jax.scipy.special.gammaln(v**2 + 1).sum() + jax.scipy.special.digamma(v**2 + 1).sum()",
    ("jax.scipy.special.expit(v).sum() + jax.scipy.special.logit(v**2/4).sum()"
     " + jax.scipy.special.ndtr(v).sum()"),
    "jax.scipy.special.xlogy(v**2, v**2 + 1).sum() + jax.scipy.special.entr(v**2).sum()",
    "jax.scipy.stats.norm.logpdf(v, s, 1.5).sum() + jax.scipy.stats.norm.logcdf(v).sum()",
    "jnp.logaddexp(v, s).sum() + jnp.hypot(v, s).sum() + jnp.arctan2(v, s + 3).sum()",
    "jnp.maximum(v, s).sum() + jnp.minimum(v, 0).sum() + jnp.clip(v, -0.1, 0.9).sum()",
    "jnp.where(v > 0, v, v**3).sum() + jnp.where(m, v, 0).sum() + ((v > 0)*v).sum()",
    ("jnp.square(v).sum() + jnp.reciprocal(v).sum() + jnp.cbrt(v).sum() + jnp.sign(v).sum()"
     " + jnp.power(v**2, s).sum()"),
    "jnp.mod(v, 2.0).sum() + (v % 1.5).sum()",
    "jnp.select([v > 1, v > 0], [v, v**2], v**3).sum()",
    "lax.select(v > 0, v, -v).sum() + lax.clamp(-0.1, v, 0.9).sum()",
    "(v.astype(jnp.float64) + v.astype(float)).sum()",
    "((v > 0) & (v < 1)).sum()*s + (~(v > 0)*v).sum()",
    "jnp.nan_to_num(v).sum() + jnp.round(s)*s",
    "jnp.polyval(v, s) + jnp.sinc(v).sum() + jnp.interp(s, jnp.arange(3.0), v)",
    # products
    "v @ v + jnp.dot(v, v) + jnp.vdot(A, A) + jnp.inner(v, v)",
    "(A @ v).sum() + (u @ A).sum() + (A @ B).sum()",
    "X.dot(B).sum()",
    "jnp.outer(u, v).sum() + jnp.trace(S @ S)",
    "u @ S @ u",
    "jnp.einsum('ij,kj->ik', A, X).sum() + jnp.einsum('ij,ij->', A, A) + jnp.einsum('ii', S)",
    "jnp.einsum('bij,bjk->bik', jnp.stack([A, 2*A]), jnp.stack([B, B])).sum()",
    "jnp.tensordot(A, X, axes=[[1], [1]]).sum()",
    "jnp.matmul(jnp.stack([A, A*s]), B).sum() + (jnp.stack([A, A*s]) @ v).sum()",
    "jnp.kron(u, v).sum() + jnp.cross(v, v**2).sum()",
    # sums and their kin
    "A.sum(axis=0)[1] + A.sum(1)[0] + A.mean(axis=-1)[1]",
    "(A - A.mean(axis=1, keepdims=True)).max()",
    "jnp.prod(v) + A.prod(axis=0).sum() + jnp.max(A, axis=1).sum() + A.min()",
    "A.var() + A.std(axis=0).sum() + v.var(ddof=1)",
    ("jnp.linalg.norm(v) + jnp.linalg.norm(A) + jnp.linalg.norm(A, axis=1).sum()"
     " + jnp.linalg.norm(v, 1)"),
    ("jax.nn.softmax(A, axis=1)[0, 1] + jax.nn.log_softmax(A)[1, 2]"
     " + jax.nn.logsumexp(A, axis=0).sum()"),
    ("jax.scipy.special.logsumexp(v) + jnp.cumsum(v)[1] + jnp.cumprod(v)[2]"
     " + jnp.cumsum(A, axis=0).sum()"),
    "jnp.sort(v)[0] + jnp.sort(A, axis=0)[0, 1] + jnp.median(v) + jnp.average(v, weights=v**2)",
    "jnp.diff(v).sum()**2 + jnp.ptp(v)",
    "jnp.argmax(v)*s + v[jnp.argsort(v)][0]",
    "jax.nn.standardize(v).max() + jax.nn.one_hot(y, 3).sum()*s",
    # entries
    ("v[1]**2 + v[-1] + v[:2].sum() + v[::-1][0] + v[::2].sum() + A[1].sum() + A[:, 1].sum()"
     " + A[0, 1:].sum()"),
    "v[jnp.array([0, 0, 2])].sum() + A[jnp.array([0, 1]), jnp.array([1, 2])].sum() + (A.T)[y].sum()",
    "jnp.take(v, y).sum() + jnp.take_along_axis(A, jnp.array([[1], [2]]), axis=1).sum()",
    "v[y[1]] + lax.dynamic_slice(v, (1,), (2,)).sum()",
    "(jnp.zeros(5).at[1:4].set(v)**2).sum()",
    "(jnp.zeros(5).at[jnp.array([0, 0, 2])].add(v)**2).sum() + v.at[1].set(s).prod()",
    "(A.at[0].set(v)**2).sum() + (A.at[:, 1].add(u)**3).sum()",
    "jax.ops.segment_sum(v, jnp.array([0, 1, 0]), num_segments=2).prod()",
    "jnp.concatenate([v, u]).prod() + jnp.stack([v, v**2]).sum() + jnp.hstack([u, v])[4]",
    ("jnp.vstack([v, v**2])[1, 0] + jnp.split(v, 3)[1].sum() + jnp.array([s, s**2]).sum()"
     " + jnp.array([[s, 1.0], [0.0, s]]).sum()"),
    ("A.reshape(3, 2)[2, 0] + A.ravel()[4] + A.T[1, 0] + v[:, None].sum() + jnp.squeeze(v[None]).sum()"
     " + jnp.expand_dims(v, 0).sum()"),
    ("(v[:, None] - v[None, :]**2).sum() + jnp.broadcast_to(v, (2, 3)).sum() + jnp.tile(v, 2).sum()"
     " + jnp.repeat(v, 2).prod()"),
    ("jnp.pad(v, 1).sum() + (jnp.pad(A, ((1, 0), (0, 2)), constant_values=2.0)**2).sum()"
     " + jnp.roll(v, 1)[0] + jnp.flip(v)[0]"),
    ("jnp.diag(S).sum() + jnp.diag(v)[1, 1] + jnp.tril(S).sum() + jnp.triu(S).sum()"
     " + jnp.transpose(jnp.stack([A, A*A]), (2, 0, 1))[1, 1, 1]"),
    "jnp.moveaxis(jnp.stack([A, A*A]), 0, -1)[1, 2, 1] + jnp.swapaxes(A, 0, 1)[2, 1]",
    "v[m].sum()",
    # matrices
    "jnp.linalg.solve(S, u).sum() + jnp.linalg.inv(S).sum() + jnp.linalg.det(S)",
    "jnp.linalg.slogdet(S)[1] + jnp.linalg.cholesky(S)[1, 0]",
    ("jax.scipy.linalg.solve_triangular(S, u, lower=True).sum()"
     " + jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(S), u).sum()"),
    "jax.scipy.stats.multivariate_normal.logpdf(u, jnp.zeros(2), S)",
    "jnp.linalg.eigvalsh(S)[0]",
    "jnp.linalg.eigh(S)[0].sum()**2",
    # loops, calls, choices
    ("lax.scan(lambda c, t: (c*t + s, c + t), 1.0, v)[0] + lax.scan(lambda c, t: (c*t, c"
     " + t), s, v)[1].sum()"),
    "lax.fori_loop(0, 3, lambda i, c: c*v[i] + s, 1.0)",
    "lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1]*s + 1), (0, 1.0))[1]",
    "lax.cond(len(v) > 2, lambda x: x.sum(), lambda x: x.prod(), v)",
    "jax.jit(lambda x: (x**2).sum())(v) + jax.checkpoint(lambda x: x.prod())(v)",
    "jax.vmap(lambda row: jnp.tanh(row @ v).sum())(X).sum()",
    "jax.vmap(lambda row: jnp.dot(row, row))(A).prod()",
    "lax.map(lambda t: t**2 + s, v).sum()",
    "lax.associative_scan(jnp.add, v)[1] + lax.cumsum(v, reverse=True)[0]",
    "jnp.vectorize(lambda a: a**2)(v).sum()",
    "jax.grad(lambda x: (x**3).sum())(v).sum()",
    "jax.jvp(lambda x: (x**3).sum(), (v,), (v,))[1]",
    "jax.hessian(lambda x: (x**3).sum())(v).sum()",
    "jax.random.normal(jax.random.PRNGKey(0), (3,)) @ v",
    "(jax.random.bernoulli(jax.random.key(1), 0.5, (3,))*v).sum() + s",
    "jax.tree.reduce(lambda a, b: a + b, jax.tree.map(lambda x: (x**2).sum(), {'a': v, 'b': A}))",
    # layers
    "lax.conv_general_dilated(A.reshape(1, 1, 2, 3), jnp.ones((1, 1, 2, 2))*s, (1, 1), 'VALID').sum()",
    ("(lax.conv_general_dilated(X.reshape(1, 4, 3, 1), B.reshape(3, 1, 1, 2)[:2], (1, 1), 'VALID',\n"
     "    dimension_numbers=('NHWC', 'HWIO', 'NHWC'))**2).sum()"),
    "jnp.convolve(v, u).sum()**2",
    ("(lax.conv_general_dilated(X.reshape(1, 1, 4, 3)*s, S.reshape(1, 1, 2, 2), (2, 1), [(1, 2), (2, -1)],\n"
     "lhs_dilation=(2, 1), rhs_dilation=(1, 2))**2).sum()"),
    "(lax.conv_transpose(X.reshape(1, 4, 3, 1)*s, S.reshape(2, 2, 1, 1), (2, 2), 'SAME')**2).sum()",
    "lax.reduce_window(A.reshape(1, 1, 2, 3), -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 1, 1), 'VALID').sum()",
    "lax.reduce_window(v, 0.0, lax.add, (2,), (1,), 'VALID').prod()",
    "((A - A.mean(-1, keepdims=True))*lax.rsqrt(A.var(-1, keepdims=True) + 1e-5) * v).max()",
)  # fmt: skip
