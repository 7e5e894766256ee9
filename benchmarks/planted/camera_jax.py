import jax
import numpy as np
from camera import grad, loss, point
from jax.test_util import check_grads

jax.config.update("jax_enable_x64", True)
at = point()
t = at.pop("t")


@jax.custom_vjp
def value(t):
    return jax.pure_callback(lambda t: loss(np.array(t), **at), jax.ShapeDtypeStruct((), float), t)


def backward(t, g):
    like_t = jax.ShapeDtypeStruct(t.shape, t.dtype)
    return (g*jax.pure_callback(lambda t: grad(np.array(t), **at), like_t, t),)


value.defvjp(lambda t: (value(t), t), backward)
check_grads(value, (t,), order=1, modes=["rev"])
