"""Reads counts of operations. Gives leave to compute at high precision, until a budget is spent.

What is counted is work, never time: the same model with the same budget gets the same report on every
machine. Knows nothing of models.
"""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck_cli.numerics.limits.numerics import NUMERICS

__all__ = ["Budget", "BudgetSpent"]


class BudgetSpent(Exception):
    """High precision was asked for, and the budget does not reach. Whoever asked must do without."""


@dataclass
class Budget:
    """Operations at high precision that one report may spend. What one of them is, is in docs/commands.md.

    Work is paid for before it is done. The first that does not fit ends it all, smaller work, too: so what is
    decided at high precision within a budget is decided in the same way within every larger one.
    """

    most: int = NUMERICS.budget
    unit_digits: int = NUMERICS.digits  # with more of them an operation counts in proportion
    left: int = -1
    spent: bool = False  # something had to be refused

    def __post_init__(self) -> None:
        self.left = self.most

    def pay(self, operations: int, digits: int) -> None:
        """Take so many operations from what is left. Raises BudgetSpent."""
        if not self.covers(operations, digits):
            raise BudgetSpent(self.reason)
        self.left -= self._cost(operations, digits)

    def covers(self, operations: int, digits: int) -> bool:
        """Whether so many operations fit into what is left; where they do not, nothing does from there on."""
        self.spent = self.spent or self._cost(operations, digits) > self.left
        return not self.spent

    def _cost(self, operations: int, digits: int) -> int:
        return operations * -(-digits // self.unit_digits)

    @property
    def reason(self) -> str:
        """Why something is not known, and the way out."""
        s = "" if self.most == 1 else "s"
        return f"the budget of {self.most:,} operation{s} at high precision is spent; --budget raises it"
