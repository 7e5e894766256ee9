"""Reads nothing. Gives THE table of functions: one record per function. Knows nothing of models.

A record says what a function computes (`forward`), how an adjoint passes through it (`vjp`), what it
is made of for SymPy (`symbolic`), and where it has kinks and borders. The namespace is an argument:
`m` computes (float64, complex or high precision), `s` records for SymPy. Numeric arrays carry two
leading axes, (perturbations, rows), before the axes of the value itself; hence all axes below are
negative. vjp_x(m, g, y, x) = g dy/dx. Each field has one reader (CONTRIBUTING, "Five walls").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from gradcheck_cli.errors import ShapeError

__all__ = ["PRIMITIVES", "Primitive", "Shape", "find_primitive", "function_names", "resolve_function"]

Shape = tuple[int, ...]
Options = Mapping[str, Any]
ShapeRule = Callable[..., tuple[Shape, dict[str, Any]]]

_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805
_ROOT_HALF = 0.5**0.5
_TWO_OVER_ROOT_PI = 1.1283791670955126
_ONE_OVER_ROOT_TWO_PI = 0.3989422804014327


@dataclass(frozen=True, kw_only=True)
class Primitive:
    """One function. `vjp` holds one rule per argument; None where no derivative passes."""

    name: str
    signature: str
    summary: str
    forward: Callable[..., Any]
    vjp: Sequence[Callable[..., Any] | None]
    symbolic: Callable[..., Any]
    function: str  # the name users type; several primitives may share it by number of arguments
    infix: str | None = None
    aliases: tuple[str, ...] = ()
    arguments: int | None = 1  # None: any number, all under vjp[0]
    options: Options = field(default_factory=dict)  # keyword arguments users may give
    sizes: tuple[int, ...] = ()  # how many whole numbers it may take in place of arguments
    shape: ShapeRule | None = None  # None: elementwise, the arguments' common shape
    kink: Callable[..., Any] | None = None  # margins: a sign change is a kink, 0 is on it
    jump: bool = False  # at its kink the value itself jumps
    domain: Callable[..., Any] | None = None  # margins: a sign change leaves the domain
    domain_text: str = "all numbers"
    # margin of moved arguments, (m, y, *moved, *x): 0 or less where a pole may lie as near to x
    within: Callable[..., Any] | None = None
    # whether these literal arguments, None where one is none, leave nothing to cross: x^2, x/3
    borderless: Callable[..., bool] = lambda *literals: False
    affine: tuple[int, ...] = ()  # arguments in which it is affine
    product: Callable[..., str] | None = None  # the einsum that it is, of two arguments
    analytic: bool = True  # the complex step may pass
    sample: tuple[tuple[float, float], ...] = ((-2.0, 2.0),)  # where the systematic tests look
    rounds: bool = True  # False: values are only moved, chosen or negated, without rounding
    rows: str = "per row"  # "reduce": takes per-row values to one shared value

    @property
    def elementwise(self) -> bool:
        """Whether it acts entry by entry on arguments of one shape."""
        return self.shape is None


_TABLE: dict[str, Primitive] = {}


def _define(name: str, signature: str, summary: str, **fields: Any) -> None:
    """Enter one record. The user's name is the record's unless `function` says otherwise."""
    fields.setdefault("function", name)
    for key in ("options",):
        fields[key] = MappingProxyType(fields.get(key, {}))
    record = Primitive(name=name, signature=signature, summary=summary, **fields)
    _TABLE[name] = record


# ---------------------------------------------------------------------------------------------
# Arithmetic
# ---------------------------------------------------------------------------------------------

def _nearer(m: Any, moved: Any, x: Any) -> Any:
    """The margin of a pole at 0: positive while a move is shorter than the way there. Where x is 0 the
    pole is met at once, which `domain` tells."""
    return m.where(m.eq(x, 0), 1 + 0 * x, m.abs(x) - m.abs(moved - x))


_BOTH = ((-2.0, 2.0), (-2.0, 2.0))

_define(
    "add", "a + b", "sum", infix="+", arguments=2, sample=_BOTH, affine=(0, 1),
    forward=lambda m, a, b: a + b,
    vjp=(lambda m, g, y, a, b: g, lambda m, g, y, a, b: g),
    symbolic=lambda s, a, b: a + b,
)  # fmt: skip
_define(
    "sub", "a - b", "difference", infix="-", arguments=2, sample=_BOTH, affine=(0, 1),
    forward=lambda m, a, b: a - b,
    vjp=(lambda m, g, y, a, b: g, lambda m, g, y, a, b: -g),
    symbolic=lambda s, a, b: a - b,
)  # fmt: skip
_define(
    "mul", "a*b", "product, entry by entry", infix="*", arguments=2, sample=_BOTH, affine=(0, 1),
    forward=lambda m, a, b: a * b,
    vjp=(lambda m, g, y, a, b: g * b, lambda m, g, y, a, b: g * a),
    symbolic=lambda s, a, b: a * b,
)  # fmt: skip
_define(
    "div", "a/b", "quotient, entry by entry", infix="/", arguments=2, affine=(0,),
    sample=((-2.0, 2.0), (0.5, 2.0)),
    forward=lambda m, a, b: a / b,
    vjp=(lambda m, g, y, a, b: g / b, lambda m, g, y, a, b: -g * y / b),
    symbolic=lambda s, a, b: a / b,
    domain=lambda m, a, b: b, domain_text="b != 0", borderless=lambda a, b: bool(b),
    within=lambda m, y, to_a, to_b, a, b: _nearer(m, to_b, b),
)  # fmt: skip
_define(
    "pow", "a^b", "power, entry by entry", infix="^", arguments=2,
    sample=((0.5, 2.0), (-2.0, 2.0)),
    forward=lambda m, a, b: m.pow(a, b),
    vjp=(
        lambda m, g, y, a, b: g * m.slope_of_pow(a, b),
        lambda m, g, y, a, b: g * m.where(m.eq(a, 0), 0 * b, y * m.log(a)),
    ),
    symbolic=lambda s, a, b: s.pow(a, b),
    domain=lambda m, a, b: m.where(m.is_power_of_any(b), 1.0 + 0 * a, a),
    domain_text="a > 0, or b an integer",
    borderless=lambda a, b: b is not None and b >= 0 and b == int(b),
    within=lambda m, y, to_a, to_b, a, b: m.where(
        m.is_power_of_any(b) * m.ge(b, 0), 1 + 0 * a, _nearer(m, to_a, a)
    ),
)  # fmt: skip
_define(
    "neg", "-x", "negative", infix="-", affine=(0,),
    rounds=False,
    forward=lambda m, x: -x,
    vjp=(lambda m, g, y, x: -g,),
    symbolic=lambda s, x: -x,
)  # fmt: skip
_define(
    "identity", "x", "another name for a value", affine=(0,),
    rounds=False,
    forward=lambda m, x: x,
    vjp=(lambda m, g, y, x: g,),
    symbolic=lambda s, x: s.copy(x),
)  # fmt: skip

# ---------------------------------------------------------------------------------------------
# Trigonometric and hyperbolic
# ---------------------------------------------------------------------------------------------

_define(
    "sin", "sin(x)", "sine",
    forward=lambda m, x: m.sin(x),
    vjp=(lambda m, g, y, x: g * m.cos(x),),
    symbolic=lambda s, x: s.sin(x),
)  # fmt: skip
_define(
    "cos", "cos(x)", "cosine",
    forward=lambda m, x: m.cos(x),
    vjp=(lambda m, g, y, x: -g * m.sin(x),),
    symbolic=lambda s, x: s.cos(x),
)  # fmt: skip
_define(
    "tan", "tan(x)", "tangent", sample=((-1.2, 1.2),),
    forward=lambda m, x: m.tan(x),
    vjp=(lambda m, g, y, x: g * (1 + y * y),),
    symbolic=lambda s, x: s.tan(x),
    domain=lambda m, x: m.cos(x), domain_text="cos(x) != 0",
    within=lambda m, y, moved, x: m.abs(m.cos(x)) - m.abs(moved - x),  # no pole is nearer than cos(x)
)  # fmt: skip
_define(
    "asin", "asin(x)", "inverse sine", aliases=("arcsin",), sample=((-0.9, 0.9),),
    forward=lambda m, x: m.asin(x),
    vjp=(lambda m, g, y, x: g / m.sqrt((1 - x) * (1 + x)),),
    symbolic=lambda s, x: s.asin(x),
    domain=lambda m, x: (1 - x) * (1 + x), domain_text="-1 <= x <= 1",
)  # fmt: skip
_define(
    "acos", "acos(x)", "inverse cosine", aliases=("arccos",), sample=((-0.9, 0.9),),
    forward=lambda m, x: m.acos(x),
    vjp=(lambda m, g, y, x: -g / m.sqrt((1 - x) * (1 + x)),),
    symbolic=lambda s, x: s.acos(x),
    domain=lambda m, x: (1 - x) * (1 + x), domain_text="-1 <= x <= 1",
)  # fmt: skip
_define(
    "atan", "atan(x)", "inverse tangent", aliases=("arctan",),
    forward=lambda m, x: m.atan(x),
    vjp=(lambda m, g, y, x: g / (1 + x * x),),
    symbolic=lambda s, x: s.atan(x),
)  # fmt: skip
_define(
    "atan2", "atan2(y, x)", "angle of the point (x, y)", aliases=("arctan2",), arguments=2,
    sample=((-2.0, 2.0), (0.3, 2.0)), analytic=False,
    forward=lambda m, y, x: m.atan2(y, x),
    vjp=(
        lambda m, g, a, y, x: g * x / (x * x + y * y),
        lambda m, g, a, y, x: -g * y / (x * x + y * y),
    ),
    symbolic=lambda s, y, x: s.atan2(y, x),
    domain=lambda m, y, x: m.where(m.ge(x, 0), m.abs(x) + m.abs(y), y),
    domain_text="not on the negative x axis",
)  # fmt: skip
_define(
    "sinh", "sinh(x)", "hyperbolic sine",
    forward=lambda m, x: m.sinh(x),
    vjp=(lambda m, g, y, x: g * m.cosh(x),),
    symbolic=lambda s, x: s.sinh(x),
)  # fmt: skip
_define(
    "cosh", "cosh(x)", "hyperbolic cosine",
    forward=lambda m, x: m.cosh(x),
    vjp=(lambda m, g, y, x: g * m.sinh(x),),
    symbolic=lambda s, x: s.cosh(x),
)  # fmt: skip
_define(
    "tanh", "tanh(x)", "hyperbolic tangent",
    forward=lambda m, x: m.tanh(x),
    vjp=(lambda m, g, y, x: g * m.sech(x) ** 2,),
    symbolic=lambda s, x: s.tanh(x),
)  # fmt: skip

# ---------------------------------------------------------------------------------------------
# Exponentials, logarithms, roots
# ---------------------------------------------------------------------------------------------

_POSITIVE = ((0.3, 2.5),)

_define(
    "exp", "exp(x)", "exponential", sample=((-2.0, 2.0),),
    forward=lambda m, x: m.exp(x),
    vjp=(lambda m, g, y, x: g * y,),
    symbolic=lambda s, x: s.exp(x),
)  # fmt: skip
_define(
    "expm1", "expm1(x)", "exp(x) - 1, accurate near 0",
    forward=lambda m, x: m.expm1(x),
    vjp=(lambda m, g, y, x: g * m.exp(x),),
    symbolic=lambda s, x: s.exp(x) - 1,
)  # fmt: skip
_define(
    "log", "log(x)", "natural logarithm", aliases=("ln",), sample=_POSITIVE,
    forward=lambda m, x: m.log(x),
    vjp=(lambda m, g, y, x: g / x,),
    symbolic=lambda s, x: s.log(x),
    domain=lambda m, x: x, domain_text="x > 0",
    within=lambda m, y, moved, x: _nearer(m, moved, x),
)  # fmt: skip
_define(
    "log1p", "log1p(x)", "log(1 + x), accurate near 0", sample=((-0.5, 2.0),),
    forward=lambda m, x: m.log1p(x),
    vjp=(lambda m, g, y, x: g / (1 + x),),
    symbolic=lambda s, x: s.log(1 + x),
    domain=lambda m, x: 1 + x, domain_text="x > -1",
    within=lambda m, y, moved, x: _nearer(m, 1 + moved, 1 + x),
)  # fmt: skip
_define(
    "log2", "log2(x)", "logarithm to base 2", sample=_POSITIVE,
    forward=lambda m, x: m.log2(x),
    vjp=(lambda m, g, y, x: g / (x * m.log(2.0)),),
    symbolic=lambda s, x: s.log(x) / s.log(2),
    domain=lambda m, x: x, domain_text="x > 0",
    within=lambda m, y, moved, x: _nearer(m, moved, x),
)  # fmt: skip
_define(
    "log10", "log10(x)", "logarithm to base 10", sample=_POSITIVE,
    forward=lambda m, x: m.log10(x),
    vjp=(lambda m, g, y, x: g / (x * m.log(10.0)),),
    symbolic=lambda s, x: s.log(x) / s.log(10),
    domain=lambda m, x: x, domain_text="x > 0",
    within=lambda m, y, moved, x: _nearer(m, moved, x),
)  # fmt: skip
_define(
    "sqrt", "sqrt(x)", "square root", sample=_POSITIVE,
    forward=lambda m, x: m.sqrt(x),
    vjp=(lambda m, g, y, x: g / (2 * y),),
    symbolic=lambda s, x: s.sqrt(x),
    domain=lambda m, x: x, domain_text="x >= 0",
    within=lambda m, y, moved, x: _nearer(m, moved, x),
)  # fmt: skip
_define(
    "cbrt", "cbrt(x)", "cube root, also of negative numbers", sample=_POSITIVE, analytic=False,
    forward=lambda m, x: m.cbrt(x),
    vjp=(lambda m, g, y, x: g / (3 * y * y),),
    symbolic=lambda s, x: s.select(x > 0, s.root(x, 3), -s.root(-x, 3)),
    domain=lambda m, x: x, domain_text="all numbers; no derivative at 0",
)  # fmt: skip

# ---------------------------------------------------------------------------------------------
# Absolute value, comparisons, selections
# ---------------------------------------------------------------------------------------------

_define(
    "abs", "abs(x)", "absolute value", analytic=False, sample=((0.2, 2.0),),
    rounds=False,
    forward=lambda m, x: m.abs(x),
    vjp=(lambda m, g, y, x: g * m.sign(x),),
    symbolic=lambda s, x: s.select(x > 0, x, s.select(x < 0, -x, 0)),
    kink=lambda m, x: x,
)  # fmt: skip
_define(
    "sign", "sign(x)", "-1, 0 or 1", analytic=False, jump=True, sample=((0.2, 2.0),),
    rounds=False,
    forward=lambda m, x: m.sign(x),
    vjp=(None,),
    symbolic=lambda s, x: s.select(x > 0, 1, s.select(x < 0, -1, 0)),
    kink=lambda m, x: x,
)  # fmt: skip
_COMPARED = ((0.2, 0.9), (1.1, 2.0))
_define(
    "gt", "a > b", "1 where a > b, else 0", infix=">", arguments=2, analytic=False, jump=True,
    sample=_COMPARED,
    rounds=False,
    forward=lambda m, a, b: m.gt(a, b),
    vjp=(None, None),
    symbolic=lambda s, a, b: s.select(a > b, 1, 0),
    kink=lambda m, a, b: a - b,
)  # fmt: skip
_define(
    "lt", "a < b", "1 where a < b, else 0", infix="<", arguments=2, analytic=False, jump=True,
    sample=_COMPARED,
    rounds=False,
    forward=lambda m, a, b: m.gt(b, a),
    vjp=(None, None),
    symbolic=lambda s, a, b: s.select(a < b, 1, 0),
    kink=lambda m, a, b: a - b,
)  # fmt: skip
_define(
    "ge", "a >= b", "1 where a >= b, else 0", infix=">=", arguments=2, analytic=False, jump=True,
    sample=_COMPARED,
    rounds=False,
    forward=lambda m, a, b: m.ge(a, b),
    vjp=(None, None),
    symbolic=lambda s, a, b: s.select(a >= b, 1, 0),
    kink=lambda m, a, b: a - b,
)  # fmt: skip
_define(
    "le", "a <= b", "1 where a <= b, else 0", infix="<=", arguments=2, analytic=False, jump=True,
    sample=_COMPARED,
    rounds=False,
    forward=lambda m, a, b: m.ge(b, a),
    vjp=(None, None),
    symbolic=lambda s, a, b: s.select(a <= b, 1, 0),
    kink=lambda m, a, b: a - b,
)  # fmt: skip
_define(
    "where", "where(c, a, b)", "a where c is not 0, else b", arguments=3, analytic=False,
    sample=((0.5, 1.5), (-2.0, 2.0), (-2.0, 2.0)), affine=(1, 2),
    rounds=False,
    forward=lambda m, c, a, b: m.where(m.eq(c, 0), b, a),
    vjp=(
        None,
        lambda m, g, y, c, a, b: m.where(m.eq(c, 0), 0 * g, g),
        lambda m, g, y, c, a, b: m.where(m.eq(c, 0), g, 0 * g),
    ),
    symbolic=lambda s, c, a, b: s.select(c, a, b),
    kink=lambda m, c, a, b: 1 - m.eq(c, 0),  # beside c = 0, where it is not a comparison
)  # fmt: skip
_define(
    "maximum", "max(a, b)", "the larger, entry by entry", function="max", arguments=2,
    analytic=False, sample=((-2.0, 0.4), (0.6, 2.0)),
    rounds=False,
    forward=lambda m, a, b: m.where(m.ge(a, b), a, b),
    vjp=(
        lambda m, g, y, a, b: m.where(m.ge(a, b), g, 0 * g),
        lambda m, g, y, a, b: m.where(m.ge(a, b), 0 * g, g),
    ),
    symbolic=lambda s, a, b: s.select(a >= b, a, b),
    kink=lambda m, a, b: a - b,
)  # fmt: skip
_define(
    "minimum", "min(a, b)", "the smaller, entry by entry", function="min", arguments=2,
    analytic=False, sample=((-2.0, 0.4), (0.6, 2.0)),
    rounds=False,
    forward=lambda m, a, b: m.where(m.ge(b, a), a, b),
    vjp=(
        lambda m, g, y, a, b: m.where(m.ge(b, a), g, 0 * g),
        lambda m, g, y, a, b: m.where(m.ge(b, a), 0 * g, g),
    ),
    symbolic=lambda s, a, b: s.select(a <= b, a, b),
    kink=lambda m, a, b: a - b,
)  # fmt: skip

# ---------------------------------------------------------------------------------------------
# Activation functions
# ---------------------------------------------------------------------------------------------

_BESIDE_ZERO = ((0.2, 2.0),)

_define(
    "erf", "erf(x)", "error function",
    forward=lambda m, x: m.erf(x),
    vjp=(lambda m, g, y, x: g * _TWO_OVER_ROOT_PI * m.exp(-x * x),),
    symbolic=lambda s, x: s.erf(x),
)  # fmt: skip
_define(
    "sigmoid", "sigmoid(x)", "1/(1 + exp(-x))", aliases=("logistic", "expit"),
    forward=lambda m, x: m.exp(-m.softplus(-x)),
    vjp=(lambda m, g, y, x: g * y * m.exp(-m.softplus(x)),),
    symbolic=lambda s, x: 1 / (1 + s.exp(-x)),
)  # fmt: skip
_define(
    "softplus", "softplus(x)", "log(1 + exp(x))",
    forward=lambda m, x: m.softplus(x),
    vjp=(lambda m, g, y, x: g * m.exp(-m.softplus(-x)),),
    symbolic=lambda s, x: s.log(1 + s.exp(x)),
)  # fmt: skip
_define(
    "relu", "relu(x)", "max(x, 0); relu'(0) = 0 by convention", analytic=False, sample=_BESIDE_ZERO,
    rounds=False,
    forward=lambda m, x: m.positive_part(x),
    vjp=(lambda m, g, y, x: m.gated(g, x),),
    symbolic=lambda s, x: s.select(x > 0, x, 0),
    kink=lambda m, x: x,
)  # fmt: skip
_define(
    "leaky_relu", "leaky_relu(x, slope=0.01)", "x where x > 0, else slope*x", analytic=False,
    options={"slope": 0.01}, sample=((-2.0, -0.2),),
    forward=lambda m, x, slope: m.where(m.gt(x, 0), x, slope * x),
    vjp=(lambda m, g, y, x, slope: m.where(m.gt(x, 0), g, slope * g),),
    symbolic=lambda s, x, slope: s.select(x > 0, x, s.number(slope) * x),
    kink=lambda m, x, slope: x,
)  # fmt: skip
_define(
    "elu", "elu(x, alpha=1)", "x where x > 0, else alpha*(exp(x) - 1)", analytic=False,
    options={"alpha": 1.0}, sample=((-2.0, -0.2),),
    forward=lambda m, x, alpha: m.where(m.gt(x, 0), x, alpha * m.expm1(m.negative_part(x))),
    vjp=(
        lambda m, g, y, x, alpha: m.where(m.gt(x, 0), g, g * alpha * m.exp(m.negative_part(x))),
    ),
    symbolic=lambda s, x, alpha: s.select(x > 0, x, s.number(alpha) * (s.exp(x) - 1)),
    kink=lambda m, x, alpha: x,
)  # fmt: skip
_define(
    "selu", "selu(x)", "scaled elu (Klambauer et al. 2017)", analytic=False, sample=((-2.0, -0.2),),
    forward=lambda m, x: _SELU_SCALE
    * m.where(m.gt(x, 0), x, _SELU_ALPHA * m.expm1(m.negative_part(x))),
    vjp=(
        lambda m, g, y, x: g
        * _SELU_SCALE
        * m.where(m.gt(x, 0), 1 + 0 * x, _SELU_ALPHA * m.exp(m.negative_part(x))),
    ),
    symbolic=lambda s, x: s.number(_SELU_SCALE)
    * s.select(x > 0, x, s.number(_SELU_ALPHA) * (s.exp(x) - 1)),
    kink=lambda m, x: x,
)  # fmt: skip
_define(
    "gelu", "gelu(x)", "x*(1 + erf(x/sqrt(2)))/2",
    forward=lambda m, x: x * m.erfc(-x * m.sqrt(0.5)) / 2,
    vjp=(
        lambda m, g, y, x: g
        * (m.erfc(-_ROOT_HALF * x) / 2 + x * _ONE_OVER_ROOT_TWO_PI * m.exp(-x * x / 2)),
    ),
    symbolic=lambda s, x: x * (1 + s.erf(x / s.sqrt(2))) / 2,
)  # fmt: skip
_define(
    "silu", "silu(x)", "x*sigmoid(x)", aliases=("swish",),
    forward=lambda m, x: x * m.exp(-m.softplus(-x)),
    vjp=(
        lambda m, g, y, x: g
        * m.exp(-m.softplus(-x))
        * (1 + x * m.exp(-m.softplus(x))),
    ),
    symbolic=lambda s, x: x / (1 + s.exp(-x)),
)  # fmt: skip
_define(
    "mish", "mish(x)", "x*tanh(softplus(x)) (Misra 2019)",
    forward=lambda m, x: x * m.tanh(m.softplus(x)),
    vjp=(
        lambda m, g, y, x: g
        * (m.tanh(m.softplus(x)) + x * m.sech(m.softplus(x)) ** 2 * m.exp(-m.softplus(-x))),
    ),
    symbolic=lambda s, x: x * s.tanh(s.log(1 + s.exp(x))),
)  # fmt: skip
_define(
    "softsign", "softsign(x)", "x/(1 + abs(x))", analytic=False,
    forward=lambda m, x: x / (1 + m.abs(x)),
    vjp=(lambda m, g, y, x: g / (1 + m.abs(x)) / (1 + m.abs(x)),),
    symbolic=lambda s, x: x / (1 + s.select(x > 0, x, -x)),
)  # fmt: skip

# ---------------------------------------------------------------------------------------------
# Arrays. A shape rule takes shapes and the user's options, gives the shape and what `forward` needs
# ---------------------------------------------------------------------------------------------


def _spell(shape: Shape) -> str:
    return f"[{','.join(map(str, shape))}]" if shape else "a single number"


def _axes(rank: int, axis: int | None) -> tuple[int, ...]:
    return tuple(range(-rank, 0)) if axis is None else (axis - rank,)


def _spread(m: Any, g: Any, x: Any, rank: int, axis: int | None) -> Any:
    """The adjoint of a sum, handed to every entry that was summed."""
    g = g if axis is not None else g.reshape(g.shape + (1,) * rank)
    return g * m.ones_like(x)


def _reduced(shape: Shape, *, axis: int | None = None) -> tuple[Shape, dict[str, Any]]:
    if not shape:
        raise ShapeError(
            "this is one number already",
            help="per-row values are added over the rows by sum_rows or mean_rows",
        )
    if axis is None:
        return (), {"rank": len(shape), "axis": None}
    if axis not in range(len(shape)):
        raise ShapeError(
            f"axis={axis} does not fit the shape {_spell(shape)}",
            help="axis=0 runs over rows of a matrix, axis=1 over its columns",
        )
    kept = tuple(1 if k == axis else n for k, n in enumerate(shape))
    return kept, {"rank": len(shape), "axis": axis}


def _count(x: Any, rank: int, axis: int | None) -> int:
    n = 1
    for k in _axes(rank, axis):
        n *= x.shape[k]
    return n


_define(
    "sum", "sum(x, axis=none)", "sum of all entries, or along an axis that stays with length 1",
    shape=_reduced, options={"axis": None}, affine=(0,),
    forward=lambda m, x, rank, axis: m.sum(x, axis=_axes(rank, axis), keepdims=axis is not None),
    vjp=(lambda m, g, y, x, rank, axis: _spread(m, g, x, rank, axis),),
    symbolic=lambda s, x, rank, axis: s.total(x, axis),
)  # fmt: skip
_define(
    "mean", "mean(x, axis=none)", "mean of all entries, or along an axis", shape=_reduced,
    options={"axis": None}, affine=(0,),
    forward=lambda m, x, rank, axis: m.sum(x, axis=_axes(rank, axis), keepdims=axis is not None)
    / _count(x, rank, axis),
    vjp=(lambda m, g, y, x, rank, axis: _spread(m, g / _count(x, rank, axis), x, rank, axis),),
    symbolic=lambda s, x, rank, axis: s.total(x, axis) / _count(x, rank, axis),
)  # fmt: skip
_define(
    "prod", "prod(x, axis=none)", "product of all entries, or along an axis that stays with length 1",
    shape=_reduced, options={"axis": None},
    forward=lambda m, x, rank, axis: m.prod(x, _axes(rank, axis), axis is not None),
    vjp=(
        lambda m, g, y, x, rank, axis: _spread(m, g, x, rank, axis)
        * m.products_of_others(x, _axes(rank, axis)),
    ),
    symbolic=lambda s, x, rank, axis: s.product(x, axis),
)  # fmt: skip
_define(
    "norm", "norm(x, axis=none)", "root of the sum of squares", shape=_reduced,
    options={"axis": None}, analytic=False,
    forward=lambda m, x, rank, axis: m.norm(x, _axes(rank, axis), axis is not None),
    vjp=(
        lambda m, g, y, x, rank, axis: _spread(m, g, x, rank, axis)
        * (x / _spread(m, m.where(m.eq(y, 0), 1 + y, y), x, rank, axis)),  # at 0 by convention 0
    ),
    symbolic=lambda s, x, rank, axis: s.sqrt(s.total(x * x, axis)),
    domain=lambda m, x, rank, axis: m.norm(x, _axes(rank, axis), axis is not None),
    domain_text="all numbers; no derivative where the norm is 0",
)  # fmt: skip
_define(
    "max", "max(x, axis=none)", "largest entry", shape=_reduced, options={"axis": None},
    analytic=False,
    rounds=False,
    forward=lambda m, x, rank, axis: m.max(x, axis=_axes(rank, axis), keepdims=axis is not None),
    vjp=(
        lambda m, g, y, x, rank, axis: _spread(m, g, x, rank, axis)
        * m.first_of(m.eq(x, _spread(m, y, x, rank, axis)), _axes(rank, axis)),
    ),
    symbolic=lambda s, x, rank, axis: s.largest(x, axis),
    kink=lambda m, x, rank, axis: m.lead(x, _axes(rank, axis)),
)  # fmt: skip
_define(
    "min", "min(x, axis=none)", "smallest entry", shape=_reduced, options={"axis": None},
    analytic=False,
    rounds=False,
    forward=lambda m, x, rank, axis: m.min(x, axis=_axes(rank, axis), keepdims=axis is not None),
    vjp=(
        lambda m, g, y, x, rank, axis: _spread(m, g, x, rank, axis)
        * m.first_of(m.eq(x, _spread(m, y, x, rank, axis)), _axes(rank, axis)),
    ),
    symbolic=lambda s, x, rank, axis: -s.largest(-x, axis),
    kink=lambda m, x, rank, axis: m.lead(-x, _axes(rank, axis)),
)  # fmt: skip


def _normalized(function: str, keeps: bool) -> ShapeRule:
    """The shape rule of softmax and its kin: a vector, or a matrix along a given axis."""

    def rule(shape: Shape, *, axis: int | None = None) -> tuple[Shape, dict[str, Any]]:
        if not shape:
            raise ShapeError(
                f"{function} takes a vector, or a matrix and an axis, not a single number",
                help="rows do not see one another: z[10] per row is a vector, z per row a number",
            )
        if axis is None and len(shape) == 2:
            raise ShapeError(
                f"{function} of a matrix, here {_spell(shape)}, needs an axis",
                help=f"{function}(Z, axis=1) takes each row by itself, axis=0 each column",
            )
        reduced, options = _reduced(shape, axis=axis)
        return (shape if keeps else reduced), options

    return rule


_define(
    "softmax", "softmax(x, axis=none)", "exp(x)/sum(exp(x)); of a matrix along an axis",
    shape=_normalized("softmax", True), options={"axis": None},
    forward=lambda m, x, rank, axis: m.softmax(x, _axes(rank, axis)),
    vjp=(
        lambda m, g, y, x, rank, axis: y
        * (g - m.sum(g * y, axis=_axes(rank, axis), keepdims=True)),
    ),
    symbolic=lambda s, x, rank, axis: s.exp(x) / s.expand(s.total(s.exp(x), axis), x.shape),
)  # fmt: skip
_define(
    "log_softmax", "log_softmax(x, axis=none)", "log(softmax(x)), without overflow",
    shape=_normalized("log_softmax", True), options={"axis": None},
    forward=lambda m, x, rank, axis: m.log_softmax(x, _axes(rank, axis)),
    vjp=(
        lambda m, g, y, x, rank, axis: g
        - m.softmax(x, _axes(rank, axis)) * m.sum(g, axis=_axes(rank, axis), keepdims=True),
    ),
    symbolic=lambda s, x, rank, axis: x - s.expand(s.log(s.total(s.exp(x), axis)), x.shape),
)  # fmt: skip
_define(
    "logsumexp", "logsumexp(x, axis=none)", "log(sum(exp(x))), without overflow",
    shape=_normalized("logsumexp", False), options={"axis": None},
    forward=lambda m, x, rank, axis: m.logsumexp(x, _axes(rank, axis), axis is not None),
    vjp=(
        lambda m, g, y, x, rank, axis: _spread(m, g, x, rank, axis)
        * m.softmax(x, _axes(rank, axis)),
    ),
    symbolic=lambda s, x, rank, axis: s.log(s.total(s.exp(x), axis)),
)  # fmt: skip


def _transposed(shape: Shape) -> tuple[Shape, dict[str, Any]]:
    if len(shape) == 1:
        return (1, shape[0]), {"rank": 1}
    return shape[::-1], {"rank": len(shape)}


def _transpose(x: Any, rank: int) -> Any:
    if rank == 1:
        return x[..., None, :]
    return x if rank == 0 else x.swapaxes(-1, -2)


def _transpose_back(g: Any, rank: int) -> Any:
    return g[..., 0, :] if rank == 1 else _transpose(g, rank)


_define(
    "transpose", "transpose(x)", "transpose; of a vector, the row [1,n]", shape=_transposed,
    affine=(0,),
    rounds=False,
    forward=lambda m, x, rank: _transpose(x, rank),
    vjp=(lambda m, g, y, x, rank: _transpose_back(g, rank),),
    symbolic=lambda s, x, rank: s.transpose(x),
)  # fmt: skip


def _square(function: str, shape: Shape) -> int:
    """How many rows a square matrix has. Raises ShapeError for anything else."""
    if len(shape) == 2 and shape[0] == shape[1]:
        return shape[0]
    way_out = "a matrix has two axes: W[3,3]"
    if len(shape) == 2:
        least = min(shape)
        cut = f"[0:{least},:]" if shape[0] > least else f"[:,0:{least}]"
        way_out = f"A @ A' and A' @ A are square, and so is the part A{cut}"
    raise ShapeError(f"{function} needs a square matrix, this is {_spell(shape)}", help=way_out)


def _traced(shape: Shape) -> tuple[Shape, dict[str, Any]]:
    _square("trace", shape)
    return (), {}


_define(
    "trace", "trace(A)", "sum of the diagonal of a square matrix", shape=_traced, affine=(0,),
    forward=lambda m, a: m.sum(m.diagonal(a), axis=(-1,), keepdims=False),
    vjp=(lambda m, g, y, a: m.on_diagonal(g[..., None] * m.ones_like(m.diagonal(a))),),
    symbolic=lambda s, a: s.total(s.diagonal(a), None),
)  # fmt: skip


def _inverted(function: str, result: Callable[[int], Shape]) -> ShapeRule:
    def rule(shape: Shape) -> tuple[Shape, dict[str, Any]]:
        return result(_square(function, shape)), {}

    return rule


def _of_size_one(m: Any, a: Any) -> Any:
    """The matrix over its largest entry: its determinant has the same sign and does not underflow."""
    largest = m.max(m.abs(a), axis=(-2, -1), keepdims=True)
    return a / m.where(largest, largest, 1 + largest)


_define(
    "det", "det(A)", "determinant of a square matrix", shape=_inverted("det", lambda n: ()),
    sample=((-0.4, 0.4),),
    forward=lambda m, a: m.det(a),
    vjp=(lambda m, g, y, a: g[..., None, None] * m.cofactors(a),),
    symbolic=lambda s, a: s.determinant(a),
)  # fmt: skip
_define(
    "inv", "inv(A)", "inverse of a square matrix", shape=_inverted("inv", lambda n: (n, n)),
    sample=((-0.4, 0.4),),
    forward=lambda m, a: m.inv(a),
    vjp=(
        lambda m, g, y, a: -m.matmul(m.matmul(y.swapaxes(-1, -2), g), y.swapaxes(-1, -2)),
    ),
    symbolic=lambda s, a: s.inverse(a),
    domain=lambda m, a: m.det(_of_size_one(m, a)), domain_text="det(A) != 0",
    # inv(A + E) = (sum of (-inv(A) E)^k) inv(A); poles on both sides leave the sign of det alone
    within=lambda m, y, moved, a: 1 - m.spectral_bound(m.matmul(y, moved - a)),
)  # fmt: skip


def _diagonal(shape: Shape) -> tuple[Shape, dict[str, Any]]:
    if len(shape) == 1:
        return (shape[0], shape[0]), {"rank": 1}
    if not shape:
        raise ShapeError("diag takes a vector or a square matrix, not a single number")
    return (_square("diag", shape),), {"rank": 2}


_define(
    "diag", "diag(x)", "the matrix with a vector on its diagonal; of a square matrix, its diagonal",
    shape=_diagonal, affine=(0,),
    rounds=False,
    forward=lambda m, x, rank: m.on_diagonal(x) if rank == 1 else m.diagonal(x),
    vjp=(lambda m, g, y, x, rank: m.diagonal(g) if rank == 1 else m.on_diagonal(g),),
    symbolic=lambda s, x, rank: s.on_diagonal(x) if rank == 1 else s.diagonal(x),
)  # fmt: skip


def _multiplied(a: Shape, b: Shape) -> tuple[Shape, dict[str, Any]]:
    if not a or not b:
        raise ShapeError("@ needs vectors or matrices on both sides", help="a number multiplies by *")
    if len(a) == 1 and len(b) == 1:
        raise ShapeError(
            f"u @ v of two vectors ({_spell(a)} and {_spell(b)}) is ambiguous",
            help="dot(u, v) is the number u' @ v, outer(u, v) is the matrix u @ v'",
        )
    left = a if len(a) == 2 else (a[0], 1)
    if left[1] != b[0]:
        raise ShapeError(f"the shapes {_spell(a)} and {_spell(b)} do not fit @", help=_fit(a, b))
    return (left[0], b[1]) if len(b) == 2 else (left[0],), {"ranks": (len(a), len(b))}


def _fit(a: Shape, b: Shape) -> str:
    if a == b:
        return "* multiplies entry by entry; for the product of matrices put ' behind one of them"
    if len(a) == 2 and a[0] == b[0]:
        return "the left side's transpose fits: put ' behind it"
    if len(b) == 2 and a[-1] == b[1]:
        return "the right side's transpose fits: put ' behind it"
    if b[-1:] == a[:1]:
        return "the other order fits"
    return "the columns of the left side must be as many as the rows of the right side"


def _matrix(x: Any, rank: int) -> Any:
    return x if rank == 2 else x[..., None]


def _unmatrix(x: Any, rank: int) -> Any:
    return x if rank == 2 else x[..., 0]


def _pattern(ranks: tuple[int, int]) -> str:
    return {(2, 2): "ij,jk->ik", (2, 1): "ij,j->i", (1, 2): "i,jk->ik"}[ranks]


_define(
    "matmul", "A @ B", "matrix product", infix="@", arguments=2, shape=_multiplied, affine=(0, 1),
    product=_pattern,
    forward=lambda m, a, b, ranks: _unmatrix(
        m.matmul(_matrix(a, ranks[0]), _matrix(b, ranks[1])), ranks[1]
    ),
    vjp=(
        lambda m, g, y, a, b, ranks: _unmatrix(
            m.matmul_onto(a, _matrix(g, ranks[1]), _matrix(b, ranks[1]).swapaxes(-1, -2)), ranks[0]
        ),
        lambda m, g, y, a, b, ranks: _unmatrix(
            m.matmul_onto(b, _matrix(a, ranks[0]).swapaxes(-1, -2), _matrix(g, ranks[1])), ranks[1]
        ),
    ),
    symbolic=lambda s, a, b, ranks: s.contract(_pattern(ranks), a, b),
)  # fmt: skip


def _paired(u: Shape, v: Shape) -> tuple[Shape, dict[str, Any]]:
    if len(u) != 1 or u != v:
        raise ShapeError(
            f"dot takes two vectors of one length, not {_spell(u)} and {_spell(v)}",
            help="a matrix times a vector is written A @ v",
        )
    return (), {}


_define(
    "dot", "dot(u, v)", "sum of u*v; the same as u' @ v", arguments=2, shape=_paired, affine=(0, 1),
    product=lambda: "i,i->",
    forward=lambda m, u, v: m.sum(u * v, axis=(-1,), keepdims=False),
    vjp=(lambda m, g, y, u, v: g[..., None] * v, lambda m, g, y, u, v: g[..., None] * u),
    symbolic=lambda s, u, v: s.contract("i,i->", u, v),
)  # fmt: skip


def _crossed(u: Shape, v: Shape) -> tuple[Shape, dict[str, Any]]:
    if len(u) != 1 or len(v) != 1:
        raise ShapeError(
            f"outer takes two vectors, not {_spell(u)} and {_spell(v)}",
            help="outer(u, v)[i,j] = u[i]*v[j]",
        )
    return (u[0], v[0]), {}


_define(
    "outer", "outer(u, v)", "the matrix u[i]*v[j]; the same as u @ v'", arguments=2, shape=_crossed,
    affine=(0, 1), product=lambda: "i,j->ij",
    forward=lambda m, u, v: u[..., :, None] * v[..., None, :],
    vjp=(
        lambda m, g, y, u, v: m.sum(g * v[..., None, :], axis=(-1,), keepdims=False),
        lambda m, g, y, u, v: m.sum(g * u[..., :, None], axis=(-2,), keepdims=False),
    ),
    symbolic=lambda s, u, v: s.contract("i,j->ij", u, v),
)  # fmt: skip


def _expanded(shape: Shape, *, to: Shape) -> tuple[Shape, dict[str, Any]]:
    return to, {"rank": len(shape), "to": to}


def _expand(m: Any, x: Any, rank: int, to: Shape) -> Any:
    lead = x.shape[: x.ndim - rank]
    inner = x.shape[x.ndim - rank :]
    return m.broadcast_to(x.reshape(lead + (1,) * (len(to) - rank) + inner), lead + to)


def _collapse(m: Any, g: Any, x: Any, rank: int, to: Shape) -> Any:
    """The adjoint of `expand`: summed over every axis along which values were repeated."""
    inner = x.shape[x.ndim - rank :]
    old = (1,) * (len(to) - rank) + inner
    repeated = tuple(k - len(to) for k, (n, o) in enumerate(zip(to, old, strict=True)) if n != o)
    g = m.sum(g, axis=repeated, keepdims=True) if repeated else g
    return g.reshape(g.shape[: g.ndim - len(to)] + inner)


_define(
    "expand", "expand(x)", "repeats a value to a larger shape", shape=_expanded, affine=(0,),
    options={"to": ()},
    rounds=False,
    forward=_expand,
    vjp=(lambda m, g, y, x, rank, to: _collapse(m, g, x, rank, to),),
    symbolic=lambda s, x, rank, to: s.expand(x, to),
)  # fmt: skip


def _indexed(shape: Shape, *, key: tuple[Any, ...]) -> tuple[Shape, dict[str, Any]]:
    if len(key) != len(shape):
        raise ShapeError(
            f"{len(key)} {'index' if len(key) == 1 else 'indices'} for the shape {_spell(shape)}",
            help="a matrix takes two: W[i,j], W[i,:] or W[:,j]" if len(shape) == 2
            else "a vector takes one: v[i] or v[a:b]" if shape else "this is a single number",
        )  # fmt: skip
    result = []
    for part, n in zip(key, shape, strict=True):
        if isinstance(part, int):
            if not 0 <= part < n:
                raise ShapeError(
                    f"index {part} is outside 0..{n - 1}",
                    help="indices count from 0; negative ones are not used",
                )
            continue
        start, stop = part.start or 0, n if part.stop is None else part.stop
        if not 0 <= start < stop <= n:
            raise ShapeError(
                f"the slice {start}:{stop} is empty or outside 0:{n}",
                help="v[a:b] takes the entries a, a+1, ..., b-1",
            )
        result.append(stop - start)
    return tuple(result), {"key": key}


_define(
    "index", "x[i]", "an entry or a slice; indices count from 0", shape=_indexed, affine=(0,),
    options={"key": ()},
    rounds=False,
    forward=lambda m, x, key: x[(..., *key)],
    vjp=(lambda m, g, y, x, key: m.scatter(g, x, (..., *key)),),
    symbolic=lambda s, x, key: s.index(x, key),
)  # fmt: skip


def _stacked(*shapes: Shape) -> tuple[Shape, dict[str, Any]]:
    for k, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ShapeError(
                f"entry {k} has the shape {_spell(shape)}, entry 0 {_spell(shapes[0])}",
                help="all entries of a vector, and all rows of a matrix, have one shape",
            )
    if len(shapes[0]) > 1:
        raise ShapeError(
            "brackets nest twice at most",
            help="[[a, b], [c, d]] is a matrix; there is nothing deeper, and a matrix per row is in a file",
        )
    return (len(shapes), *shapes[0]), {"rank": len(shapes[0])}


_define(
    "stack", "[a, b, ...]", "a vector of numbers, or a matrix of rows", arguments=None,
    shape=_stacked, affine=(0,),
    rounds=False,
    forward=lambda m, *xs, rank: m.stack(xs, -1 - rank),
    vjp=(lambda m, g, position, rank: g[(..., position) + (slice(None),) * rank],),
    symbolic=lambda s, *xs, rank: s.stack(xs),
)  # fmt: skip


def _concatenated(*shapes: Shape, axis: int = 0) -> tuple[Shape, dict[str, Any]]:
    if not shapes or not all(shapes):
        raise ShapeError(
            "concat joins vectors or matrices, not single numbers",
            help="[a, b] is the vector of two numbers, [b] the vector of one",
        )
    first, rank = shapes[0], len(shapes[0])
    for shape in shapes:
        if len(shape) != rank:
            raise ShapeError(
                f"concat cannot join the shapes {_spell(first)} and {_spell(shape)}",
                help="a vector is a column; v' is the row [1,n], which joins a matrix of n columns",
            )
    if axis not in range(rank):
        raise ShapeError(
            f"axis={axis} does not fit the shape {_spell(first)}",
            help="concat(u, v) is one long vector, [u, v] the matrix of two rows",
        )
    for shape in shapes:
        if shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
            where = "below one another (axis=0)" if axis == 0 else "side by side (axis=1)"
            other = 1 - axis
            fits = all(s[axis] == first[axis] for s in shapes)
            raise ShapeError(
                f"the shapes {_spell(first)} and {_spell(shape)} do not fit {where}",
                help=f"axis={other} fits" if fits
                else f"all must have as many {'columns' if axis == 0 else 'rows'}",
            )  # fmt: skip
    ends = tuple(sum(s[axis] for s in shapes[:k]) for k in range(len(shapes) + 1))
    shape = (*first[:axis], ends[-1], *first[axis + 1 :])
    return shape, {"rank": rank, "axis": axis, "ends": ends}


def _section(position: int, rank: int, axis: int, ends: Sequence[int]) -> tuple[Any, ...]:
    """The index of one argument's part of a concat."""
    part = slice(ends[position], ends[position + 1])
    return (..., part, *(slice(None) for _ in range(rank - 1 - axis)))


