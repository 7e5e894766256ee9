"""Models whose derivations are known by heart, and the formulas of the toy model."""

TOY = """
data  x = 2.3, y = 2
param b0 = 1.0, b1 = 2.0, b2 = -3.0, b3 = 0.4
param w0 = 0.1, w1 = -0.4, w2 = 2.0, w3 = 3.0
f0 = b0 + w0*x
h1 = sin(f0);  f1 = b1 + w1*h1
h2 = exp(f1);  f2 = b2 + w2*h2
h3 = cos(f2);  f3 = b3 + w3*h3
loss = (f3 - y)^2
"""

TOY_BACKWARD = {
    "f3": ("2*(f3 - y)", ""),
    "h3": ("w3 * d loss/d f3", "d f3/d h3 = w3"),
    "f2": ("-sin(f2) * d loss/d h3", "d h3/d f2 = -sin(f2)"),
    "h2": ("w2 * d loss/d f2", "d f2/d h2 = w2"),
    "f1": ("h2 * d loss/d h2", "d h2/d f1 = exp(f1) = h2"),
    "h1": ("w1 * d loss/d f1", "d f1/d h1 = w1"),
    "f0": ("cos(f0) * d loss/d h1", "d h1/d f0 = cos(f0)"),
    "b0": ("d loss/d f0", "d f0/d b0 = 1"),
    "b1": ("d loss/d f1", "d f1/d b1 = 1"),
    "b2": ("d loss/d f2", "d f2/d b2 = 1"),
    "b3": ("d loss/d f3", "d f3/d b3 = 1"),
    "w0": ("x * d loss/d f0", "d f0/d w0 = x"),
    "w1": ("h1 * d loss/d f1", "d f1/d w1 = h1"),
    "w2": ("h2 * d loss/d f2", "d f2/d w2 = h2"),
    "w3": ("h3 * d loss/d f3", "d f3/d w3 = h3"),
}

NETWORK = """
data  x[3] = [0.5, -1.2, 0.3], y[2] = [1, -1]
param W0[4,3] ~ he, b0[4] = 0
param W1[2,4] ~ he, b1[2] = 0
f0 = b0 + W0 @ x
h1 = relu(f0)
f1 = b1 + W1 @ h1
loss = sum((f1 - y)^2)
"""

ROWS = """
rows x = [1, 2.5, 3], y = [2, 2, 1]
param b = 1.0, w = 0.3
f = b + w*x
h = tanh(f)
l = (h - y)^2
loss = mean_rows(l)
"""
