"""A Catmull-Rom spline through control points: a gradient that loses those used twice, and its twin."""

import numpy as np


def point():
    random = np.random.default_rng(9)
    P, target = random.normal(size=(6, 2)), random.normal(size=(5, 2))
    return P, np.array([1, 1, 2, 2, 3]), random.uniform(size=5), target


def weights(s):
    return 0.5*np.stack([-s + 2*s**2 - s**3, 2 - 5*s**2 + 3*s**3, s + 4*s**2 - 3*s**3, -s**2 + s**3])


def loss(P, segment, s, target):
    p0, p1, p2, p3 = P[segment - 1], P[segment], P[segment + 1], P[segment + 2]
    s = s[:, None]
    curve = 0.5*(2*p1 + (p2 - p0)*s + (2*p0 - 5*p1 + 4*p2 - p3)*s**2 + (3*p1 - p0 - 3*p2 + p3)*s**3)
    return np.sum((curve - target)**2)


def residual(P, segment, s, target):
    parts = [w[:, None]*P[segment + k - 1] for k, w in enumerate(weights(s))]
    return 2*(sum(parts) - target)


def grad(P, segment, s, target):
    d = residual(P, segment, s, target)
    dP = np.zeros_like(P)
    for k, w in enumerate(weights(s)):
        dP[segment + k - 1] += w[:, None]*d
    return dP


def repaired(P, segment, s, target):
    d = residual(P, segment, s, target)
    dP = np.zeros_like(P)
    for k, w in enumerate(weights(s)):
        np.add.at(dP, segment + k - 1, w[:, None]*d)
    return dP
