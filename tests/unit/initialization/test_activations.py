"""Activations: values and slopes against formulas written here, kinks, homogeneity, expressions in z and
what cannot be one, and PyTorch's gains as its documentation has them."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from gradcheck_cli.common.errors import GradcheckError, LanguageError, OptionError
from gradcheck_cli.initialization.activations import ACTIVATIONS, Activation, find_activation

Function = Callable[[float], float]
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017
ROOT = math.sqrt(2)


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def softplus(z: float) -> float:
    return math.log(1 + math.exp(z))


def mish_slope(z: float) -> float:
    t = math.tanh(softplus(z))
    return t + z * (1 - t * t) * sigmoid(z)


def normal(z: float) -> float:
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


KNOWN: dict[str, tuple[Function, Function]] = {
    "relu": (lambda z: max(z, 0.0), lambda z: float(z > 0)),
    "leaky_relu": (lambda z: z if z > 0 else 0.01 * z, lambda z: 1.0 if z > 0 else 0.01),
    "tanh": (math.tanh, lambda z: 1 / math.cosh(z) ** 2),
    "erf": (math.erf, lambda z: 2 / math.sqrt(math.pi) * math.exp(-z * z)),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "gelu": (
        lambda z: z * (1 + math.erf(z / ROOT)) / 2,
        lambda z: (1 + math.erf(z / ROOT)) / 2 + z * normal(z),
    ),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * sigmoid(-z))),
    "elu": (lambda z: z if z > 0 else math.expm1(z), lambda z: 1.0 if z > 0 else math.exp(z)),
    "selu": (
        lambda z: SCALE * (z if z > 0 else ALPHA * math.expm1(z)),
        lambda z: SCALE * (1.0 if z > 0 else ALPHA * math.exp(z)),
    ),
    "softplus": (softplus, sigmoid),
    "mish": (lambda z: z * math.tanh(softplus(z)), mish_slope),
    "softsign": (lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2),
    "sin": (math.sin, math.cos),
    "linear": (lambda z: z, lambda z: 1.0),
    "leaky_relu:0.2": (lambda z: z if z > 0 else 0.2 * z, lambda z: 1.0 if z > 0 else 0.2),
    "leaky_relu:-1": (abs, lambda z: math.copysign(1, z)),
    "z*erf(z)": (
        lambda z: z * math.erf(z),
        lambda z: math.erf(z) + z * 2 / math.sqrt(math.pi) * math.exp(-z * z),
    ),
    "max(z-1.5, 0)": (lambda z: max(z - 1.5, 0.0), lambda z: float(z > 1.5)),
    "abs(z)": (abs, lambda z: math.copysign(1, z)),
    "where(z > 0, log(z + 1), 0)": (
        lambda z: math.log(z + 1) if z > 0 else 0.0,
        lambda z: 1 / (z + 1) if z > 0 else 0.0,
    ),
}
by_name = pytest.mark.parametrize("name", KNOWN)
PLACES = np.concatenate([np.linspace(-6.03, 6.01, 173), [-20.3, 14.7]])  # on no kink


def test_every_activation_has_a_formula_here() -> None:
    assert set(ACTIVATIONS) <= set(KNOWN)


# ---------------------------------------------------------------------------------------------
# Values and slopes
# ---------------------------------------------------------------------------------------------


def alike(found: np.ndarray, expected: list[float]) -> bool:
    """To 1e-13: the formulas of this file lose a few digits where 1 + erf(z) cancels."""
    return bool(np.all(np.abs(found - expected) <= 1e-13 * (1 + np.abs(expected))))


@by_name
def test_values_and_slopes_are_those_of_the_formulas(name: str) -> None:
    activation = find_activation(name)
    value, slope = activation.both(PLACES)
    assert alike(value, [KNOWN[name][0](z) for z in PLACES.tolist()])
    assert alike(slope, [KNOWN[name][1](z) for z in PLACES.tolist()])
    np.testing.assert_array_equal(activation.value(PLACES), value)
    np.testing.assert_array_equal(activation.slope(PLACES), slope)


def test_a_slightly_wrong_formula_is_told_apart() -> None:
    found = find_activation("gelu").value(PLACES)
    wrong = [z * sigmoid(1.702 * z) for z in PLACES.tolist()]  # the usual approximation
    assert not alike(found, wrong)


@by_name
def test_slopes_are_those_of_central_differences(name: str) -> None:
    activation = find_activation(name)
    h = 1e-5  # truncation h^2/6 times a third derivative of at most 5, rounding 1e-16/h times 20
    differences = (activation.value(PLACES + h) - activation.value(PLACES - h)) / (2 * h)
    np.testing.assert_allclose(activation.slope(PLACES), differences, rtol=0, atol=2e-9)


@pytest.mark.parametrize("shape", [(), (0,), (4,), (2, 3), (2, 1, 3)])
def test_the_shape_is_kept(shape: tuple[int, ...]) -> None:
    z = np.linspace(-1.2, 2.1, math.prod(shape)).reshape(shape)
    for name in ("gelu", "linear", "z*erf(z)", "z*0 + 1"):
        value, slope = find_activation(name).both(z)
        assert value.shape == slope.shape == shape
    np.testing.assert_array_equal(find_activation("z*0 + 1").value(z), np.ones(shape))


def test_whole_numbers_are_taken_as_numbers() -> None:
    z = np.array([-2, 0, 3])
    for name in ("relu", "elu", "z^2/3"):
        value, slope = find_activation(name).both(z)
        expected = find_activation(name).both(z.astype(float))
        np.testing.assert_array_equal(value, expected[0])
        np.testing.assert_array_equal(slope, expected[1])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_far_out_nothing_overflows(name: str) -> None:
    z = np.array([-1e300, -1e4, -745.0, 745.0, 1e4, 1e300])
    value, slope = find_activation(name).both(z)
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()


def test_at_a_kink_the_slope_is_that_of_backprop() -> None:
    assert find_activation("relu").slope(np.zeros(1)) == 0
    assert find_activation("leaky_relu:0.2").slope(np.zeros(1)) == 0.2
    assert find_activation("abs(z)").slope(np.zeros(1)) == 0


# ---------------------------------------------------------------------------------------------
# Kinks, homogeneity, gains
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kinks"),
    [
        *((name, ()) for name in ("tanh", "erf", "sigmoid", "gelu", "silu", "softplus", "mish")),
        *((name, ()) for name in ("softsign", "sin", "linear", "z*erf(z)", "max(z, z)")),
        *((name, (0.0,)) for name in ("relu", "leaky_relu", "leaky_relu:0.2", "elu", "selu", "abs(z)")),
        ("max(z-1.5, 0)", (1.5,)),
        ("relu(z - 0.1)", (0.1,)),  # between two points of the grid
        ("max(-1, min(z, 1))", (-1.0, 1.0)),
        ("abs(z - 3) + relu(z + 70.25)", (-70.25, 3.0)),
        ("relu(relu(z - 0.005))", (0.005,)),  # the outer one is 0 over a stretch
        ("where(z > 0, z, 0.1*z)", (0.0,)),
        ("where(z < 0.005, z, 0.01 - z)", (0.005,)),
        ("where(z > 0, max(log(z + 1e-9), -1), -1)", (0.0, math.exp(-1) - 1e-9)),  # nan on one side
    ],
)  # fmt: skip
def test_kinks_are_found_to_the_last_digit(text: str, kinks: tuple[float, ...]) -> None:
    found = find_activation(text).kinks
    assert len(found) == len(kinks)
    # the margin is itself rounded: it may change sign a few units in the last place beside the root
    np.testing.assert_allclose(found, kinks, rtol=1e-15, atol=2e-16)


def test_kinks_of_a_wave_are_all_found() -> None:
    found = find_activation("relu(sin(z))").kinks
    np.testing.assert_allclose(found, np.pi * np.arange(-31, 32), rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize(
    "text",
    ["relu", "leaky_relu", "leaky_relu:-3", "linear", "abs(z)", "max(z, 0.25*z)", "1e300*z",
     "where(z > 0, z, 0.5*z)"],
)  # fmt: skip
def test_what_is_homogeneous(text: str) -> None:
    assert find_activation(text).homogeneous


@pytest.mark.parametrize(
    "text",
    ["tanh", "gelu", "silu", "elu", "selu", "softplus", "softsign", "mish", "sin", "sigmoid", "erf",
     "z^2", "relu(z - 5)", "z + 1e-300", "max(z, 1e-9)", "where(z > 1e9, 2*z, z)", "0*z + 1"],
)  # fmt: skip
def test_what_is_not_homogeneous(text: str) -> None:
    assert not find_activation(text).homogeneous


TORCH_GAINS = {  # the table in the documentation of torch.nn.init.calculate_gain
    "linear": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "leaky_relu": math.sqrt(2 / (1 + 0.01**2)),
    "leaky_relu:0.2": math.sqrt(2 / (1 + 0.2**2)),
    "leaky_relu:-1": 1.0,
    "selu": 3 / 4,
}


@by_name
def test_gains_are_those_that_pytorch_documents(name: str) -> None:
    gain = find_activation(name).torch_gain
    if name in TORCH_GAINS:
        assert gain == pytest.approx(TORCH_GAINS[name], rel=1e-15)
    else:
        assert gain is None


# ---------------------------------------------------------------------------------------------
# Names and expressions
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("relu", "relu(z)"),
        (" gelu ", "gelu(z)"),
        ("linear", "z"),
        ("z", "z"),
        ("leaky_relu:0.2", "leaky_relu(z, slope=0.2)"),
        ("leaky_relu:2e-1", "leaky_relu(z, slope=0.2)"),
        ("z * erf(z)", "z * erf(z)"),
        ("swish(z)", "swish(z)"),
        ("z·tanh(z)", "z·tanh(z)"),
    ],
)
def test_the_formula_reads_as_it_computes(text: str, formula: str) -> None:
    activation = find_activation(text)
    assert activation.formula == formula
    assert activation.name == text.strip()
    z = np.linspace(-2, 2, 9)
    np.testing.assert_array_equal(find_activation(formula).value(z), activation.value(z))


def error(text: str) -> GradcheckError:
    with pytest.raises(GradcheckError) as caught:
        find_activation(text)
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("rellu", "did you mean relu?"),
        ("ReLU", "did you mean relu?"),
        ("leakyrelu", "did you mean leaky_relu?"),
        ("soft_plus", "did you mean softplus?"),
        ("swish", "did you mean silu?"),
        ("logistic", "did you mean sigmoid?"),
        ("cos", "did you mean cos(z)?"),
        ("tanh:3", "only leaky_relu does: leaky_relu:0.2"),
        ("relu:", "only leaky_relu does: leaky_relu:0.2"),
        ("leaky_relu:x", "write leaky_relu:0.2"),
        ("leaky_relu:", "write leaky_relu:0.2"),
        ("leaky_relu:nan", "write leaky_relu:0.2"),
        ("leaky_relu:inf", "write leaky_relu:0.2"),
    ],
)
def test_a_name_that_is_none_gets_the_way_out(text: str, help: str) -> None:
    found = error(text)
    assert isinstance(found, OptionError)
    assert found.help == help


def test_a_name_near_none_gets_all_of_them() -> None:
    found = error("quux")
    assert 'there is no activation "quux"' in found.message
    assert all(name in (found.help or "") for name in ACTIVATIONS)


@pytest.mark.parametrize(
    ("text", "under", "help"),
    [
        ("tnh(z)", "tnh", "did you mean tanh?"),
        ("z*erf(zz)", "zz", "did you mean z?"),
        ("z + e^z", "e", "did you mean exp(x)?"),
        ("z*sigmoid(w)", "w", "such as z*sigmoid(z)"),
        ("2z", "z", "a product is written 2*z"),
        ("3*(z + 1", "(", 'close it with ")"'),
        ("z)", ")", "remove it"),
        ("tanh(z)*[1, 2]", "tanh(z)*[1, 2]", "such as"),
        ("[z, z]", "[z, z]", "such as"),
        ("d loss/d z", "d loss/d z", "such as"),
        ("z + loss", "loss", "such as"),
        ("z = 3", "=", "such as"),
        ("z:3", ":", ""),
        ("z*erf(z) +", "", "such as"),
        ("z\x0bz", "\x0b", "such as"),
    ],
)  # fmt: skip
def test_the_caret_stands_under_the_mistake(text: str, under: str, help: str) -> None:
    found = error(text)
    assert isinstance(found, LanguageError)
    place = found.place
    assert place is not None
    assert (place.file, place.line, place.text) == ("--activation", 1, text)
    if under:
        assert text[place.column - 1 : place.column - 1 + place.width] == under
    else:
        assert 1 <= place.column <= len(text) + 1
    assert help in (found.help or "")
    assert not any(word in (found.help or "") for word in ("param", "claim", "loss", "step", "line"))
    assert "the loss" not in found.message


@pytest.mark.parametrize("text", ["", "   ", "z\nz", "\n", "z\rz", "z; seed 5", "z;", "z; h = z"])
def test_one_expression_is_asked_for(text: str) -> None:
    assert "one expression" in error(text).message or text.strip() == ""


@pytest.mark.parametrize("text", ["sum([z, z])", "[z, 2*z][0]", "dot([z], [z])", "norm([z, 1])"])
def test_arrays_inside_are_refused(text: str) -> None:
    assert "a function of one number" in error(text).message


@pytest.mark.parametrize(
    ("text", "place"),
    [("log(z)", "it is not finite at z = -10"), ("1/z", "it is not finite at z = 0"),
     ("sqrt(abs(z))", "its slope is not finite at z = 0"), ("cbrt(z)", "its slope is not finite at z = 0"),
     ("exp(exp(z))", "it is not finite at z = 6.565"), ("z/0", "it is not finite at z = -10")],
)  # fmt: skip
def test_what_is_not_finite_everywhere_is_refused(text: str, place: str) -> None:
    found = error(text)
    assert isinstance(found, OptionError)
    assert place in found.message
    for near in ("log(z^2 + 1)", "1/(z^2 + 1)", "sqrt(abs(z) + 1)", "exp(z)", "z/3"):
        find_activation(near)


@pytest.mark.parametrize("text", ["2", "pi", "1 + 2*3"])
def test_a_constant_is_no_activation(text: str) -> None:
    found = error(text)
    assert "does not depend on z" in found.message or "there is no activation" in found.message


def test_a_long_expression_is_read() -> None:
    nested = find_activation("sin(" * 200 + "z" + ")" * 200)
    z = np.array([0.3])
    expected = z
    for _ in range(200):
        expected = np.sin(expected)
    np.testing.assert_array_equal(nested.value(z), expected)
    # the product of 200 cosines, each rounded
    np.testing.assert_allclose(nested.slope(z), _product_of_cosines(0.3, 200), rtol=200 * 2.0**-52)


def _product_of_cosines(z: float, times: int) -> float:
    slope = 1.0
    for _ in range(times):
        slope *= math.cos(z)
        z = math.sin(z)
    return slope


def test_no_expression_costs_sympy() -> None:
    program = (
        "import sys\n"
        "from gradcheck_cli.initialization.activations import find_activation\n"
        "import numpy\n"
        "for text in ('gelu', 'leaky_relu:0.2', 'z*erf(z)'):\n"
        "    found = find_activation(text)\n"
        "    found.both(numpy.ones(3)), found.kinks, found.homogeneous\n"
        "sys.exit('sympy' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_activation_says_who_it_is() -> None:
    assert isinstance(find_activation("tanh"), Activation)
    assert find_activation("tanh").name == "tanh"
