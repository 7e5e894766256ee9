from scipy.optimize import check_grad
from single import grad, loss, point

W, X, y = point()


def like_W(theta):
    return theta.astype(W.dtype).reshape(W.shape)


def value(theta):
    return loss(like_W(theta), X, y)


def gradient(theta):
    return grad(like_W(theta), X, y).ravel()


print(check_grad(value, gradient, W.ravel()))
