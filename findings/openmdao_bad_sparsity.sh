#!/usr/bin/env bash
# openmdao==3.45.1, numpy==2.4.6
# Expected: a partial derivative of 5 outside the declared sparsity pattern is an error of 5, and assert_check_partials,
# the function for tests, fails.
# Seen: the differences are cut to the pattern before they are compared, the error is 0, and assert_check_partials passes.
# check_partials knows: its table says <BAD SPARSITY> beside the zeros, its data list the entry as uncovered_nz.
# Why it matters: a test suite asserts and prints no table; a coupling that the pattern forgets is missing from every
# total derivative.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check openmdao==3.45.1 numpy==2.4.6
cat > "$folder/expected" <<'EXPECTED'
differences: [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]] error: 0.0
table says BAD SPARSITY: True [(0, 2)]
assert_check_partials passes
EXPECTED
"$folder/venv/bin/python" - > "$folder/seen" <<'PROGRAM'
import io

import numpy as np
import openmdao.api as om
from openmdao.utils.assert_utils import assert_check_partials


class Coupled(om.ExplicitComponent):
    def setup(self):
        self.add_input("x", np.array([1.0, 2.0, 3.0]))
        self.add_output("y", np.zeros(3))
        self.declare_partials("y", "x", rows=[0, 1, 2], cols=[0, 1, 2])

    def compute(self, inputs, outputs):
        outputs["y"] = inputs["x"] ** 2
        outputs["y"][0] += 5.0 * inputs["x"][2]

    def compute_partials(self, inputs, partials):
        partials["y", "x"] = 2.0 * inputs["x"]


problem = om.Problem()
problem.model.add_subsystem("c", Coupled())
problem.setup(force_alloc_complex=True)
problem.run_model()
table = io.StringIO()
data = problem.check_partials(out_stream=table, method="cs", compact_print=True)
entry = data["c"]["y", "x"]
print("differences:", entry["J_fd"].tolist(), "error:", float(entry["abs error"].forward))
print("table says BAD SPARSITY:", "BAD SPARSITY" in table.getvalue(), [tuple(map(int, at)) for at in entry["uncovered_nz"]])
assert_check_partials(data)
print("assert_check_partials passes")
PROGRAM
diff "$folder/expected" "$folder/seen"
echo "unchanged: $(wc -l < "$folder/seen") lines as recorded"
