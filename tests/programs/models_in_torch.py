"""The losses of models_in_numpy in torch."""

import math

import models_in_numpy as like
import torch
import torch.nn.functional as F

mlp_point, logistic_point, attention_point = like.mlp_point, like.logistic_point, like.attention_point
lstm_point, gaussian_process_point, spline_point = (
    like.lstm_point, like.gaussian_process_point, like.spline_point)


def mlp(W1, gamma, beta, W2, b2, X, y):
    z = F.batch_norm(X @ W1, None, None, gamma, beta, training=True, eps=1e-5)
    scores = F.linear(torch.tanh(z), W2.T, b2)
    return F.cross_entropy(scores, y)


def logistic(w, b, X, y):
    z = X @ w + b
    return F.binary_cross_entropy_with_logits(z, y) + 0.05*w.pow(2).sum()


def attention(Wq, Wk, Wv, X, target):
    q, k, v = X @ Wq, X @ Wk, X @ Wv
    mixed = F.scaled_dot_product_attention(q[None], k[None], v[None])
    return F.mse_loss(mixed[0], target)


def lstm(W, U, b, v, X, target):
    h, c = torch.zeros(2), torch.zeros(2)
    for x in X:
        z = x @ W + h @ U + b
        i, f, o, g = z.chunk(4)
        c = torch.sigmoid(f)*c + torch.sigmoid(i)*torch.tanh(g)
        h = torch.sigmoid(o)*torch.tanh(c)
    return (h @ v - target)**2


def gaussian_process(log_length, log_scale, log_noise, x, y):
    distances = (x[:, None] - x[None, :])**2
    K = torch.exp(2*log_scale - 0.5*distances/torch.exp(2*log_length))
    K = K + torch.exp(2*log_noise)*torch.eye(len(x))
    L = torch.linalg.cholesky(K)
    alpha = torch.cholesky_solve(y[:, None], L)[:, 0]
    return 0.5*y @ alpha + torch.log(torch.diagonal(L)).sum() + 0.5*len(x)*math.log(2*math.pi)


def spline(knots, u, segment, target):
    p0, p1, p2, p3 = (knots[segment + k] for k in range(4))
    a = 2*p1
    b = p2 - p0
    c = 2*p0 - 5*p1 + 4*p2 - p3
    d = 3*p1 - p0 - 3*p2 + p3
    curve = 0.5*(a + b*u + c*u**2 + d*u**3)
    return ((curve - target)**2).sum()
