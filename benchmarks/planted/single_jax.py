import jax
import numpy as np
from jax.test_util import check_grads
from single import grad, loss, point

W, X, y = point()


@jax.custom_vjp
def value(W):
    return jax.pure_callback(lambda W: loss(np.array(W), X, y), jax.ShapeDtypeStruct((), np.float32), W)


def backward(W, g):
    like_W = jax.ShapeDtypeStruct(W.shape, W.dtype)
    return (g*jax.pure_callback(lambda W: grad(np.array(W), X, y), like_W, W),)


value.defvjp(lambda W: (value(W), W), backward)
check_grads(value, (W,), order=1, modes=["rev"])
