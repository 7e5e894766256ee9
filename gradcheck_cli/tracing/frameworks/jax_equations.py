"""Reads the equations of a jaxpr. Gives what they compute of arrays that record.

What moves with no parameter is computed by jax itself. Calls are read in place, loops written out. Of a
choice the side at this point is taken, and noted. Knows nothing of single operations.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck_cli.numerics.limits.tracing import TRACING
from gradcheck_cli.tracing.frameworks.jax_call import Call, bound, expanded
from gradcheck_cli.tracing.frameworks.jax_functions import WHOLE_CALLS
from gradcheck_cli.tracing.frameworks.jax_operations import OPERATIONS
from gradcheck_cli.tracing.new_nodes import join, moves
from gradcheck_cli.tracing.recorded_array import Recorded, plain
from gradcheck_cli.tracing.recording import Recording
from gradcheck_cli.tracing.traced_nodes import constant

__all__ = ["Equations", "NotTraced"]

_BODIES = ("jaxpr", "call_jaxpr", "fun_jaxpr")
# of data with a name a part keeps the name
_PARTS = frozenset((
    "slice", "squeeze", "broadcast_in_dim", "convert_element_type", "stop_gradient", "copy", "dynamic_slice",
))  # fmt: skip


class Equations:
    """Equations, one after the other."""

    def __init__(self, recording: Recording, files: Collection[str], names: Mapping[Any, str]) -> None:
        self.recording, self._files, self._names = recording, files, names

    def run(self, jaxpr: Any, consts: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
        """What a jaxpr returns.

        Parameters
        ----------
        jaxpr : equations, with variables for constants and arguments
        consts, arguments : arrays, that record or are plain

        Returns
        -------
        list of arrays
        """
        known: dict[Any, Any] = {}
        known.update(zip(jaxpr.constvars, map(_of_jax, consts), strict=True))
        known.update(zip(jaxpr.invars, arguments, strict=True))
        before = self.recording.here
        for equation in _needed(jaxpr):
            self.recording.here = self._line(equation) or before
            values = [self._value(known, variable) for variable in equation.invars]
            found = self._computed(equation, values)
            for variable, value in zip(equation.outvars, found, strict=True):
                known[variable] = self._named(variable, value)
        self.recording.here = before
        return [self._whole(v.val if hasattr(v, "val") else known[v], v) for v in jaxpr.outvars]

    def _whole(self, value: Any, variable: Any) -> Any:
        """A result in the shape that jax gives it; what is not traced is told where it is used."""
        is_missing = isinstance(value, NotTraced)
        return value if is_missing else expanded(self.recording, value, variable.aval.shape)

    def _value(self, known: Mapping[Any, Any], variable: Any) -> Any:
        found = variable.val if hasattr(variable, "val") else known[variable]
        if isinstance(found, NotTraced):
            raise found.error
        return found

    def _named(self, variable: Any, value: Any) -> Any:
        name = self._names.get(variable)
        if name is None:
            return value
        if type(value) is Recorded:
            if value.node.depends and not value.node.is_leaf:
                self.recording.names.setdefault(value.node, name)
            return value
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return Recorded(constant(value, name), self.recording)
        if isinstance(value, np.ndarray):
            self.recording.name_whole(value, name)
        return value

    def _line(self, equation: Any) -> tuple[str, int] | None:
        """The last line of the program that an equation comes from."""
        traceback = equation.source_info.traceback
        for frame in traceback.frames if traceback is not None else ():
            if frame.file_name in self._files:
                return frame.file_name, frame.line_num
        return None

    def _computed(self, equation: Any, values: list[Any]) -> list[Any]:
        name = equation.primitive.name
        is_part = name in _PARTS and type(values[0]) is Recorded
        if not any(map(moves, values)) and not is_part:
            return _by_jax(equation, values)
        control = getattr(self, f"_{name}", None)
        if control is not None and name in ("scan", "while", "cond"):
            return list(control(equation.params, values))
        body = next((equation.params[key] for key in _BODIES if key in equation.params), None)
        if body is not None and name not in OPERATIONS:
            return self._call(equation, body, values)
        build = OPERATIONS.get(name)
        if build is None:
            return [NotTraced(self.recording.error(
                f"jax's {name} is not traced",
                "write it with functions that gradcheck functions lists, or compare numbers",
            ))] * len(equation.outvars)  # fmt: skip
        found = _as_list(self._built(build, equation, values))
        message = f"this result of jax's {name} is not traced"
        return [NotTraced(self.recording.error(message)) if each is None else each for each in found]

    def _built(self, build: Any, equation: Any, values: list[Any]) -> Any:
        try:
            return build(Call(self.recording, equation, not self._files), *values)
        except (TypeError, ValueError, IndexError, np.linalg.LinAlgError) as error:
            name = equation.primitive.name
            raise self.recording.error(f"this form of jax's {name} is not traced: {error}") from error

    def _call(self, equation: Any, body: Any, values: list[Any]) -> list[Any]:
        """A call in place: of a function of jax under the line that calls it, and by its name, if known."""
        jaxpr, consts = (body.jaxpr, body.consts) if hasattr(body, "consts") else (body, ())
        is_own = any(f"at {file}:" in jaxpr.debug_info.func_src_info for file in self._files)
        name = str(equation.params.get("name", ""))
        whole = None if is_own or equation.primitive.name != "jit" else WHOLE_CALLS.get(name)
        if whole is not None:
            found = self._built(whole, equation, values)
            if found is not None:
                return _as_list(found)
        files = self._files
        self._files = files if is_own else ()
        try:
            return self.run(jaxpr, consts, values)
        finally:
            self._files = files

    # -- loops and choices --------------------------------------------------------------------------

    def _scan(self, params: Mapping[str, Any], values: list[Any]) -> list[Any]:
        body, consts, carried = params["jaxpr"], params["num_consts"], params["num_carry"]
        fixed_values, carry = values[:consts], values[consts : consts + carried]
        rows: list[list[Any]] = []
        order = range(params["length"])
        for k in reversed(order) if params["reverse"] else order:
            part = [x[k] for x in values[consts + carried :]]
            found = self.run(body.jaxpr, body.consts, [*fixed_values, *carry, *part])
            carry, row = found[:carried], found[carried:]
            rows.append(row)
        if params["reverse"]:
            rows.reverse()
        count = len(body.jaxpr.outvars) - carried
        return [*carry, *(_stacked([row[k] for row in rows]) for k in range(count))]

    def _while(self, params: Mapping[str, Any], values: list[Any]) -> list[Any]:
        test, body = params["cond_jaxpr"], params["body_jaxpr"]
        first, second = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
        carry, turns = values[second:], 0
        while True:
            (goes_on,) = self.run(test.jaxpr, test.consts, [*values[:first], *carry])
            if moves(goes_on):
                self.recording.leak("a branch")
            if not bool(plain(goes_on)):
                return carry
            turns += 1
            if turns > TRACING.most_operations:
                raise self.recording.error(f"a loop goes on after {turns:,} turns")
            carry = self.run(body.jaxpr, body.consts, [*values[first:second], *carry])

    def _cond(self, params: Mapping[str, Any], values: list[Any]) -> list[Any]:
        if moves(values[0]):
            self.recording.leak("a branch")
        branches = params["branches"]
        number = min(max(int(plain(values[0])), 0), len(branches) - 1)
        body = branches[number]
        return self.run(body.jaxpr, body.consts, values[1:])


class NotTraced:
    """A value that no model says; an error where it is used."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _needed(jaxpr: Any) -> list[Any]:
    """The equations that the result needs, in their order."""
    wanted = {v for v in jaxpr.outvars if not hasattr(v, "val")}
    kept = []
    for equation in reversed(jaxpr.eqns):
        if any(v in wanted for v in equation.outvars):
            kept.append(equation)
            wanted.update(v for v in equation.invars if not hasattr(v, "val"))
    return kept[::-1]


