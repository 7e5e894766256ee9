"""Reads nothing. Gives the records of products that a pattern or a rule of places spells: einsum, Kronecker
and cross products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from gradcheck_cli.common.errors import ShapeError
from gradcheck_cli.model.primitives.record import Primitive, Shape, enter, shape_in_words

if TYPE_CHECKING:
    from gradcheck_cli.numerics.namespace import Namespace

__all__ = ["FAMILY", "read_subscripts"]

FAMILY: dict[str, Primitive] = {}
define = partial(enter, FAMILY)


# -- einsum -------------------------------------------------------------------------------------


def read_subscripts(text: str, shapes: Sequence[Shape]) -> tuple[tuple[str, ...], str]:
    """The letters of each argument, and of the result. Without an arrow the result has the letters that stand
    once, in alphabetical order, as in NumPy. Raises ShapeError, with what is expected."""
    inputs, arrow, output = text.replace(" ", "").partition("->")
    letters = tuple(inputs.split(","))
    if "..." in text:
        raise ShapeError(
            f'the subscripts "{text}" hold "..."',
            help='write a letter for each axis that it stands for: einsum("abi,i->ab", A, v)',
        )
    if not all(c.isascii() and c.isalpha() for c in "".join(letters) + output):
        raise ShapeError(
            f'the subscripts "{text}" hold more than letters, commas and one arrow',
            help='write a letter for each axis: einsum("ij,jk->ik", A, B)',
        )
    if len(letters) != len(shapes):
        raise ShapeError(
            f'the subscripts "{text}" are those of {len(letters)} arrays, not of {len(shapes)}',
            help="between commas stand the axes of one array each",
        )
    sizes = _sizes(letters, shapes)
    joined = "".join(letters)
    if not arrow:
        output = "".join(sorted(c for c in set(joined) if joined.count(c) == 1))
    _check_output(output, sizes)
    return letters, output


def _sizes(letters: Sequence[str], shapes: Sequence[Shape]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for k, (axes, shape) in enumerate(zip(letters, shapes, strict=True)):
        if len(axes) != len(shape):
            raise ShapeError(
                f'"{axes}" has {len(axes)} letters, and array {k + 1} {len(shape)} axes: '
                f"{shape_in_words(shape)}",
                help="a letter for each axis: v is i, W is ij",
            )
        if len(set(axes)) < len(axes) and len(axes) > 2:
            raise ShapeError(
                f'"{axes}" has an axis twice',
                help="a letter stands twice for the diagonal of a matrix, as ii",
            )
        for axis, size in zip(axes, shape, strict=True):
            if sizes.setdefault(axis, size) != size:
                raise ShapeError(
                    f"the axis {axis} has the length {sizes[axis]} so far, and {size} in array {k + 1}",
                    help="axes of one letter have one length",
                )
    return sizes


def _check_output(output: str, sizes: dict[str, int]) -> None:
    unknown = next((c for c in output if c not in sizes), None)
    if unknown is not None:
        raise ShapeError(
            f"the result has the axis {unknown}, and no array has it",
            help="behind -> stand letters from before it",
        )
    if len(set(output)) < len(output):
        raise ShapeError(
            f'the result "{output}" has an axis twice',
            help='a diagonal matrix is diag(v); einsum("ii->i", A) is the diagonal of A',
        )


def _einsum_shape(*shapes: Shape, subscripts: str) -> tuple[Shape, dict[str, Any]]:
    letters, output = read_subscripts(subscripts, shapes)
    sizes = _sizes(letters, shapes)
    text = f"{','.join(letters)}->{output}"
    return tuple(sizes[c] for c in output), {"subscripts": text}


def _apart(text: str) -> tuple[list[str], str]:
    inputs, output = text.split("->")
    return inputs.split(","), output


def _own_axes(axes: str) -> str:
    """The letters of an argument without repetition: of ii the diagonal is taken first."""
    return "".join(dict.fromkeys(axes))


def _einsum(m: Namespace, *xs: Any, subscripts: str) -> Any:
    return m.einsum(subscripts, *xs)


def _einsum_back(place: int) -> Callable[..., Any]:
    """The vjp by one argument: the einsum of the adjoint with the others. What is summed over in that
    argument alone gets the same everywhere."""

    def rule(m: Namespace, g: Any, y: Any, *xs: Any, subscripts: str) -> Any:
        letters, output = _apart(subscripts)
        own = _own_axes(letters[place])
        others = [k for k in range(len(xs)) if k != place]
        known = [c for c in own if c in output or any(c in letters[k] for k in others)]
        pattern = ",".join([output, *(letters[k] for k in others)]) + f"->{''.join(known)}"
        found = m.einsum(pattern, g, *(xs[k] for k in others))
        diagonal = len(own) < len(letters[place])
        like = m.diagonal(xs[place]) if diagonal else xs[place]
        spread = tuple(slice(None) if c in known else None for c in own)
        full = found[(..., *spread)] * m.ones_like(like)
        return m.on_diagonal(full) if diagonal else full

    return rule


def _einsum_of(s: Any, *xs: Any, subscripts: str) -> Any:
    """Two arrays at a time, after the diagonals of those that repeat a letter."""
    letters, output = _apart(subscripts)
    parts = [(x, axes) if len(set(axes)) == len(axes) else (s.diagonal(x), axes[0])
             for x, axes in zip(xs, letters, strict=True)]  # fmt: skip
    found, axes = parts[0]
    for k, (x, its_axes) in enumerate(parts[1:]):
        later = output + "".join(a for _, a in parts[k + 2 :])
        kept = "".join(c for c in dict.fromkeys(axes + its_axes) if c in later)
        kept = output if k == len(parts) - 2 else kept
        found, axes = s.contract(f"{axes},{its_axes}->{kept}", found, x), kept
    return found if axes == output else s.contract(f"{axes}->{output}", found)


_SIGNATURES = ("A", "A, B", "A, B, C")
_SUMMARIES = (
    'sums and transposes that letters spell: einsum("ij->j", A), einsum("ii", A)',
    'products that letters spell: einsum("ij,jk->ik", A, B) is A @ B',
    'the same of three: einsum("i,ij,j->", x, A, y)',
)
for _count, (_given, _summary) in enumerate(zip(_SIGNATURES, _SUMMARIES, strict=True), start=1):
    define(
        f"einsum{_count}", f"einsum(s, {_given})", _summary, function="einsum", arguments=_count,
        orders=("subscripts",), options={"subscripts": ",".join(("ij", "jk", "kl")[:_count])},
        shape=_einsum_shape, affine=(0,) if _count == 1 else (),
        domain_text="all numbers; s is a text of letters",
        forward=_einsum,
        vjp=tuple(_einsum_back(place) for place in range(_count)),
        symbolic=_einsum_of,
    )  # fmt: skip


# -- Kronecker and cross products ---------------------------------------------------------------


def _kron_shape(a: Shape, b: Shape) -> tuple[Shape, dict[str, Any]]:
    if len(a) not in (1, 2) or len(a) != len(b):
        raise ShapeError(
            f"kron takes two matrices, or two vectors, not {shape_in_words(a)} and {shape_in_words(b)}",
            help="v' is the row [1,n] of a vector, [v]' the column [n,1]",
        )
    return tuple(m * n for m, n in zip(a, b, strict=True)), {"rank": len(a)}


def _blocks(x: Any, inner: Shape) -> Any:
    """The axes of a Kronecker product apart: those of the left side, each before that of the right."""
    sizes = [n for axis, size in zip(x.shape[2:], inner, strict=True) for n in (axis // size, size)]
    return x.reshape((*x.shape[:2], *sizes))


def _beside(x: Any, first: bool, rank: int) -> Any:
    """A factor with an axis of length 1 behind each of its own, or before it."""
    return x[(..., *((slice(None), None) if first else (None, slice(None))) * rank)]


def _kron(m: Namespace, a: Any, b: Any, rank: int) -> Any:
    product = _beside(a, True, rank) * _beside(b, False, rank)
    shape = [n * k for n, k in zip(a.shape[2:], b.shape[2:], strict=True)]
    return product.reshape((*product.shape[:2], *shape))


def _kron_back(m: Namespace, g: Any, b: Any, other: Any, first: bool, rank: int) -> Any:
    """The adjoint of one factor: that of the product times the other factor, summed over its axes."""
    parts = _blocks(g, b.shape[2:]) * _beside(other, not first, rank)
    axes = tuple((-1 if first else -2) - 2 * k for k in range(rank))
    return m.sum(parts, axis=axes, keepdims=False)


def _kron_of(s: Any, a: Any, b: Any, rank: int) -> Any:
    shape = tuple(m * n for m, n in zip(a.shape, b.shape, strict=True))
    return s.reshape(s.contract("ij,kl->ikjl" if rank == 2 else "i,k->ik", a, b), shape)

define(
    "kron", "kron(A, B)", "Kronecker product: A[i,j]*B in the place of A[i,j]; also of two vectors",
    arguments=2, shape=_kron_shape, affine=(0, 1),
    forward=lambda m, a, b, rank: _kron(m, a, b, rank),
    vjp=(
        lambda m, g, y, a, b, rank: _kron_back(m, g, b, b, True, rank),
        lambda m, g, y, a, b, rank: _kron_back(m, g, b, a, False, rank),
    ),
    symbolic=lambda s, a, b, rank: _kron_of(s, a, b, rank),
)  # fmt: skip


def _cross_rule(u: Shape, v: Shape) -> tuple[Shape, dict[str, Any]]:
    if u != v or not u or u[-1] != 3:
        raise ShapeError(
            f"cross takes two vectors [3], or two matrices [n,3] of them, not {shape_in_words(u)} and "
            f"{shape_in_words(v)}",
            help="of two vectors in the plane, u[0]*v[1] - u[1]*v[0]",
        )
    return u, {}


def _cross(m: Namespace, u: Any, v: Any) -> Any:
    left, right = (1, 2, 0), (2, 0, 1)
    return m.sub(u[..., left] * v[..., right], u[..., right] * v[..., left])


def _turned(s: Any, x: Any, start: int) -> Any:
    axis = len(x.shape) - 1
    return s.concat([s.part(x, axis, start, 3), s.part(x, axis, 0, start)], axis)


def _cross_of(s: Any, u: Any, v: Any) -> Any:
    first, second = 1, 2
    left = _turned(s, u, first) * _turned(s, v, second)
    return left - _turned(s, u, second) * _turned(s, v, first)

define(
    "cross", "cross(u, v)", "cross product of vectors [3], or of the rows of matrices [n,3]",
    arguments=2, shape=_cross_rule, affine=(0, 1),
    forward=lambda m, u, v: _cross(m, u, v),
    vjp=(lambda m, g, y, u, v: _cross(m, v, g), lambda m, g, y, u, v: _cross(m, g, u)),
    symbolic=lambda s, u, v: _cross_of(s, u, v),
)  # fmt: skip
