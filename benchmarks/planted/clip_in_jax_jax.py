import jax
from clip_in_jax import forgets_the_derivative, point
from jax.test_util import check_grads

jax.config.update("jax_enable_x64", True)
w, width, X, y = point()
check_grads(lambda w, width: forgets_the_derivative(w, width, X, y), (w, width), order=1, modes=["rev"])