_define(
    "concat", "concat(a, b, ..., axis=0)", "vectors or matrices joined along an axis",
    arguments=None, shape=_concatenated, options={"axis": 0}, affine=(0,),
    rounds=False,
    forward=lambda m, *xs, rank, axis, ends: m.concat(xs, axis - rank),
    vjp=(lambda m, g, position, rank, axis, ends: g[_section(position, rank, axis, ends)],),
    symbolic=lambda s, *xs, rank, axis, ends: s.concat(xs, axis),
)  # fmt: skip


def _sized(*, sizes: Shape) -> tuple[Shape, dict[str, Any]]:
    return sizes, {"sizes": sizes}


def _squared(*, sizes: Shape) -> tuple[Shape, dict[str, Any]]:
    return (*sizes, *sizes), {"sizes": sizes}


_define(
    "ones", "ones(n) or ones(m, n)", "a vector or matrix of ones", arguments=0, sizes=(1, 2),
    shape=_sized, options={"sizes": ()}, domain_text="whole numbers, written out",
    rounds=False, sample=(),
    forward=lambda m, sizes: m.zeros((1, 1, *sizes)) + 1,
    vjp=(),
    symbolic=lambda s, sizes: s.expand(s.lift(1), sizes),
)  # fmt: skip
_define(
    "eye", "eye(n)", "the identity matrix", arguments=0, sizes=(1,), shape=_squared,
    options={"sizes": ()}, domain_text="whole numbers, written out",
    rounds=False, sample=(),
    forward=lambda m, sizes: m.on_diagonal(m.zeros((1, 1, *sizes)) + 1),
    vjp=(),
    symbolic=lambda s, sizes: s.on_diagonal(s.expand(s.lift(1), sizes)),
)  # fmt: skip

