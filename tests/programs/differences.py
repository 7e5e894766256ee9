"""A loss, its gradient, and gradients by differences: right to some digits, or wrong besides."""

import numpy as np


def point():
    return {"w": np.array([0.5, -1.0, 0.3])}


def loss(w):
    return np.sum(np.tanh(w)**2*np.exp(w))


def exact(w):
    h = np.tanh(w)
    return h*np.exp(w)*(2*(1 - h**2) + h)


def forward(w, step=2**-26):
    return np.array([(loss(w + step*e) - loss(w))/step for e in np.eye(len(w))])


def central(w, step=4e-6):
    return np.array([(loss(w + step*e) - loss(w - step*e))/(2*step) for e in np.eye(len(w))])


def forward_wrong(w):
    return forward(w)*[1, 1 + 1e-4, 1]


def narrow(w):
    return exact(w).astype(np.float32)


def opaque(w):
    return loss(np.array([float(v) for v in w]))
