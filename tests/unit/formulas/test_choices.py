"""The printed adjoints of what whole-number data choose: claimed, they are right; the textbook's form."""

from __future__ import annotations

import pytest

from build import one_of
from claimed import judged_alone
from gradcheck_cli import api
from gradcheck_cli.formulas.derivation import Derivation
from gradcheck_cli.results.gradient_results import Verdict

GIVEN = """data y[3] in 0 to 2 = [2, 0, 2], q[3] in 0 to 1 = [1, 0, 1], k in 0 to 2 = 1
data c[3] = [0.3, -0.5, 0.8], D[3,4] ~ normal(0, 1)
param p[3] = [0.3, -0.7, 1.1], P[3,4] ~ normal(0, 1)
param T[3,2,4] ~ normal(0, 1)
"""
# step: by which name, and its adjoint as it is printed
STEPS = {
    "z = p[k]": ("p", "one_hot(k, 3) * d loss/d z"),
    "z = p[y]": ("p", "one_hot(y, 3)' @ d loss/d z"),
    "z = P[y,:]": ("P", "one_hot(y, 3)' @ d loss/d z"),
    "z = P[k,:]": ("P", "one_hot(k, 3) @ d loss/d z'"),
    "z = P'[:,k]": ("P", None),
    "z = P[:,k]": ("P", "d loss/d z @ one_hot(k, 4)'"),
    "z = P[0:3,y]": ("P", "diag(d loss/d z) @ one_hot(y, 4)"),
    "z = P[1:3,y[0:2]]": ("P", None),
    "z = P[2,y]": ("P", None),
    "z = P[y,1]": ("P", None),
    "z = T[y,:,:]": ("T", "reshape(one_hot(y, 3)' @ reshape(d loss/d z, (3, 8)), (3, 2, 4))"),
    "z = T[:,0:2,y[0:2]]": ("T", 'einsum("ad,db,dc->abc", d loss/d z, eye(2), one_hot(y[0:2], 4))'),
    "z = T[0,1,y]": ("T", None),
    "z = T[0:3,q,y]": ("T", None),
    "z = T[0,q,:]": ("T", 'einsum("dc,a,db->abc", d loss/d z, eye(3)[0,:], one_hot(q, 2))'),
    "z = p[reshape(y, 3, 1)]": ("p", None),
    "z = P[y,y]": ("P", "one_hot(y, 3)' @ diag(d loss/d z) @ one_hot(y, 4)"),
    "z = P[k,k]": ("P", None),
    "z = P[y,k]": ("P", None),
}


def text_of(step: str) -> str:
    single = step in ("z = p[k]", "z = P[k,k]")
    return f"{GIVEN}{step}\nloss = {'sin(z)' if single else 'sum(sin(z))'}"


@pytest.mark.parametrize("step", one_of(3, STEPS))
def test_what_is_printed_is_right_as_a_claim(step: str) -> None:
    by, text = STEPS[step]
    derivation = Derivation(api.load(text_of(step)), "loss")
    term = derivation.term(by, derivation.contributions()[by])
    assert text is None or term.formula == text
    result = judged_alone(api.load(f"{text_of(step)}\nclaim d loss/d {by} = {term.formula}"))
    assert [(r.verdict, r.note) for r in result] == [(Verdict.OK, None)], term.formula
