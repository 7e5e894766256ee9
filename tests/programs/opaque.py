"""Losses that no trace sees through, with right and wrong gradients; and programs that misbehave."""

import sys
import time

import numpy as np


def point():
    return {"w": np.array([0.5, -1.2, 2.0, 0.3, 0.8, -0.4])}


def spectrum(w):
    return float(np.sum(np.abs(np.fft.fft(w))**2*np.array([1.0, 0.5, 0.1, 2.0, 0.1, 0.5])))


def spectrum_grad(w):
    weights = np.array([1.0, 0.5, 0.1, 2.0, 0.1, 0.5])
    return 2*len(w)*np.real(np.fft.ifft(weights*np.fft.fft(w)))


def spectrum_wrong(w):
    grad = spectrum_grad(w)
    grad[3] *= 1.001
    return grad


def spectrum_scaled(w):
    return spectrum_grad(w)/len(w)


def narrow_point():
    return {"w": point()["w"].astype(np.float32)}


def narrow(w):
    return np.float32(np.sum(np.abs(np.fft.fft(w).astype(np.complex64))**2))


def narrow_grad(w):
    return (2*len(w)*w).astype(np.float32)


def narrow_wrong(w):
    grad = narrow_grad(w)
    grad[1] *= np.float32(1.2)
    return grad


def kinked_point():
    return {"w": np.array([1.5, 0.0, -2.0])}


def kinked(w):
    return sum(abs(float(v)) for v in w) + float(np.real(np.fft.fft(w)[0]))


def kinked_grad(w):
    return np.sign(w) + 1


def kinked_outside(w):
    return np.where(w == 0, 3.0, np.sign(w) + 1)


def large_point():
    return {"W": np.linspace(-1.0, 1.0, 1_000_000).reshape(1000, 1000)}


def large(W):
    return 0.5*float(np.sum(W**2)) + float(np.sum(np.sin(W)))


def large_grad(W):
    return W + np.cos(W)


def large_wrong(W):
    grad = large_grad(W)
    grad[17, 203] += 0.5
    return grad


calls = [0]


def counted(w):
    calls[0] += 1
    return float(np.sum(w**2)) + 1e-3*calls[0]


def noisy(w):
    return float(np.sum(w**2)) + 1e-6*np.random.default_rng().normal()


def square(w):
    return float(np.sum(w**2))


def double(w):
    return 2*w


def noisy_grad(w):
    return 2*w + 1e-6*np.random.default_rng().normal(size=w.shape)


def hangs(w):
    while True:
        time.sleep(0.01)


def leaves(w):
    sys.exit(7)


def raises(w):
    return 1/0


def returns_nan(w):
    return float("nan")


def nan_grad(w):
    return w*np.nan


def too_long(w):
    return np.ones(len(w) + 1)


def blocks_point():
    A, B, C = np.linspace(-1.0, 1.5, 400), np.linspace(0.5, 1.5, 300), np.linspace(1.0, 2.0, 200)
    return {"A": A, "B": B, "C": C}


def blocks(A, B, C):
    return float(np.sum(np.sin(A))*np.sum(B**2) + np.sum(np.exp(C)))


def blocks_grad(A, B, C):
    return np.cos(A)*np.sum(B**2), 2*B*np.sum(np.sin(A)), np.exp(C)


def blocks_wrong(A, B, C):
    dA, dB, dC = blocks_grad(A, B, C)
    dA[7] += 0.5
    return dA, dB, 2*dC
