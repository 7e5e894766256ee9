import numpy as np
from mlp import grad, loss, point
from scipy.optimize import check_grad

*parameters, X, Y = point()
ends = np.cumsum([p.size for p in parameters])


def taken_apart(theta):
    return [part.reshape(p.shape) for part, p in zip(np.split(theta, ends[:-1]), parameters, strict=True)]


def value(theta):
    return loss(*taken_apart(theta), X, Y)


def gradient(theta):
    return np.concatenate([g.ravel() for g in grad(*taken_apart(theta), X, Y)])


print(check_grad(value, gradient, np.concatenate([p.ravel() for p in parameters])))
