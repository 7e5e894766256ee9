"""Six losses in NumPy; models_in_jax and models_in_torch have the same ones."""

import numpy as np


def draw(**shapes):
    random = np.random.default_rng(3)
    return {name: 0.6*random.normal(size=shape) for name, shape in shapes.items()}


def batch_norm(z, gamma, beta):
    mean = z.mean(axis=0)
    var = z.var(axis=0)
    return gamma*(z - mean)/np.sqrt(var + 1e-5) + beta


def mlp(W1, gamma, beta, W2, b2, X, y):
    h = np.tanh(batch_norm(X @ W1, gamma, beta))
    scores = h @ W2 + b2
    scores = scores - scores.max(axis=1, keepdims=True)
    logp = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -logp[np.arange(len(y)), y].mean()


def mlp_point():
    shapes = {"W1": (3, 4), "gamma": (4,), "beta": (4,), "W2": (4, 3), "b2": (3,), "X": (6, 3)}
    return {**draw(**shapes), "y": np.array([0, 2, 1, 1, 0, 2])}


def logistic(w, b, X, y):
    z = X @ w + b
    return np.mean(np.logaddexp(0, z) - y*z) + 0.05*np.sum(w**2)


def logistic_point():
    return {**draw(w=(3,), b=(), X=(5, 3)), "y": np.array([0.0, 1.0, 1.0, 0.0, 1.0])}


def attention(Wq, Wk, Wv, X, target):
    q, k, v = X @ Wq, X @ Wk, X @ Wv
    scores = q @ k.T/np.sqrt(k.shape[1])
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = weights/weights.sum(axis=1, keepdims=True)
    return np.mean((weights @ v - target)**2)


def attention_point():
    return draw(Wq=(3, 2), Wk=(3, 2), Wv=(3, 2), X=(4, 3), target=(4, 2))


def sigmoid(x):
    return 1/(1 + np.exp(-x))


def lstm(W, U, b, v, X, target):
    h = np.zeros(2)
    c = np.zeros(2)
    for x in X:
        z = x @ W + h @ U + b
        i = sigmoid(z[0:2])
        f = sigmoid(z[2:4])
        o = sigmoid(z[4:6])
        g = np.tanh(z[6:8])
        c = f*c + i*g
        h = o*np.tanh(c)
    return (h @ v - target)**2


def lstm_point():
    return {**draw(W=(3, 8), U=(2, 8), b=(8,), v=(2,), X=(5, 3)), "target": 0.5}


def gaussian_process(log_length, log_scale, log_noise, x, y):
    distances = (x[:, None] - x[None, :])**2
    K = np.exp(2*log_scale - 0.5*distances/np.exp(2*log_length))
    K = K + np.exp(2*log_noise)*np.eye(len(x))
    L = np.linalg.cholesky(K)
    alpha = np.linalg.solve(K, y)
    return 0.5*y @ alpha + np.sum(np.log(np.diag(L))) + 0.5*len(x)*np.log(2*np.pi)


def gaussian_process_point():
    x = np.array([-1.0, -0.2, 0.4, 1.1])
    return {"log_length": -0.3, "log_scale": 0.2, "log_noise": -0.7, "x": x, "y": np.sin(2*x)}


def spline(knots, u, segment, target):
    p0, p1, p2, p3 = (knots[segment + k] for k in range(4))
    a = 2*p1
    b = p2 - p0
    c = 2*p0 - 5*p1 + 4*p2 - p3
    d = 3*p1 - p0 - 3*p2 + p3
    curve = 0.5*(a + b*u + c*u**2 + d*u**3)
    return np.sum((curve - target)**2)


def spline_point():
    u = np.array([0.1, 0.5, 0.9, 0.3, 0.7])
    return {**draw(knots=(6,)), "u": u, "segment": np.array([0, 0, 1, 2, 2]), "target": np.cos(u)}