# ---------------------------------------------------------------------------------------------
# Over the rows (training examples): the only functions that see more than one
# ---------------------------------------------------------------------------------------------


def _same(shape: Shape, *, count: int = 1) -> tuple[Shape, dict[str, Any]]:
    return shape, {"count": count}


_define(
    "sum_rows", "sum_rows(x)", "sum over the rows (training examples)", shape=_same, rows="reduce",
    affine=(0,),
    forward=lambda m, x, count: m.sum(x, axis=(1,), keepdims=True),
    vjp=(lambda m, g, y, x, count: g * m.ones_like(x),),
    symbolic=lambda s, x, count: s.over_rows(x),
)  # fmt: skip
_define(
    "mean_rows", "mean_rows(x)", "mean over the rows (training examples)", shape=_same,
    rows="reduce", affine=(0,),
    forward=lambda m, x, count: m.sum(x, axis=(1,), keepdims=True) / count,
    vjp=(lambda m, g, y, x, count: g / count * m.ones_like(x),),
    symbolic=lambda s, x, count: s.over_rows(x / count),
)  # fmt: skip

PRIMITIVES: Mapping[str, Primitive] = MappingProxyType(_TABLE)

_HIDDEN = {"identity", "expand", "index", "stack"}
_BY_FUNCTION: dict[tuple[str, int | None], Primitive] = {}
for _record in _TABLE.values():
    if _record.infix is None and _record.name not in _HIDDEN:
        for _name in (_record.function, *_record.aliases):
            for _count_given in _record.sizes or (_record.arguments,):
                _BY_FUNCTION[_name, _count_given] = _record


def find_primitive(name: str) -> Primitive:
    """The record `name`. Raises KeyError."""
    return _TABLE[name]


def function_names() -> frozenset[str]:
    """Every name a user may call, aliases included."""
    return frozenset(name for name, _ in _BY_FUNCTION)


def resolve_function(name: str, arguments: int) -> Primitive | None:
    """The record behind the user's `name` with this many arguments; None if there is none."""
    return _BY_FUNCTION.get((name, arguments)) or _BY_FUNCTION.get((name, None))
