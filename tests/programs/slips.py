"""Losses with gradients that have the mistakes of public code, one each."""

import numpy as np

RANDOM = np.random.default_rng(1)
X, Y, y = RANDOM.normal(size=(6, 4)), RANDOM.normal(size=(6, 3)), RANDOM.normal(size=6)
W, A, B = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=(4, 4))/2, RANDOM.normal(size=(4, 4))/2


# --- one number ---------------------------------------------------------------------------------


def square(w):
    return np.sin(w)*w**2


def square_wrong_sign(w):
    return -(np.cos(w)*w**2 + 2*w*np.sin(w))


def square_at():
    return {"w": 0.7}


# --- ridge regression ---------------------------------------------------------------------------


def ridge(w, b, X, y):
    return 0.5*np.mean((X @ w + b - y)**2) + 0.05*np.sum(w**2)


def ridge_at():
    return {"w": np.array([0.5, -1.0, 0.25, 2.0]), "b": 0.3, "X": X, "y": y}


def ridge_by_differences(w, b, X, y, h=1e-5):
    found = np.zeros_like(w)
    for i in range(len(w)):
        up, down = w.copy(), w.copy()
        up[i] += h
        down[i] -= h
        found[i] = (ridge(up, b, X, y) - ridge(down, b, X, y))/(2*h)
    return found


# --- a column beside a vector -------------------------------------------------------------------


def joined(w, X, target):
    p = X @ w
    return np.mean((p - target)**2)


def joined_grad(w, X, target):
    return 2*X.T @ (X @ w - target[:, 0])/len(X)


def joined_at():
    return {"w": np.array([0.5, -1.0, 0.25, 2.0]), "X": X, "target": y[:, None]}


# --- products -----------------------------------------------------------------------------------


def product(A, B, X):
    return np.sum(np.tanh(X @ A @ B)**3)


def product_parts(A, B, X):
    t = np.tanh(X @ A @ B)
    d = 3*t**2*(1 - t**2)
    return X.T @ d @ B.T, (X @ A).T @ d


def product_transposed(A, B, X):
    dA, dB = product_parts(A, B, X)
    return dA.T, dB


def product_exchanged(A, B, X):
    return product_parts(A, B, X)[::-1]


def product_at():
    return {"A": A, "B": B, "X": X}


# --- a small number inside a log, a mask --------------------------------------------------------


def entropy(W, X, Y):
    p = 1/(1 + np.exp(-X @ W))
    return -np.sum(Y*np.log(p + 1e-3) + (1 - Y)*np.log(1 - p + 1e-3))/len(X)


def entropy_grad(W, X, Y):
    return X.T @ (1/(1 + np.exp(-X @ W)) - Y)/len(X)


def entropy_at():
    return {"W": W, "X": X, "Y": (Y > 0).astype(float)}


def relu(W, X, Y):
    h = np.maximum(X @ W, 0)
    return 0.5*np.sum((h - Y)**2)


def relu_grad(W, X, Y):
    return X.T @ (np.maximum(X @ W, 0) - Y)


def weights_at():
    return {"W": W, "X": X, "Y": Y}


# --- a flat vector ------------------------------------------------------------------------------


def flat(theta, X, Y):
    W = theta[:12].reshape(4, 3)
    b = theta[12:]
    return 0.5*np.sum((np.tanh(X @ W + b) - Y)**2)


def flat_parts(theta, X, Y):
    t = np.tanh(X @ theta[:12].reshape(4, 3) + theta[12:])
    d = (t - Y)*(1 - t**2)
    return X.T @ d, d.sum(axis=0)


def flat_in_columns(theta, X, Y):
    dW, db = flat_parts(theta, X, Y)
    return np.concatenate([dW.ravel(order="F"), db])


def flat_swapped(theta, X, Y):
    dW, db = flat_parts(theta, X, Y)
    return np.concatenate([db, dW.ravel()])


def flat_by_a_factor(theta, X, Y):
    dW, db = flat_parts(theta, X, Y)
    return np.concatenate([dW.ravel(), db/2])


def flat_at():
    return {"theta": np.linspace(-1.0, 0.8, 15), "X": X, "Y": Y}


# --- through time -------------------------------------------------------------------------------


def recurrent(W, U, xs):
    h = np.zeros(4)
    total = 0.0
    for x in xs:
        h = np.tanh(W @ h + U @ x)
        total += 0.5*np.sum((h - 1)**2)
    return total


def recurrent_not_carried(W, U, xs):
    hs = [np.zeros(4)]
    for x in xs:
        hs.append(np.tanh(W @ hs[-1] + U @ x))
    dW, dU = np.zeros_like(W), np.zeros_like(U)
    for before, x, h in zip(hs, xs, hs[1:], strict=False):
        dz = (h - 1)*(1 - h**2)
        dW += np.outer(dz, before)
        dU += np.outer(dz, x)
    return dW, dU


def recurrent_at():
    return {"W": A, "U": W, "xs": X[:4, :3]}


# --- terms that are left out --------------------------------------------------------------------


def softmax(W, X, Y):
    s = X @ W
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e/e.sum(axis=1, keepdims=True)
    return 0.5*np.sum((p - Y)**2)


def softmax_diagonal(W, X, Y):
    s = X @ W
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e/e.sum(axis=1, keepdims=True)
    return X.T @ ((p - Y)*p*(1 - p))


def batch_norm(W, X, Y):
    z = X @ W
    mean = z.mean(axis=0)
    var = z.var(axis=0)
    out = (z - mean)/np.sqrt(var + 1e-5)
    return 0.5*np.mean((out - Y)**2)


def batch_norm_held(W, X, Y):
    z = X @ W
    scale = np.sqrt(z.var(axis=0) + 1e-5)
    out = (z - z.mean(axis=0))/scale
    return X.T @ ((out - Y)/Y.size/scale)


# --- a mask that is whole at the given point ----------------------------------------------------


def hinge(w, X):
    return np.sum(np.maximum(X @ w, 0)**2)


def hinge_without_mask(w, X):
    return 2*X.T @ (X @ w)


def hinge_grad(w, X):
    return 2*X.T @ np.maximum(X @ w, 0)


def hinge_at():
    return {"w": np.array([1.0, 1.0]), "X": np.array([[1.0, 2.0], [2.0, -1.95], [0.5, 1.0]])}
