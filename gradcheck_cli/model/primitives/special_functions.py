"""Reads nothing. Gives the records of special functions: gamma and its kin, error and Bessel functions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from gradcheck_cli.model.primitives.arithmetic import ABOVE_ZERO, pole_margin
from gradcheck_cli.model.primitives.record import Primitive, enter

if TYPE_CHECKING:
    from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["FAMILY"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY, analytic=False)

# -- gamma and its kin


def _sides_of_poles(m: Namespace, x: Any) -> Any:
    """Changes its sign at 0, -1, -2, ..."""
    return m.where(m.gt(x, 0.5), 1 + 0 * x, m.named("sinpi", x))


def _to_poles(m: Namespace, y: Any, moved: Any, x: Any) -> Any:
    """How much nearer the move is than the poles at 0, -1, -2, ..."""
    way = m.where(m.gt(x, 0.5), x, m.abs(m.named("sinpi", x)) / m.pi)
    return m.where(m.eq(way, 0), 1 + 0 * x, way - m.abs(moved - x))


def _smaller(m: Namespace, a: Any, b: Any) -> Any:
    return m.where(m.gt(a, b), b, a)

_POLES = "x not 0, -1, -2, ..."

define(
    "lgamma", "lgamma(x)", "log of the absolute value of gamma(x)", aliases=("gammaln", "loggamma"),
    sample=((2.3, 6.0),), analytic=True,
    forward=lambda m, x: m.named("lgamma", x),
    vjp=(lambda m, g, y, x: g * m.named("digamma", x),),
    symbolic=lambda s, x: s.loggamma(x),
    domain=_sides_of_poles, domain_text=_POLES, within=_to_poles,
)  # fmt: skip
define(
    "gamma", "gamma(x)", "gamma function", aliases=("tgamma",), sample=((0.3, 3.0),),
    analytic=True,
    forward=lambda m, x: m.named("gamma", x),
    vjp=(lambda m, g, y, x: g * y * m.named("digamma", x),),
    symbolic=lambda s, x: s.gamma(x),
    domain=_sides_of_poles, domain_text=_POLES, within=_to_poles,
)  # fmt: skip
define(
    "digamma", "digamma(x)", "derivative of lgamma(x)", aliases=("psi",), sample=((2.0, 6.0),),
    analytic=True,
    forward=lambda m, x: m.named("digamma", x),
    vjp=(lambda m, g, y, x: g * m.named("polygamma", 1, x),),
    symbolic=lambda s, x: s.of_order("polygamma", 0, x),
    domain=_sides_of_poles, domain_text=_POLES, within=_to_poles,
)  # fmt: skip
define(
    "polygamma", "polygamma(n, x)", "n-th derivative of digamma(x); n is written out", orders=("n",),
    options={"n": 1}, sample=((0.5, 4.0),),
    forward=lambda m, x, n: m.named("polygamma", n, x),
    vjp=(lambda m, g, y, x, n: g * m.named("polygamma", n + 1, x),),
    symbolic=lambda s, x, n: s.of_order("polygamma", n, x),
    domain=lambda m, x, n: _sides_of_poles(m, x), domain_text=_POLES,
    within=lambda m, y, moved, x, n: _to_poles(m, y, moved, x),
)  # fmt: skip
define(
    "beta", "beta(a, b)", "gamma(a)*gamma(b)/gamma(a + b)", arguments=2, sample=((0.5, 3.0), (0.5, 3.0)),
    forward=lambda m, a, b: m.named("beta", a, b),
    vjp=(
        lambda m, g, y, a, b: g * y * (m.named("digamma", a) - m.named("digamma", a + b)),
        lambda m, g, y, a, b: g * y * (m.named("digamma", b) - m.named("digamma", a + b)),
    ),
    symbolic=lambda s, a, b: s.beta(a, b),
    domain=_smaller, domain_text="a > 0 and b > 0",
    within=lambda m, y, to_a, to_b, a, b: _smaller(m, pole_margin(m, to_a, a), pole_margin(m, to_b, b)),
)  # fmt: skip
define(
    "betaln", "betaln(a, b)", "log(beta(a, b))", aliases=("lbeta",), arguments=2,
    sample=((2.0, 4.0), (2.0, 4.0)),
    forward=lambda m, a, b: m.named("betaln", a, b),
    vjp=(
        lambda m, g, y, a, b: g * (m.named("digamma", a) - m.named("digamma", a + b)),
        lambda m, g, y, a, b: g * (m.named("digamma", b) - m.named("digamma", a + b)),
    ),
    symbolic=lambda s, a, b: s.loggamma(a) + s.loggamma(b) - s.loggamma(a + b),
    domain=_smaller, domain_text="a > 0 and b > 0",
    within=lambda m, y, to_a, to_b, a, b: _smaller(m, pole_margin(m, to_a, a), pole_margin(m, to_b, b)),
)  # fmt: skip
define(
    "gammainc", "gammainc(a, x)", "regularized lower incomplete gamma function; a is written out",
    orders=("a",), options={"a": 1.0}, sample=((0.5, 4.0),),
    forward=lambda m, x, a: m.named("gammainc", m.number(a), x),
    vjp=(
        lambda m, g, y, x, a: g
        * m.exp(-x - m.named("lgamma", m.number(a) + 0 * x)) * m.pow(x, m.number(a) - 1),
    ),
    symbolic=lambda s, x, a: s.lowergamma(s.number(a), x) / s.gamma(s.number(a)),
    domain=lambda m, x, a: x, domain_text="x >= 0, with a > 0",
    within=lambda m, y, moved, x, a: pole_margin(m, moved, x),
)  # fmt: skip

# -- error functions and the normal distribution

define(
    "erfc", "erfc(x)", "1 - erf(x), accurate where erf(x) is near 1", analytic=True,
    forward=lambda m, x: m.erfc(x),
    vjp=(lambda m, g, y, x: -g * (2 / m.sqrt(m.pi)) * m.exp(-x * x),),
    symbolic=lambda s, x: s.erfc(x),
)  # fmt: skip
define(
    "erfcx", "erfcx(x)", "exp(x^2)*erfc(x), without overflow",
    sample=((-1.0, 2.0),), analytic=True,
    forward=lambda m, x: m.named("erfcx", x),
    vjp=(lambda m, g, y, x: -2 * g * m.named("integral_erfcx", x),),
    symbolic=lambda s, x: s.exp(x * x) * s.erfc(x),
)  # fmt: skip
define(
    "erfinv", "erfinv(x)", "inverse of erf", sample=((-0.9, 0.9),),
    forward=lambda m, x: m.named("erfinv", x),
    vjp=(lambda m, g, y, x: g * (m.sqrt(m.pi) / 2) * m.exp(y * y),),
    symbolic=lambda s, x: s.erfinv(x),
    domain=lambda m, x: (1 - x) * (1 + x), domain_text="-1 < x < 1",
    within=lambda m, y, moved, x: pole_margin(m, moved - 1, x - 1) * m.gt(x, 0)
    + pole_margin(m, moved + 1, x + 1) * (1 - m.gt(x, 0)),
)  # fmt: skip
define(
    "normal_cdf", "normal_cdf(x)", "probability that a standard normal number is below x",
    aliases=("ndtr", "norm_cdf"), analytic=True,
    forward=lambda m, x: m.erfc(-x * m.sqrt(0.5)) / 2,
    vjp=(lambda m, g, y, x: g * m.exp(-x * x / 2) / m.sqrt(2 * m.pi),),
    symbolic=lambda s, x: s.erfc(s.copy(-x / s.sqrt(2))) / 2,  # else SymPy has 2 - erfc(x)
)  # fmt: skip
define(
    "log_normal_cdf", "log_normal_cdf(x)", "log(normal_cdf(x)), also far in the tail",
    aliases=("log_ndtr", "norm_logcdf"), sample=((-6.0, 0.5),), analytic=True,
    forward=lambda m, x: m.named("log_normal_cdf", x),
    vjp=(lambda m, g, y, x: g * m.sqrt(2 / m.pi) / m.named("erfcx", -x * m.sqrt(0.5)),),
    symbolic=lambda s, x: s.log(s.erfc(s.copy(-x / s.sqrt(2))) / 2),
)  # fmt: skip
define(
    "normal_quantile", "normal_quantile(p)", "the x with normal_cdf(x) = p",
    aliases=("ndtri", "norm_ppf", "probit"), sample=((0.05, 0.95),),
    forward=lambda m, p: m.named("normal_quantile", p),
    vjp=(lambda m, g, y, p: g * m.sqrt(2 * m.pi) * m.exp(y * y / 2),),
    symbolic=lambda s, p: -s.sqrt(2) * s.erfcinv(2 * p),
    domain=lambda m, p: p * (1 - p), domain_text="0 < p < 1",
)  # fmt: skip
define(
    "dawson", "dawson(x)", "exp(-x^2) times the integral of exp(t^2) from 0 to x", aliases=("dawsn",),
    analytic=True,
    forward=lambda m, x: m.named("dawson", x),
    vjp=(lambda m, g, y, x: g * m.named("dawson_rest", x),),
    symbolic=lambda s, x: s.dawson(x),
)  # fmt: skip
define(
    "expint", "expint(x)", "E1: the integral of exp(-t)/t from x to infinity", aliases=("exp1",),
    sample=((0.3, 3.0),), analytic=True,
    forward=lambda m, x: m.named("expint", x),
    vjp=(lambda m, g, y, x: -g * m.exp(-x) / x,),
    symbolic=lambda s, x: s.expint(x),
    **ABOVE_ZERO,
)  # fmt: skip
define(
    "sinc", "sinc(x)", "sin(pi*x)/(pi*x), 1 at 0",
    sample=((-0.9, 0.9),), analytic=True,
    forward=lambda m, x: m.named("sinc", x),
    vjp=(lambda m, g, y, x: -g * (m.pi * m.pi / 3) * x * m.named("second_sinc", x),),
    symbolic=lambda s, x: s.sinc(x),
)  # fmt: skip

# -- Bessel functions of whole order

define(
    "j0", "j0(x)", "Bessel function of the first kind, order 0", aliases=("bessel_j0",),
    forward=lambda m, x: m.named("bessel_j", 0, x),
    vjp=(lambda m, g, y, x: -g * m.named("bessel_j", 1, x),),
    symbolic=lambda s, x: s.of_order("besselj", 0, x),
)  # fmt: skip
define(
    "j1", "j1(x)", "Bessel function of the first kind, order 1", aliases=("bessel_j1",),
    sample=((0.3, 3.0),),
    forward=lambda m, x: m.named("bessel_j", 1, x),
    vjp=(lambda m, g, y, x: g * (m.named("bessel_j", 0, x) - m.named("bessel_j", 2, x)) / 2,),
    symbolic=lambda s, x: s.of_order("besselj", 1, x),
)  # fmt: skip
define(
    "y0", "y0(x)", "Bessel function of the second kind, order 0", aliases=("bessel_y0",),
    sample=((1.5, 3.0),),
    forward=lambda m, x: m.named("bessel_y", 0, x),
    vjp=(lambda m, g, y, x: -g * m.named("bessel_y", 1, x),),
    symbolic=lambda s, x: s.of_order("bessely", 0, x),
    **ABOVE_ZERO,
)  # fmt: skip
define(
    "y1", "y1(x)", "Bessel function of the second kind, order 1", aliases=("bessel_y1",),
    sample=((0.5, 1.5),),
    forward=lambda m, x: m.named("bessel_y", 1, x),
    vjp=(lambda m, g, y, x: g * (m.named("bessel_y", 0, x) - m.named("bessel_y", 2, x)) / 2,),
    symbolic=lambda s, x: s.of_order("bessely", 1, x),
    **ABOVE_ZERO,
)  # fmt: skip
define(
    "i0", "i0(x)", "modified Bessel function of the first kind, order 0", aliases=("bessel_i0",),
    forward=lambda m, x: m.named("bessel_i", 0, x),
    vjp=(lambda m, g, y, x: g * m.named("bessel_i", 1, x),),
    symbolic=lambda s, x: s.of_order("besseli", 0, x),
)  # fmt: skip
define(
    "i1", "i1(x)", "modified Bessel function of the first kind, order 1", aliases=("bessel_i1",),
    forward=lambda m, x: m.named("bessel_i", 1, x),
    vjp=(lambda m, g, y, x: g * (m.named("bessel_i", 0, x) + m.named("bessel_i", 2, x)) / 2,),
    symbolic=lambda s, x: s.of_order("besseli", 1, x),
)  # fmt: skip
define(
    "bessel_j", "bessel_j(n, x)", "Bessel function of the first kind; n is written out", aliases=("jv", "jn"),
    orders=("n",), options={"n": 2}, sample=((0.5, 3.0),),
    forward=lambda m, x, n: m.named("bessel_j", n, x),
    vjp=(
        lambda m, g, y, x, n: g * (m.named("bessel_j", n - 1, x) - m.named("bessel_j", n + 1, x)) / 2
        if n else -g * m.named("bessel_j", 1, x),
    ),
    symbolic=lambda s, x, n: s.of_order("besselj", n, x),
)  # fmt: skip
define(
    "bessel_y", "bessel_y(n, x)", "Bessel function of the second kind; n is written out",
    aliases=("yv", "yn"), orders=("n",), options={"n": 2}, sample=((0.5, 2.5),),
    forward=lambda m, x, n: m.named("bessel_y", n, x),
    vjp=(
        lambda m, g, y, x, n: g * (m.named("bessel_y", n - 1, x) - m.named("bessel_y", n + 1, x)) / 2
        if n else -g * m.named("bessel_y", 1, x),
    ),
    symbolic=lambda s, x, n: s.of_order("bessely", n, x),
    domain=lambda m, x, n: x, domain_text="x > 0",
    within=lambda m, y, moved, x, n: pole_margin(m, moved, x),
)  # fmt: skip
define(
    "bessel_i", "bessel_i(n, x)", "modified Bessel function of the first kind; n is written out",
    aliases=("iv",), orders=("n",), options={"n": 2}, sample=((0.5, 3.0),),
    forward=lambda m, x, n: m.named("bessel_i", n, x),
    vjp=(
        lambda m, g, y, x, n: g * (m.named("bessel_i", n - 1, x) + m.named("bessel_i", n + 1, x)) / 2
        if n else g * m.named("bessel_i", 1, x),
    ),
    symbolic=lambda s, x, n: s.of_order("besseli", n, x),
)  # fmt: skip
