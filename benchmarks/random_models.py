"""Random models with claims, as texts: right ones, some with a mistake, some as numbers. For golden.py.

Nothing here imports gradcheck: what functions there are, and what the derivatives of a model are, is
read from the output of the build whose answers are the right ones.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

# zeros, ties, borders, beside a kink, saturation, beyond range
SPECIAL = ("0", "0", "0", "1", "-1", "0.5", "2", "1e-6", "1e-13", "-3e-16", "0.30000000000001", "-20", "300")
INSIDE = {
    "x > 0": "{0}^2 + 0.1", "x >= 0": "{0}^2", "x > -1": "{0}^2 - 0.9", "-1 <= x <= 1": "sin({0})",
    "x >= 1": "1 + {0}^2", "x < 0": "-0.1 - {0}^2", "-1 < x < 1": "0.9*tanh({0})",
    "0 < p < 1": "sigmoid({0})", "x not 0, -1, -2, ...": "{0}^2 + 0.3",
}  # fmt: skip
KINKED = (("abs", ""), ("relu", ""), ("leaky_relu", ""), ("sign", ""), ("cbrt", ""))
GROWING = ("exp", "expm1", "exp2", "sinh", "cosh", "tan", "erfcx", "i0", "i1")
REDUCTIONS = ("sum({0})", "mean({0})", "norm({0})", "max({0})", "min({0})", "prod({0})", "sum({0}^2)")
PAIRS = (
    "{0} + {1}", "{0} - {1}", "{0}*{1}", "{0}*{1}", "{0}/(1 + {1}^2)", "{0}/{1}", "({0} > {1})*{0}",
    "where({1} < 0.3, {0}, {1}^2)", "max({0}, {1})", "min({0}, {1})", "atan2({0}, {1})", "({0}^2 + 0.2)^{1}",
    "hypot({0}, {1})", "logaddexp({0}, {1})", "xlogy({0}^2, {1}^2 + 0.1)", "mod({0}, {1}^2 + 0.5)",
    "copysign({0}, {1})", "clip({0}, -0.5, 0.9)", "beta({0}^2 + 0.2, {1}^2 + 0.2)", "gammainc(1.5, {0}^2)",
    "bessel_j(2, {0})", "polygamma(1, {0}^2 + 0.3)",
)  # fmt: skip
OF_VECTOR = (
    ("softmax({0})", "v"), ("log_softmax({0})", "v"), ("logsumexp({0})", "s"), ("{0}[1]", "s"), ("{0}'", "r"),
    ("diag({0})", "m"), ("{0} @ {0}'", "m"), ("concat({0}[1:N], {0}[0:1])", "v"),
    ("cumsum({0})", "v"), ("cumprod({0})", "v"), ("sort({0})", "v"), ("flip({0})", "v"), ("std({0})", "s"),
    ("conv1d({0}, [1, -1, 0.5], padding=1)", "v"), ("sum(max_pool({0}, 2, stride=1))", "s"),
    ('einsum("i,i->", {0}, {0})', "s"), ("sum(one_hot(w, N)[0,:]*{0})", "s"), ("take {0}[w]", "v"),
    ("take sum(i = 0 to 1: {0}[i]^2)", "s"),
)  # fmt: skip
OF_MATRIX = (
    ("softmax({0}, axis=1)", "m"), ("{0}'", "m"), ("trace({0})", "s"), ("det({0})", "s"),
    ("inv({0} + 3*eye(N))", "m"), ("diag({0})", "v"), ("{0}[0,:]", "v"), ("{0}[1,0]", "s"),
    ("logsumexp({0}, axis=1)", "c"), ("sum({0}, axis=0)", "r"), ("{0} @ {0}", "m"),
    ("tril({0})", "m"), ("cumsum({0}, axis=0)", "m"), ("sort({0}, axis=1)", "m"), ('einsum("ii", {0})', "s"),
    ("slogdet({0} + 3*eye(N))", "s"), ("logdet({0} @ {0}' + eye(N))", "s"), ("eigvalsh({0})", "v"),
    ("cholesky({0} @ {0}' + eye(N))", "m"), ("transpose(stack({0}, 2*{0}), (1, 0, 2))[:,1,:]", "m"),
    ("var({0}, axis=1, keepdims=0)", "v"), ("conv2d({0}, [[1, 0.5], [0, -1]], padding=1)[0:N,1:N+1]", "m"),
    ("take {0}[w,:]", "m"), ("take {0}[0:N,w]", "v"),
)  # fmt: skip
OF_TWO = {
    ("m", "v"): (("{0} @ {1}", "v"), ("{0} + {1}", "m"), ("solve({0} + 3*eye(N), {1})", "v")),
    ("v", "v"): (("dot({0}, {1})", "s"), ("outer({0}, {1})", "m")),
    ("m", "m"): (("{0} @ {1}", "m"), ("{0} @ {1}'", "m"), ('einsum("ij,kj->ik", {0}, {1})', "m")),
    ("s", "s"): (("[{0}, {1}]", "2"),), ("m", "r"): (("{0}*{1}", "m"),), ("v", "m"): (("{1} @ {0}", "v"),),
}  # fmt: skip


class Value(NamedTuple):
    """A name of a random model. Kinds by first letter: scalar, vector, matrix, row, column; 2: [a, b]."""

    name: str
    kind: str
    per_row: bool


class RandomModel:
    """The text of a model that the language accepts: values, steps over them, a loss.

    `functions`: those of one argument, with their domains; `names`: of all functions that there are.
    """

    def __init__(self, seed: str, functions: Sequence[tuple[str, str]], names: frozenset[str]) -> None:
        self.chance, self.functions, self.names = random.Random(seed), functions, names
        self.size = self.chance.choice((2, 2, 3))
        self.lines: list[str] = [f"seed {self.chance.randrange(9)}"]
        self.values: list[Value] = []
        self.unused: list[Value] = []
        self.declare()
        for k in range(self.chance.randint(3, 8)):
            self.add_step(f"s{k}")
        self.add_loss()

    def number(self) -> str:
        special = self.chance.random() < 0.2
        return self.chance.choice(SPECIAL) if special else f"{self.chance.gauss(0, 1):.3g}"

    def numbers(self) -> str:
        return f"[{', '.join(self.number() for _ in range(self.size))}]"

    def declare(self) -> None:
        """Parameters of each kind, one datum, and sometimes rows."""
        n = self.size
        matrix = f"= [{', '.join(self.numbers() for _ in range(n))}]"
        drawn = self.chance.choice((matrix, matrix, "~ he", "~ uniform(-1, 2)"))
        self.lines += [f"param a = {self.number()}, b = {self.number()}", f"data c = {self.number()}"]
        if "one_hot" in self.names:
            chosen = ", ".join(self.chance.choice("01") for _ in range(n))
            self.lines.append(f"data w[{n}] in 0 to 1 = [{chosen}]")
        self.lines += [f"param v[{n}] = {self.numbers()}", f"param W[{n},{n}] {drawn}"]
        self.values += [Value(name, kind, False) for name, kind in zip("abcvW", "sssvm", strict=True)]
        if self.chance.random() < 0.3:
            self.lines += ["rows x = [0.5, -1, 0, 2]", f"rows y[{n}] ~ normal(0, 1) count 4"]
            self.values += [Value("x", "s", True), Value("y", "v", True)]
        self.unused = [value for value in self.values if value.name != "c"]

    def pick(self) -> Value:
        """A value, more likely one of the last."""
        return self.chance.choice(self.values[-2:] if self.chance.random() < 0.6 else self.values)

    def add_step(self, name: str) -> None:
        x, y = self.pick(), self.pick()
        forms = [(self.elementwise(), x.kind), *self.combinations(x, y), *self.changes_of_shape(x)]
        form, kind = self.chance.choice(forms)
        used = (x, y) if "{1}" in form else (x,)
        text = form.removeprefix("take ").format(x.name, y.name).replace("N+1", str(self.size + 1))
        self.lines.append(f"{name} = {text.replace('N', str(self.size))}")
        self.values.append(Value(name, kind, any(value.per_row for value in used)))
        self.unused = [*(value for value in self.unused if value not in used), self.values[-1]]

    def elementwise(self) -> str:
        """A function of one argument, mostly inside its domain."""
        name, domain = self.chance.choice([*self.functions, *KINKED])
        argument = INSIDE.get(domain, "sin({0})" if name in GROWING else "{0}")
        return f"{name}({argument if self.chance.random() < 0.9 else '{0}'})"

    def combinations(self, x: Value, y: Value) -> list[tuple[str, str]]:
        fit = x.kind == y.kind or y.kind == "s"
        known = [form for form in PAIRS if self.is_known(form)]
        pairs = [(self.chance.choice(known), x.kind) for _ in range(2)] if fit else []
        return [*pairs, *(form for form in OF_TWO.get((x.kind, y.kind), ()) if self.is_known(form[0]))]

    def is_known(self, form: str) -> bool:
        """Whether the build has all functions of a form; `take` says that whole-number data choose in it."""
        later = {"one_hot"} if form.startswith("take ") else set()
        return later.union(re.findall(r"([a-z]\w*)\(", form)) <= self.names

    def changes_of_shape(self, x: Value) -> list[tuple[str, str]]:
        all_of = {"v": OF_VECTOR, "2": ((OF_VECTOR[0][0], "2"),), "m": OF_MATRIX}.get(x.kind, ())
        of = [form for form in all_of if self.is_known(form[0])]
        reduced = [] if x.kind == "s" else [(self.chance.choice(REDUCTIONS), "s")]
        return [*(self.chance.choice(of) for _ in range(2) if of), *reduced]

    def add_loss(self) -> None:
        """The sum of most of what nothing uses yet, so that most parameters count."""
        added = [value for value in self.unused[:-1] if self.chance.random() < 0.8] + self.unused[-1:]
        total = " + ".join(self.as_number(value) for value in added)
        if any(value.per_row for value in added):
            self.lines += [f"l = {total}", f"loss = {self.chance.choice(('mean', 'sum'))}_rows(l)"]
        else:
            self.lines.append(f"loss = {total}")

    def as_number(self, value: Value) -> str:
        forms = ("{0}", "{0}^2") if value.kind == "s" else REDUCTIONS
        return self.chance.choice(forms).format(value.name)


MISTAKES = (("sin", "cos"), ("+ ", "- "), ("- ", "+ "), ("'", ""), ("2*", ""), ("^2", "^3"), (" > ", " < "),
            ("sum_rows", "mean_rows"), ("*", "/"), ("exp", "tanh"))  # fmt: skip


def claims(explained: str, chance: random.Random) -> list[str]:
    """Claims on some derivatives: as the old build derives them, with a mistake, or as numbers."""
    found, right = json.loads(explained), chance.choice((0.6, 1))
    parameters = [(step, True) for step in found["backward_parameters"]]
    steps = [*parameters, *((step, False) for step in found["backward_steps"])]
    lines = []
    for step, of_parameter in chance.sample(steps, min(len(steps), 4)):
        how = chance.random()
        if how < 0.25 and of_parameter:
            value = json.dumps(numbers_near(step["value"], chance))
        else:
            value = step["formula"] if how < right else mistaken(step["formula"], chance)
        lines.append(f"claim d loss/d {step['name']} = {value}")
    return lines


def numbers_near(value: Any, chance: random.Random) -> Any:
    """The numbers to a few digits, or all digits of numbers some roundings off: what tolerances decide."""
    if chance.random() < 0.5:
        digits = chance.choice((3, 6, 12))
        return entrywise(lambda number: float(f"{number:.{digits}g}"), value)
    off = 1 + 2.0 ** chance.randint(-52, -36)
    return entrywise(lambda number: number * off, value)


def entrywise(function: Callable[[float], float], value: Any) -> Any:
    """Of a number or of arrays of them; 0 for what is not finite."""
    if isinstance(value, list):
        return [entrywise(function, entry) for entry in value]
    return function(value) if isinstance(value, int | float) else 0.0


def mistaken(formula: str, chance: random.Random) -> str:
    """The formula with one slip, or off by little."""
    slips = [formula.replace(right, wrong, 1) for right, wrong in MISTAKES if right in formula]
    little = f"({formula})*(1 + 1e-{chance.randint(7, 16)})"
    return chance.choice([*slips, f"-({formula})", f"2*({formula})", little])


def damaged(text: str, chance: random.Random) -> str:
    """The text with a slip of the keyboard: a character left out, doubled, replaced or swapped."""
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(len(text) - 1)
        a, b = text[at], text[at + 1]
        new = chance.choice(("", a + b + b, b + a, a + chance.choice("()[],=*^;'~1x.@#"), b + b))
        text = text[:at] + new + text[at + 2 :]
    return text


def elementwise_functions(listing: str) -> list[tuple[str, str]]:
    """Name and domain of the functions of one argument that are listed before the first reduction."""
    head = listing.partition("\nsum(")[0]
    form = r"^(\w+)\([xp](?:, (?!axis)\w+=[^,)]*)*\).*?domain: ([^;]+);"
    return re.findall(form, head, re.MULTILINE | re.DOTALL)


def function_names(listing: str) -> frozenset[str]:
    """All functions that are listed."""
    return frozenset(re.findall(r"^(\w+)\(", listing, re.MULTILINE)) | {"sum_rows", "mean_rows"}
