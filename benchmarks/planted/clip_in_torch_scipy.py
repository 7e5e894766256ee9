import numpy as np
import torch
from clip_in_torch import forgets_the_derivative, point
from scipy.optimize import check_grad

w, width, X, y = point()
X, y = X.double(), y.double()


def value(theta):
    return forgets_the_derivative(torch.tensor(theta[:2]), torch.tensor(theta[2]), X, y).item()


def gradient(theta):
    w, width = torch.tensor(theta[:2], requires_grad=True), torch.tensor(theta[2], requires_grad=True)
    forgets_the_derivative(w, width, X, y).backward()
    return np.array([*w.grad, width.grad])


print(check_grad(value, gradient, np.array([*w, width])))
