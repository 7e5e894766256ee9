"""Reads nothing. Gives the record of a function, and how it is entered in its family.

A record says what a function computes (`forward`), how an adjoint passes through it (`vjp`), what it
is made of for SymPy (`symbolic`), and where it has kinks and borders. The namespace is an argument:
`m` computes (float64, complex or high precision), `s` records for SymPy. Numeric arrays carry two
leading axes, (perturbations, rows), before the axes of the value itself; hence all axes are negative.
vjp_x(m, g, y, x) = g dy/dx. Each field has one reader (CONTRIBUTING, "Five walls"). A shape rule takes
shapes and the user's options, and gives the shape and what `forward` needs. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

__all__ = ["Axis", "Options", "Primitive", "Shape", "ShapeRule", "enter", "shape_in_words"]

Shape = tuple[int, ...]
Axis = int | tuple[int, ...] | None  # None: all axes
Options = Mapping[str, Any]
ShapeRule = Callable[..., tuple[Shape, dict[str, Any]]]


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
    orders: tuple[str, ...] = ()  # options that stand first and are written out: polygamma(n, x)
    whole: tuple[int, ...] = ()  # arguments that are whole-number data: they choose, and do not move
    sizes: tuple[int, ...] = ()  # how many whole numbers it may take in place of arguments
    least: int = 0  # arguments of a call; where `arguments` is None
    listed: str = ""  # the option whose whole numbers stand behind the arguments: reshape(x, 2, 3)
    shape: ShapeRule | None = None  # None: elementwise, the arguments' common shape
    kink: Callable[..., Any] | None = None  # a margin, or several: a sign change is a kink, 0 is on it
    jump: bool = False  # at its kink the value itself jumps; it is constant beside it
    breaks: bool = False  # at its kink the value jumps, and is not constant beside it
    # what it passes on where arguments tie, or all are 0: the "largest" or "smallest" of them, their "length"
    # or the one of each "rank"; where it is repeated, each "eigenvalue"
    tie: str = ""
    selects: bool = False  # its first argument is a condition, of which only the truth counts
    domain: Callable[..., Any] | None = None  # margins: a sign change leaves the domain
    domain_text: str = "all numbers"
    # margin of moved arguments, (m, y, *moved, *x): 0 or less where a pole may lie as near to x
    within: Callable[..., Any] | None = None
    # whether these literal arguments, None where one is none, leave nothing to cross: x^2, x/3
    borderless: Callable[..., bool] = lambda *literals: False
    affine: tuple[int, ...] = ()  # arguments in which it is affine
    product: Callable[..., str] | None = None  # the einsum that it is, of two arguments
    terms: Callable[..., int] | None = None  # of its options: how many products it adds up for each entry
    eliminates: bool = False  # its work grows with the cube of the rows of a matrix
    symmetrizes: bool = False  # it takes the symmetric part of a matrix
    analytic: bool = True  # the complex step may pass
    sample: tuple[tuple[float, float], ...] = ((-2.0, 2.0),)  # where the systematic tests look
    rounds: bool = True  # False: values are only moved, chosen or negated, without rounding
    rows: str = "per row"  # "reduce": takes per-row values to one shared value

    @property
    def elementwise(self) -> bool:
        """Whether it acts entry by entry on arguments of one shape."""
        return self.shape is None


def enter(family: dict[str, Primitive], name: str, signature: str, summary: str, **fields: Any) -> None:
    """Enter one record in a family. The user's name is the record's unless `function` says otherwise."""
    fields.setdefault("function", name)
    fields["options"] = MappingProxyType(fields.get("options", {}))
    family[name] = Primitive(name=name, signature=signature, summary=summary, **fields)


def shape_in_words(shape: Shape) -> str:
    """A shape in a sentence: `[4,3]`, or "a single number"."""
    return f"[{','.join(map(str, shape))}]" if shape else "a single number"
