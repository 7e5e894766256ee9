"""Special functions at high precision, held to identities and to values of another precision."""

from __future__ import annotations

import pytest

from build import one_of
from gradcheck_cli.numerics.mpmath_context import private_context
from gradcheck_cli.numerics.special_multiprecision import named_number


@pytest.mark.parametrize("x", one_of(3, [
    "1e-30", "0.001", "0.8935769662791675", "3.2", "57", "400.25", "5000",
]))  # fmt: skip
@pytest.mark.parametrize("n", [1, 2, 7])
@pytest.mark.parametrize("digits", [50, 800])
def test_bessel_functions_fulfill_their_wronskian(digits: int, n: int, x: str) -> None:
    """J_n Y_{n-1} - J_{n-1} Y_n = 2/(pi x), DLMF 10.5.2; one x lies beside a zero of Y_0."""
    c = private_context(digits)
    at = c.mpf(x)
    ys = [named_number(c, "bessel_y", k, at) for k in (n - 1, n)]
    first, second = c.besselj(n, at) * ys[0], c.besselj(n - 1, at) * ys[1]
    scale = max(abs(first), abs(second))
    assert abs(first - second - 2 / (c.pi * at)) <= 100 * c.eps * scale  # a few roundings of either product


@pytest.mark.parametrize(("n", "x", "value"), [
    (0, 1.5, 0.38244892379775884396), (1, 0.25, -2.7041052293152825), (3, 2.0, -1.1277837768404277861),
])
def test_values_of_the_second_kind(n: int, x: float, value: float) -> None:
    assert float(named_number(private_context(30), "bessel_y", n, x)) == pytest.approx(value, rel=1e-15)


def test_negative_orders() -> None:
    c = private_context(30)
    positive, negative = (named_number(c, "bessel_y", n, c.mpf(3)) for n in (3, -3))
    assert negative == -positive


def test_outside_the_domain_there_is_no_value() -> None:
    c = private_context(30)
    assert all(c.isnan(named_number(c, "bessel_y", 0, c.mpf(x))) for x in (0, -1, "inf"))
