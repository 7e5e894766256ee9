"""The symbolic method: SymPy's partials of each step, accumulated forward."""

from gradcheck_cli.derivatives.symbolic.forward_mode import along, derivative, values, values_in_blocks
from gradcheck_cli.derivatives.symbolic.kernels import Formula, Kernel, KernelKey
from gradcheck_cli.derivatives.symbolic.program import Applied, Program, lower, unseen
from gradcheck_cli.derivatives.symbolic.recording import Item

__all__ = [
    "Applied", "Formula", "Item", "Kernel", "KernelKey", "Program",
    "along", "derivative", "lower", "unseen", "values", "values_in_blocks",
]  # fmt: skip
