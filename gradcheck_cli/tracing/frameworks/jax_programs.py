"""Reads a program that is written with jax. Gives its arrays, the nodes of its jaxpr, and its gradient.

`jax.make_jaxpr` calls the function once; its equations are then read with arrays that record. Names of
variables come from the tracers that they held, lines from the equations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck_cli.tracing.frameworks.custom_rules import first_line, first_wrong
from gradcheck_cli.tracing.frameworks.framework import Framework, Place, exchanged, first_of
from gradcheck_cli.tracing.frameworks.jax_equations import Equations, NotTraced
from gradcheck_cli.tracing.frameworks.jax_rules import called_rules, rule_calls
from gradcheck_cli.tracing.recorded_array import Recorded, plain
from gradcheck_cli.tracing.recording import Recording, last_line_in, line_of, watching
from gradcheck_cli.tracing.traced_nodes import TraceError

if TYPE_CHECKING:
    from gradcheck_cli.tracing.programs import Program

__all__ = ["Jax"]

_ADVICE = {
    "TracerBoolConversionError": "jnp.where keeps both sides of a choice, jax.lax.cond takes one",
    "TracerArrayConversionError": "np takes plain numbers: write jnp in its place",
    "TracerIntegerConversionError": "numbers that index or shape an array are data",
    "ConcretizationTypeError": "write it as a plain number: jit would ask for one, too",
    "NonConcreteBooleanIndexError": "jnp.where(mask, x, 0) in place of x[mask]",
}


class Jax(Framework):
    """Programs of jax, in float64 whatever they say of themselves."""

    name = "jax"

    def __init__(self) -> None:
        import jax

        self._jax = jax
        self._is_double = bool(jax.config.jax_enable_x64)
        self._chosen: bool | None = None  # by the program itself, while it ran

    @contextmanager
    def doubles(self) -> Iterator[None]:
        """With jax_enable_x64 set, and as it was afterwards."""
        config = self._jax.config
        before, update = config.jax_enable_x64, config.update

        def noting(name: str, value: Any) -> None:
            self._chosen = bool(value) if name == "jax_enable_x64" else self._chosen
            update(name, value)

        update("jax_enable_x64", True)
        config.update = noting
        try:
            yield
        finally:
            config.update = update
            update("jax_enable_x64", before)

    @contextmanager
    def own_precision(self) -> Iterator[None]:
        """With jax_enable_x64 as the program has set it."""
        config = self._jax.config
        before = config.jax_enable_x64
        config.update("jax_enable_x64", before if self._chosen is None else self._chosen)
        try:
            yield
        finally:
            config.update("jax_enable_x64", before)

    def notes(self, program: Program) -> tuple[str, ...]:
        """Whether the program, left alone, computes in another precision."""
        files = map(Path, program.files)
        if self._is_double or any("enable_x64" in f.read_text(errors="replace") for f in files):
            return ()
        return ("judged in float64: the program itself does not set jax_enable_x64, and computes in float32",)

    def converted(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Floats as arrays of jax; whole numbers stay what they are, for they index and shape."""
        array = self._jax.numpy.asarray
        return {name: exchanged(value, _is_array, array) for name, value in arguments.items()}

    def plain(self, value: Any) -> Any:
        """NumPy's arrays in place of jax's."""
        return exchanged(value, lambda each: isinstance(each, self._jax.Array), np.asarray)

    def record(
        self, program: Program, recorded: Mapping[str, Any], recording: Recording, node_of: Any
    ) -> Any:
        """What the jaxpr of a program computes of arrays that record."""
        jax = self._jax
        inside: list[Recorded] = []
        named = _Names(jax.core.Tracer, recording)

        def slot(value: Recorded) -> Any:
            if value.dtype.kind != "f":
                return plain(value)
            inside.append(value)
            return _Slot(len(inside) - 1)

        given = exchanged(dict(recorded), lambda each: type(each) is Recorded, slot)

        def function(*arrays: Any) -> Any:
            arguments = exchanged(given, lambda each: type(each) is _Slot, lambda each: arrays[each.number])
            return program.call(arguments)

        values = [jax.numpy.asarray(plain(each)) for each in inside]
        with watching(program.files, named), self._told(program):
            closed, shape = jax.make_jaxpr(function, return_shape=True)(*values)
        read = Equations(recording, program.files, named.of_variables)
        found = read.run(closed.jaxpr, closed.consts, inside)
        if found and isinstance(found[0], NotTraced):
            raise found[0].error
        return jax.tree.unflatten(jax.tree.structure(shape), found)

    @contextmanager
    def _told(self, program: Program) -> Iterator[None]:
        """What jax says of a value that moves, at the program's line, with a way out."""
        try:
            yield
        except Exception as error:
            advice = _ADVICE.get(type(error).__name__)
            if advice is None:
                raise
            file, line = last_line_in(error, program.files) or ("", 0)
            said = str(error).partition("\n")[0].rstrip(".:")
            place = line_of(file, line) if line else None
            raise TraceError(f"jax: {said}", place=place, file=program.file, help=advice) from None

    def gradient(
        self, program: Program, arguments: Mapping[str, Any], names: list[str]
    ) -> tuple[Any, Place]:
        """What jax.grad gives, with the program's own rules of custom_vjp and custom_jvp."""
        jax = self._jax
        with self.doubles():
            given = self.converted(arguments)

        def loss(moving: Mapping[str, Any]) -> Any:
            return jax.numpy.reshape(first_of(program.call({**given, **moving})), ())

        with self.doubles(), jax.disable_jit():
            with called_rules(program.modules) as calls:
                found = jax.grad(loss)({name: given[name] for name in names})
            place = first_wrong(rule_calls(calls, program.files))
        return self.plain(found), place or first_line(program)


class _Slot:
    """Where an array that records stood in the arguments."""

    def __init__(self, number: int) -> None:
        self.number = number


class _Names:
    """The names of variables, by the variable of the jaxpr that their tracer stands for."""

    def __init__(self, tracer: type, recording: Recording) -> None:
        self._tracer, self._recording = tracer, recording
        self.of_variables: dict[Any, str] = {}

    def __call__(self, name: str, held: Any, file: str, line: int) -> None:
        if isinstance(held, self._tracer):
            variable = held
            while isinstance(variable, self._tracer):  # of vmap and jvp, inside them that of the jaxpr
                variable = getattr(variable, "val", getattr(variable, "primal", None))
            if variable is not None and name:
                self.of_variables.setdefault(variable, name)
        elif type(held) is np.ndarray:
            self._recording.name_whole(held, name)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
