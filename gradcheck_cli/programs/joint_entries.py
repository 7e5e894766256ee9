"""Reads a sampled loss with many parameters, and a claimed gradient. Gives whether they agree along random
signs, and by halving where they do not.

Knows nothing of reports.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck_cli.numerics.array_types import Array
from gradcheck_cli.numerics.limits.programs import PROGRAMS, ProgramsLimits
from gradcheck_cli.programs.differenced_entries import Slopes, difference
from gradcheck_cli.programs.sampled_loss import SampledLoss

__all__ = ["Joint", "compare_jointly"]


@dataclass(frozen=True)
class Joint:
    """What directions show: the least error of one entry that is seen, and the entries that hold one."""

    unseen: float  # relative to the largest entry
    resolved: bool
    wrong: tuple[int, int] | None = None  # the first and the last but one, if it could not be told nearer
    slope: float = np.nan  # of the one entry, where it is one
    others: bool = False  # whether more entries are wrong
    wrong_blocks: frozenset[str] | None = frozenset()  # None: blocks were not told apart


def compare_jointly(
    loss: SampledLoss, claimed: Array, rounding: Array, noise: float, limits: ProgramsLimits = PROGRAMS
) -> Joint:
    """Compare along random signs, and halve what disagrees, within the limit of evaluations.

    Parameters
    ----------
    loss : at its point x
    claimed : (E,) float64
    rounding : (E,) float64, what each entry may be off by
    noise : of the loss
    limits : evaluations

    Returns
    -------
    Joint
    """
    return _Search(loss, claimed, rounding, noise, limits).run()


class _Search:
    def __init__(
        self, loss: SampledLoss, claimed: Array, rounding: Array, noise: float, limits: ProgramsLimits
    ) -> None:
        self.loss, self.claimed, self.rounding, self.limits = loss, claimed, rounding, limits
        self.noise = noise
        x = loss.x
        scale = np.abs(x)
        for block in loss.blocks.values():
            typical = float(np.sqrt(np.mean(x[block] ** 2))) or 1.0
            scale[block] = np.maximum(scale[block], typical)
        self.scale = scale

    def run(self) -> Joint:
        random = np.random.default_rng(0)
        largest = float(np.max(np.abs(self.claimed * self.scale), initial=0.0)) or 1.0
        unseen, resolved = 0.0, True
        for _ in range(self.limits.directions):
            direction = self.scale * random.choice([-1.0, 1.0], len(self.claimed))
            found = self._slope(direction)
            bound = float(found.bound[0]) + float(np.sqrt(np.sum((self.rounding * direction) ** 2)))
            apart = float(self.claimed @ direction) - float(found.value[0])
            if not np.isfinite(bound) or found.kink[0]:
                resolved = False
            elif abs(apart) > bound:
                return self._halve(direction, apart, bound, unseen)
            else:
                unseen = max(unseen, bound / largest)
        return Joint(unseen, resolved)

    def _slope(self, direction: Array) -> Slopes:
        sample, narrow = self.loss.along(direction[None]), self.loss.is_narrow
        return difference(sample, np.zeros(1), self.noise, narrow=narrow, short=True, limits=self.limits)

    def _halve(self, direction: Array, apart: float, bound: float, unseen: float) -> Joint:
        """Halve the entries; of each half the slope by one central difference, at the middle step size."""
        low, high = 0, len(direction)
        total, wrong = apart, self._wrong_blocks(direction, bound)
        last = 2 * len(self.limits.rungs) + 1  # calls for the one entry that is found
        if wrong:
            name = max(wrong, key=lambda each: abs(wrong[each]))
            low, high, total = self.loss.blocks[name].start, self.loss.blocks[name].stop, wrong[name]
        blocks = None if wrong is None else frozenset(wrong)
        while high - low > 1 and self.loss.calls + 2 + last <= self.limits.most_evaluations:
            middle = (low + high) // 2
            first = self._off(direction, low, middle)
            if abs(first) >= abs(total) / 2:
                high, total = middle, first
            else:
                low, total = middle, total - first
        if high - low > 1:
            return Joint(unseen, True, (low, high), others=True, wrong_blocks=blocks)
        one = np.zeros(len(direction))
        one[low] = direction[low]
        found = self._slope(one)
        error = float(self.claimed[low] * direction[low] - found.value[0])
        slope = float(found.value[0] / direction[low])
        others = bool(abs(apart - error) > bound + found.bound[0])
        return Joint(unseen, True, (low, high), slope, others, blocks)

    def _off(self, direction: Array, start: int, stop: int) -> float:
        """How far the claimed slope is off along some entries, by a central difference."""
        part, step, x = np.zeros(len(direction)), self.limits.halving_step, self.loss.x
        part[start:stop] = direction[start:stop]
        slope = (self.loss.value(x + step * part) - self.loss.value(x - step * part)) / (2 * step)
        return float(self.claimed @ part) - slope

    def _wrong_blocks(self, direction: Array, bound: float) -> dict[str, float] | None:
        """How far each block is off that is wrong; None where there are too many to look at."""
        blocks = self.loss.blocks
        halvings = max(block.stop - block.start for block in blocks.values()).bit_length()
        last = 2 * len(self.limits.rungs) + 1
        if self.loss.calls + 2 * (len(blocks) + halvings) + last > self.limits.most_evaluations:
            return None if len(blocks) > 1 else {}
        off = {name: self._off(direction, block.start, block.stop) for name, block in blocks.items()}
        return {name: apart for name, apart in off.items() if abs(apart) > bound}
