"""Programs of jax and torch, where these are installed: traced, and their autograd judged."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gradcheck_cli import api
from gradcheck_cli.cli.main import main
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.results.gradient_results import Report, Verdict
from gradcheck_cli.tracing.points import arguments_at
from gradcheck_cli.tracing.programs import load_program
from gradcheck_cli.tracing.trace import trace

PROGRAMS = Path(__file__).parents[1] / "programs"
PARAMETERS = {
    "mlp": ("W1", "gamma", "beta", "W2", "b2"), "logistic": ("w", "b"), "attention": ("Wq", "Wk", "Wv"),
    "lstm": ("W", "U", "b", "v"), "gaussian_process": ("log_length", "log_scale", "log_noise"),
    "spline": ("knots",),
}  # fmt: skip
FRAMEWORKS = ("jax", "torch")
SOME = [pytest.param(name, marks=() if name == "logistic" else pytest.mark.slow) for name in PARAMETERS]


def needs(framework: str) -> None:
    pytest.importorskip(framework)


def judged(framework: str, model: str) -> Report:
    path = PROGRAMS / f"models_in_{framework}.py"
    at = f"{path}:{model}_point"
    wanted = PARAMETERS[model]
    return api.check_program(f"{path}:{model}", grad="autograd", at=at, parameters=wanted, points=1)


@pytest.mark.parametrize("model", SOME)
def test_a_model_in_numpy_is_traced(model: str) -> None:
    path = PROGRAMS / "models_in_numpy.py"
    text = api.trace(f"{path}:{model}", at=f"{path}:{model}_point", parameters=PARAMETERS[model])
    assert api.check(api.load_text(text, file=model, folder=Path()), points=1).verdict is Verdict.OK


@pytest.mark.parametrize("framework", ["numpy", *FRAMEWORKS])
def test_turns_of_a_loop_are_written_once(framework: str) -> None:
    needs(framework)
    path = PROGRAMS / f"models_in_{framework}.py"
    text = api.trace(f"{path}:lstm", at=f"{path}:lstm_point", parameters=PARAMETERS["lstm"])
    source = re.search(r"^def lstm\(.*?\n\n\n", path.read_text(), re.M | re.S)
    assert "repeat k = 1 to 5:" in text
    assert source is not None
    assert len(text.splitlines()) < 3*len(source[0].strip().splitlines())


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("model", ["mlp", "attention"])
def test_layers_of_frameworks_are_short(framework: str, model: str) -> None:
    needs(framework)
    path = PROGRAMS / f"models_in_{framework}.py"
    text = api.trace(f"{path}:{model}", at=f"{path}:{model}_point", parameters=PARAMETERS[model])
    source = re.search(rf"^def {model}\(.*?\n\n\n", path.read_text(), re.M | re.S)
    assert source is not None
    steps = [line for line in text.splitlines() if not line.startswith(("#", "param", "data"))]
    assert len(steps) <= len(source[0].strip().splitlines()) + 1
    assert "einsum" not in text
    assert "stop_gradient" not in text  # that of the softmax of jax itself
    assert "reshape" not in text


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("model", PARAMETERS)
def test_a_model_is_traced_and_its_autograd_ok(framework: str, model: str) -> None:
    needs(framework)
    found = judged(framework, model)
    assert found.verdict is Verdict.OK
    assert len(found.claims) == len(PARAMETERS[model])


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("model", PARAMETERS)
def test_frameworks_have_the_loss_that_numpy_has(framework: str, model: str) -> None:
    needs(framework)
    losses = []
    for each in ("numpy", framework):
        path = PROGRAMS / f"models_in_{each}.py"
        program = load_program(f"{path}:{model}")
        losses.append(trace(program, arguments_at(program, f"{path}:{model}_point"), PARAMETERS[model]).loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize(("function", "wrong", "line", "said"), [
    ("forgets_the_derivative", "w", "dx = g", "leaves out the derivative of tanh"),
    ("has_the_wrong_sign", "width", "dwidth = -", "has the wrong sign"),
])  # fmt: skip
def test_a_rule_of_the_program_is_wrong_at_its_line(
    framework: str, function: str, wrong: str, line: str, said: str
) -> None:
    needs(framework)
    path = PROGRAMS / f"clip_in_{framework}.py"
    at, parameters = f"{path}:point", ("w", "width")
    found = api.check_program(f"{path}:{function}", grad="autograd", at=at, parameters=parameters, points=1)
    (claim,) = (claim for claim in found.claims if claim.verdict is Verdict.WRONG)
    assert claim.by == wrong
    text = path.read_text().splitlines()[claim.line - 1].strip()
    assert text.startswith(line)
    assert "slope" not in text or wrong != "w"
    assert str(claim.diagnosis).startswith(said)
    assert f"clip_in_{framework}.py:" in str(claim.diagnosis)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_repaired_rule_is_ok(framework: str) -> None:
    needs(framework)
    path = PROGRAMS / f"clip_in_{framework}.py"
    found = api.check_program(
        f"{path}:right", grad="autograd", at=f"{path}:point", parameters=("w", "width"), points=1
    )
    assert found.verdict is Verdict.OK


def test_a_program_of_numpy_has_no_autograd() -> None:
    path = PROGRAMS / "net.py"
    with pytest.raises(GradcheckError, match="which differentiates nothing"):
        api.check_program(f"{path}:loss", grad="autograd", at=f"{path}:point")


def test_a_program_that_imports_two_frameworks_says_which(tmp_path: Path) -> None:
    path = tmp_path / "two.py"
    path.write_text("import jax\nimport torch\n\n\ndef loss(w):\n    return w**2\n")
    with pytest.raises(GradcheckError, match="imports jax and torch"):
        api.trace(f"{path}:loss")


def test_a_numpy_file_beside_a_library_for_all_is_one_of_numpy(tmp_path: Path) -> None:
    (tmp_path / "backends.py").write_text("def get():\n    import jax\n    import torch\n")
    path = tmp_path / "plain.py"
    path.write_text("import numpy as np\nimport backends\n\n\ndef loss(w):\n    return np.exp(w)\n")
    (tmp_path / "at.json").write_text('{"w": 0.5}')
    assert "exp(w)" in api.trace(f"{path}:loss", at=str(tmp_path / "at.json"))


def test_a_framework_that_is_not_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plain.py"
    path.write_text("def loss(w):\n    return w**2\n")
    monkeypatch.setattr("gradcheck_cli.tracing.frameworks.choice.find_spec", lambda name: None)
    with pytest.raises(GradcheckError, match="jax is not installed here"):
        api.trace(f"{path}:loss", framework="jax")


def test_a_program_of_numpy_imports_no_framework() -> None:
    code = (
        "import sys; from gradcheck_cli import api; "
        f"api.trace({str(PROGRAMS / 'net.py') + ':loss'!r}, at={str(PROGRAMS / 'net.py') + ':point'!r}); "
        "print(sorted({'jax', 'torch'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


PAGE = PROGRAMS.parents[1] / "docs" / "frameworks.md"
EXAMPLES = re.findall(
    r"<!-- (jax|torch): (.*?) -->\n```\n\$ gradcheck (.*?)\n(.*?)```", PAGE.read_text(), re.S
)


@pytest.mark.parametrize(("framework", "words", "typed", "printed"), EXAMPLES, ids=[e[1] for e in EXAMPLES])
def test_the_page_shows_what_is_printed(
    framework: str, words: str, typed: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    needs(framework)
    assert typed == words
    for name, text in re.findall(r"<!-- program: (.*?) -->\n```python\n(.*?)```", PAGE.read_text(), re.S):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    main(words.split())
    assert capsys.readouterr().out == printed


def test_the_page_has_examples_of_both() -> None:
    assert {example[0] for example in EXAMPLES} == set(FRAMEWORKS)


def test_a_network_is_a_function_of_its_parameters(tmp_path: Path) -> None:
    needs("torch")
    path = tmp_path / "nets.py"
    path.write_text(
        "import torch\nfrom torch import nn\n\n\n"
        "class Net(nn.Module):\n    def __init__(self, n):\n"
        "        super().__init__()\n"
        "        self.layers = nn.Sequential(nn.Linear(2, n), nn.Linear(n, 1))\n\n"
        "    def forward(self, x):\n        return self.loss(x)/2\n\n"
        "    def loss(self, x):\n        return (self.layers(x)**2).sum()\n\n\nnet = Net(3)\n\n\n"
        "def point():\n    return torch.ones(4, 2)\n"
    )
    names = {"layers0_weight", "layers0_bias", "layers1_weight", "layers1_bias"}
    for named in ("net", "net.loss"):
        found = api.check_program(f"{path}:{named}", grad="autograd", at=f"{path}:point", points=1)
        assert found.verdict is Verdict.OK
        assert {claim.by for claim in found.claims} == names
    text = api.trace(f"{path}:Net", at=f"{path}:point", setup="Net(2)")
    assert "layers0_weight[2,2]" in text
    with pytest.raises(GradcheckError, match="needs an object of Net"):
        api.trace(f"{path}:Net", at=f"{path}:point")


def test_networks_among_globals_have_parameters(tmp_path: Path) -> None:
    needs("torch")
    path = tmp_path / "nets.py"
    path.write_text(
        "import torch\n\nmodel = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh())\n"
        "code = torch.nn.Linear(3, 2)\n\n\n"
        "def loss(x):\n    penalty = sum((p**2).sum() for p in model.parameters())\n"
        "    return ((model(x) - 1)**2).mean() + penalty\n\n\n"
        "def grad(x):\n    model.zero_grad()\n    loss(x).backward()\n"
        "    return {name: p.grad for name, p in model.named_parameters()}\n\n\n"
        "def wrong(x):\n    return {name: 2*g for name, g in grad(x).items()}\n\n\n"
        "def both(x):\n    return ((code(model(x)) - x)**2).mean()\n\n\n"
        "def point():\n    return torch.ones(4, 2)\n"
    )
    for grad, verdict in (("autograd", Verdict.OK), ("grad", Verdict.OK), ("wrong", Verdict.WRONG)):
        named = grad if grad == "autograd" else f"{path}:{grad}"
        found = api.check_program(f"{path}:loss", grad=named, at=f"{path}:point", points=1)
        assert found.verdict is verdict
        assert {claim.by for claim in found.claims} == {"weight0", "bias0"}
    assert "param code_weight[2,3]" in api.trace(f"{path}:both", at=f"{path}:point")


@pytest.mark.parametrize(("sets", "precision"), [("jax.config.update('jax_enable_x64', True)", "float64"),
                                                 ("", "float32")])
def test_a_file_of_jax_is_compared_in_the_precision_that_it_sets(
    tmp_path: Path, sets: str, precision: str
) -> None:
    needs("jax")
    (tmp_path / "m.txt").write_text("param x[2] = [0.3, 0.7]\nloss = sum(exp(x))\n")
    (tmp_path / "w.py").write_text(
        f"import jax\n{sets}\n\n\ndef loss(x):\n    return jax.numpy.exp(x).sum()\n"
    )
    report = api.check(api.load(tmp_path / "m.txt"), against=[f"{tmp_path / 'w.py'}:loss"], points=1)
    assert report.verdict is Verdict.OK
    assert f"1 ok, in {precision}" in str(report)
