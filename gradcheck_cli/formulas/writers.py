"""Reads formulas. Gives their text, which the language reads again, and LaTeX. Knows nothing of models."""

from __future__ import annotations

import unicodedata
from collections.abc import Container, Sequence
from typing import NamedTuple

from gradcheck_cli.formulas.array_algebra import Algebra
from gradcheck_cli.formulas.expression_table import Form
from gradcheck_cli.formulas.infix import (
    ATOM,
    COMPARED,
    INFIX,
    POWER,
    PRODUCT,
    SIGNED,
    SUM,
    Piece,
)
from gradcheck_cli.language.identifiers import canonical
from gradcheck_cli.model.primitives.table import visible_name

__all__ = ["GREEK", "LatexWriter", "Piece", "Writer", "latex_derivative", "latex_name"]


class Writer:
    """Text of expressions with as few brackets as a textbook. Each expression is written once."""

    def __init__(self, algebra: Algebra, taken: Container[str] = ()) -> None:
        self.algebra, self.taken = algebra, taken  # by names that call no function
        self._written: dict[int, Piece | None] = {}

    def text(self, e: int, times: int = 1) -> str | None:
        """The text of an expression; None if it is longer than so many times what is written out."""
        longest = times * self.algebra.limits.longest_formula
        for part in self.algebra.reachable(e, self._written):
            self._written[part] = self._piece(self.algebra.forms[part], longest)
        found = self._written[e]
        return None if found is None else self.bracket_if_loose(found, SUM)

    def _piece(self, form: Form, longest: int) -> Piece | None:
        inner = []
        for argument in form.arguments:
            piece = self._written[argument]
            if piece is None:
                return None
            inner.append(piece)
        if sum(len(text) for text, _ in inner) > longest:
            return None
        written = self.write(form, inner)
        return None if len(written[0]) > longest else written

    def write(self, form: Form, inner: Sequence[Piece]) -> Piece:
        """One expression, its arguments being written."""
        if form.operation in INFIX:
            return self.infix(form, inner[0], inner[1])
        return getattr(self, f"_{form.operation}")(form, inner)  # type: ignore[no-any-return]

    def infix(self, form: Form, left: Piece, right: Piece) -> Piece:
        """A sign between two expressions."""
        sign, tightness, before, after = INFIX[form.operation]
        if form.operation == "add" and right[1] == SUM:
            after = SUM
        before = self.before(form, before)
        return self.bracket_if_loose(left, before) + sign + self.bracket_if_loose(right, after), tightness

    def before(self, form: Form, least: int) -> int:
        """What the left side needs: (a*b) @ c has brackets, though a*b @ c is read in the same way."""
        left = self.algebra.forms[form.arguments[0]]
        if form.operation != "matmul" or left.operation not in ("product", "mul", "div"):
            return least
        arrays = [a for a in left.arguments if self.algebra.shape(a)]
        return least if len(arrays) < 2 else POWER

    def bracket_if_loose(self, piece: Piece, least: int) -> str:
        """The text, in brackets where it does not hold together tightly enough."""
        return piece[0] if piece[1] >= least else self.bracket(piece[0])

    def bracket(self, text: str) -> str:
        """The text in brackets."""
        return f"({text})"

    def chain(self, texts: Sequence[str], fixed: Sequence[str]) -> str:
        """A derivative and what it equals; what else depends on the name below is held fixed."""
        return " = ".join(texts) + (f" at fixed {' and '.join(fixed)}" if fixed else "")

    def _name(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return form.data, ATOM

    def _derivative(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"d {form.data[0]}/d {form.data[1]}", ATOM

    def _number(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return form.data[0], ATOM

    def _text(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f'"{form.data}"', ATOM

    def _neg(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"-{self.bracket_if_loose(inner[0], PRODUCT)}", SIGNED

    def _call(self, form: Form, inner: Sequence[Piece]) -> Piece:
        arguments = [text for text, _ in inner] + [form.data[1]] * bool(form.data[1])
        return f"{visible_name(form.data[0], self.taken)}({', '.join(arguments)})", ATOM

    def _stack(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"[{', '.join(text for text, _ in inner)}]", ATOM

    def _index(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"{self.bracket_if_loose(inner[0], ATOM)}[{form.data}]", ATOM

    def _take(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"{self.bracket_if_loose(inner[0], ATOM)}[{_index_text(form.data, inner[1:])}]", ATOM

    def _transpose(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"{self.bracket_if_loose(inner[0], ATOM)}'", ATOM

    def _sum(self, form: Form, inner: Sequence[Piece]) -> Piece:
        text = self.bracket_if_loose(inner[0], SIGNED)
        for argument, piece in zip(form.arguments[1:], inner[1:], strict=True):
            if self.algebra.is_negative(argument) and piece[0].startswith("-"):
                text += f" - {piece[0][1:]}"
            else:
                text += f" + {self.bracket_if_loose(piece, PRODUCT if piece[0].startswith('-') else SUM)}"
        return text, SUM

    def _product(self, form: Form, inner: Sequence[Piece]) -> Piece:
        coefficient, powers = form.data
        sign = "-" if coefficient < 0 else ""
        groups = _group(self.algebra, form)
        above, below = abs(coefficient.numerator), coefficient.denominator
        plain = [self.power(inner[k], powers[k]) for k in groups.above]
        last = [self.power(inner[k], powers[k]) for k in groups.derived]
        under = [self.power(inner[k], -powers[k]) for k in groups.below]
        if above != 1 or not (plain or (last and not under and below == 1)):
            plain = [(str(above), ATOM), *plain]
        under = [(str(below), ATOM), *under] if below != 1 else under
        piece = self.product(plain, under, last, *self.signs(form))
        return (sign + self.bracket_if_loose(piece, PRODUCT), SIGNED) if sign else piece

    def signs(self, form: Form) -> tuple[str, str]:
        """What stands between factors, and in front of derivatives."""
        return "*", " * "

    def product(
        self,
        above: Sequence[Piece],
        below: Sequence[Piece],
        last: Sequence[Piece],
        tight: str,
        wide: str,
    ) -> Piece:
        """above/below * last, where `last` holds the derivatives."""
        first = self.fraction(above, below, tight) if above or below else None
        pieces = ([first] if first else []) + list(last)
        if len(pieces) == 1:
            return pieces[0]
        texts = [
            self.bracket_if_loose(p, PRODUCT if p is first and len(above) + len(below) > 1 else POWER)
            for p in pieces
        ]
        return wide.join(texts), PRODUCT

    def fraction(self, above: Sequence[Piece], below: Sequence[Piece], tight: str) -> Piece:
        """A product over a product."""
        top = above[0] if len(above) == 1 and not below else (self.row(above, tight), PRODUCT)
        if not below:
            return top
        bottom = self.row(below, tight)
        return f"{top[0]}/{bottom if len(below) == 1 else self.bracket(bottom)}", PRODUCT

    def row(self, factors: Sequence[Piece], tight: str) -> str:
        """Factors side by side."""
        return tight.join(self.bracket_if_loose(f, POWER) for f in factors)

    def power(self, base: Piece, power: int) -> Piece:
        """base^power."""
        if power == 1:
            return base
        spaced = base[0].startswith("d ")
        return f"{self.bracket(base[0]) if spaced else self.bracket_if_loose(base, ATOM)}^{power}", POWER


def _index_text(key: Sequence[str | None], chosen: Sequence[Piece]) -> str:
    """An index in which expressions stand for None."""
    waiting = iter(chosen)
    return ",".join(next(waiting)[0] if part is None else part for part in key)


class _Groups(NamedTuple):
    """Which factors stand above, which below a fraction's line, and which are derivatives."""

    above: list[int]
    below: list[int]
    derived: list[int]


def _group(algebra: Algebra, form: Form) -> _Groups:
    groups = _Groups([], [], [])
    for k, (base, power) in enumerate(zip(form.arguments, form.data[1], strict=True)):
        derived = algebra.forms[base].derived
        (groups.below if power < 0 else groups.derived if derived else groups.above).append(k)
    return groups


_LATEX_FUNCTIONS = frozenset(
    ["sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "max", "min", "det", "sec", "csc", "cot"]
)
# functions that have a sign of their own, with their arguments in it
_LATEXINFIX = {
    "gamma": r"\Gamma\left({0}\right)",
    "lgamma": r"\log\left|\Gamma\left({0}\right)\right|",
    "digamma": r"\psi\left({0}\right)",
    "polygamma": r"\psi^{{({0})}}\left({1}\right)",
    "beta": r"\mathrm{{B}}\left({0}, {1}\right)",
    "betaln": r"\log \mathrm{{B}}\left({0}, {1}\right)",
    "gammainc": r"P\left({0}, {1}\right)",
    "normal_cdf": r"\Phi\left({0}\right)",
    "log_normal_cdf": r"\log \Phi\left({0}\right)",
    "normal_quantile": r"\Phi^{{-1}}\left({0}\right)",
    "expint": r"E_{{1}}\left({0}\right)",
    **{f"{k}{n}": rf"{k.upper()}_{{{{{n}}}}}\left({{0}}\right)" for k in "jyi" for n in (0, 1)},
    **{f"bessel_{letter}": rf"{letter.upper()}_{{{{{{0}}}}}}\left({{1}}\right)" for letter in "jyi"},
    "floor": r"\lfloor {0} \rfloor",
    "ceil": r"\lceil {0} \rceil",
    "mod": r"\left({0} \bmod {1}\right)",
    "exp2": r"2^{{{0}}}",
    "rsqrt": r"\frac{{1}}{{\sqrt{{{0}}}}}",
    "asinh": r"\operatorname{{arsinh}}\left({0}\right)",
    "acosh": r"\operatorname{{arcosh}}\left({0}\right)",
    "atanh": r"\operatorname{{artanh}}\left({0}\right)",
    "hypot": r"\sqrt{{\left({0}\right)^{{2}} + \left({1}\right)^{{2}}}}",
}  # fmt: skip
_LATEX_SPELLED = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "log": "log"}
GREEK = frozenset(  # letters with a LaTeX command; the others look like Latin ones
    (
        *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
        *("lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
        *("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"),
    )
)


class LatexWriter(Writer):
    """The same in LaTeX (amsmath)."""

    def bracket(self, text: str) -> str:
        """The text in brackets that grow."""
        return rf"\left({text}\right)"

    def chain(self, texts: Sequence[str], fixed: Sequence[str]) -> str:
        """What is held fixed stands below a bar behind the derivative."""
        if not fixed:
            return " = ".join(texts)
        below = ", ".join(map(latex_name, fixed))
        return " = ".join([rf"\left.{texts[0]}\right|_{{{below}}}", *texts[1:]])

    def infix(self, form: Form, left: Piece, right: Piece) -> Piece:
        """Fractions, exponents and products as they are printed."""
        _, tightness, before, after = INFIX[form.operation]
        before = self.before(form, before)
        if form.operation == "div":
            return rf"\frac{{{left[0]}}}{{{right[0]}}}", ATOM
        if form.operation == "pow":
            return f"{self.bracket_if_loose(left, ATOM)}^{{{right[0]}}}", POWER
        sign = {"mul": self.signs(form)[0], "matmul": r" \, ", "ge": r" \ge ", "le": r" \le "}
        text = sign.get(form.operation, INFIX[form.operation][0])
        return self.bracket_if_loose(left, before) + text + self.bracket_if_loose(right, after), tightness

    def _name(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return latex_name(form.data), ATOM

    def _number(self, form: Form, inner: Sequence[Piece]) -> Piece:
        mantissa, _, exponent = form.data[0].lower().partition("e")
        if not exponent:
            return mantissa, ATOM
        return rf"{mantissa} \times 10^{{{int(exponent)}}}", PRODUCT

    def _text(self, form: Form, inner: Sequence[Piece]) -> Piece:
        arrow = form.data.replace("->", r"$\to$")
        return rf"\text{{{arrow}}}", ATOM

    def _derivative(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return latex_derivative(*form.data), ATOM

    def _call(self, form: Form, inner: Sequence[Piece]) -> Piece:
        function, more = form.data
        text = ", ".join([t for t, _ in inner] + [rf"\text{{{more}}}"] * bool(more))
        if function == "sqrt":
            return rf"\sqrt{{{text}}}", ATOM
        if function == "inv":
            return f"{self.bracket_if_loose(inner[0], ATOM)}^{{-1}}", POWER
        if function == "eye":
            return f"I_{{{text}}}", ATOM
        if function == "abs":
            return rf"\left|{text}\right|", ATOM
        if function in _LATEXINFIX and not more:
            tightness = POWER if function == "exp2" else ATOM
            return _LATEXINFIX[function].format(*(t for t, _ in inner)), tightness
        if function in ("sum", "sum_rows") and not more:
            below = r"_{\text{rows}}" if function == "sum_rows" else ""
            return rf"\sum{below} {self.bracket_if_loose(inner[0], PRODUCT)}", SIGNED
        if function in _LATEX_FUNCTIONS or function in _LATEX_SPELLED:
            return rf"\{_LATEX_SPELLED.get(function, function)}\left({text}\right)", ATOM
        return rf"\operatorname{{{function.replace('_', ' ')}}}\left({text}\right)", ATOM

    def _index(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return rf"\left[{inner[0][0]}\right]_{{{form.data}}}", ATOM

    def _take(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return rf"\left[{inner[0][0]}\right]_{{{_index_text(form.data, inner[1:])}}}", ATOM

    def _stack(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return rf"\left[{', '.join(text for text, _ in inner)}\right]", ATOM

    def _transpose(self, form: Form, inner: Sequence[Piece]) -> Piece:
        return f"{self.bracket_if_loose(inner[0], ATOM)}^{{T}}", POWER

    def bracket_if_loose(self, piece: Piece, least: int) -> str:
        """A comparison as a factor is an indicator in square brackets."""
        if piece[1] == COMPARED and least > COMPARED:
            return rf"\left[{piece[0]}\right]"
        return super().bracket_if_loose(piece, least)

    def signs(self, form: Form) -> tuple[str, str]:
        """Entry by entry, where several factors are arrays."""
        arrays = [a for a in form.arguments if self.algebra.shape(a)]
        sign = r" \odot " if len(arrays) > 1 else r" \, "
        return sign, sign

    def fraction(self, above: Sequence[Piece], below: Sequence[Piece], tight: str) -> Piece:
        """A product over a product."""
        top = above[0] if len(above) == 1 else (self.row(above, tight), PRODUCT)
        return (rf"\frac{{{top[0]}}}{{{self.row(below, tight)}}}", ATOM) if below else top

    def power(self, base: Piece, power: int) -> Piece:
        """base^power."""
        return base if power == 1 else (f"{self.bracket_if_loose(base, ATOM)}^{{{power}}}", POWER)


def latex_name(name: str) -> str:
    r"""A name, or an entry of it, in math: loss is \ell, f2 is f_{2}, beta0 is \beta_{0}."""
    whole, _, entry = name.partition("[")
    spelled = canonical(whole)
    letters = spelled.rstrip("0123456789").rstrip("_")
    digits = spelled[len(letters) :].strip("_")
    if spelled == "loss":
        base = r"\ell"
    elif letters in GREEK:
        base = f"\\{letters}"
    else:
        plain = "".join(map(_latex_letter, letters))
        base = plain if len(plain) == 1 else rf"\mathrm{{{plain}}}"
    below = ", ".join(filter(None, (digits, entry.rstrip("]"))))
    return base + (f"_{{{below}}}" if below else "")


def _latex_letter(letter: str) -> str:
    """One that pdfLaTeX has in math."""
    if letter == "_":
        return r"\_"
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return plain if plain.isalnum() else f"u{ord(letter):04x}"


def latex_derivative(of: str, by: str) -> str:
    """d of/d by as a fraction."""
    return rf"\frac{{\partial {latex_name(of)}}}{{\partial {latex_name(by)}}}"
