"""Losses with loops, whose gradients have one mistake each when `right` is False."""

import numpy as np

RANDOM = np.random.default_rng(2)


# --- a recurrent net whose states stand in a dict -------------------------------------------------


def elman(W, U, X, y):
    hs = {-1: np.zeros(2)}
    for t in range(len(X)):
        hs[t] = np.tanh(W @ X[t] + U @ hs[t - 1])
    return 0.5*sum(np.sum((hs[t] - y)**2) for t in range(len(X)))


def elman_grad(W, U, X, y, right=True):
    hs = {-1: np.zeros(2)}
    for t in range(len(X)):
        hs[t] = np.tanh(W @ X[t] + U @ hs[t - 1])
    dW, dU, dh = np.zeros_like(W), np.zeros_like(U), np.zeros(2)
    for t in reversed(range(len(X))):
        da = (dh + hs[t] - y)*(1 - hs[t]**2)
        dW += np.outer(da, X[t])
        dU += np.outer(da, hs[t - 1])
        dh = U.T @ da if right else np.zeros(2)
    return dW, dU


def elman_wrong(W, U, X, y):
    return elman_grad(W, U, X, y, right=False)


# --- a cell with a reset gate ---------------------------------------------------------------------


def gate(R, U, X, y):
    h = np.ones(2)
    for x in X:
        r = np.exp(-(R @ x)**2)
        h = np.tanh(x + U @ (r*h))
    return 0.5*np.sum((h - y)**2)


def gate_grad(R, U, X, y, right=True):
    h, kept = np.ones(2), []
    for x in X:
        r = np.exp(-(R @ x)**2)
        kept.append((x, r, h))
        h = np.tanh(x + U @ (r*h))
    dR, dU, dh = np.zeros_like(R), np.zeros_like(U), h - y
    for x, r, before in kept[::-1]:
        da = dh*(1 - h**2)
        dU += np.outer(da, r*before if right else before)
        drh = U.T @ da
        dR += np.outer(drh*before*r*-2*(R @ x), x)
        dh, h = drh*r, before
    return dR, dU


def gate_wrong(R, U, X, y):
    return gate_grad(R, U, X, y, right=False)


def cells_at():
    X = RANDOM.normal(size=(4, 2))
    return RANDOM.normal(size=(2, 2))/2, RANDOM.normal(size=(2, 2))/2, X, RANDOM.normal(size=2)


# --- pairs ----------------------------------------------------------------------------------------


def pairs(x, k):
    energy = 0.0
    for i in range(len(x)):
        for j in range(i):
            d = x[i] - x[j]
            energy += 0.5*k*(np.sqrt(d @ d) - 1)**2
    return energy


def pairs_grad(x, k, right=True):
    g = np.zeros_like(x)
    for i in range(len(x)):
        for j in range(i):
            d = x[i] - x[j]
            f = k*(1 - 1/np.sqrt(d @ d))*d
            g[i] += f
            g[j] += -f if right else f
    return g


def pairs_wrong(x, k):
    return pairs_grad(x, k, right=False)


def pairs_at():
    return RANDOM.normal(size=(4, 2)), 1.3


# --- a penalty, an offset, one entry ----------------------------------------------------------------


def poisson(w, X, y, t):
    eta = X @ w + np.log(t)
    return np.sum(np.exp(eta) - y*eta) + 0.05*np.sum(w[1:]**2)


def poisson_grad(w, X, y, t):
    g = X.T @ (np.exp(X @ w + np.log(t)) - y)
    g[1:] += 0.1*w[1:]
    return g


def poisson_penalty(w, X, y, t):
    return poisson_grad(w, X, y, t) + 0.1*np.array([w[0], 0, 0])


def poisson_offset(w, X, y, t):
    return poisson_grad(w, X, y, np.ones_like(t))


def poisson_entry(w, X, y, t):
    return poisson_grad(w, X, y, t)*np.array([1, 2, 1])


def poisson_at():
    X = np.c_[np.ones(6), RANDOM.normal(size=(6, 2))]
    return {"w": np.array([0.3, -0.5, 0.2]), "X": X, "y": np.arange(6.0), "t": RANDOM.uniform(0.5, 2, size=6)}


# --- leaky units in a function ----------------------------------------------------------------------


def leaky(z):
    return np.where(z > 0, z, 0.1*z)


def network(U, V, X, y):
    return 0.5*np.sum((leaky(leaky(X @ U) @ V) - y)**2)


def network_grad(U, V, X, y, slope=0.1):
    a = X @ U
    b = leaky(a) @ V
    db = (leaky(b) - y)*np.where(b > 0, 1, slope)
    da = (db @ V.T)*np.where(a > 0, 1, slope)
    return X.T @ da, leaky(a).T @ db


def network_wrong(U, V, X, y):
    return network_grad(U, V, X, y, slope=0.0)


def network_at():
    return (RANDOM.normal(size=(3, 3)), RANDOM.normal(size=(3, 2)), RANDOM.normal(size=(5, 3)),
            RANDOM.normal(size=(5, 2)))
