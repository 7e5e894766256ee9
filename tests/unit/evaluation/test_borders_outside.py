"""Values outside a domain, also at high precision: no side of a kink, and no crash."""

from __future__ import annotations

from gradcheck_cli import Verdict, check, load


def test_a_step_outside_its_domain_that_the_loss_does_not_use() -> None:
    text = "param p = 0.5\nparam q = -0.4\ns = log10(q)\nr = sqrt(s^2)\nloss = (s < p)\n"
    report = check(load(f"{text}claim d r/d p = 0*p\nclaim d loss/d p = 1\n"))
    assert [c.verdict for c in report.claims] == [Verdict.OK, Verdict.WRONG]
