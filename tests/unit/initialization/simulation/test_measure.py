"""The measured side of init-stats: against the graph's backprop, plain NumPy, exact laws and edges."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from build import one_of
from gradcheck_cli import api
from gradcheck_cli.derivatives.backprop.reverse_mode import derivative
from gradcheck_cli.evaluation.tape import forward_pass
from gradcheck_cli.initialization.activations import find_activation
from gradcheck_cli.initialization.architectures import QUANTITIES, Network
from gradcheck_cli.initialization.simulation import scaled_numbers
from gradcheck_cli.initialization.simulation.job import Job, memory_sizes
from gradcheck_cli.initialization.simulation.measure import Measured, measure, measure_each
from gradcheck_cli.initialization.simulation.number_formats import median_event, simulate
from gradcheck_cli.initialization.simulation.scaled_activations import ScaledActivation
from gradcheck_cli.model.initializers import unit_normal, unit_truncated, unit_uniform
from gradcheck_cli.model.random_points import stream
from gradcheck_cli.numerics.float_formats import FORMATS, forecast

Array = np.ndarray[Any, Any]


def network(widths: tuple[int, ...], activation: str = "relu", arch: str = "mlp", **more: Any) -> Network:
    return Network(widths, find_activation(activation), arch, **more)


def square(width: int, depth: int, activation: str = "relu", arch: str = "mlp", **more: Any) -> Network:
    return network((width,) * (depth + 1) + (1,), activation, arch, **more)


def constant(net: Network, *variances: float) -> Array:
    return np.array(variances)[:, None] * np.ones((1, net.depth + 1))


def run(net: Network, weights: Array, biases: Array | float = 0.0, **options: Any) -> Measured:
    return measure(net, weights, biases * np.ones_like(weights), **options)


def close(a: Measured, b: Measured, within: float) -> bool:
    """Equal infinities and not-a-numbers, and every other log10 within this distance."""
    return all(
        np.allclose(a.log10[q], b.log10[q], rtol=0, atol=within, equal_nan=True) for q in QUANTITIES
    ) and np.array_equal(a.dead_units, b.dead_units)


# ---------------------------------------------------------------------------------------------
# Against gradcheck's own graph
# ---------------------------------------------------------------------------------------------


def norm(into: str, of: str) -> list[str]:
    return [f"c_{into} = {of} - mean({of})", f"{into} = c_{into}/sqrt(mean(c_{into}^2))"]


def model_text(net: Network) -> str:
    """The network as a model file, every layer a line."""
    a, s = net.activation.name, net.scale
    lines = [f"param h0[{net.widths[0]}] = 1", f"param v[{net.widths[-1]}] = 1"]
    for k, (fan_in, fan_out) in enumerate(pairwise(net.widths)):
        lines += [f"param W{k}[{fan_out},{fan_in}] = 1", f"param b{k}[{fan_out}] = 1"]
    for k in range(net.depth):
        if net.architecture == "mlp":
            lines += [f"f{k} = b{k} + W{k} @ h{k}", f"h{k + 1} = {a}(f{k})"]
            continue
        inner = f"n{k}" if net.architecture == "preln" else f"h{k}"
        lines += norm(inner, f"h{k}") if net.architecture == "preln" else []
        lines += [f"f{k} = b{k} + W{k} @ {a}({inner})"]
        after = f"r{k}" if net.architecture == "postln" else f"h{k + 1}"
        lines += [f"{after} = h{k} + {s}*f{k}"]
        lines += norm(f"h{k + 1}", after) if net.architecture == "postln" else []
    last = net.depth
    lines += [f"f{last} = b{last} + W{last} @ h{last}"]
    lines += [f"loss = sum(f{last}^2)" if net.loss == "lsq" else f"loss = v' @ f{last}"]
    return "\n".join(lines)


def drawn(net: Network, number: int, weights: Array, biases: Array, inputs: int) -> dict[str, Array]:
    """Parameters of one network, in plain numbers; h0 and loss direction too."""
    found: dict[str, Array] = {}
    for k, (fan_in, fan_out) in enumerate(pairwise(net.widths)):
        unit = unit_normal(stream(0, f"W/{number}/{k}"), (fan_out, fan_in))
        found[f"W{k}"] = math.sqrt(weights[k]) * unit
        found[f"b{k}"] = math.sqrt(biases[k]) * unit_normal(stream(0, f"b/{number}/{k}"), (fan_out, 1))[:, 0]
    v = unit_normal(stream(0, f"v/{number}/{net.depth}"), (net.widths[-1], 1))[:, 0]
    found["v"] = v / math.sqrt(np.mean(v**2))
    found["h0"] = unit_normal(stream(0, f"h/{number}/0"), (inputs, net.widths[0]))
    return found


def by_the_graph(net: Network, weights: Array, biases: Array, nets: int, inputs: int) -> dict[str, Array]:
    """np.var of every quantity of every layer, from forward_pass and backprop: (nets, K + 1)."""
    model = api.load(model_text(net))
    layers = range(net.depth + 1)
    found = {name: np.zeros((nets, net.depth + 1)) for name in QUANTITIES}
    for number in range(nets):
        values = drawn(net, number, weights, biases, inputs)
        seen: dict[str, list[Array]] = {}
        for h0 in values["h0"]:
            here = model.at({**values, "h0": h0})
            tape = forward_pass(here)
            seen.setdefault("h0", []).append(h0)
            for name in [f"{letter}{k}" for letter in "hf" for k in layers if f"{letter}{k}" != "h0"]:
                seen.setdefault(name, []).append(tape.value(name))
            names = [f"{letter}{k}" for letter in "hfWb" for k in layers]
            for name, gradient in derivative(here, tape, "loss", names).items():
                seen.setdefault(f"d{name}", []).append(gradient)
        for name in QUANTITIES:
            for k in layers:
                found[name][number, k] = np.var(seen[f"{name}{k}"])
    return found


ARCHITECTURES = [("mlp", 1.0), ("residual", 0.5), ("preln", 0.7), ("postln", 1.5)]


@pytest.mark.parametrize("inputs", [1, 3])
@pytest.mark.parametrize("loss", ["lsq", "none"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize(("arch", "scale"), ARCHITECTURES)
def test_forward_and_backward_pass_are_those_of_the_graph(
    arch: str, scale: float, activation: str, loss: str, inputs: int
) -> None:
    widths = (3 if arch == "mlp" else 4, 4, 4, 4, 2)
    net = network(widths, activation, arch, scale=scale, loss=loss)
    rng = np.random.default_rng(5)
    weights, biases = rng.uniform(0.3, 1.5, (2, 4)), rng.uniform(0.1, 0.5, (2, 4))
    found = measure(net, weights, biases, nets=2, inputs=inputs)
    for s in range(2):
        wanted = by_the_graph(net, weights[s], biases[s], 2, inputs)
        for name in QUANTITIES:
            with np.errstate(divide="ignore"):  # a layer of four may be dead: -inf on both sides
                logs = np.log10(wanted[name])
            # a few hundred roundings of 1e-16, enlarged by cancellation in four entries
            assert found.log10[name][s] == pytest.approx(logs, abs=1e-9), name


def test_the_comparison_with_the_graph_sees_another_network() -> None:
    net = network((4, 4, 4, 4, 2), "tanh", "preln", scale=0.7)
    weights, biases = np.ones((1, 4)), np.full((1, 4), 0.2)
    wanted = by_the_graph(net, weights[0], biases[0], 1, 1)
    for other in (replace(net, scale=0.71), replace(net, architecture="postln"), replace(net, loss="none")):
        found = measure(other, weights, biases, nets=1)
        assert not np.allclose(found.log10["dh"][0], np.log10(wanted["dh"]), atol=1e-9)


@pytest.mark.parametrize("inputs", [1, 4])
def test_the_three_statistics(inputs: int) -> None:
    """ms - var = mean^2, here from the numbers themselves; std is half of var."""
    net = network((3, 5, 4, 2), "sigmoid")
    weights = np.full((1, 3), 0.8)
    var, std, ms = (run(net, weights, 0.1, nets=3, inputs=inputs, stat=s).log10 for s in ("var", "std", "ms"))
    values = drawn(net, 1, weights[0], np.full(3, 0.1), inputs)
    f0 = values["h0"] @ values["W0"].T + values["b0"]
    h1 = 1 / (1 + np.exp(-f0))
    assert 10 ** ms["h"][0, 1, 1] == pytest.approx(np.mean(h1**2), rel=1e-12)
    assert 10 ** var["h"][0, 1, 1] == pytest.approx(np.var(h1), rel=1e-12)
    assert 10 ** std["f"][0, 1, 0] == pytest.approx(np.std(f0), rel=1e-12)
    for name in QUANTITIES:
        assert np.array_equal(std[name], var[name] / 2)
        assert (ms[name] > var[name]).all()


# ---------------------------------------------------------------------------------------------
# Against plain NumPy, with numbers of its own
# ---------------------------------------------------------------------------------------------


def plain_numpy(net: Network, variance: float, nets: int) -> dict[str, Array]:
    """log10 np.var of h, f, dl/dh, dl/df, dl/dW in a fully connected net, loss f_K^2: (nets, K + 1)."""
    rng = np.random.default_rng(2024)
    phi, slope = {
        "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0),
        "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    }[net.activation.name]
    found = {name: np.zeros((nets, net.depth + 1)) for name in ("h", "f", "dh", "df", "dW")}
    for number in range(nets):
        W = [math.sqrt(variance) * rng.standard_normal((m, n)) for n, m in pairwise(net.widths)]
        h, f = [rng.standard_normal(net.widths[0])], []
        for k in range(net.depth):
            f.append(W[k] @ h[k])
            h.append(phi(f[k]))
        f.append(W[-1] @ h[-1])
        df = 2 * f[-1]
        for k in reversed(range(net.depth + 1)):
            dh = W[k].T @ df
            seen = {"h": h[k], "f": f[k], "df": df, "dh": dh, "dW": np.outer(df, h[k])}
            for name, values in seen.items():
                found[name][number, k] = np.var(values)
            if k:
                df = dh * slope(f[k - 1])
    return {name: np.log10(np.where(values > 0, values, np.nan)) for name, values in found.items()}


def standard_errors(a: Array, b: Array) -> float:
    """How many standard errors the medians of two samples lie apart.

    That of a median is sqrt(pi/2) sd/sqrt(n): log10 of a variance is nearly normal over networks (a
    sum over layers).
    """
    error = math.sqrt(math.pi / 2 * (np.var(a) / len(a) + np.var(b) / len(b)))
    return float(abs(np.median(a) - np.median(b)) / error)


HE = (100, 50, 0.02)  # width, depth, sigma^2


@cache
def he_networks() -> Measured:
    width, depth, variance = HE
    net = square(width, depth)
    return run(net, constant(net, variance), nets=200)


@cache
def plain_he_networks() -> dict[str, Array]:
    width, depth, variance = HE
    return plain_numpy(square(width, depth), variance, 100)


@pytest.mark.slow
def test_he_networks_as_plain_numpy_finds_them() -> None:
    found, wanted = he_networks(), plain_he_networks()
    for name in wanted:
        for k in (1, 10, 25, 49, 50):
            if (name, k) not in {("f", 50), ("df", 50)}:  # one output: no variance
                assert standard_errors(found.log10[name][0, :, k], wanted[name][:, k]) < 3, (name, k)


@pytest.mark.slow
def test_plain_numpy_tells_five_percent_more_variance() -> None:
    """The same comparison, weights of 1.05 times the variance: by layer 50 a decade too much."""
    found, wanted = he_networks(), plain_he_networks()
    shifted = found.log10["h"][0, :, 50] + 50 * math.log10(1.05)
    assert standard_errors(shifted, wanted["h"][:, 50]) > 3


def test_glorot_tanh_networks_as_plain_numpy_finds_them() -> None:
    net = square(40, 12, "tanh")
    found = run(net, constant(net, 1 / 40), nets=200)
    wanted = plain_numpy(net, 1 / 40, 200)
    for name in wanted:
        for k in (1, 6, 11):
            assert standard_errors(found.log10[name][0, :, k], wanted[name][:, k]) < 3, (name, k)


@pytest.mark.slow
def test_he_networks_of_depth_fifty_are_not_flat() -> None:
    """log10 var h_50: median -0.73, 5 to 95 % in [-1.91, 0.39].

    The standard deviation is 0.70 (0.0990 a layer), so with 200 networks the median's standard error is
    1.25 * 0.70/sqrt(200) = 0.06 and that of the 5 % point sqrt(0.05*0.95/200)*0.70/0.103 = 0.10; three
    of each are allowed.
    """
    low, median, high = np.quantile(he_networks().log10["h"][0, :, 50], [0.05, 0.5, 0.95])
    assert median == pytest.approx(-0.73, abs=0.19)
    assert low == pytest.approx(-1.91, abs=0.31)
    assert high == pytest.approx(0.39, abs=0.31)
    assert not -0.19 < median < 0.19  # flat


def test_weight_gradients_do_not_depend_on_the_layer_although_gradients_explode() -> None:
    """sigma^2 = 0.1: dl/df grows by 5 a layer; dl/dW_k is (everything after k) x (everything before)."""
    net = square(100, 50)
    found = run(net, constant(net, 0.1), nets=40).log10
    across = {name: found[name][0, :, 5] - found[name][0, :, 45] for name in ("dW", "df")}
    # 40 networks; each way the sum of 40 layers scatters by 0.099*sqrt(40) = 0.6: 3 standard errors
    assert np.mean(across["dW"]) == pytest.approx(0, abs=3 * 0.6 * math.sqrt(2 / 40))
    assert np.mean(across["df"]) == pytest.approx(40 * math.log10(5), abs=1.2)


# ---------------------------------------------------------------------------------------------
# Planted mistakes
# ---------------------------------------------------------------------------------------------


def naive_truncated(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Truncated at two standard deviations, its variance of 0.774 not corrected."""
    return unit_truncated(rng, shape) * math.sqrt(0.7737413)


