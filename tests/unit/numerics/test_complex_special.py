"""Special functions beside the real axis: both parts against 50 digits, for steps of any size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.numerics.complex_special import CONTINUED_SPECIAL
from gradcheck_cli.numerics.complex_step import COMPLEX128
from gradcheck_cli.numerics.mpmath_context import private_context
from gradcheck_cli.numerics.special_functions import named_value

MP = private_context(50)


def log_gamma(z: Any) -> Any:
    if MP.re(z) > 0:
        return MP.loggamma(z)
    s = MP.sinpi(z)
    return MP.log(MP.pi) - MP.log(s if MP.re(s) > 0 else -s) - MP.loggamma(1 - z)


POSITIVE = [1e-6, 0.02, 0.3, 0.49, 0.51, 0.9, 1.0, 1.2, 1.9, 2.1, 3.3, 4.9, 5.7, 8.0, 26.9, 40.1, 300.0]
BOTH = [*POSITIVE, -0.01, -0.4, -0.6, -0.9, -1.3, -2.6, -7.3, -12.5, -24.2]
# the function, at high precision, and where
TRUE: dict[str, tuple[Callable[[Any], Any], list[float]]] = {
    "lgamma": (log_gamma, [x for x in BOTH if x < 0 or not 1 <= x <= 2]),
    "gamma": (MP.gamma, [x for x in BOTH if -13 < x < 30]),
    "digamma": (lambda z: MP.psi(0, z), BOTH),
    "erfcx": (lambda z: MP.exp(z * z) * MP.erfc(z), [x for x in BOTH if x > -13]),
    "log_normal_cdf": (lambda z: MP.log(MP.erfc(-z / MP.sqrt(2)) / 2), [x for x in BOTH if x < 9]),
    "dawson": (lambda z: MP.sqrt(MP.pi) / 2 * MP.exp(-z * z) * MP.erfi(z), [x for x in BOTH if x < 50]),
    "expint": (MP.e1, POSITIVE),
    "sinc": (MP.sincpi, [x for x in BOTH if x % 1]),
}


@pytest.mark.parametrize("name", TRUE)
def test_both_parts_are_accurate(name: str) -> None:
    true, places = TRUE[name]
    for step in (1e-30, 2.0**-26, 2.0**-9):
        for x in places:
            z = x * (1 + step * 1j)
            found = complex(COMPLEX128.named(name, np.array([[z]]))[0, 0])
            expected = true(MP.mpc(z.real, z.imag))
            for mine, other in ((found.real, expected.real), (found.imag, expected.imag)):
                assert abs(mine / float(other) - 1) < 2e-14, (x, step)


@pytest.mark.parametrize("name", TRUE)
def test_on_the_real_axis_it_is_the_real_function(name: str) -> None:
    x = np.array([TRUE[name][1]])
    found = CONTINUED_SPECIAL[name](COMPLEX128, x + 0j)
    assert (found.imag == 0).all()
    assert np.abs(found.real / named_value(name, x) - 1).max() < 1e-15