def _by_jax(equation: Any, values: Sequence[Any]) -> list[Any]:
    """An equation of plain numbers, computed."""
    given = [each.node.value if type(each) is Recorded else each for each in values]
    found = bound(equation, map(_for_jax, given, equation.invars))
    return list(map(_of_jax, found if equation.primitive.multiple_results else [found]))


def _for_jax(value: Any, variable: Any) -> Any:
    """A plain number in the type and shape that the equation is written for."""
    import jax

    aval = variable.aval
    if isinstance(value, np.ndarray | np.generic | float | int | bool):
        return jax.numpy.asarray(np.broadcast_to(value, aval.shape), dtype=aval.dtype)
    return value


def _of_jax(value: Any) -> Any:
    """Plain numbers as NumPy's; keys of random numbers stay."""
    if type(value) is Recorded or not hasattr(value, "dtype"):
        return value
    is_number = getattr(value.dtype, "kind", "") in ("f", "i", "u", "b")
    return np.asarray(value) if is_number else value


def _as_list(found: Any) -> list[Any]:
    return list(found) if isinstance(found, list | tuple) else [found]


def _stacked(rows: list[Any]) -> Any:
    return np.stack([plain(r) for r in rows]) if not any(map(moves, rows)) else _joined(rows)


def _joined(rows: list[Any]) -> Any:
    recording = next(row.recording for row in rows if type(row) is Recorded)
    return join(recording, rows)
