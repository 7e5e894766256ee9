#!/usr/bin/env bash
# pyadjoint-ad==2026.10.0, numpy==2.4.6
# Expected: an operation that the tape does not know raises an error, as with other overloaded floats.
# Seen: + - * / ** and abs are recorded, while %, // and round() fall back to the float that an AdjFloat is and leave the
# tape without a word: the slope of x % 3 + x is 1 instead of 2. exp is recorded when it is numpy's or pyadjoint's, not
# when it is math's: its share of the gradient is zero.
# Why it matters: a partly recorded program gives a gradient that is right in most terms; the Taylor test is what shows
# it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyadjoint-ad==2026.10.0 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
x % 3 + x at 4, right 2, seen 1.0
exp(x) + x at 1, right 3.718, seen 3.718 with numpy.exp, 1.0 with math.exp
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import math

import numpy as np
from pyadjoint import AdjFloat, Control, ReducedFunctional, Tape, continue_annotation, set_working_tape


def slope(f, at):
    set_working_tape(Tape())
    continue_annotation()
    x = AdjFloat(at)
    return float(ReducedFunctional(f(x), Control(x)).derivative())


print("x % 3 + x at 4, right 2, seen", slope(lambda x: x % 3.0 + x, 4.0))
print("exp(x) + x at 1, right 3.718, seen", round(slope(lambda x: np.exp(x) + x, 1.0), 3), "with numpy.exp,",
      round(slope(lambda x: math.exp(x) + x, 1.0), 3), "with math.exp")
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
