"""Reports made by hand, with the numbers of real runs, for the tests of render/ and of the CLI."""

from __future__ import annotations

import math
from dataclasses import replace

from gradcheck_cli.results.gradient_results import (
    Block,
    ClaimResult,
    Coverage,
    Entry,
    ExplainedStep,
    Explanation,
    Failure,
    Report,
    Verdict,
)

_TOY = (
    ("b0", 1.0, 2.2809006218364386, 4e-13, 12.4),
    ("b1", 2.0, -17.060466531512345, 3e-13, 13.7),
    ("b2", -3.0, -1.6830577496823456, 5e-14, 13.5),
    ("b3", 0.4, 0.7445282167512345, 2e-15, 14.5),
    ("w0", 0.1, 5.246071430223809, 6e-13, 12.9),
    ("w1", -0.4, -16.07948867123456, 3e-13, 13.7),
    ("w2", 2.0, -8.529734590123456, 4e-13, 13.3),
    ("w3", 3.0, 0.5583961601234567, 2e-14, 13.4),
)


def entry(value: float, gradient: float, bound: float = 1e-13, digits: float = 12.0) -> Entry:
    """An entry on which all three methods agree."""
    return Entry(
        index=(),
        value=value,
        symbolic=gradient,
        backprop=gradient,
        finite=gradient + bound / 3,
        bound=bound,
        digits=digits,
        verdict=Verdict.OK,
    )


def block(name: str, *entries: Entry, shape: tuple[int, ...] = ()) -> Block:
    """A block of exactly these entries."""
    known = [e.digits for e in entries if e.digits is not None]
    bad = [e for e in entries if e.verdict is not Verdict.OK]
    return Block(
        name=name,
        shape=shape,
        verdict=bad[0].verdict if bad else Verdict.OK,
        total=len(entries),
        checked=len(entries),
        zero=0,
        digits=min(known, default=None),
        worst=entries[0].index,
        entries=entries,
        norm=math.hypot(*(e.backprop or 0.0 for e in entries)),
        claimed=True,
    )


def claim(line: int, by: str, formula: str, value: float) -> ClaimResult:
    """A claim that is right."""
    return ClaimResult(
        line=line,
        of="loss",
        by=by,
        display=f"d loss/d {by}",
        formula=formula,
        kind="formula",
        verdict=Verdict.OK,
        claimed=value,
        true=value,
        points_total=4,
    )


_CLAIMS = (
    claim(11, "f3", "2*(f3 - y)", 0.74452821675),
    claim(12, "h3", "w3 * d loss/d f3", 2.23358465025),
    claim(13, "f2", "-sin(f2) * d loss/d h3", -1.68305774968),
    claim(14, "h2", "w2 * d loss/d f2", -3.36611549936),
)

OK = Report(
    model="toy.txt",
    verdict=Verdict.OK,
    summary="8 entries, at least 12 digits; 4 claims",
    loss=0.13858056640912,
    loss_symbolic=0.13858056640912,
    value_note="symbolic and forward pass agree to 15 digits",
    steps=8,
    parameters=tuple(block(name, entry(*numbers)) for name, *numbers in _TOY),
    claims=_CLAIMS,
    coverage=Coverage(8, 8, 0),
    closing=(
        "All 4 claims are ok.",
        "The columns above agree: 8 of 8 entries, to at least 12 digits.",
    ),
)

_WRONG_CLAIM = replace(
    _CLAIMS[2],
    formula="sin(f2) * d loss/d h3",
    verdict=Verdict.WRONG,
    claimed=1.68305774968,
    wrong=1,
    points_wrong=4,
    diagnosis="has the wrong sign: d cos(z)/dz = -sin(z); cos stands in line 8",
    where="h3",
    note="The 1 claim that builds on this one was judged with its true value",
)

WRONG = replace(
    OK,
    model="toy_wrong.txt",
    verdict=Verdict.WRONG,
    summary="8 entries, at least 12 digits; 4 claims, 1 WRONG",
    closing=("1 of your 4 claims is WRONG: line 13.", OK.closing[1]),
    claims=(*_CLAIMS[:2], _WRONG_CLAIM, _CLAIMS[3]),
)


