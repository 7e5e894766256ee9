from catmull_rom import grad, loss, point
from scipy.optimize import check_grad

P, *rest = point()
shape = P.shape
print(check_grad(
    lambda theta: loss(theta.reshape(shape), *rest),
    lambda theta: grad(theta.reshape(shape), *rest).ravel(),
    P.ravel(),
))  # fmt: skip
