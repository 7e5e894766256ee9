"""A soft clip with a backward of its own, as an autograd function: right, and with mistakes."""

import torch


class Right(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, width):
        y = width*torch.tanh(x/width)
        ctx.save_for_backward(x, width)
        return y

    @staticmethod
    def backward(ctx, g):
        x, width = ctx.saved_tensors
        slope = 1 - torch.tanh(x/width)**2
        dx = g*slope
        dwidth = torch.sum(g*(torch.tanh(x/width) - x/width*slope))
        return dx, dwidth


class ForgetsTheDerivative(Right):
    @staticmethod
    def forward(ctx, x, width):
        y = width*torch.tanh(x/width)
        ctx.save_for_backward(x, width)
        return y

    @staticmethod
    def backward(ctx, g):
        x, width = ctx.saved_tensors
        slope = 1 - torch.tanh(x/width)**2
        dx = g
        dwidth = torch.sum(g*(torch.tanh(x/width) - x/width*slope))
        return dx, dwidth


class HasTheWrongSign(Right):
    @staticmethod
    def forward(ctx, x, width):
        y = width*torch.tanh(x/width)
        ctx.save_for_backward(x, width)
        return y

    @staticmethod
    def backward(ctx, g):
        x, width = ctx.saved_tensors
        slope = 1 - torch.tanh(x/width)**2
        dx = g*slope
        dwidth = -torch.sum(g*(torch.tanh(x/width) - x/width*slope))
        return dx, dwidth


def right(w, width, X, y):
    return torch.mean((Right.apply(X @ w, width) - y)**2)


def forgets_the_derivative(w, width, X, y):
    return torch.mean((ForgetsTheDerivative.apply(X @ w, width) - y)**2)


def has_the_wrong_sign(w, width, X, y):
    return torch.mean((HasTheWrongSign.apply(X @ w, width) - y)**2)


def point():
    X = torch.tensor([[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]])
    return torch.tensor([0.7, -0.3]), 1.3, X, torch.tensor([1.0, 0.0, 2.0])