def _weights(name: str, shape: tuple[int, ...], zero: int, norm: float, digits: float) -> Block:
    total = math.prod(shape)
    return Block(
        name=name,
        shape=shape,
        verdict=Verdict.OK,
        total=total,
        checked=total - zero,
        zero=zero,
        digits=digits,
        worst=tuple(n // 2 for n in shape),
        entries=(replace(entry(0.5, 0.0123456789), index=tuple(n // 2 for n in shape)),),
        norm=norm,
    )


NETWORK = Report(
    model="mlp.txt",
    verdict=Verdict.WRONG,
    summary="1,014 entries, at least 9 digits; 1 claim, 1 WRONG; 526 not tested",
    loss=2.3000327770001,
    loss_symbolic=2.3000327770001,
    value_note="symbolic and forward pass agree to 14 digits",
    rows=8,
    steps=13,
    settings={"points": 8},
    points=8,
    parameters=(
        _weights("W0", (32, 10), 10, 0.97961234, 9.3),
        _weights("b0", (32,), 1, 0.25812345, 10.1),
        _weights("W1", (32, 32), 510, 1.2301234, 9.9),
        _weights("b1", (32,), 5, 0.40012345, 10.4),
        _weights("W2", (4, 32), 0, 3.4412345, 11.0),
        block(
            "b2", *(replace(entry(0.0, 0.1 * k + 0.01), index=(k,)) for k in range(4)), shape=(4,)
        ),
    ),
    claims=(
        replace(
            _CLAIMS[0],
            line=31,
            by="f3",
            formula="W4' @ d loss/d f4",
            verdict=Verdict.WRONG,
            claimed=0.3782993296,
            true=0.0,
            row=0,
            index=(15,),
            wrong=134,
            total=256,
            diagnosis="misses the factor (f3 > 0), the derivative of relu in line 17",
        ),
    ),
    coverage=Coverage(1540, 1014, 526),
    notes=("gelu is the erf form",),
    closing=(
        "Your only claim is WRONG: line 31. 0 of 6 parameter blocks are claimed.",
        "1,014 of 1,540 entries agree, to at least 9 digits, each checked one by one.",
        "526 are zero in all columns: NOT tested (dead units; try --points 8).",
    ),
)

KINK = Report(
    model="kink.txt",
    verdict=Verdict.KINK,
    summary="1 of 2 entries has no derivative here: b.",
    loss=0.0,
    loss_symbolic=0.0,
    value_note="symbolic and forward pass agree exactly",
    steps=2,
    parameters=(
        block(
            "b",
            replace(
                entry(0.0, 0.0),
                finite=0.5,
                bound=None,
                digits=None,
                verdict=Verdict.KINK,
                left=0.0,
                right=1.0,
                note="backprop's value here is a convention",
            ),
        ),
        block("w", entry(2.0, 2.0)),
    ),
    coverage=Coverage(2, 2, 0),
)

UNRESOLVED = Report(
    model="log.txt",
    verdict=Verdict.UNRESOLVED,
    summary="The loss has no value at the given point.",
    error=Failure(
        message="log(-1) has no value",
        line=2,
        text="log.txt:2:6: error: log(-1) has no value\n    2 | f0 = log(b0)\n      |      ^",
    ),
    steps=2,
    parameters=(
        block(
            "b0",
            replace(
                entry(-1.0, math.nan),
                finite=None,
                bound=math.inf,
                digits=None,
                verdict=Verdict.UNRESOLVED,
                note="outside the domain of log",
            ),
        ),
    ),
    coverage=Coverage(1, 0, 0),
)

ERROR = Report(
    model="bad.txt",
    verdict=Verdict.ERROR,
    error=Failure(
        message='missing operator between "w0" and "x"',
        line=3,
        column=14,
        help="a product is written w0*x",
        text='bad.txt:3:14: error: missing operator between "w0" and "x"\n'
        "    3 | f0 = b0 + w0 x\n      |              ^\n"
        "      = help: a product is written w0*x",
    ),
)

DISPUTED = replace(
    OK,
    model="[/red].txt",
    verdict=Verdict.WRONG,
    summary="1 entry is WRONG.",
    parameters=(
        *OK.parameters,
        block(
            "W",
            replace(entry(0.5, 1.0), index=(0, 1)),
            replace(
                entry(0.5, 1.0),
                index=(0, 1),
                backprop=2.0,
                verdict=Verdict.WRONG,
                digits=0.0,
                point=3,
            ),
            shape=(1, 2),
        ),
    ),
    claims=(),
)

ALL = (OK, WRONG, NETWORK, KINK, UNRESOLVED, ERROR, DISPUTED)


def chain(links: int) -> Report:
    """A deep chain: `links` scalar parameters."""
    blocks = tuple(
        block(f"w{k}", entry(1.0 + k, 1.0 / (k + 3), 1e-12, 9.0 + k % 5)) for k in range(links)
    )
    return replace(OK, parameters=blocks, coverage=Coverage(links, links, 0), claims=())


def _step(name: str, formula: str, value: object, line: int, local: str = "") -> ExplainedStep:
    return ExplainedStep(name, formula, value, line, local, title=name)


def _back(name: str, formula: str, value: object, line: int, local: str = "") -> ExplainedStep:
    return ExplainedStep(name, formula, value, line, local, title=f"d loss/d {name}")


EXPLANATION = Explanation(
    model="toy.txt",
    row=None,
    rows=None,
    loss=0.13858056640912,
    loss_formula="(f3 - y)^2",
    inputs=(_step("x", "2.3", 2.3, 1), _step("y", "2", 2.0, 1), _step("v", "", [0.5, -1.25], 1)),
    forward=(
        _step("f0", "b0 + w0*x", 1.23, 5, "b0 = 1    w0 = 0.1"),
        _step("h1", "sin(f0)", 0.94248880193, 6),
        _step("f1", "b1 + w1*h1", 1.6230044792, 6, "b1 = 2    w1 = -0.4"),
    ),
    backward_steps=(
        _back("f3", "2*(f3 - y)", 0.74452821675, 8),
        _back("f2", "-sin(f2) * d loss/d h3", -1.68305774968, 7, "d h3/d f2 = -sin(f2)"),
    ),
    backward_parameters=(
        _back("b0", "d loss/d f0", 2.2809006218, 5, "d f0/d b0 = 1"),
        _back("w0", "x * d loss/d f0", 5.2460714302, 5, "d f0/d w0 = x"),
    ),
    notes=("d loss/d f0 is shown for the only row",),
)
