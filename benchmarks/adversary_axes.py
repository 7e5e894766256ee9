"""The grammar's arrays of three axes, and whole-number data that choose entries: what they are, and their
rules as formulas.

Written without gradcheck's own arithmetic, from the definitions, at the oracle's many digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adversary_matrices import OPERATIONS
from adversary_table import _array, _back_to, _lead, f
from adversary_trees import ZERO, C, Operation, Rule, Shape, Tree, apply, need

__all__ = ["OF_LABELS", "OF_THREE", "OPERATIONS", "Labels"]


class Labels(tuple[int, ...]):
    """The shape of whole-number data; `classes`: they are below this number."""

    classes: int

    @staticmethod
    def of(shape: Shape, classes: int) -> Labels:
        """That shape."""
        made = Labels(shape)
        made.classes = classes
        return made


def _labels(given: Shape, most: int) -> Labels:
    """The shape, if it is one of labels that choose among so many."""
    if not isinstance(given, Labels) or given.classes > most:
        raise ValueError("no labels of so few")
    return given


def _whole(labels: Any) -> Any:
    """Whole numbers: what is moved by a rounding stays."""
    return np.frompyfunc(lambda v: int(C.nint(v)), 1, 1)(labels).astype(int) if np.shape(labels) else int(
        C.nint(labels)
    )  # fmt: skip


def _three(result: Callable[[Shape], Shape]) -> Callable[[Shape], Shape]:
    def shape(given: Shape) -> Shape:
        need(len(given) == 3)
        return result(given)

    return shape


def _permuted(*axes: int) -> Operation:
    back = f"transpose({{0}}, ({','.join(str(axes.index(k)) for k in range(3))}))"

    def rule(g: Tree, y: Tree, a: Tree) -> Tree:
        return apply(next(o for o, made in OPERATIONS.items() if made.form == back), g)

    return _array(f"transpose({{0}}, ({','.join(map(str, axes))}))", lambda a: a.transpose(axes),
                  _three(lambda s: tuple(s[k] for k in axes)), (rule,), "permute")  # fmt: skip


def _over(function: Any, axes: tuple[int, ...], keep: bool) -> Any:
    """A reduction of vectors, along several axes at once."""
    def reduced(a: Any) -> Any:
        kept = [k for k in range(a.ndim) if k not in axes]
        moved = a.transpose(*kept, *axes)
        shape = moved.shape[: len(kept)]
        found = np.empty(shape, dtype=object)
        for place in np.ndindex(shape):
            found[place] = function(moved[place].ravel())
        return np.expand_dims(found, axes) if keep else found

    return reduced


def _several(name: str, function: Any, axes: tuple[int, ...], keep: bool, tie: Any = None) -> Operation:
    def shape(given: Shape) -> Shape:
        need(len(given) == 3)
        sizes = [1 if k in axes else n for k, n in enumerate(given) if keep or k not in axes]
        return tuple(sizes)

    said = f"axis=({','.join(map(str, axes))})" if len(axes) > 1 else f"axis={axes[0]}"
    form = f"{name}({{0}}, {said}{'' if keep else ', keepdims=0'})"
    return _array(form, _over(function, axes, keep), shape, None, name,
                  tie=None if tie is None else _over(tie, axes, True))  # fmt: skip


def _length(values: Any) -> Any:
    return C.sqrt(sum((v * v for v in values), ZERO))


def _log_sum(values: Any) -> Any:
    top = max(values)
    return top + C.log(sum((C.exp(v - top) for v in values), ZERO))


def _softmax_of_last(a: Any) -> Any:
    top = np.max(a, axis=2, keepdims=True)
    powers = np.frompyfunc(C.exp, 1, 1)(a - top)
    return powers / np.sum(powers, axis=2, keepdims=True)


def _batched(a: Shape, b: Shape) -> Shape:
    need(len(a) == len(b) == 3 and a[0] == b[0] and a[2] == b[1] and a[1] * b[2] <= 6)
    return a[0], a[1], b[2]


def _same_three(a: Shape, b: Shape) -> Shape:
    need(len(a) == 3 and a == b)
    return a


def _pair(result: Callable[[Shape], Shape]) -> Callable[[Shape, Shape], Shape]:
    def shape(a: Shape, b: Shape) -> Shape:
        need(len(a) == 2 and a == b and np.prod(a) <= 6)
        return result(a)

    return shape


def _back(g: Tree, y: Tree, a: Tree) -> Tree:
    return apply(_back_to(a.shape), g)


# ---------------------------------------------------------------------------------------------
# Labels
# ---------------------------------------------------------------------------------------------


def _hot(classes: int) -> str:
    """The name of the operation that gives a row of so many for each label; entered where it is new."""
    form = f"one_hot({{0}}, {classes})"
    if form not in OPERATIONS:
        def rows(labels: Any) -> Any:
            return np.eye(classes, dtype=int)[_whole(labels)].astype(object) * C.mpf(1)

        OPERATIONS[form] = _array(form, rows, lambda s: (*_labels(s, classes), classes), None, drawn=False)
    return form


def _gathered(product: str) -> tuple[Rule, Rule]:
    """What is chosen twice adds up; no derivative passes through a label."""
    def rule(g: Tree, y: Tree, a: Tree, labels: Tree) -> Tree | None:
        if len(labels.shape) != 1:
            return None
        return apply(product, apply(_hot(a.shape[0]), labels).T, g)

    return rule, None


def _chosen(a: Shape, labels: Shape) -> Shape:
    need(len(a) == 1)
    return _labels(labels, a[0])


def _rows_chosen(a: Shape, labels: Shape) -> Shape:
    need(len(a) == 2)
    return (*_labels(labels, a[0]), a[1])


def _of_each_row(count: int) -> Operation:
    def shape(a: Shape, labels: Shape) -> Shape:
        need(len(a) == 2 and a[0] >= count and len(labels) == 1 and labels[0] == count)
        return tuple(_labels(labels, a[1]))

    return _array(f"({{0}})[0:{count},{{1}}]", lambda a, y: a[np.arange(count), _whole(y)], shape, None,
                  "take_pairs")  # fmt: skip


OPERATIONS |= (_NEW := {
    "order 021": _permuted(0, 2, 1), "order 201": _permuted(2, 0, 1), "order 120": _permuted(1, 2, 0),
    "apart": _array("reshape({0}, [-1,1,2])", lambda a: a.reshape(-1, 1, 2),
                    lambda s: need(len(s) == 2 and s[1] == 2) or (s[0], 1, 2), (_back,), "reshape"),
    "in front": _array("stack({0}, {1})", lambda a, b: np.stack([a, b]), _pair(lambda s: (2, *s)),
                       (lambda g, y, a, b: f("[0,:,:]")(g), lambda g, y, a, b: f("[1,:,:]")(g)), "stack"),
    "behind": _array("stack({0}, {1}, axis=2)", lambda a, b: np.stack([a, b], axis=2),
                     _pair(lambda s: (*s, 2)), None, "stack"),
    "as one": _array("reshape({0}, [-1])", np.ravel, _three(lambda s: (int(np.prod(s)),)), (_back,),
                     "reshape"),
    "[0,:,:]": _array("({0})[0,:,:]", lambda a: a[0], _three(lambda s: s[1:]), None, "index"),
    "[1,:,:]": _array("({0})[1,:,:]", lambda a: a[1], _three(lambda s: s[1:]), None, "index", drawn=False),
    "[:,0,:]": _array("({0})[:,0,:]", lambda a: a[:, 0], _three(lambda s: (s[0], s[2])), None, "index"),
    "sum 02": _several("sum", sum, (0, 2), False), "sum 12": _several("sum", sum, (1, 2), True),
    "mean 01": _several("mean", lambda v: sum(v, ZERO) / len(v), (0, 1), False),
    "prod 02": _several("prod", np.prod, (0, 2), True),
    "max 12": _several("max", max, (1, 2), False, _lead(1)),
    "min 02": _several("min", min, (0, 2), True, _lead(-1)),
    "norm 12": _several("norm", _length, (1, 2), False, _length),
    "norm 0 of three": _several("norm", _length, (0,), True, _length),
    "logsumexp 02": _several("logsumexp", _log_sum, (0, 2), False),
    "softmax 2": _array("softmax({0}, axis=2)", _softmax_of_last, _three(lambda s: s), None, "softmax"),
    "products of a batch": _array(
        'einsum("bij,bjk->bik", {0}, {1})', lambda a, b: np.array([x @ y for x, y in zip(a, b, strict=True)]),
        _batched, None, "einsum2"),
    "dots of a batch": _array('einsum("bij,bij->b", {0}, {1})', lambda a, b: np.sum(a * b, axis=(1, 2)),
                              lambda a, b: _same_three(a, b)[:1], None, "einsum2"),
    "outer of a batch": _array('einsum("bij,bij->ij", {0}, {1})', lambda a, b: np.sum(a * b, axis=0),
                               lambda a, b: _same_three(a, b)[1:], None, "einsum2"),
    "turned sums": _array('einsum("bij->jb", {0})', lambda a: np.sum(a, axis=1).T,
                          _three(lambda s: (s[2], s[0])), None, "einsum1"),
    "chosen": _array("({0})[{1}]", lambda a, y: a[_whole(y)], _chosen, _gathered("map"), "take"),
    "chosen rows": _array("({0})[{1},:]", lambda a, y: a[_whole(y)], _rows_chosen, _gathered("matmul"),
                          "take"),
    "chosen of each 2": _of_each_row(2), "chosen of each 3": _of_each_row(3),
    "minus one_hot": _array(
        "({0} - one_hot({1}, 3))", lambda a, y: a - np.eye(3, dtype=int)[_whole(y)].astype(object),
        lambda a, y: need(a == (*_labels(y, 3), 3)) or a, (lambda g, y, a, labels: g, None), "one_hot"),
})  # fmt: skip
OF_LABELS = tuple(name for name in _NEW if "chosen" in name or "one_hot" in name)
OF_THREE = tuple(name for name, made in _NEW.items() if made.drawn and name not in OF_LABELS)
