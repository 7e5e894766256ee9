import jax
import numpy as np
from clip_in_jax import forgets_the_derivative, point
from scipy.optimize import check_grad

jax.config.update("jax_enable_x64", True)
w, width, X, y = point()


def value(theta):
    return forgets_the_derivative(theta[:2], theta[2], X, y)


print(check_grad(value, jax.grad(value), np.array([*w, width])))
