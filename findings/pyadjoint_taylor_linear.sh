#!/usr/bin/env bash
# pyadjoint-ad==2026.10.0, numpy==2.4.6
# Expected: a Taylor test of a right gradient returns a convergence rate of about 2, so that tests can assert
# taylor_test(...) > 1.9, as is usual.
# Seen: of a linear functional with its right gradient the remainder is rounding alone, and the rate that comes back is
# that of noise (0.17), below even the 1 that a gradient of zero reaches. A warning goes to the log.
# Why it matters: a right gradient fails the assertion, and a rate below 1 reads as a bad mistake.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyadjoint-ad==2026.10.0 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
x**2, right gradient: 2.0
3 x + 1, right gradient, at least 1.9: False
3 x + 1, gradient 0: 1.0
3 x + 1, right gradient, at least 1: False
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import contextlib
import io
import logging

from pyadjoint import AdjFloat, Control, ReducedFunctional, Tape, continue_annotation, set_working_tape, taylor_test


def rate(f, at, **keywords):
    set_working_tape(Tape())
    continue_annotation()
    x = AdjFloat(at)
    functional = ReducedFunctional(f(x), Control(x))
    with contextlib.redirect_stdout(io.StringIO()):
        return taylor_test(functional, AdjFloat(at), AdjFloat(1.0), **keywords)


logging.disable(logging.CRITICAL)
print("x**2, right gradient:", round(rate(lambda x: x * x, 2.0), 3))
print("3 x + 1, right gradient, at least 1.9:", bool(rate(lambda x: 3.0 * x + 1, 2.0) >= 1.9))
print("3 x + 1, gradient 0:", round(rate(lambda x: 3.0 * x + 1, 2.0, dJdm=0.0), 3))
print("3 x + 1, right gradient, at least 1:", bool(rate(lambda x: 3.0 * x + 1, 2.0) >= 0.99))
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
