"""Logistic regression with its gradient in the conventions of public code, each with a wrong twin."""

import numpy as np

X = np.array([[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0]])
y = np.array([1.0, 0.0, 1.0])
W = np.array([0.3, -0.2])
b = np.array([0.1])


def point():
    return {"X": X, "y": y}


def both():
    return {"W": W, "b": b, "X": X, "y": y}


def compute(W, b, X, y):
    p = 1/(1 + np.exp(-(X @ W + b)))
    return p, -np.mean(y*np.log(p) + (1 - y)*np.log(1 - p))


def of(W, b, X, y):
    e = (compute(W, b, X, y)[0] - y)/len(y)
    return X.T @ e, np.array([e.sum()])


class Model:
    def __init__(self, n, reg=0.0):
        self.W = np.linspace(-0.3, 0.3, n)
        self.b = np.array([0.1])
        self.reg = reg

    def loss(self, X, y):
        self.X, self.y = X, y
        self.p, value = compute(self.W, self.b, X, y)
        return value + 0.5*self.reg*np.sum(self.W**2)

    def gradient(self):
        e = (self.p - self.y)/len(self.y)
        return self.X.T @ e + self.reg*self.W, np.array([e.sum()])

    def backward(self):
        self.dW, self.db = self.gradient()

    def backward_wrong(self):
        self.dW, self.db = self.gradient()
        self.db *= 2

    def into_grads(self):
        dW, db = self.gradient()
        self.grads = {"W": dW, "b": db}
        return self.X  # what a layer returns is no gradient of its parameters

    def into_grads_wrong(self):
        self.into_grads()
        self.grads["W"] = -self.grads["W"]

    def step(self, lr=0.125):
        dW, db = self.gradient()
        self.W -= lr*dW
        self.b -= lr*db

    def step_wrong(self, lr=0.125):
        dW, db = self.gradient()
        self.W += lr*dW
        self.b -= lr*db


class Layer:
    def __init__(self, rows, columns):
        random = np.random.default_rng(rows)
        self.W = random.normal(size=(rows, columns))
        self.b = np.zeros(columns)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d):
        self.grad_W = self.x.T @ d
        self.grad_b = d.sum(axis=0)
        return d @ self.W.T


class Net:
    def __init__(self):
        self.layers = [Layer(2, 3), Layer(3, 1)]
        self.wrong = False

    def loss(self, X, y):
        self.h = np.tanh(self.layers[0].forward(X))
        self.e = self.layers[1].forward(self.h)[:, 0] - y
        return 0.5*np.sum(self.e**2)

    def backward(self):
        d = self.layers[1].backward(self.e[:, None])
        self.layers[0].backward(d*(1 - self.h**2))

    def backward_wrong(self):
        d = self.layers[1].backward(self.e[:, None])
        self.layers[0].backward(d)


net = Net()


def global_loss():
    return compute(W, b, X, y)[1]


def global_gradient():
    return of(W, b, X, y)


def global_gradient_wrong():
    dW, db = of(W, b, X, y)
    return 3*dW, db


def into_globals():
    global dW, db
    dW, db = of(W, b, X, y)


def loss(W, b, X, y):
    return compute(W, b, X, y)[1]


def grad_W(W, b, X, y):
    return of(W, b, X, y)[0]


def grad_b(W, b, X, y):
    return of(W, b, X, y)[1]


def grad_b_wrong(W, b, X, y):
    return of(W, b, X, y)[1]*len(y)


def update(W, b, X, y, lr=0.01):
    dW, db = of(W, b, X, y)
    W -= lr*dW
    b -= lr*db


def update_wrong(W, b, X, y, lr=0.01):
    dW, db = of(W, b, X, y)
    W -= lr*dW*len(y)
    b -= lr*db


def fixed_update(W, b, X, y):
    dW, db = of(W, b, X, y)
    W -= 0.1*dW
    b -= 0.1*db


def stepped(W, b, X, y):
    dW, db = of(W, b, X, y)
    return W - 0.1*dW, b - 0.1*db


def product(a, c):
    return np.sin(a)*np.exp(c)


def slopes(a, c):
    return np.cos(a)*np.exp(c), np.sin(a)*np.exp(c)


def slopes_wrong(a, c):
    return np.cos(a)*np.exp(c), np.cos(a)*np.exp(c)


def two():
    return 0.7, 0.3


def anew():
    global W, b
    dW, db = of(W, b, X, y)
    W = W - lr*dW
    b = b - lr*db


def anew_wrong():
    global W, b
    dW, db = of(W, b, X, y)
    W = W - lr*dW
    b = b - 2*lr*db


lr = 0.25


class Estimator:
    """As in scikit-learn: settings come before what is fitted, and the gradient is flat."""

    def __init__(self, C=2.0):
        self.C = C
        self.coef_ = np.array([0.3, -0.2])
        self.intercept_ = 0.1

    def loss(self, X, y):
        return compute(self.coef_, self.intercept_, X, y)[1] + 0.5/self.C*np.sum(self.coef_**2)

    def gradient(self, X, y):
        dw, db = of(self.coef_, self.intercept_, X, y)
        return np.append(dw + self.coef_/self.C, db)

    def gradient_wrong(self, X, y):
        dw, db = of(self.coef_, self.intercept_, X, y)
        return np.append(dw + self.coef_*self.C, db)
