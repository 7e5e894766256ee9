"""Programs that run on and on are stopped, whatever they catch; what returns in time is left alone."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from gradcheck_cli import api
from gradcheck_cli.common.errors import GradcheckError
from gradcheck_cli.numerics.limits.programs import PROGRAMS
from gradcheck_cli.tracing.programs import load_program
from gradcheck_cli.tracing.time_limit import TimeError, within

PROGRAM = """
import time
import numpy as np
def loss(w): return np.sum(w**2)
def grad(w): return 2*w
def point(): return {"w": np.array([1.0, 2.0])}
def hangs(w):
    while True: pass
def sleeps(w): time.sleep(60)
def no_point():
    while True: pass
def generates(w): yield 1.0
def word(w): return "a"
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "script.py").write_text("while True: pass\n")
    return str(tmp_path / "program.py")


def test_what_catches_everything_is_stopped_again() -> None:
    caught: list[int] = []

    def run() -> None:
        with within(0.05, "it did not return", limits=PROGRAMS._replace(told_again=0.05)):
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    caught.append(1)
                    if len(caught) > 2:
                        raise

    with pytest.raises(TimeError, match=r"it did not return within 0\.05 seconds"):
        run()
    assert len(caught) == 3
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_returns_in_time_is_left_alone() -> None:
    with within(60, "it did not return"), within(1e-6, "an inner limit is none"):
        time.sleep(0.01)
    with within(0, "no limit"):
        assert not signal.getitimer(signal.ITIMER_REAL)[0]
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_other_threads_have_no_limit() -> None:
    done: list[bool] = []

    def run() -> None:
        with within(1e-6, "no signal comes here"):
            time.sleep(0.01)
            done.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [True]


@pytest.mark.parametrize("name", ["hangs", "sleeps"])
def test_each_way_into_a_program_has_a_limit(name: str, program: str) -> None:
    said = f"{name} did not return within 0.1 seconds"
    at, loss, bad = (f"{program}:{each}" for each in ("point", "loss", name))
    with pytest.raises(TimeError, match=said):
        api.trace(bad, at=at, seconds=0.1)
    with pytest.raises(TimeError, match=said):
        api.check_program(bad, grad=f"{program}:grad", at=at, seconds=0.1)
    with pytest.raises(TimeError, match=said):
        api.check_program(loss, grad=bad, at=at, seconds=0.1)
    with pytest.raises(TimeError, match=said):
        api.check_program(loss, grad=f"{program}:grad", at=at, against=[bad], seconds=0.1)


def test_imports_and_points_have_a_limit(program: str) -> None:
    script = program.replace("program.py", "script.py")
    with pytest.raises(TimeError, match=r"script.py was not imported within 0.1 seconds"):
        load_program(f"{script}:loss", seconds=0.1)
    with pytest.raises(TimeError, match="no_point did not return"):
        api.trace(f"{program}:loss", at=f"{program}:no_point", seconds=0.1)
    with pytest.raises(TimeError, match="no_point did not return"):
        api.check(api.load("param w[2] = [1, 2]\nloss = sum(w)"), at=[f"{program}:no_point"], seconds=0.1)


@pytest.mark.parametrize(("name", "kind"), [("generates", "generator"), ("word", "str")])
def test_a_loss_that_is_no_number(name: str, kind: str, program: str) -> None:
    with pytest.raises(GradcheckError, match=f"{name} returns a value of type {kind}"):
        api.check_program(f"{program}:{name}", grad=f"{program}:grad", at=f"{program}:point")
