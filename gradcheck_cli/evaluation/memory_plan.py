"""Reads a Model. Gives how many bytes a pass over it holds at a time, before anything is computed.

Memory is planned like work: it is counted from shapes, so the same model under the same limit is treated
alike on every machine. Knows nothing of derivatives.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradcheck_cli.common.errors import OptionError
from gradcheck_cli.model.graph import Node
from gradcheck_cli.model.model import Model
from gradcheck_cli.numerics.limits.evaluation import EVALUATION, EvaluationLimits
from gradcheck_cli.numerics.limits.numerics import NUMERICS
from gradcheck_cli.numerics.machine import DOUBLE_BYTES, spell_bytes

__all__ = ["bytes_of_comparison", "bytes_of_tape", "peak_entries", "require_memory", "rows_of_block"]


def rows_of_block(model: Model, limits: EvaluationLimits = EVALUATION) -> int:
    """How many rows are taken at a time: so many that one node, and all nodes together, stay within limits.

    Parameters
    ----------
    model : the graph
    limits : how many numbers of one node, and of all, are held at a time

    Returns
    -------
    int, 1 or more
    """
    sizes = [node.size for node in model.graph.nodes if node.per_row]
    widest, together = max(sizes, default=1), max(1, sum(sizes))
    return max(1, min(limits.block_rows, limits.block_entries // widest, limits.block_held // together))


def bytes_of_tape(model: Model, limits: EvaluationLimits = EVALUATION) -> int:
    """What the values of one forward pass take, without data, which are there already.

    Parameters
    ----------
    model : the graph
    limits : which blocks of rows are kept

    Returns
    -------
    int, bytes
    """
    inner = [node for node in model.graph.nodes if not node.is_leaf]
    shared = sum(node.size for node in inner if not node.per_row)
    each, rows = sum(node.size for node in inner if node.per_row), model.rows or 0
    kept = rows if each * rows <= limits.kept_entries else min(rows, rows_of_block(model, limits))
    return DOUBLE_BYTES * (shared + each * kept)


def bytes_of_comparison(
    model: Model, limits: EvaluationLimits = EVALUATION, *, entries: int = 0
) -> int:
    """The least that a comparison at one point holds: the tape, a second pass beside it that keeps as much,
    as one in reverse or the symbolic one does, the copies of an operation, and what is known of each entry.

    Parameters
    ----------
    model : the graph
    limits : which blocks of rows are kept
    entries : of the derivatives that are compared

    Returns
    -------
    int, bytes
    """
    rows = rows_of_block(model, limits)
    widest = max((n.size * (rows if n.per_row else 1) for n in model.graph.nodes), default=0)
    passes = 2 * bytes_of_tape(model, limits) + limits.copies * DOUBLE_BYTES * widest
    return passes + limits.entry_bytes * entries


def require_memory(
    model: Model,
    mebibytes: int = NUMERICS.memory,
    limits: EvaluationLimits = EVALUATION,
    *,
    entries: int = 0,
) -> None:
    """Refuse a model of which one pass beside another does not fit, before anything is computed.

    Parameters
    ----------
    model : the graph
    mebibytes : what may be held beyond the data; the usual amount by default
    limits : which blocks of rows are kept
    entries : of the derivatives that are compared

    Raises
    ------
    OptionError
        With what is needed, and the way out.
    """
    allowed = mebibytes << 20
    needed = bytes_of_comparison(model, limits, entries=entries)
    if needed > allowed:
        largest = max((n for n in model.graph.nodes if not n.is_leaf), key=lambda n: n.size)
        shape = ",".join(map(str, largest.shape))
        what = f"the steps of this model take {{}} at a time (the largest value has shape [{shape}])"
        if 2 * limits.entry_bytes * entries > needed:
            what = f"the columns of {entries:,} entries take {{}} at a time"
        raise OptionError(
            f"{what.format(spell_bytes(needed))}, and --memory allows {spell_bytes(allowed)}",
            help=f"--memory {spell_bytes(needed).replace(' ', '')}, or smaller shapes",
        )


def peak_entries(live: Sequence[Node], rows: int, copies: int) -> int:
    """The most numbers that a pass over some nodes holds at a time, where what nothing after it takes is let
    go.

    Parameters
    ----------
    live : the nodes, in the order of the graph
    rows : how many are taken at a time
    copies : of its result that an operation makes on the way

    Returns
    -------
    int, numbers of one perturbation
    """
    last = {argument: node.index for node in live for argument in node.arguments}
    sizes = {node.index: node.size * (rows if node.per_row else 1) for node in live}
    spent: dict[int, list[int]] = {}
    for argument, user in last.items():
        spent.setdefault(user, []).append(argument)
    held = peak = 0
    for node in live:
        held += sizes[node.index]
        peak = max(peak, held + copies * sizes[node.index])
        held -= _release(spent.get(node.index, ()), sizes)
    return peak


def _release(arguments: Iterable[int], sizes: dict[int, int]) -> int:
    return sum(sizes.get(argument, 0) for argument in arguments)
