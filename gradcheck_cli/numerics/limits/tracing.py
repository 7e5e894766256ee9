"""Reads nothing. Gives the limits of traces: how far a model is believed, and how its text looks."""

from typing import NamedTuple

__all__ = ["TRACING", "TracingLimits"]


class TracingLimits(NamedTuple):
    """Tolerances and sizes of traces."""

    # relative | how far the model's loss may be from the program's: both round some thousand operations, in
    # another order, and may cancel some digits | set by hand, not measured
    close: float = 1e-9
    # relative | a program that is so near its model, and not nearer, rounds to float32 on the way | 2^-24 is
    # 6e-8, over a thousand operations
    float32: float = 1e-4
    # relative | within which the first number that a gradient function returns is the loss: float32 rounds to
    # 6e-8, over a sum of some terms | set by hand, not measured
    same_loss: float = 1e-6
    # relative to each entry, or absolute near 0 | how far from the point a trace is tried: a mask or a branch
    # that changes 3 % away is not seen nearer | set by hand: distances at which leaks of 18 programs showed
    distances: tuple[float, ...] = (1e-3, 0.03, 0.3, 1.0)
    # of the distance | each entry moves by so much of it, up or down: none stays where it is | set by hand
    steps: tuple[float, float] = (0.5, 1.5)
    # seed | of the directions in which it is tried | any number
    seed: int = 0
    # operations | a program that records more is refused: the text of its model has as many steps | set by
    # hand: some seconds of reading
    most_operations: int = 20_000
    # times the lines that the program ran at the point | a program that runs on away from the point, as a
    # search that finds nothing outside its domain, has no value there | set by hand
    longer: int = 20
    # lines | beside them: of a program that ran few | set by hand
    spare_lines: int = 10_000
    # characters | a longer formula becomes a step | set by hand, not measured
    longest_formula: int = 80
    # lines | of one turn of a loop that is written as a loop | set by hand, not measured
    longest_turn: int = 200
    # lengths | of a turn that are tried at a line: a line may stand several times in one turn | set by hand
    most_lengths: int = 8
    # absolute value | whole numbers below it are written without an exponent | every one is a double
    longest_whole: float = 1e15
    # entries | more numbers are not written into the text of a model | set by hand: a megabyte of text
    most_numbers: int = 50_000
    # dicts, lists and objects in one another | in which the line of a gradient is looked for | set by hand
    deep: int = 3
    # values that variables of one name held | whose lines are remembered, as of layers | set by hand
    kept_values: int = 64
    # absolute value | stands for an infinite number, as in the mask of an attention: exp(-1e30) is 0, and
    # sums with it lose the other term as those with infinity do | set by hand; its square is finite
    for_infinity: float = 1e30
    # relative, or absolute | within which one call of torch gives the numbers that the model has for it: both
    # round a sum of some terms | set by hand, not measured
    same_call: float = 1e-8
    # relative to the largest entry, or absolute | half the distance at which a program's own rule is compared
    # with its function, to find the line of a wrong one | set by hand: the cube root of a double's rounding
    rule_step: float = 1e-5
    # relative | a rule that differs by more is the wrong one; verdicts come from elsewhere | set by hand
    rule_close: float = 1e-5
    # calls | of rules that are tried | set by hand
    most_rules: int = 40
    # of operators, beside other arrays | np.matrix has 10: what records comes before it | any larger number
    priority: float = 1000.0


TRACING = TracingLimits()
