"""The losses of models_in_numpy in jax."""

import jax
import jax.numpy as jnp
import models_in_numpy as like

jax.config.update("jax_enable_x64", True)

mlp_point, logistic_point, attention_point = like.mlp_point, like.logistic_point, like.attention_point
lstm_point, gaussian_process_point, spline_point = (
    like.lstm_point, like.gaussian_process_point, like.spline_point)


def batch_norm(z, gamma, beta):
    mean = z.mean(axis=0)
    var = z.var(axis=0)
    return gamma*(z - mean)*jax.lax.rsqrt(var + 1e-5) + beta


@jax.jit
def mlp(W1, gamma, beta, W2, b2, X, y):
    h = jnp.tanh(batch_norm(X @ W1, gamma, beta))
    logp = jax.nn.log_softmax(h @ W2 + b2)
    return -jnp.take_along_axis(logp, y[:, None], axis=1).mean()


def logistic(w, b, X, y):
    z = X @ w + b
    return jnp.mean(jax.nn.softplus(z) - y*z) + 0.05*jnp.sum(w**2)


def attention(Wq, Wk, Wv, X, target):
    q, k, v = X @ Wq, X @ Wk, X @ Wv
    weights = jax.nn.softmax(jnp.einsum("id,jd->ij", q, k)/jnp.sqrt(k.shape[1]), axis=-1)
    return jnp.mean((weights @ v - target)**2)


def lstm(W, U, b, v, X, target):
    def step(state, x):
        h, c = state
        z = x @ W + h @ U + b
        i, f, o, g = jnp.split(z, 4)
        c = jax.nn.sigmoid(f)*c + jax.nn.sigmoid(i)*jnp.tanh(g)
        h = jax.nn.sigmoid(o)*jnp.tanh(c)
        return (h, c), h

    (h, _), _ = jax.lax.scan(step, (jnp.zeros(2), jnp.zeros(2)), X)
    return (h @ v - target)**2


def gaussian_process(log_length, log_scale, log_noise, x, y):
    distances = (x[:, None] - x[None, :])**2
    K = jnp.exp(2*log_scale - 0.5*distances/jnp.exp(2*log_length))
    K = K + jnp.exp(2*log_noise)*jnp.eye(len(x))
    L = jnp.linalg.cholesky(K)
    alpha = jax.scipy.linalg.cho_solve((L, True), y)
    return 0.5*y @ alpha + jnp.sum(jnp.log(jnp.diag(L))) + 0.5*len(x)*jnp.log(2*jnp.pi)


def spline(knots, u, segment, target):
    p0, p1, p2, p3 = (knots[segment + k] for k in range(4))
    a = 2*p1
    b = p2 - p0
    c = 2*p0 - 5*p1 + 4*p2 - p3
    d = 3*p1 - p0 - 3*p2 + p3
    curve = 0.5*(a + b*u + c*u**2 + d*u**3)
    return jnp.sum((curve - target)**2)
