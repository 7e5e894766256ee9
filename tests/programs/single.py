"""Softmax regression in float32 whose gradient forgets half of the penalty, and its repaired twin."""

import numpy as np


def point():
    random = np.random.default_rng(5)
    W, X = (random.normal(size=shape).astype(np.float32) for shape in ((4, 3), (6, 4)))
    return W, X, np.array([0, 2, 1, 1, 0, 2])


def loss(W, X, y):
    scores = X @ W
    scores = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(len(y)), y]).mean() + np.float32(0.01)*np.sum(W**2)


def residual(W, X, y):
    scores = X @ W
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    return p/np.float32(len(y))


def grad(W, X, y):
    dW = X.T @ residual(W, X, y)
    dW += np.float32(0.01)*W
    return dW


def repaired(W, X, y):
    return X.T @ residual(W, X, y) + np.float32(0.02)*W
