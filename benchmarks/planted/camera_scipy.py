from camera import grad, loss, point
from scipy.optimize import check_grad

at = point()
t = at.pop("t")
print(check_grad(lambda t: loss(t, **at), lambda t: grad(t, **at), t))
