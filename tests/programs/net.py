"""A network of two layers in NumPy: its loss, its gradient, and gradients with one mistake each."""

import numpy as np


def point():
    random = np.random.default_rng(0)
    arrays = [random.normal(size=shape) for shape in ((3, 4), (4,), (4, 3), (3,), (5, 3))]
    return (*arrays, np.array([0, 2, 1, 1, 0]))


def forward(W1, b1, W2, b2, X):
    z = X @ W1 + b1
    h = np.tanh(z)
    return z, h, h @ W2 + b2


def loss(W1, b1, W2, b2, X, y):
    _, _, s = forward(W1, b1, W2, b2, X)
    s = s - s.max(axis=1, keepdims=True)
    logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
    return -logp[np.arange(len(y)), y].mean() + 0.01*np.sum(W1**2)


def deltas(W1, b1, W2, b2, X, y):
    _, h, s = forward(W1, b1, W2, b2, X)
    p = np.exp(s - s.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    return h, p/len(y)


def right(W1, b1, W2, b2, X, y):
    h, d2 = deltas(W1, b1, W2, b2, X, y)
    d1 = (d2 @ W2.T)*(1 - h**2)
    dW1 = X.T @ d1
    dW1 += 0.02*W1
    return dW1, d1.sum(axis=0), h.T @ d2, d2.sum(axis=0)


def by_name(W1, b1, W2, b2, X, y):
    dW1, db1, dW2, db2 = right(W1, b1, W2, b2, X, y)
    return {"W2": dW2, "db2": db2, "grad_b1": db1, "W1_grad": dW1}


def with_loss(W1, b1, W2, b2, X, y):
    return loss(W1, b1, W2, b2, X, y), right(W1, b1, W2, b2, X, y)


def in_float32(W1, b1, W2, b2, X, y):
    return tuple(g.astype(np.float32) for g in right(W1, b1, W2, b2, X, y))


def forgets_the_derivative(W1, b1, W2, b2, X, y):
    h, d2 = deltas(W1, b1, W2, b2, X, y)
    d1 = d2 @ W2.T
    dW1 = X.T @ d1 + 0.02*W1
    db1 = d1.sum(axis=0)
    return dW1, db1, h.T @ d2, d2.sum(axis=0)


def takes_the_slope_at_z(W1, b1, W2, b2, X, y):
    z, _, _ = forward(W1, b1, W2, b2, X)
    h, d2 = deltas(W1, b1, W2, b2, X, y)
    d1 = (d2 @ W2.T)*(1 - z**2)
    db1 = d1.sum(axis=0)
    return X.T @ d1 + 0.02*W1, db1, h.T @ d2, d2.sum(axis=0)


def forgets_the_mean(W1, b1, W2, b2, X, y):
    dW1, db1, dW2, db2 = right(W1, b1, W2, b2, X, y)
    db2 = db2*len(y)
    return dW1, db1, dW2, db2


def forgets_the_penalty(W1, b1, W2, b2, X, y):
    dW1, db1, dW2, db2 = right(W1, b1, W2, b2, X, y)
    dW1 = dW1 - 0.02*W1
    return dW1, db1, dW2, db2


def has_the_wrong_sign(W1, b1, W2, b2, X, y):
    dW1, db1, dW2, db2 = right(W1, b1, W2, b2, X, y)
    dW2 = -dW2
    return dW1, db1, dW2, db2


def adds_rows_once(W1, b1, W2, b2, X, y):
    dW1, db1, dW2, db2 = right(W1, b1, W2, b2, X, y)
    db1 = db1/2
    return dW1, db1, dW2, db2


def returns_too_many(W1, b1, W2, b2, X, y):
    return (*right(W1, b1, W2, b2, X, y), 1.0, 2.0)


def names_another(W1, b1, W2, b2, X, y):
    return {"W3": W1}


def takes_another(W1, eta):
    return W1*eta


def raises(W1, b1, W2, b2, X, y):
    return W1 @ W1


def newton(w):
    """w[1] times the square root of w[0]; below 0 the search never ends."""
    s = w[0]
    while abs(s*s - w[0]) > 1e-12:
        s = 0.5*(s + w[0]/s)
    return s*w[1]


def newton_grad(w):
    return np.array([w[1]/(2*np.sqrt(w[0])), np.sqrt(w[0])])


def newton_point():
    return (np.array([0.4, 1.3]),)


def undefined(w):
    return np.log(-w[0])


def in_two_pieces(w):
    return w[0]**2*w[1] if w[0] > 0.39 else 3*w[0]


def in_two_pieces_grad(w):
    return np.array([2*w[0]*w[1], w[0]**2])
