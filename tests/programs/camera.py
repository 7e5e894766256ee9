"""Reprojection of points: a gradient by pose that divides by the depth once too seldom, and its twin."""

import numpy as np


def point():
    random = np.random.default_rng(7)
    return {
        "t": np.array([0.1, -0.2, 4.0]), "w": np.array([0.3, -0.2, 0.5]),
        "P": random.normal(size=(6, 3)), "uv": random.normal(size=(6, 2)), "f": 1.5,
    }


def rotation(w):
    angle = np.sqrt(w @ w)
    k = w/angle
    K = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    return np.eye(3) + np.sin(angle)*K + (1 - np.cos(angle))*K @ K


def loss(t, w, P, uv, f):
    q = P @ rotation(w).T + t
    xy, depth = q[:, :2], q[:, 2:]
    u = f*xy/depth
    return 0.5*np.sum((u - uv)**2)


def grad(t, w, P, uv, f):
    q = P @ rotation(w).T + t
    xy, depth = q[:, :2], q[:, 2:]
    e = f*xy/depth - uv
    d_depth = -np.sum(e*f*xy, axis=1)/depth[:, 0]
    return np.array([*np.sum(f*e/depth, axis=0), d_depth.sum()])


def repaired(t, w, P, uv, f):
    q = P @ rotation(w).T + t
    xy, depth = q[:, :2], q[:, 2:]
    e = f*xy/depth - uv
    d_depth = -np.sum(e*f*xy, axis=1)/depth[:, 0]**2
    return np.array([*np.sum(f*e/depth, axis=0), d_depth.sum()])
