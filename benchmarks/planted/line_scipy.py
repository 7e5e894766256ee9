import json
import subprocess

import numpy as np
from scipy.optimize import check_grad

shapes = {"x": [2], "w": [2], "b": []}


def answer(theta):
    point = {"x": [1, 2], "w": [*theta[:2]], "b": theta[2]}
    asked = json.dumps({"parameters": ["w", "b"], "shapes": shapes, "point": point})
    ran = subprocess.run(["./line"], input=asked, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def gradient(theta):
    found = answer(theta)["gradient"]
    return np.array([*found["w"], found["b"]])


print(check_grad(lambda theta: answer(theta)["loss"], gradient, np.array([0.5, -1.0, 0.25])))
