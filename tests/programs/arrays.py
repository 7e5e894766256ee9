"""Functions with array outputs, their vector-Jacobian and Jacobian-vector products, right and wrong."""

import numpy as np


def point():
    random = np.random.default_rng(2)
    return {"W": random.normal(size=(3, 2)), "b": random.normal(size=2), "X": random.normal(size=(4, 3))}


def layer(W, b, X):
    return np.tanh(X @ W + b)


def layer_vjp(W, b, X, g):
    d = g*(1 - np.tanh(X @ W + b)**2)
    return X.T @ d, d.sum(axis=0)


def layer_vjp_wrong(W, b, X, g):
    d = g*(1 - np.tanh(X @ W + b)**2)
    return X.T @ d, d.mean(axis=0)


def layer_vjp_linear(W, b, X, g):
    return X.T @ g, g.sum(axis=0)


def layer_jvp(W, b, X, dW, db):
    y = np.tanh(X @ W + b)
    return y, (X @ dW + db)*(1 - y**2)


def layer_jvp_wrong(W, b, X, dW, db):
    y = np.tanh(X @ W + b)
    return y, X @ dW*(1 - y**2) + db


def layer_jvp_of_one_row(W, b, X, dW, db):
    return (X @ dW + db)[0]


def two_outputs(u, v):
    return np.outer(u, v), np.sum(u*u)


def two_outputs_vjp(u, v, gs):
    g, h = gs
    return g @ v + 2*h*u, g.T @ u


def two_outputs_vjp_wrong(u, v, gs):
    g, h = gs
    return g @ v + h*u, g.T @ u


def vectors():
    return np.array([0.5, -1.0, 2.0]), np.array([1.5, 0.25])


def spectrum(x):
    return np.real(np.fft.fft(x))


def spectrum_vjp(x, g):
    return np.real(np.fft.fft(g))


def spectrum_vjp_wrong(x, g):
    return np.real(np.fft.fft(g))/len(x)


def signal():
    return {"x": np.array([0.5, -1.0, 2.0, 0.75])}