def naive_uniform(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Uniform between -std and std: its variance is std^2/3."""
    return rng.uniform(-1, 1, shape)


UNITS = [
    (naive_truncated, 0.7737),
    (naive_uniform, 1 / 3),
    (unit_truncated, 1.0),
    (unit_uniform, 1.0),
]


@pytest.mark.parametrize(("unit", "factor"), UNITS)
def test_wrong_unit_draws_change_the_measurement_by_their_variance(
    unit: Callable[..., Array], factor: float
) -> None:
    net = square(50, 12)
    weights = constant(net, 2 / 50)
    right = run(net, weights, nets=100).log10
    found = run(net, weights, nets=100, unit=unit).log10
    for name, layers in (("h", 12), ("dh", 26)):  # the loss f_K^2 brings 13 layers more
        k = 12 if name == "h" else 0
        shift = layers * math.log10(factor)
        assert standard_errors(found[name][0, :, k], right[name][0, :, k] + shift) < 3
        if factor < 1:
            assert standard_errors(found[name][0, :, k], right[name][0, :, k]) > 3


def test_fan_out_for_fan_in_on_a_pyramid() -> None:
    """2/fan_out where the layers halve: the variance doubles in every layer, to rounding."""
    net = network((64, 32, 16, 8, 4))
    fans = np.array([net.fans(k) for k in range(4)])
    found = run(net, np.stack([2 / fans[:, 0], 2 / fans[:, 1]]), nets=5).log10["h"]
    assert found[1] - found[0] == pytest.approx(np.arange(4) * math.log10(2) * np.ones((5, 1)), abs=1e-12)


# ---------------------------------------------------------------------------------------------
# Scaling
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stat", ["var", "std", "ms"])
@pytest.mark.parametrize("loss", ["lsq", "none"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu:0.2", "linear"])
def test_one_pass_serves_all_variances_of_a_homogeneous_network(
    activation: str, loss: str, stat: str
) -> None:
    net = network((9, 12, 7, 12, 10, 3), activation, loss=loss)
    assert net.homogeneous
    weights = np.random.default_rng(3).uniform(0.001, 2, (4, 5))
    one = run(net, weights, nets=4, inputs=2, stat=stat)
    loop = every_pass(net, weights, stat, 4, 2)
    assert close(one, loop, 1e-10)


def every_pass(net: Network, weights: Array, stat: str, nets: int, inputs: int) -> Measured:
    """Without the shortcut: each initialization takes its own way through the layers."""
    job = Job(net, unit_normal, unit_normal, nets, inputs, 0, stat, np.dtype(np.float64))
    with np.errstate(divide="ignore"):  # log10 of 0
        return measure_each(job, weights, np.zeros_like(weights), lambda count: None)


@pytest.mark.parametrize(("activation", "biases"), [("tanh", 0.0), ("relu", 0.1)])
def test_other_networks_do_not_scale(activation: str, biases: float) -> None:
    net = square(12, 4, activation)
    found = run(net, constant(net, 0.1, 0.4), biases, nets=4).log10["h"]
    shift = np.arange(5) * math.log10(4)
    assert not np.allclose(found[1] - found[0], shift, atol=1e-3)


def test_the_order_of_initializations_is_kept_when_some_need_a_pass_of_their_own() -> None:
    net = square(8, 3)
    weights, biases = constant(net, 0.3, 0.2, 0.0, 0.1), constant(net, 0, 0.5, 0, 0)
    together = measure(net, weights, biases, nets=3)
    for s in range(4):
        alone = measure(net, weights[[s]], biases[[s]], nets=3)
        row = Measured(
            {name: found[[s]] for name, found in together.log10.items()},
            together.dead_units[[s]],
            together.dead[[s]],
        )
        # products with one and with several columns are summed in different orders
        assert close(row, alone, 1e-12)
        assert np.array_equal(row.dead, alone.dead)


def test_a_thousand_layers_end_finite() -> None:
    """Plain float64, too, would end at 0 for 0.001 and at infinity for 1; here each shifts the other."""
    net = square(20, 1000)
    found = run(net, constant(net, 0.001, 1.0), nets=2, dtype="float32")
    for name in ("h", "dh", "dW"):
        assert np.isfinite(found.log10[name]).all()
    assert (found.log10["h"][0, :, 1000] < -1900).all()
    assert (found.log10["h"][1, :, 1000] > 900).all()
    assert not found.dead.any()


def test_single_precision_is_close_to_double_and_not_the_same() -> None:
    net = square(30, 40, "gelu")
    weights = constant(net, 0.05)
    double, single = (run(net, weights, nets=3, dtype=d).log10["h"] for d in ("float64", "float32"))
    assert np.abs(double - single).max() < 1e-3  # 40 layers, sqrt(30) roundings of 6e-8 each, amplified
    assert np.abs(double - single).max() > 1e-9
    h0 = drawn(net, 2, weights[0], 0 * weights[0], 1)["h0"].astype(np.float32)
    assert single[0, 2, 0] == pytest.approx(np.log10(np.var(h0.astype(np.float64))), abs=1e-13)


@pytest.mark.slow
def test_tiny_tanh_networks_are_linear() -> None:
    """sigma^2 = 1e-60 in the first layer: beyond it tanh(z) = z to double precision, 400 layers deep."""
    tanh, linear = (square(10, 400, name) for name in ("tanh", "linear"))
    weights = constant(tanh, 0.0001)
    assert not close(run(tanh, weights, nets=2), run(linear, weights, nets=2), 1e-4)
    weights[:, 0] = 1e-60
    found, wanted = (run(net, weights, nets=2) for net in (tanh, linear))
    assert close(found, wanted, 1e-9)
    assert (found.log10["h"][..., 400] < -1100).all()


@pytest.mark.parametrize("arch", ["residual", "preln", "postln"])
def test_tiny_residual_branches_leave_the_stream_as_it_is(arch: str) -> None:
    """h + s f with s = 1e-200: the sum of two scales."""
    net = square(10, 20, "tanh", arch, scale=1e-200)
    found = run(net, constant(net, 1.0), nets=2).log10
    assert found["h"][..., 1] == pytest.approx(found["h"][..., 20], abs=1e-12)
    assert (found["df"][..., :20] < -390).all()
    assert np.isfinite(found["df"][..., :20]).all()


def test_tanh_of_depth_four_hundred_and_variance_0_0001() -> None:
    net = square(10, 400, "tanh")
    found = run(net, constant(net, 0.0001), nets=2)
    for name in ("h", "dh", "dW"):
        assert np.isfinite(found.log10[name]).all()
    assert (found.log10["h"][0, :, 400] < -1000).all()
    assert not found.dead.any()


@pytest.mark.parametrize("activation", ["gelu", "silu", "softplus"])
def test_huge_numbers_see_only_the_asymptotes(activation: str) -> None:
    """f of the order 1e100: gelu, silu and softplus are relu there, to double precision."""
    net, relu = square(10, 5, activation), square(10, 5)
    weights = constant(net, 2 / 10)
    weights[:, 0] = 1e200
    found, wanted = (run(n, weights, nets=4) for n in (net, relu))
    if activation != "softplus":  # whose slope where a whole layer is dead is not zero
        assert close(found, wanted, 1e-10)
    else:
        assert np.allclose(found.log10["h"][..., 1:], wanted.log10["h"][..., 1:], rtol=0, atol=1e-10)
    weights[:, 0] = 1.0
    small = [run(n, weights, nets=4) for n in (net, relu)]
    assert not np.allclose(small[0].log10["h"], small[1].log10["h"], rtol=0, atol=1e-2)


def test_saturated_tanh_no_longer_depends_on_the_size() -> None:
    net = square(10, 4, "tanh")
    weights = constant(net, 0.1, 0.1)
    weights[:, 0] = 1e60, 1e300
    found = run(net, weights, nets=3).log10["h"]
    assert np.allclose(found[0], found[1], rtol=0, atol=1e-12)


def test_squares_carry_their_power() -> None:
    """phi = z^2: a factor c on W_0 is c^(2^k) on f_k, near 0 and far away alike."""
    net = square(6, 8, "z^2")
    weights = constant(net, 1, 1, 1, 1, 1)
    weights[:, 0] = 1, 1e-4, 1e-80, 1e6, 1e80
    found = run(net, weights, nets=3, stat="ms").log10
    for s, power in ((1, -4), (2, -80), (3, 6), (4, 80)):
        shift = found["f"][s] - found["f"][0]
        assert shift == pytest.approx(power * 2.0 ** np.arange(9) * np.ones((3, 1)), rel=1e-11, abs=1e-11)
        slope = found["df"][s] - found["df"][0]  # 2 f_K, and a factor f_j for every layer on the way
        wanted = power * (2.0**8 + 2.0**8 - 2.0 ** np.arange(9))
        assert slope == pytest.approx(wanted * np.ones((3, 1)), rel=1e-11)


@pytest.mark.parametrize(("variance", "end"), [(100.0, math.inf), (1e-6, -math.inf)])
def test_faster_than_exponential_change_goes_beyond_any_number(variance: float, end: float) -> None:
    net = square(6, 60, "z^3")
    found = run(net, constant(net, variance), nets=3, stat="ms")
    h = found.log10["h"] * math.copysign(1, end)
    assert np.isfinite(h[:, :, :10]).all()
    assert np.array_equal(np.maximum.accumulate(h[:, :, 2:], axis=2), h[:, :, 2:])
    assert (h[:, :, 60] == math.inf).all()
    assert h[np.isfinite(h)].max() < 0.7 * 2.0**40  # 2 log10(2) times the largest exponent kept
    assert not np.isnan(found.log10["dh"]).any()
    assert found.dead.all() == (end < 0)


@pytest.mark.parametrize(
    "activation", ["sin", "sigmoid", "softsign", "elu", "selu", "cos(z)", "z*erf(z)", "log(1+z^2)"]
)
@pytest.mark.parametrize("variance", [0.0, 1e-300, 1e-20, 1.0, 1e20])
def test_any_activation_of_numbers_of_any_size(activation: str, variance: float) -> None:
    """Powers near 0 and far away or none: no warning, and the plain numbers where those suffice."""
    net = square(5, 2, activation)
    weights = constant(net, 1.0)
    weights[:, 0] = variance
    found = run(net, weights, nets=1, stat="ms")
    values = drawn(net, 0, weights[0], np.zeros(3), 1)
    f1 = values["W1"] @ net.activation.value(values["W0"] @ values["h0"][0])
    with np.errstate(all="ignore"):
        wanted = np.log10(np.mean(f1**2))
    if wanted > -300:
        # of numbers of the order 1e10 sin and cos know 6 digits
        assert found.log10["f"][0, 0, 1] == pytest.approx(wanted, abs=1e-5 if variance > 1 else 1e-9)
    else:  # squares of squares have underflowed in plain numbers
        assert found.log10["f"][0, 0, 1] < -300 or variance == 0


def test_functions_that_are_no_powers_are_evaluated_at_the_number_itself() -> None:
    """log(1 + z^2) at 1e30: a power law from 2^64 on would leave it at 88 instead of 138."""
    net = square(5, 1, "log(1+z^2)")
    weights = constant(net, 1.0)
    weights[:, 0] = 1e60
    values = drawn(net, 0, weights[0], np.zeros(2), 1)
    wanted = np.mean((2 * np.log(np.abs(values["W0"] @ values["h0"][0]))) ** 2)
    found = run(net, weights, nets=1, stat="ms").log10["h"][0, 0, 1]
    assert found == pytest.approx(np.log10(wanted), abs=1e-12)


def test_entries_of_one_column_may_lie_on_all_sides() -> None:
    """1 + |z| of 3 * 2^98, 0, -2^-300 and -2^90: each is taken where it lies."""
    phi = ScaledActivation(find_activation("1+abs(z)"))
    mantissa = np.array([0.75, 0.0, -(2.0**-400), -(2.0**-10)])[None, :, None]
    value, slope = phi.of(scaled_numbers.Scaled(mantissa, np.array([[[100]]])))
    found = [float(np.ldexp(x, int(value.exponent[0, 0, 0]))) for x in value.mantissa.ravel()]
    assert found == [3 * 2.0**98, 1.0, 1.0, 2.0**90]
    assert np.ldexp(slope.mantissa, int(slope.exponent[0, 0, 0])).ravel().tolist()[::3] == [1.0, -1.0]


# ---------------------------------------------------------------------------------------------
# Draws, batches and memory
# ---------------------------------------------------------------------------------------------


def test_a_network_does_not_depend_on_how_many_there_are() -> None:
    net = square(12, 6, "tanh")
    weights = constant(net, 0.1, 0.2)
    few, many = run(net, weights, 0.1, nets=3), run(net, weights, 0.1, nets=9)
    for name in QUANTITIES:
        assert np.array_equal(few.log10[name], many.log10[name][:, :3], equal_nan=True)
    assert len(np.unique(many.log10["h"][0, :, 6])) == 9


def test_another_seed_draws_other_networks() -> None:
    net = square(12, 6)
    first, second = (run(net, constant(net, 0.1), seed=s, nets=2).log10["h"] for s in (0, 1))
    assert (first != second).all()


def keeping(net: Network, weights: int, states: int) -> Network:
    """The network where at most so many bytes are held."""
    limits = net.limits._replace(kept_weights=weights, kept_states=states)
    return replace(net, activation=replace(net.activation, limits=limits))


KEPT = [(1, 1 << 29), (1, 1), (1 << 27, 1), (2000, 2000), (5000, 100_000)]


@pytest.mark.parametrize(("weights_kept", "states_kept"), one_of(2, KEPT))
@pytest.mark.parametrize("arch", ["mlp", "preln"])
def test_results_do_not_depend_on_batches(
    arch: str, weights_kept: int, states_kept: int
) -> None:
    """Networks, initializations and inputs in blocks; weights kept or drawn again."""
    net = square(6, 5, "gelu", arch)
    weights = constant(net, 0.1, 0.5, 0.0)
    whole = run(net, weights, 0.1, nets=5, inputs=4)
    told: list[float] = []
    found = run(keeping(net, weights_kept, states_kept), weights, 0.1, nets=5, inputs=4, progress=told.append)
    # a product with one column and with several is summed in different orders
    assert close(whole, found, 1e-11)
    assert told[-1] == 1
    assert told == sorted(told)


@pytest.mark.slow
def test_weights_that_are_too_large_are_drawn_again() -> None:
    """300 layers of 300 x 300 take 216 MB, beyond what is kept; states take 1.5 MB."""
    net = square(300, 300)
    tracemalloc.start()
    found = run(net, constant(net, 2 / 300, 1.0), nets=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6
    assert np.isfinite(found.log10["dh"]).all()


def test_a_thousand_layers_of_a_thousand_units_need_less_than_a_gigabyte() -> None:
    """By what is kept: one network, its states, and three matrices of 8 MB at a time."""
    net = square(1000, 1000)
    job = Job(net, unit_normal, unit_normal, 20, 1000, 0, "var", np.dtype(np.float64))
    sizes = memory_sizes(job, 5)
    assert (sizes.networks, sizes.keep) == (1, False)
    assert sizes.variances * sizes.inputs * 2 * 8 * 1000 * 1000 < 0.9e9
    many = memory_sizes(replace(job, network=square(50, 2), inputs=1_000_000), 1)
    assert many.networks * 50 * 1_000_000 * 8 < 0.9e9
    assert many.networks * many.inputs * 2 * 50 * 3 * 8 < 0.9e9


def test_weights_that_are_small_are_drawn_once() -> None:
    asked: list[tuple[int, int]] = []

    def unit(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        asked.append(shape)
        return unit_normal(rng, shape)

    net = square(5, 7, "tanh")
    run(net, constant(net, 0.1, 0.2, 0.3), nets=4, unit=unit)
    assert len(asked) == 4 * 8


# ---------------------------------------------------------------------------------------------
# Edges
# ---------------------------------------------------------------------------------------------


def test_dead_networks_of_width_two() -> None:
    """Both units of a layer are negative in one network of four, whatever came before."""
    net = square(2, 6)
    found = run(net, constant(net, 1.0), nets=200, stat="ms")
    dead = np.isneginf(found.log10["h"][..., 6])
    assert np.array_equal(dead, found.dead)
    wanted = 1 - 0.75**6
    assert dead.mean() == pytest.approx(wanted, abs=3 * math.sqrt(wanted * (1 - wanted) / 200))
    assert np.isneginf(found.log10["dh"][dead]).all()
    assert np.isfinite(found.log10["dh"][~dead]).all()
    assert (found.dead_units[dead] >= 1 / 6).all()
    wide = square(100, 6)
    assert not run(wide, constant(wide, 1.0), nets=20).dead.any()


def test_dead_units_are_those_that_are_zero_for_every_input() -> None:
    net = square(50, 4)
    weights = constant(net, 2 / 50)
    one, eight = (run(net, weights, nets=20, inputs=i).dead_units for i in (1, 8))
    assert one.mean() == pytest.approx(0.5, abs=0.03)  # sd 0.5/sqrt(50*4*20) = 0.008
    assert eight.mean() < 0.2
    tanh = square(50, 4, "tanh")
    assert (run(tanh, weights, nets=2).dead_units == 0).all()


def test_variance_zero_is_dead() -> None:
    net = square(4, 3)
    found = run(net, constant(net, 0.0), nets=2)
    assert found.dead.all()
    assert (found.dead_units == 1).all()
    assert np.isneginf(found.log10["h"][..., 1:]).all()
    assert np.isfinite(found.log10["h"][..., 0]).all()


def test_constant_layers_have_no_variance_at_all() -> None:
    """softplus(0) = log 2 in every unit: the variance is 0 and not rounding error; but nothing is dead."""
    net = square(7, 3, "softplus")
    found = run(net, constant(net, 0.0), nets=2, inputs=3)
    assert np.isneginf(found.log10["h"][..., 1:]).all()
    assert not found.dead.any()
    ms = run(net, constant(net, 0.0), nets=2, stat="ms")
    assert ms.log10["h"][0, 0, 3] == pytest.approx(2 * math.log10(math.log(2)), abs=1e-14)


def test_the_variance_of_a_single_entry_is_meaningless() -> None:
    net = network((1, 1, 3, 1), "tanh")
    var, ms = (run(net, constant(net, 1.0), nets=2, stat=s).log10 for s in ("var", "ms"))
    inner, outer = [0, 1], [0, 2]
    singles = {"h": inner, "dh": inner, "f": outer, "df": outer, "db": outer, "dW": [0]}
    for name, single in singles.items():
        meaningless = np.isnan(var[name][0]).all(axis=0)
        assert np.flatnonzero(meaningless).tolist() == single, name
        assert np.isfinite(ms[name]).all()
    two = run(net, constant(net, 1.0), nets=2, inputs=2).log10
    assert all(np.isfinite(two[name]).all() for name in QUANTITIES)


@pytest.mark.parametrize("widths", [(1, 1, 1), (1, 5, 2), (3, 1, 1, 2), (2, 2, 2, 2), (784, 3, 10)])
@pytest.mark.parametrize("loss", ["lsq", "none"])
def test_small_and_unequal_widths(widths: tuple[int, ...], loss: str) -> None:
    for activation in ("relu", "gelu"):
        net = network(widths, activation, loss=loss)
        found = run(net, constant(net, 1.0, 0.0), nets=3)
        assert found.log10["dW"].shape == (2, 3, net.depth + 1)
        assert found.dead.shape == found.dead_units.shape == (2, 3)


@pytest.mark.parametrize("arch", ["preln", "postln"])
def test_layer_norm_of_equal_units_is_zero(arch: str) -> None:
    """Width 1: x - mean is 0, and 0/0 is taken to be 0."""
    net = square(1, 3, "relu", arch)
    found = run(net, constant(net, 1.0), nets=4, stat="ms")
    if arch == "postln":
        assert found.dead.all()
    else:
        assert np.array_equal(found.log10["h"][..., 0], found.log10["h"][..., 3])  # the stream passes


@pytest.mark.parametrize("arch", ["preln", "postln"])
def test_layer_norm_of_two_units_has_slope_zero(arch: str) -> None:
    """It is (1, -1) or (-1, 1): what cancels is nothing, and does not travel on as rounding error."""
    net = square(2, 3, "tanh", arch)
    found = run(net, constant(net, 1.0), 0.5, nets=20, stat="ms").log10["dh"][0]
    if arch == "postln":
        assert np.isneginf(found[:, :3]).all()
    else:
        assert np.ptp(found, axis=1) == pytest.approx(np.zeros(20), abs=1e-12)
    wide = square(3, 3, "tanh", arch)
    assert np.ptp(run(wide, constant(wide, 1.0), 0.5, nets=20, stat="ms").log10["dh"][0], axis=1).min() > 1e-3


# ---------------------------------------------------------------------------------------------
# In a number format
# ---------------------------------------------------------------------------------------------


def foretold(net: Network, variance: float, name: str) -> tuple[Any, Any]:
    """The forecast from the median network, as init-stats makes it from the expected one."""
    found = run(net, constant(net, variance), nets=20, stat="ms")
    median = {quantity: np.median(values, axis=1)[0] / 2 for quantity, values in found.log10.items()}
    depth, hidden = net.depth, net.widths[1:-1]
    forward = forecast(median["f"][:depth], hidden, FORMATS[name])
    backward = forecast(median["dh"][:0:-1], hidden[::-1], FORMATS[name])
    return forward, backward and (backward[0], depth - backward[1])


def simulated(net: Network, variance: float, name: str, **options: Any) -> tuple[Any, Any]:
    weights = constant(net, variance)[0]
    found = simulate(net, weights, 0 * weights, FORMATS[name], **options)
    return found["forward"], found["backward"]


# sizes change by a factor of 1.5 or more in every layer; slower ones leave the format over many layers
FORECASTS: list[tuple[str, float, str]] = [
    ("relu", 0.002, "float16"),
    ("relu", 0.02, "float16"),
    ("relu", 0.2, "float16"),
    ("relu", 2.0, "float16"),
    ("relu", 2.0, "bfloat16"),
    ("relu", 2e4, "float32"),
    ("relu", 2e-8, "bfloat16"),
    ("relu", 2e-8, "float32"),
    ("tanh", 0.002, "float16"),
    ("tanh", 1.0, "float16"),
    ("gelu", 0.2, "float16"),
]


@pytest.mark.parametrize(("activation", "variance", "name"), one_of(4, FORECASTS))
def test_the_forecast_is_right_to_one_layer(activation: str, variance: float, name: str) -> None:
    """The scatter over networks and what is rounded to zero before the largest entry is are one layer."""
    net = square(100, 30, activation, loss="none")
    wanted, found = foretold(net, variance, name), simulated(net, variance, name)
    for way, before, seen in zip(("forward", "backward"), wanted, found, strict=True):
        if way == "backward" and found[0][0] == "overflow":
            assert seen == ("lost", None)
        elif way == "backward" and found[0][0] == "all zero" and activation == "relu":
            assert seen == ("all zero", 29)  # relu'(0) = 0
        elif before is None:
            assert seen == (None, None), way
        else:
            assert (seen[0], abs(seen[1] - before[1]) <= 1) == (before[0], True), (way, before, seen)


@pytest.mark.slow
def test_formats_differ() -> None:
    net = square(100, 30, loss="none")
    assert simulated(net, 2.0, "float16")[0] == ("overflow", 4)
    assert simulated(net, 2.0, "float32")[0] == (None, None)
    wide = simulated(net, 2e4, "float32")[0]
    assert wide == simulated(net, 2e4, "bfloat16")[0]  # their largest numbers differ by 1/256
    assert wide[0] == "overflow"


def by_hand(net: Network, variance: float, number: int) -> tuple[Any, Any]:
    """One network with the loss f_K^2 in float16, in as many words: the first event of each pass."""

    def half(x: Array) -> Array:
        return x.astype(np.float32).astype(np.float16).astype(np.float32)

    def event(x: Array, k: int) -> tuple[str, int] | None:
        return ("overflow", k) if not np.isfinite(x).all() else None if x.any() else ("all zero", k)

    values = drawn(net, number, np.full(net.depth + 1, variance), np.zeros(net.depth + 1), 1)
    W = [half(values[f"W{k}"]) for k in range(net.depth + 1)]
    h, f = half(values["h0"][0]), []
    for k in range(net.depth + 1):
        f.append(half(W[k] @ h))
        h = np.maximum(f[-1], 0)
    forward = [found for k in range(net.depth) if (found := event(f[k], k))]
    if not f[-1].any() or not all(np.isfinite(x).all() for x in f):
        return (forward or [(None, None)])[0], ("lost", None)
    dh, backward = half(W[-1].T @ half(2 * f[-1])), []
    for k in range(net.depth, 0, -1):
        backward += [found] if (found := event(dh, k)) else []
        dh = half(W[k - 1].T @ half(dh * (f[k - 1] > 0)))
    return (forward or [(None, None)])[0], (backward or [(None, None)])[0]


@pytest.mark.parametrize("nets", [5, 6])
@pytest.mark.parametrize("variance", [0.02, 0.06, 0.1, 0.2, 0.3, 0.4, 3.0])
def test_simulation_by_hand(variance: float, nets: int) -> None:
    """The median network of five or six is the third, sorted by the layer of their event."""
    net = square(10, 12)
    with np.errstate(all="ignore"):
        each = [by_hand(net, variance, number) for number in range(nets)]
    for way, sign in ((0, 1), (1, -1)):
        order = sorted((pair[way] for pair in each), key=partial(place, sign))
        assert simulated(net, variance, "float16", nets=nets)[way] == order[2]


def test_the_median_event() -> None:
    events = [("overflow", 3), (None, None), ("lost", None), ("all zero", 7)]
    assert median_event(events, 1) == ("overflow", 3)
    assert median_event(events, -1) == ("all zero", 7)
    assert median_event(events[:2], 1) == ("overflow", 3)
    assert median_event(events[1:2] * 2 + events[2:3], 1) == (None, None)


def place(sign: int, event: tuple[str | None, int | None]) -> float:
    name, k = event
    return -math.inf if name == "lost" else math.inf if k is None else sign * k


@pytest.mark.parametrize("arch", ["mlp", "residual", "preln", "postln"])
@pytest.mark.parametrize("name", FORMATS)
def test_every_array_of_a_simulation_is_rounded(arch: str, name: str) -> None:
    form, seen = FORMATS[name], set()

    def see(quantity: str, k: int, x: Array) -> None:
        assert x.dtype == np.float32
        assert np.array_equal(form.rounded(x), x), (quantity, k)
        seen.add((quantity, k))

    net = square(8, 3, "tanh", arch, scale=0.3)
    weights = constant(net, 0.3)[0]
    simulate(net, weights, weights, form, nets=2, see=see)
    assert seen == {(quantity, k) for quantity in ("h", "f", "g", "dh", "df") for k in range(4)}


def test_weights_below_half_of_the_smallest_number_are_zero() -> None:
    """Uniform within 2.6e-8: 400 of them would add up to five times the smallest float16."""
    net = network((400, 3, 1), "tanh")
    weights = np.array([1.5e-8**2, 1.0])
    for name, wanted in (("float16", ("all zero", 0)), ("bfloat16", (None, None))):
        found = simulate(net, weights, 0 * weights, FORMATS[name], unit=unit_uniform)
        assert found["forward"] == wanted


def test_layers_are_looked_at_from_f_0_to_f_before_K_and_from_dh_K_to_dh_1() -> None:
    net = square(10, 4, "tanh", loss="none")
    first, last = constant(net, 0.1, 0.1)
    first[0], last[4] = 1e-30, 1e-30
    found = [simulate(net, weights, 0 * weights, FORMATS["float16"]) for weights in (first, last)]
    assert found[0] == {"forward": ("all zero", 0), "backward": (None, None)}
    assert found[1] == {"forward": (None, None), "backward": ("all zero", 4)}


def test_nothing_is_lost_without_a_loss_that_sees_it() -> None:
    """f_K = 0 in float16: the gradient of f_K^2 is lost, that of a direction is not, for tanh."""
    net = square(20, 12, "tanh")
    assert simulated(net, 0.0005, "float16")[1] == ("lost", None)
    assert simulated(replace(net, loss="none"), 0.0005, "float16")[1][0] == "all zero"
    assert simulated(replace(net, loss="none"), 0.05, "float16")[1] == (None, None)


@pytest.mark.parametrize("arch", ["residual", "preln", "postln"])
def test_every_architecture_in_every_format(arch: str) -> None:
    net = square(16, 10, "gelu", arch)
    weights = constant(net, 1 / 16)[0]
    for form in FORMATS.values():
        found = simulate(net, weights, weights, form, nets=3, inputs=2)
        assert found == {"forward": (None, None), "backward": (None, None)}
        lost = simulate(net, 1e80 * weights, weights, form, nets=3, inputs=2)
        assert lost == {"forward": ("overflow", 0), "backward": ("lost", None)}


def test_batches_do_not_change_a_simulation() -> None:
    net = square(10, 12)
    whole = simulated(net, 0.4, "float16", nets=7)
    assert simulated(keeping(net, 1, 1), 0.4, "float16", nets=7) == whole


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    """Warnings are errors in every test; floating-point ones must not be switched off from outside."""
    with np.errstate(all="warn"):
        yield


@pytest.mark.parametrize("name", QUANTITIES)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_quantity_is_the_same_whatever_else_is_asked_for(activation: str, name: str) -> None:
    """One pass from scaled draws and one without; what is not asked for is not there."""
    net = square(12, 4, activation)
    weights = constant(net, 0.1, 0.3)
    alone = run(net, weights, nets=3, inputs=2, quantities=(name,))
    everything = run(net, weights, nets=3, inputs=2)
    assert set(alone.log10) == {name}
    assert np.array_equal(alone.log10[name], everything.log10[name])
    assert np.array_equal(alone.dead_units, everything.dead_units)
