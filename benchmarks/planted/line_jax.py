import json
import subprocess

import jax
import numpy as np
from jax.test_util import check_grads

jax.config.update("jax_enable_x64", True)
shapes = {"x": [2], "w": [2], "b": []}


def answer(w, b):
    point = {"x": [1, 2], "w": w.tolist(), "b": b.item()}
    asked = json.dumps({"parameters": ["w", "b"], "shapes": shapes, "point": point})
    ran = subprocess.run(["./line"], input=asked, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def gradient(w, b):
    found = answer(w, b)["gradient"]
    return np.array(found["w"], dtype=float), np.array(found["b"], dtype=float)


def like(*arrays):
    return tuple(jax.ShapeDtypeStruct(np.shape(each), float) for each in arrays)


@jax.custom_vjp
def value(w, b):
    return jax.pure_callback(lambda w, b: np.array(answer(w, b)["loss"], dtype=float), like(0.0)[0], w, b)


value.defvjp(
    lambda w, b: (value(w, b), (w, b)),
    lambda wb, g: tuple(g*d for d in jax.pure_callback(gradient, like(*wb), *wb)),
)
check_grads(value, (np.array([0.5, -1.0]), np.array(0.25)), order=1, modes=["rev"])
