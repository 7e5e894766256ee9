"""Reads the names of a text. Gives which of them call a function.

The functions of the first version are reserved. Every later one gives way: a name that a file defines hides
it there, so that no file that was read stops being read. Knows nothing of statements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from gradcheck_cli.language.statement_words import LONG_LINE

__all__ = ["OTHER_KEYWORDS", "RESERVED", "WORDS", "is_defined_in", "is_function"]

RESERVED = frozenset((
    "abs", "acos", "arccos", "arcsin", "arctan", "arctan2", "asin", "atan", "atan2", "cbrt", "concat",
    "cos", "cosh", "det", "diag", "dot", "elu", "erf", "exp", "expit", "expm1", "eye", "gelu", "inv",
    "leaky_relu", "ln", "log", "log10", "log1p", "log2", "log_softmax", "logistic", "logsumexp", "max",
    "mean", "mean_rows", "min", "mish", "norm", "ones", "outer", "prod", "relu", "selu", "sigmoid",
    "sign", "silu", "sin", "sinh", "softmax", "softplus", "softsign", "sqrt", "sum", "sum_rows",
    "swish", "tan", "tanh", "trace", "transpose", "where",
))  # fmt: skip

# Keywords that may be given a word, as PyTorch and JAX spell it, and the number that it stands for.
WORDS: Mapping[str, Mapping[str, int]] = MappingProxyType({
    "keepdims": MappingProxyType({"False": 0, "True": 1, "false": 0, "true": 1}),
    "approximate": MappingProxyType({"none": 0, "tanh": 1, "False": 0, "True": 1, "false": 0, "true": 1}),
})  # fmt: skip

# Keywords under the names that frameworks have for them, and ours.
OTHER_KEYWORDS: Mapping[str, str] = MappingProxyType({"lambda": "lambd", "ddof": "correction"})


def is_function(name: str) -> bool:
    """Whether a function has this name, where nothing hides it."""
    from gradcheck_cli.model.primitives.table import function_names  # most mistakes need no table

    return name in function_names()


def is_defined_in(text: str, name: str) -> bool:
    """Whether a text that cannot be parsed seems to define a name; for a very long one nobody looks."""
    if len(name) > LONG_LINE:
        return False
    after = rf"(?<!\w){re.escape(name)}\s*(?:\[[^\]\n]*\]\s*)?(?:=(?!=)|~|from\b)"
    declared = rf"^[^\S\n]*(?:data|rows|param)\s+(?:[^\n#]*,\s*)?{re.escape(name)}(?![\w.(])"
    return re.search(after, text) is not None or re.search(declared, text, re.MULTILINE) is not None
